"""Where text comes from, and how it is encoded and divided.

A corpus is read twice: once to count and to collect the symbols, once to encode
them. The encoded symbols are an array of the smallest unsigned type; a large one
lies in a temporary file and is memory-mapped, so a corpus may exceed memory.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..errors import CorpusError
from ..files import MODEL_SUFFIX
from . import corpora
from .read import Source, TextOptions, from_stdin, keep, read_pieces
from .vocabulary import Vocabulary, VocabularyBuilder

IN_MEMORY = 1 << 26  # bytes of encoded symbols up to which they stay in memory
HELD_OUT_CAP = 500_000  # symbols beyond which the default held-out share stops growing


@dataclass(frozen=True)
class CorpusOptions:
    """What to read and how to cut it into symbols."""

    tokens: str = "char"
    vocabulary_size: int | None = None  # of words
    lines: bool = False
    unknown: bool = False
    text: TextOptions = field(default_factory=TextOptions)


@dataclass
class Corpus:
    """Encoded text.

    Attributes
    ----------
    vocabulary : the symbols
    ids : (N,) unsigned; in lines mode the lines back to back, without borders
    offsets : (lines + 1,) where each line starts in `ids`; None for one stream
    characters : characters of text (bytes for byte symbols)
    sha256 : of the text after decoding, as UTF-8
    names : what the user called the parts
    paths : the same, so that they still lead there from another working directory
    notes : what the user should know about the reading
    """

    vocabulary: Vocabulary
    ids: np.ndarray
    offsets: np.ndarray | None
    characters: int
    sha256: str
    names: list[str]
    notes: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A part of a corpus: a slice of the stream, or a choice of lines.

    A stream starts with the symbol before the part, if there is one, so that
    every symbol of the part is predicted: it has `len(ids) - 1` predictions.
    """

    ids: np.ndarray
    offsets: np.ndarray | None = None
    rows: np.ndarray | None = None  # indices of the lines that belong to the part

    @property
    def predictions(self) -> int:
        """How many symbols a model has to predict in it, ends of lines included."""
        if self.offsets is None or self.rows is None:
            return max(0, len(self.ids) - 1)
        return int((self.offsets[self.rows + 1] - self.offsets[self.rows] + 1).sum())


def load(
    names: Sequence[str],
    options: CorpusOptions,
    vocabulary: Vocabulary | None = None,
    sha256: str | None = None,
) -> Corpus:
    """Read and encode files, folders, named corpora or standard input ("-").

    With a `vocabulary` its symbols are used, else those of the corpus; with a
    `sha256` the text must be the one that has it.

    Raises
    ------
    CorpusError : nothing to read, not text, too little of it, or another text
    UnknownSymbolError : a symbol that the given vocabulary does not hold
    """
    notes: list[str] = []
    files = [source for name in names for source in sources(name, options, notes)]
    builder = VocabularyBuilder(options.tokens, options.vocabulary_size, options.lines)
    digest, characters = hashlib.sha256(), 0
    for piece in read_pieces(files, options.text):
        digest.update(piece if isinstance(piece, bytes) else piece.encode("utf-8"))
        characters += len(piece)
        builder.add(piece)
    described = ", ".join("standard input" if name == "-" else name for name in names)
    if not characters:
        raise CorpusError(f"{described} holds no text")
    if sha256 is not None and digest.hexdigest() != sha256:
        raise CorpusError(
            f"the corpus {described} has changed since the model was trained on it; restore it, "
            "or start a new training from the model with --from"
        )
    if vocabulary is None:
        vocabulary = builder.build(options.unknown)
        if options.tokens != "byte" and len(vocabulary) - len(vocabulary.special) < 2:
            raise CorpusError(
                f"{described} has {len(vocabulary) - len(vocabulary.special)} distinct symbol; "
                "a model needs at least 2 to learn something"
            )
    ids, offsets = _encode(files, options, vocabulary, builder.count, described)
    return Corpus(
        vocabulary, ids, offsets, characters, digest.hexdigest(), list(names), notes,
        [lasting(name) for name in names],
    )  # fmt: skip


def lasting(name: str) -> str:
    """A path that still leads to the corpus from another working directory."""
    return str(Path(name).resolve()) if name != "-" and Path(name).exists() else name


