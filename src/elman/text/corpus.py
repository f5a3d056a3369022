"""Text for a language model: where it comes from, and how it becomes symbols.

A corpus is read twice: once to count and to collect the symbols, once to encode
them. The encoded symbols are an array of the smallest unsigned type; a large one
lies in a temporary file and is memory-mapped, so a corpus may exceed memory.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import CorpusError, listed, quoted
from . import encodings, going_on
from .corpora import STDLIB
from .finding import Group, find_all, lasting
from .lengths import Lengths
from .pieces import CorpusOptions, Pieces
from .sources import Source
from .vocabulary import Vocabulary, VocabularyBuilder
from .words import UAX29

IN_MEMORY = 1 << 26  # bytes of encoded symbols up to which they stay in memory


@dataclass
class Corpus:
    """Encoded text.

    Attributes
    ----------
    vocabulary : the symbols
    ids : (N,) unsigned; of records the records back to back, without borders
    offsets : (records + 1,) where each record starts in `ids`; None for one stream
    characters : characters of text (bytes for byte symbols)
    sha256 : of the text after decoding, as UTF-8
    names : what the user called the parts
    notes : what the user should know about the reading
    paths : the names, so that they still lead there from another working directory
    files : the name of every file of a stream, inside its folder
    edges : (files + 1,) where each of them begins in `ids`
    own : by name of a part that has files of its own, which of them
    form : how the text was understood, for people
    encodings : that its files are in
    lengths : of words, how many characters they have
    """

    vocabulary: Vocabulary
    ids: np.ndarray
    offsets: np.ndarray | None
    characters: int
    sha256: str
    names: list[str]
    notes: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    edges: np.ndarray | None = None
    own: dict[str, range] = field(default_factory=dict)
    form: str = ""
    encodings: list[str] = field(default_factory=list)
    lengths: Lengths | None = None

    @property
    def records(self) -> int | None:
        """How many records there are; None of a stream."""
        return None if self.offsets is None else len(self.offsets) - 1


def load(
    names: Sequence[str | Source],
    options: CorpusOptions,
    vocabulary: Vocabulary | None = None,
    sha256: str | None = None,
    own: Mapping[str, str] | None = None,
) -> Corpus:
    """Read and encode files, folders, named corpora, standard input ("-"), or sources in memory.

    With a `vocabulary` its symbols are used, else those of the corpus; with a
    `sha256` the text must be the one that has it. `own` are files of parts that are not
    cut from the corpus, by the name of the part; their symbols are symbols like others.

    Raises
    ------
    CorpusError : nothing to read, not text, too little of it, or another text
    UnknownSymbolError : a symbol that the given vocabulary does not hold
    """
    notes: list[str] = []
    groups = find_all(names, options.text, notes)
    held_out = {part: find_all([name], options.text, notes) for part, name in (own or {}).items()}
    groups = _without(groups, [group for found in held_out.values() for group in found], notes)
    ranges = {}
    for part, found in held_out.items():
        ranges[part] = range(len(groups), len(groups) + len(found))
        groups += found
    rule = UAX29 if vocabulary is None else vocabulary.rule
    builder = VocabularyBuilder(
        options.tokens, options.vocabulary_size, options.records, rule, options.min_count
    )
    digest, characters = hashlib.sha256(), 0
    pieces = Pieces(groups, options, sum(map(len, ranges.values())))
    sources = [source for group in groups for source in group.sources]
    notes += [*encodings.notes(sources, options.text), *pieces.first_rows()]
    for piece in pieces:
        text = piece.text
        digest.update(text if isinstance(text, bytes) else text.encode("utf-8"))
        characters += len(text)
        for each in [text] if piece.records is None else _joined(piece.records, options.tokens):
            builder.add(each)
    notes += pieces.tally.notes()
    called = [name if isinstance(name, str) else name.name for name in names]
    described = ", ".join("standard input" if name == "-" else name for name in called)
    if not characters:
        raise CorpusError(f"{described} holds no text")
    if sha256 is None:
        _look_for_separator(pieces, len(groups), described, notes)
    if sha256 is not None and digest.hexdigest() != sha256:
        restored = "restore it" if STDLIB not in names else (
            "use the version of Python and of Elman that it was trained with"
        )  # fmt: skip
        raise CorpusError(
            f"the corpus {described} has changed since the model was trained on it; {restored}, "
            "or start a new training from the model with --from"
        )
    if vocabulary is None:
        vocabulary = builder.build(options.unknown)
        kept = len(vocabulary) - len(vocabulary.special)
        if options.tokens != "byte" and kept < 2:
            way_out = " (see --vocabulary-size and --min-count)" if builder.chosen else ""
            raise CorpusError(
                f"{described} has {kept} distinct symbol{'s' * (kept != 1)}{way_out}; "
                "a model needs at least 2 to learn something"
            )
    elif sha256 is None:
        vocabulary = going_on.extended(vocabulary, builder, notes)
    files = [group.name for group in groups]
    lengths = Lengths(vocabulary) if vocabulary.kind == "word" else None
    ids, offsets, edges = _encode(
        pieces, len(groups), vocabulary, builder.count, described, lengths
    )
    _refuse_empty_parts(ranges, files, edges)
    return Corpus(
        vocabulary, ids, offsets, characters, digest.hexdigest(), called, notes,
        [lasting(name) for name in names if isinstance(name, str)], files, edges, ranges,
        pieces.form, encodings.used(sources, options.text), lengths,
    )  # fmt: skip


def _without(groups: list[Group], held_out: list[Group], notes: list[str]) -> list[Group]:
    """The texts without those that are files of a held-out part, too: nothing is learned there."""
    elsewhere = {source.path.resolve() for group in held_out for source in group.sources}
    kept = [g for g in groups if elsewhere.isdisjoint(s.path.resolve() for s in g.sources)]
    left_out = [group.name for group in groups if group not in kept]
    if not kept:
        raise CorpusError(f"{listed(left_out, 3, str)} is in both the training and the held-out "
                          "files: name another file with --validation or --test")  # fmt: skip
    if left_out:
        notes.append(
            "excluded from training because they are in a held-out part: "
            f"{listed(left_out, 3, str)}"
        )
    return kept


def _look_for_separator(pieces: Pieces, files: int, described: str, notes: list[str]) -> None:
    """A separator that never occurs was hardly meant so; the end of a file ends a record, too."""
    separator = pieces.options.separator
    if separator in (None, "\n") or pieces.ended:
        return
    problem = f"{quoted(separator)}, which --separator names, does not occur in {described}"
    if files == 1:
        raise CorpusError(f"{problem}; check how its records end, or leave --separator out")
    notes.append(f"{problem}: each of the {files:,} files is one record")


def _refuse_empty_parts(
    parts: Mapping[str, range], files: Sequence[str], edges: np.ndarray
) -> None:
    for name, part in parts.items():
        if edges[part.start] == edges[part.stop]:
            raise CorpusError(f"{listed(files[part.start : part.stop], 3, str)} holds no text for "
                              f"the {name} part; name another file, or a share")  # fmt: skip


def _joined(records: Sequence[str | bytes], tokens: str) -> Sequence[str | bytes]:
    """Records as texts to collect symbols from: words must not grow together."""
    if tokens == "word":
        return records
    return [b"".join(records) if tokens == "byte" else "".join(records)]  # type: ignore[arg-type]


def _encode(
    pieces: Pieces,
    files: int,
    vocabulary: Vocabulary,
    count: int,
    described: str,
    word_lengths: Lengths | None,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Encode into an array of at most `count` symbols, in memory or in a mapped file.

    Returns
    -------
    ids : (N,)
    offsets : (records + 1,), None for a stream
    edges : (files + 1,)
    """
    lengths: list[np.ndarray] = []
    sizes = np.zeros(files, np.int64)

    def encoded() -> Iterator[np.ndarray]:
        seen = 0
        for piece in pieces:
            where = f"{described} (from position {seen})" if seen else described
            seen += len(piece.text)
            if piece.records is None:
                ids = vocabulary.encode(piece.text, where)
                if word_lengths is not None:
                    word_lengths.add(piece.text, ids)
            else:
                ids, record_lengths = _encode_records(piece.records, vocabulary, where)
                lengths.append(record_lengths)
                if word_lengths is not None:
                    word_lengths.add_records(piece.records)
            sizes[piece.file] += len(ids)
            yield ids

    if count * vocabulary.dtype.itemsize <= IN_MEMORY:
        parts = list(encoded())
        ids = np.concatenate(parts) if parts else np.empty(0, vocabulary.dtype)
    else:
        # Written with write(), not through the mapping: mapped pages would count
        # as this process's memory while they wait to be written.
        with tempfile.TemporaryFile(prefix="elman-") as file:
            for part in encoded():
                file.write(part.data)
            file.flush()
            ids = np.memmap(file, vocabulary.dtype, "r")
    edges = np.concatenate([[0], np.cumsum(sizes)])
    if not pieces.options.records:
        return ids, None, edges
    all_lengths = np.concatenate(lengths) if lengths else np.empty(0, np.int64)
    return ids, np.concatenate([[0], np.cumsum(all_lengths)]), edges


def _encode_records(
    records: Sequence[str | bytes], vocabulary: Vocabulary, where: str
) -> tuple[np.ndarray, np.ndarray]:
    if vocabulary.kind == "word":
        encoded = [vocabulary.encode(record, where) for record in records]
        lengths = np.array([len(ids) for ids in encoded], np.int64)
        return np.concatenate(encoded) if encoded else np.empty(0, vocabulary.dtype), lengths
    lengths = np.fromiter(map(len, records), np.int64, len(records))
    (joined,) = _joined(records, vocabulary.kind)
    return vocabulary.encode(joined, where), lengths
