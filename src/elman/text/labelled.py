"""Labelled texts: tables, one file per class, folders; merged, counted and divided.

A text is one thing with one label. Rows that say the same are merged; a text that
is found under several labels has no right answer, so it is counted, reported and
left out. What remains is divided by text, so none stands on two sides.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import CorpusError
from .finding import find_all, lasting
from .read import TextOptions, read_pieces, transform
from .sources import Source
from .vocabulary import Vocabulary, VocabularyBuilder

SHOWN = 6  # names of columns and classes in a message


@dataclass(frozen=True)
class LabelledOptions:
    """What to read, and which columns of a table hold it."""

    text_column: str = "text"
    label_column: str = "label"
    text: TextOptions = field(default_factory=TextOptions)


@dataclass
class Labelled:
    """Texts that differ from each other, each with one label.

    Attributes
    ----------
    texts : in the order in which they were first found
    labels : (n,) positions in `classes`
    classes : names of the labels, sorted
    rows : how many rows were read
    repeated : rows that repeated a text and its label
    conflicting : texts under more than one label, which were left out
    sha256 : of the texts and labels
    names : what the user called the parts
    paths : the same, so that they still lead there from another working directory
    notes : what the user should know about the reading
    """

    texts: list[str]
    labels: np.ndarray
    classes: list[str]
    rows: int
    repeated: int
    conflicting: int
    sha256: str
    names: list[str]
    notes: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Encoded:
    """Texts as ids, back to back: text i is `ids[offsets[i]:offsets[i + 1]]`."""

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


@dataclass(frozen=True)
class LabelledPart:
    """A choice of texts (`rows` of `texts`) with the labels of all."""

    texts: Encoded
    labels: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def chosen(self) -> Encoded:
        """The chosen texts alone."""
        pieces = [self.texts.ids[self.texts.offsets[r] : self.texts.offsets[r + 1]]
                  for r in self.rows]  # fmt: skip
        ids = np.concatenate(pieces) if pieces else self.texts.ids[:0]
        return Encoded(ids, np.concatenate([[0], np.cumsum(self.texts.lengths[self.rows])]))


def load(names: Sequence[str], options: LabelledOptions) -> Labelled:
    """Read tables (TSV, CSV), one file per class, folders of either, or standard input ("-").

    A file whose name ends in .tsv or .csv, standard input, and any file whose first
    line names both columns is a table with a header. Every other file is a class:
    its name without the ending is the label, each of its lines that is not empty a
    text, without the white space around it (which might be that of one file alone,
    and give its class away). CSV quotes fields as RFC 4180 does; TSV has no quotes.

    Raises
    ------
    CorpusError : unreadable, malformed (with file and line), or fewer than two classes
    """
    notes: list[str] = []
    reading = replace(options.text, lowercase=False, normalize=None)
    sources = [source for group in find_all(names, reading, notes) for source in group.sources]
    pairs = [pair for source in sources for pair in _rows(source, options)]
    data = merge(pairs, names, notes, options.text)
    data.paths = [lasting(name) for name in names]
    return data


def from_rows(rows: Sequence[object]) -> Labelled:
    """Rows (text, label) in memory, as they are: one that repeats counts as often as it stands
    there, and a text may have several labels.

    Raises
    ------
    CorpusError : a row that is no pair of texts, an empty text, or fewer than two classes
    """
    digest = hashlib.sha256()
    texts, labels = [], []
    for number, row in enumerate(rows, 1):
        match row:
            case (str(text), str(label)) if text and label:
                texts.append(text)
                labels.append(label)
            case _:
                raise CorpusError(f"row {number} is not (text, label) but {repr(row)[:60]}")
        digest.update(f"{len(text)}\t{text}\t{label}\n".encode("utf-8", "surrogatepass"))
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise CorpusError("the rows have one label only; a classifier needs at least 2")
    return Labelled(texts, np.searchsorted(classes, labels), classes, len(texts), 0, 0,
                    digest.hexdigest(), ["rows"])  # fmt: skip


def merge(
    pairs: Sequence[tuple[str, str]],
    names: Sequence[str],
    notes: Sequence[str] = (),
    options: TextOptions = TextOptions(),
) -> Labelled:
    """Pairs (text, label) to texts that differ, each with the one label it has.

    Texts are treated as `options` say before they are compared.

    Raises
    ------
    CorpusError : nothing, or fewer than two classes
    """
    found: dict[str, dict[str, None]] = {}
    digest = hashlib.sha256()
    for text, label in pairs:
        text = transform(text, options)
        digest.update(f"{len(text)}\t{text}\t{label}\n".encode("utf-8", "surrogatepass"))
        found.setdefault(text, {})[label] = None
    described = ", ".join(names)
    if not found:
        raise CorpusError(f"{described} holds no labelled text")
    one_label = {text: next(iter(labels)) for text, labels in found.items() if len(labels) == 1}
    conflicting = len(found) - len(one_label)
    classes = sorted(set(one_label.values()))
    lost = sorted({label for _, label in pairs} - set(classes))
    if len(classes) < 2:
        only = f"the one class {classes[0]!r}" if classes else "no class"
        tail = ", once texts under several labels are left out" if conflicting else ""
        raise CorpusError(
            f"{described} has {only}{tail}; a classifier needs at least 2 to tell apart"
        )
    index = {label: i for i, label in enumerate(classes)}
    labels = np.array([index[label] for label in one_label.values()], np.int64)
    repeated = len(pairs) - sum(len(labels) for labels in found.values())
    notes = [*notes, *_notes(repeated, conflicting, lost, classes, labels)]
    return Labelled(list(one_label), labels, classes, len(pairs), repeated, conflicting,
                    digest.hexdigest(), list(names), notes)  # fmt: skip


def _notes(
    repeated: int, conflicting: int, lost: list[str], classes: list[str], labels: np.ndarray
) -> Iterator[str]:
    if repeated:
        yield f"{repeated:,} rows repeat a text and its label and were merged"
    if conflicting:
        yield f"{conflicting:,} texts stand under more than one label and were left out"
    if lost:
        yield f"left without a text, and so no class: {_listed(lost)}"
    single = [classes[i] for i in np.flatnonzero(np.bincount(labels) == 1)]
    if single:
        yield (
            f"a single example each: {_listed(single)}; it is learned from, "
            "but nothing can be said about how well"
        )


def split(
    labels: np.ndarray, validation: float, test: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of training, validation and test texts, stratified: alike in every class.

    Each class is shuffled by seed and divided. A part that is asked for gets at
    least one of a class with three texts or more, and training one of every class.

    Parameters
    ----------
    labels : (n,) class of every text
    validation, test : shares in [0, 1)
    """
    rng = np.random.default_rng([seed, 0])
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for label in range(int(labels.max()) + 1):
        rows = rng.permutation(np.flatnonzero(labels == label))
        n = len(rows)
        held_out = [round(share * n) for share in (test, validation)]
        for i, share in enumerate((test, validation)):
            if share and not held_out[i] and n >= 3:
                held_out[i] = 1
        for i in (1, 0):  # validation gives way before the test part does
            held_out[i] = max(0, min(held_out[i], n - 1 - held_out[0] * i))
        tested, validated = held_out[0], held_out[0] + held_out[1]
        for part, chosen in zip(
            parts, (rows[validated:], rows[tested:validated], rows[:tested]), strict=True
        ):
            part.append(chosen)
    train, valid, tests = (np.sort(np.concatenate(part)) for part in parts)
    return train, valid, tests


