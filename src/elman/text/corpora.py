"""Corpora with a name: real text on every machine, without looking for a file first."""

import hashlib
import os
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorpusError, quoted
from .sources import Source

FOLDER_VARIABLE = "ELMAN_CORPORA"
URL_VARIABLE = "ELMAN_CORPORA_URL"


@dataclass(frozen=True)
class Download:
    """A file with a pinned SHA-256 and where it comes from."""

    description: str
    file: str
    sha256: str
    url: str


DOWNLOADS = {
    "shakespeare": Download(
        "Tiny Shakespeare, 1.1 million characters",
        "tinyshakespeare.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    ),
    "time-machine": Download(
        "The Time Machine, Wells, 179,000 characters",
        "timemachine.txt",
        "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
        "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
    ),
    "sherlock": Download(
        "Sherlock Holmes, Doyle, 3.4 million characters",
        "sherlock_complete_cnus.txt",
        "f5968fb343bd1521d40da25ace0c596235a205cd9df0c049269d5d049be35b71",
        "https://raw.githubusercontent.com/eliben/deep-learning-samples/a56710ba7b2558b336f6caf269d233e7892c3b57/min-char-rnn/cnus.txt",
    ),
}
STDLIB = "stdlib"
# What of the standard library is no code of its own: folders, and modules that are tables.
LEFT_OUT = {"encodings", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "dist-packages",
            "site-packages"}  # fmt: skip
TABLES = re.compile(r"_sysconfigdata.*|html/entities\.py|locale\.py|re/_casefix\.py|stringprep\.py")
DESCRIPTIONS = {
    STDLIB: "Python's library, up to 9 million characters",
    **{name: download.description for name, download in DOWNLOADS.items()},
}


def sources(name: str) -> list[Source]:
    """The files of a named corpus, downloaded on first use and checked by hash.

    A download is looked for first in the folder named by the environment
    variable ELMAN_CORPORA, then in the user's cache folder. ELMAN_CORPORA_URL
    names another place to download from: a base address to which the file's
    name is added.

    Raises
    ------
    CorpusError : the corpus is not to be had, or is not the pinned file
    """
    if name == STDLIB:
        return _standard_library()
    return [Source(name, _fetch(name, DOWNLOADS[name]))]


def _fetch(name: str, download: Download) -> Path:
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder and (path := Path(folder) / download.file).is_file():
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise CorpusError(f"cannot read {path}: {error.strerror}") from None
        if found != download.sha256:
            raise CorpusError(
                f"{path} is not the corpus {quoted(name)} (its SHA-256 differs); "
                f"remove it, or give its path as the corpus"
            )
        return path
    import pooch

    base = os.environ.get(URL_VARIABLE)
    url = f"{base.rstrip('/')}/{download.file}" if base else download.url
    pooch.get_logger().setLevel("ERROR")
    try:
        return Path(
            pooch.retrieve(
                url,
                known_hash=f"sha256:{download.sha256}",
                fname=download.file,
                path=pooch.os_cache("elman"),
                downloader=pooch.HTTPDownloader(timeout=30),
            )
        )
    except Exception as error:  # pooch passes on whatever its transport raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if type(error).__name__ in ("ConnectionError", "ConnectTimeout", "ReadTimeout"):
            reason = "no connection"
        raise CorpusError(
            f"the corpus {quoted(name)} could not be downloaded from {url} ({reason[:200]}); save "
            f"it as {download.file} in a folder and set the environment variable "
            f"{FOLDER_VARIABLE} to that folder"
        ) from None


def _standard_library() -> list[Source]:
    """Modules of the standard library, ordered by a hash of their path.

    The hash mixes the modules, so that the held-out end is like the rest. Only code is
    read: a network that sees tables in between writes tables. A module with letters
    beyond ASCII is left out, too: there are about twelve, and they would double the number
    of symbols.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        name = "/".join(parts)
        if LEFT_OUT.isdisjoint(parts) and not TABLES.match(name) and path.read_bytes().isascii():
            found.append((name, path))
    if not found:
        raise CorpusError(
            f"the source of the standard library is not installed in {root}; name another corpus"
        )
    found.sort(key=lambda item: hashlib.sha256(item[0].encode()).digest())
    return [Source(f"stdlib/{name}", path) for name, path in found]
