"""Which files a name stands for: a file, all of a folder, a named corpus, standard input."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CorpusError, listed
from ..files import MODEL_SUFFIX
from . import corpora
from .decode import is_binary
from .read import TextOptions
from .sources import Source, from_stdin, keep, opened

LOOK = 8192  # bytes by which a binary file is known
NAMED = 3  # files of a folder that a note names


@dataclass(frozen=True)
class Group:
    """Sources that are one text: a file alone, or all of a named corpus.

    `name` is its path inside the folder that was given, or what the user called it.
    """

    name: str
    sources: list[Source]


@dataclass
class LeftOut:
    """The files of a folder that are not read."""

    binary: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def note(self, folder: Path) -> list[str]:
        """What to say about them: of each kind the count, and the names of the first."""
        kinds = [("binary", self.binary), ("models of Elman", self.models),
                 ("hidden", self.hidden)]  # fmt: skip
        found = [
            f"{len(names):,} {kind} ({listed(names, NAMED, str)})" for kind, names in kinds if names
        ]
        return [f"left out of {folder}: {', '.join(found)}"] if found else []


def find_all(names: Sequence[str], options: TextOptions, notes: list[str]) -> list[Group]:
    """The texts behind all names, in order; what is left out is added to the notes.

    Raises
    ------
    CorpusError : no such file, folder or corpus, or a folder without text
    """
    return [group for name in names for group in find(name, options, notes)]


def find(name: str, options: TextOptions, notes: list[str]) -> Iterator[Group]:
    """The texts behind a name: a file, all of a folder, a named corpus, "-" for stdin."""
    path = Path(name)
    if not name:
        raise CorpusError("the name of a corpus is empty")
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
    else:
        raise CorpusError(
            f"there is no file or folder {name!r}, and no corpus of that name; "
            f"named corpora are {', '.join(corpora.DESCRIPTIONS)}"
        )


def _folder(folder: Path, options: TextOptions, notes: list[str]) -> Iterator[Group]:
    """All text files below a folder in the order of their paths."""
    left_out, found = LeftOut(), 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file():
            continue
        if any(part.startswith(".") for part in inside.parts):
            left_out.hidden.append(str(inside))
        elif path.suffix == MODEL_SUFFIX:  # made from this folder, it is no part of it
            left_out.models.append(str(inside))
        elif not options.raw and _is_binary(Source(str(path), path), options):
            left_out.binary.append(str(inside))
        else:
            found += 1
            yield Group(str(inside), [Source(str(path), path)])
    if not found:
        raise CorpusError(f"the folder {folder} holds no text files")
    notes += left_out.note(folder)


def _is_binary(source: Source, options: TextOptions) -> bool:
    """Whether a file holds no text; zero bytes belong to UTF-16 and UTF-32."""
    if options.encoding.startswith(("utf-16", "utf-32")):
        return False
    with opened(source) as file:
        return is_binary(file.read(LOOK))


def lasting(name: str) -> str:
    """A path that still leads to the corpus from another working directory."""
    return str(Path(name).resolve()) if name != "-" and Path(name).exists() else name