def vocabulary_of(texts: Sequence[str], tokens: str, size: int | None = None) -> Vocabulary:
    """The symbols of the texts, and `<unk>` for those that only later texts will hold."""
    builder = VocabularyBuilder(tokens, size)
    if tokens == "char":
        builder.add("".join(texts))
    else:
        for text in texts:
            builder.add(text)
    return builder.build(unknown=True)


def encode(vocabulary: Vocabulary, texts: Sequence[str], longest: int) -> Encoded:
    """Ids of texts, of each the first `longest` symbols."""
    if vocabulary.kind == "char":
        cut = [text[:longest] for text in texts]
        ids = vocabulary.encode("".join(cut))
        lengths = np.fromiter(map(len, cut), np.int64, len(cut))
    else:
        pieces = [vocabulary.encode(text)[:longest] for text in texts]
        ids = np.concatenate(pieces) if pieces else np.empty(0, vocabulary.dtype)
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    return Encoded(ids, np.concatenate([[0], np.cumsum(lengths)]))


# -- reading ------------------------------------------------------------------------


def _rows(source: Source, options: LabelledOptions) -> Iterator[tuple[str, str]]:
    """The pairs (text, label) of one file."""
    pieces = read_pieces([source], replace(options.text, lowercase=False, normalize=None))
    content = "".join(map(str, pieces))
    delimiter = _delimiter(source, content[: content.find("\n") % (len(content) + 1)], options)
    if delimiter is None:
        label = source.plain.stem
        stripped = (line.strip() for line in content.split("\n"))
        return ((line, label) for line in stripped if line)
    lines = _csv(source, content) if delimiter == "," else _tsv(content)
    return _table(source, lines, options)


