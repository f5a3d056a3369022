"""What is read: files, plain or compressed, and what can be read only once, kept for a second time.

A corpus is read twice, so a pipe or standard input is copied into a file first; it has no
name, so that nothing is left behind however the process ends.
"""

import bz2
import gzip
import lzma
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from ..errors import CorpusError

PIECE = 1 << 22  # bytes read at once

COMPRESSED = {".gz", ".bz2", ".xz"}
# How a compressed file begins, and what opens it.
MAGIC: dict[bytes, Any] = {
    b"\x1f\x8b\x08": gzip.open, b"\xfd7zXZ\x00": lzma.open,
    **{b"BZh%d1AY&SY" % level: bz2.open for level in range(1, 10)},
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One file to read.

    Attributes
    ----------
    name : what the user called it
    path : where it is; unused where it was kept
    encoding : of text whose encoding is known; None: what the options say
    kept : the copy of what can be read only once
    """

    name: str
    path: Path
    encoding: str | None = None
    kept: IO[bytes] | None = None

    @property
    def plain(self) -> Path:
        """Its name without the ending of a compressed file: what it holds is called."""
        path = Path(self.name)
        return path.with_suffix("") if path.suffix.lower() in COMPRESSED else path


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The bytes of a source, decompressed.

    Raises
    ------
    CorpusError : it cannot be read, or its compressed data are damaged
    """
    try:
        with _raw(source) as file:
            start = file.read(16)
            file.seek(0)
            for magic, decompressed in MAGIC.items():
                if start.startswith(magic):
                    with decompressed(file) as inner:
                        yield inner
                    return
            yield file
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise CorpusError(f"{source.name} is a damaged compressed file: {error}") from None
    except OSError as error:
        raise CorpusError(f"cannot read {source.name}: {error.strerror or error}") from None


def _raw(source: Source) -> BinaryIO:
    if source.kept is None:
        return open(source.path, "rb")
    source.kept.seek(0)
    return os.fdopen(os.dup(source.kept.fileno()), "rb")


def from_stdin() -> Source:
    """Standard input, kept until the process ends."""
    return keep("standard input", None)


def keep(name: str, path: Path | None) -> Source:
    """A copy of what can be read only once: a pipe, or standard input for None."""
    kept = tempfile.TemporaryFile(prefix="elman-")  # noqa: SIM115
    try:
        if path is None:
            shutil.copyfileobj(sys.stdin.buffer, kept, PIECE)
        else:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, kept, PIECE)
        kept.flush()
    except OSError as error:
        raise CorpusError(
            f"cannot keep a copy of {name} in {tempfile.gettempdir()}: {error.strerror}"
        ) from None
    return Source(name, Path(name), kept=kept)