def split(
    corpus: Corpus, validation: float | None, test: float, seed: int
) -> tuple[Part, Part, Part]:
    """Training, validation and test part.

    A stream is cut in this order, so the last part is held out; lines are
    shuffled by seed first. `validation` None is a tenth, at most 500,000 symbols.

    Raises
    ------
    CorpusError : no text is left to train on
    """
    units = len(corpus.ids) if corpus.offsets is None else len(corpus.offsets) - 1
    share = units / max(1, len(corpus.ids))  # lines per symbol, 1 for a stream
    if validation is None:
        held_out = int(min(0.1 * units, HELD_OUT_CAP * share))
    else:
        held_out = round(validation * units)
    test_units = round(test * units)
    train = units - held_out - test_units
    least = 3 if corpus.offsets is None else 1
    if train < least:
        raise CorpusError(
            f"{', '.join(corpus.names)} is too short: {train} "
            f"{'symbols' if corpus.offsets is None else 'lines'} are left to train on, "
            f"{least} are needed; use more text, or a smaller --validation or --test"
        )
    edges = [0, train, train + held_out, units]
    if corpus.offsets is None:
        return tuple(  # type: ignore[return-value]
            Part(corpus.ids[max(0, a - 1) : b] if a < b else corpus.ids[:0])
            for a, b in pairwise(edges)
        )
    order = np.random.default_rng([seed, 0]).permutation(units)
    return tuple(  # type: ignore[return-value]
        Part(corpus.ids, corpus.offsets, np.sort(order[a:b])) for a, b in pairwise(edges)
    )


def sources(name: str, options: CorpusOptions, notes: list[str]) -> Iterator[Source]:
    """The files behind a name: a file, all of a folder, a named corpus, "-" for stdin."""
    path = Path(name)
    if not name:
        raise CorpusError("the name of a corpus is empty")
    if name == "-":
        yield from_stdin()
    elif path.is_dir():
        yield from _folder(path, options, notes)
    elif path.is_file():
        yield Source(name, path)
    elif path.exists():  # a pipe can be read only once
        yield keep(name, path)
    elif name in corpora.DESCRIPTIONS:
        yield from corpora.sources(name)
    else:
        raise CorpusError(
            f"there is no file or folder {name!r}, and no corpus of that name; "
            f"named corpora are {', '.join(corpora.DESCRIPTIONS)}"
        )


def _folder(folder: Path, options: CorpusOptions, notes: list[str]) -> Iterator[Source]:
    """All text files below a folder in the order of their paths, hidden ones left out."""
    skipped = found = 0
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not path.is_file() or path.suffix == MODEL_SUFFIX:
            continue  # our own models, made from this folder, are no part of it
        if not options.text.raw and _is_binary(path):
            skipped += 1
            continue
        found += 1
        yield Source(str(path), path)
    if not found:
        raise CorpusError(f"the folder {folder} holds no text files")
    if skipped:
        notes.append(f"{skipped} binary files in {folder} were left out")


def _is_binary(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return b"\0" in file.read(8192)
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from None


def _encode(
    sources: list[Source],
    options: CorpusOptions,
    vocabulary: Vocabulary,
    count: int,
    described: str,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Encode into an array of at most `count` symbols, in memory or in a mapped file."""
    pieces = _encoded_pieces(sources, options, vocabulary, described)
    lengths: list[np.ndarray] = []
    if count * vocabulary.dtype.itemsize <= IN_MEMORY:
        parts = []
        for ids, line_lengths in pieces:
            parts.append(ids)
            lengths.append(line_lengths)
        encoded = np.concatenate(parts) if parts else np.empty(0, vocabulary.dtype)
    else:
        # Written with write(), not through the mapping: mapped pages would count
        # as this process's memory while they wait to be written.
        with tempfile.TemporaryFile(prefix="elman-") as file:
            for ids, line_lengths in pieces:
                file.write(ids.data)
                lengths.append(line_lengths)
            file.flush()
            encoded = np.memmap(file, vocabulary.dtype, "r")
    if not options.lines:
        return encoded, None
    all_lengths = np.concatenate(lengths) if lengths else np.empty(0, np.int64)
    return encoded, np.concatenate([[0], np.cumsum(all_lengths)])


def _encoded_pieces(
    sources: list[Source], options: CorpusOptions, vocabulary: Vocabulary, described: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Encoded pieces, in lines mode with the lengths of their lines (empty ones left out)."""
    rest = b"" if options.text.raw else ""
    none = np.empty(0, np.int64)
    seen = 0
    for piece in read_pieces(sources, options.text):
        where = f"{described} (from position {seen})" if seen else described
        seen += len(piece)
        if not options.lines:
            yield vocabulary.encode(piece, where), none
            continue
        lines = (rest + piece).split(b"\n" if options.text.raw else "\n")  # type: ignore
        rest = lines.pop()
        yield _encode_lines(lines, vocabulary, where)
    if rest:
        yield _encode_lines([rest], vocabulary, described)


def _encode_lines(
    lines: Sequence[str | bytes], vocabulary: Vocabulary, where: str
) -> tuple[np.ndarray, np.ndarray]:
    lines = [line for line in lines if line]
    if vocabulary.kind == "word":
        encoded = [vocabulary.encode(str(line), where) for line in lines]
        lengths = np.array([len(ids) for ids in encoded], np.int64)
        return np.concatenate(encoded) if encoded else np.empty(0, vocabulary.dtype), lengths
    lengths = np.fromiter(map(len, lines), np.int64, len(lines))
    if vocabulary.kind == "byte":
        return vocabulary.encode(b"".join(map(bytes, lines)), where), lengths  # type: ignore
    return vocabulary.encode("".join(map(str, lines)), where), lengths