def _delimiter(source: Source, first: str, options: LabelledOptions) -> str | None:
    """What separates the columns of a table; None if the file is one class."""
    suffix = source.plain.suffix.lower()
    by_name = {".tsv": "\t", ".csv": ","}.get(suffix)
    if by_name:
        return by_name
    sniffed = "\t" if "\t" in first else ","
    columns = [name.strip('"') for name in first.split(sniffed)]
    if source.name == "standard input" or {options.text_column, options.label_column} <= set(
        columns
    ):
        return sniffed
    return None


def _csv(source: Source, content: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # a text may be long
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    start = 1  # a quoted field may hold line ends, so a row is named by its first line
    try:
        for row in reader:
            yield start, row
            start = reader.line_num + 1
    except csv.Error as error:
        open_end = "end of data" in str(error)
        reason = "a quoted field does not end" if open_end else str(error)
        raise CorpusError(f"{source.name}, line {start}: no CSV row ({reason})") from None


def _tsv(content: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(content.split("\n"), 1):
        yield number, line.split("\t") if line else []


def _table(
    source: Source, lines: Iterator[tuple[int, list[str]]], options: LabelledOptions
) -> Iterator[tuple[str, str]]:
    _, header = next(lines, (1, []))
    header = [name.strip() for name in header]
    if not any(header):
        raise CorpusError(f"{source.name} has no header: its first line must name the columns")
    columns = []
    for name, flag in ((options.text_column, "--text-column"),
                       (options.label_column, "--label-column")):  # fmt: skip
        if name not in header:
            raise CorpusError(
                f"{source.name} has no column {name!r} (its first line names {_listed(header)}); "
                f"name one with {flag}"
            )
        if header.count(name) > 1:
            raise CorpusError(
                f"{source.name} has {header.count(name)} columns {name!r}; rename one, or name "
                f"another with {flag}"
            )
        columns.append(header.index(name))
    for number, row in lines:
        if not row:
            continue
        where = f"{source.name}, line {number}"
        if len(row) != len(header):
            raise CorpusError(f"{where}: {len(row)} columns, the header has {len(header)}")
        text, label = row[columns[0]], row[columns[1]].strip()
        if not text.strip():
            raise CorpusError(f"{where}: the text is empty; leave the row out")
        if not label:
            raise CorpusError(f"{where}: the label is empty; give one, or leave the row out")
        if {"\n", "\t"} & set(label):
            raise CorpusError(f"{where}: the label {label!r} has a line end or a tab")
        yield text, label


def _listed(names: Sequence[str], form: Callable[[str], str] = repr) -> str:
    shown = ", ".join(map(form, names[:SHOWN]))
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
