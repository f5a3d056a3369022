"""Which files a name means: a file, all of a folder, a named corpus, standard input."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import CorpusError, listed, quoted
from ..files import MODEL_SUFFIX, is_name, meant
from . import corpora
from .decode import is_binary
from .read import TextOptions
from .sources import Source, from_stdin, keep, opened

LOOK = 8192  # bytes by which a binary file is known
NAMED = 3  # files of a folder that a note names
OWN = (f"{MODEL_SUFFIX}.lock", f"{MODEL_SUFFIX}.tmp")  # next to a model that is being written


class NoSuchCorpusError(CorpusError):
    """A name for which there is nothing to read."""


@dataclass(frozen=True)
class Group:
    """Sources that are one text: a file alone, or all of a named corpus.

    `name` is its path inside the folder that was given, or what the user called it.
    """

    name: str
    sources: list[Source]


class LeftOut:
    """What of a folder is not read, by its kind."""

    KINDS = ("binary", "models of Elman", "hidden", "empty", "broken links", "links in a circle",
             "pipes and the like", "unreadable")  # fmt: skip

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {kind: [] for kind in self.KINDS}

    def add(self, kind: str, name: str) -> None:
        self._names[kind].append(name)

    def note(self, folder: Path) -> list[str]:
        """What to say about it: of each kind the count, and the names of the first."""
        found = [f"{len(names):,} {kind} ({listed(names, NAMED, str)})"
                 for kind, names in self._names.items() if names]  # fmt: skip
        return [f"left out of {folder}: {', '.join(found)}"] if found else []


def find_all(names: Sequence[str | Source], options: TextOptions, notes: list[str]) -> list[Group]:
    """The texts behind all names, in order; what is left out is added to the notes.

    A source among them is a text that is in memory already.

    Raises
    ------
    CorpusError : no such file, folder or corpus, or a folder without text
    """
    return [group for name in names for group in find(name, options, notes)]


def find(name: str | Source, options: TextOptions, notes: list[str]) -> Iterator[Group]:
    """The texts behind a name: a file, all of a folder, a named corpus, "-" for stdin."""
    if isinstance(name, Source):
        yield Group(name.name, [name])
        return
    if not name:
        raise CorpusError("the name of a corpus is empty")
    if not is_name(name):
        raise NoSuchCorpusError(f"{quoted(name)} is not the name of a file")
    path = Path(name)
    if name == "-":
        yield Group(name, [from_stdin()])
    elif path.is_dir():
        yield from _folder(path, options, notes)
    elif path.is_file():
        yield Group(path.name, [Source(name, path)])
    elif path.exists():  # a pipe can be read only once
        yield Group(name, [keep(name, path)])
    elif name in corpora.DESCRIPTIONS:
        yield Group(name, corpora.sources(name))
    elif path.is_symlink():
        raise NoSuchCorpusError(f"{quoted(name)} is a link to {quoted(os.readlink(path))}, which "
                                "does not exist")  # fmt: skip
    else:
        raise NoSuchCorpusError(
            f"there is no file or folder {quoted(name)}, and no corpus of that name; "
            f"named corpora are {', '.join(corpora.DESCRIPTIONS)}",
            meant(path, others=corpora.DESCRIPTIONS),
        )


def _folder(folder: Path, options: TextOptions, notes: list[str]) -> Iterator[Group]:
    """All text files below a folder in the order of their paths."""
    left_out, found = LeftOut(), 0
    for path in sorted(_below(folder, left_out)):
        inside = path.relative_to(folder)
        name = str(inside)
        if any(part.startswith(".") for part in inside.parts):
            if not name.endswith(OWN):
                left_out.add("hidden", name)
        elif not path.exists():
            left_out.add("broken links", name)
        elif not path.is_file():
            left_out.add("pipes and the like", name)
        elif path.suffix == MODEL_SUFFIX:  # made from this folder, it is no part of it
            left_out.add("models of Elman", name)
        elif not options.raw and _is_binary(Source(str(path), path), options):
            left_out.add("binary", name)
        else:
            if not path.stat().st_size:
                left_out.add("empty", name)
            found += 1
            yield Group(name, [Source(str(path), path)])
    notes += left_out.note(folder)
    if not found:
        reasons = "".join(f" ({note})" for note in left_out.note(folder))
        raise CorpusError(f"the folder {folder} holds no text files{reasons}")


def _below(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """All that is no folder below a folder; links to folders are followed, but in no circle."""

    def unreadable(error: OSError) -> None:
        left_out.add("unreadable", os.path.relpath(error.filename, folder))

    for here, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        way = {os.path.realpath(parent) for parent in [Path(here), *Path(here).parents]}
        above = way | set(map(str, Path(os.path.realpath(here)).parents))
        circles = [name for name in folders if os.path.realpath(Path(here, name)) in above]
        for name in circles:
            left_out.add("links in a circle", os.path.relpath(Path(here, name), folder))
            folders.remove(name)
        yield from (Path(here, name) for name in files)


def _is_binary(source: Source, options: TextOptions) -> bool:
    """Whether a file holds no text."""
    with opened(source) as file:
        return is_binary(file.read(LOOK), options.encoding)


def lasting(name: str) -> str:
    """A path that still leads to the corpus from another working directory."""
    return str(Path(name).resolve()) if name != "-" and Path(name).exists() else name


def near(name: str) -> str:
    """A path as it is called from the working directory, if it lies below that."""
    path, here = Path(name), Path.cwd()
    below = path.is_absolute() and path.is_relative_to(here)
    return str(path.relative_to(here)) if below else name
