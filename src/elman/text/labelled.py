"""Labelled texts, read from any of their forms: merged, counted and divided.

A text is one thing with one label. Rows that say the same are merged; a text that
is found under several labels has no right answer, so it is counted, reported and
left out. What remains is divided by text, so none is in two parts.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import CorpusError, counted, listed, quoted
from . import forms
from .columns import Wanted, delimiter_of
from .encoded import Encoded
from .finding import lasting
from .read import TextOptions, transform
from .vocabulary import VocabularyBuilder
from .words import UAX29


@dataclass(frozen=True)
class LabelledOptions:
    """What to read, and which columns of a table hold it.

    With other columns than these, or a delimiter, all files are tables.
    """

    text_column: str = "text"
    label_column: str = "label"
    text: TextOptions = field(default_factory=TextOptions)
    delimiter: str | None = None  # of the columns; None: the first row shows it
    shared: bool = False  # whether the columns are those of other data, see `Wanted`

    @property
    def wanted(self) -> Wanted:
        columns = self.text_column, self.label_column
        delimiter = None if self.delimiter is None else delimiter_of(self.delimiter)
        meant = delimiter is not None or columns != ("text", "label")
        return Wanted(columns, delimiter, meant, self.shared)


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
    stripped : whether the texts lost the white space around them
    paths : the same, so that they still lead there from another working directory
    notes : what the user should know about the reading
    form : how the data were understood, for people
    encodings : that their files are in
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
    stripped: bool = False
    form: str = ""
    encodings: list[str] = field(default_factory=list)


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
        offsets = np.concatenate([[0], np.cumsum(self.texts.lengths[self.rows])])
        return Encoded(ids, offsets)


def load(names: Sequence[str], options: LabelledOptions) -> Labelled:
    """Read tables, JSON lines, fastText's lines, a file or a folder per class, or "-".

    `forms` says which form a file has; the first note says it, with what was read.

    Raises
    ------
    CorpusError : unreadable, malformed (with file and line), or fewer than two classes
    UsageError : a delimiter that is none, or for what has none
    """
    wanted = options.wanted
    found = forms.read(names, wanted, options.text)
    data = merge(found.pairs, names, found.notes, options.text)
    doubts = forms.doubts(found, data.classes, data.labels, wanted)
    data.notes = [forms.described(found, len(data.classes)), *doubts, *data.notes]
    data.paths = [lasting(name) for name in names]
    data.stripped = forms.stripped(found)
    data.form, data.encodings = ", and ".join(found.forms), found.encodings
    return data


def load_pairs(
    names: Sequence[str], options: LabelledOptions
) -> tuple[list[tuple[str, str]], list[str]]:
    """Every labelled text of files as it is, and notes: what a model is evaluated on.

    Raises
    ------
    CorpusError, UsageError : see `load`
    """
    found = forms.read(names, options.wanted, options.text)
    pairs = [(transform(text, options.text), label) for text, label in found.pairs]
    if not pairs:
        raise CorpusError(f"{', '.join(names)} holds no labelled text")
    return pairs, [forms.described(found, len({label for _, label in pairs})), *found.notes]


def positions(
    labels: Sequence[str], classes: Sequence[str], where: str, whose: str = "the model"
) -> np.ndarray:
    """Positions of labels among the classes (n,) of a model; CorpusError for unknown ones."""
    index = {label: i for i, label in enumerate(classes)}
    unknown = Counter(label for label in labels if label not in index)
    if unknown:
        counted = [f"{quoted(label)} ({count:,})" for label, count in unknown.most_common()]
        raise CorpusError(
            f"{where} has labels that {whose} does not have: {listed(counted, form=str)}; the "
            f"classes are {listed(classes)}"
        )
    return np.array([index[label] for label in labels], np.int64)


def go_on_with(older: Sequence[str], data: Any, several: str, model: str) -> None:
    """Give data the classes of a model that learns on, in its order, and new ones behind them.

    Parameters
    ----------
    older : the classes of the model
    data : what has `labels`, positions in its `classes`, and `notes`
    several, model : what a note calls the classes, and the model
    """
    new = [name for name in data.classes if name not in older]
    missing = [name for name in older if name not in data.classes]
    if new:
        data.notes.append(f"{several} that are new to the {model} get rows of their own: "
                          f"{len(new):,} ({listed(new)})")  # fmt: skip
    if missing:
        data.notes.append(f"{several} without an example in these data: {listed(missing)}")
    classes = [*older, *new]
    places = np.array([classes.index(name) for name in data.classes], np.int64)
    data.labels, data.classes = places[data.labels], classes


def from_rows(rows: Sequence[object]) -> Labelled:
    """Rows (text, label) in memory, as they are: repeated ones count, with any labels.

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
                raise CorpusError(f"row {number} is not (text, label) but {quoted(row)}; "
                                  "each needs a text and a label, two strings")  # fmt: skip
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
        only = f"only the class {quoted(classes[0])}" if classes else "no class"
        tail = ", once texts under several labels are left out" if conflicting else ""
        if len(lost) > len(found):
            tail += " (are texts and labels the wrong way round?)"
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
        yield f"left out for conflicting labels: {counted(conflicting, 'text')}"
    if lost:
        yield f"labels left without a text, and so dropped: {listed(lost)}"
    single = [classes[i] for i in np.flatnonzero(np.bincount(labels) == 1)]
    if single:
        yield (
            f"classes with a single example: {listed(single)}; it is used for training, so their "
            "accuracy cannot be measured"
        )


def split(
    labels: np.ndarray, validation: float, test: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of training, validation and test texts, stratified: the same shares in every class.

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


def symbols_of(
    texts: Sequence[str],
    tokens: str,
    size: int | None = None,
    least: int | None = None,
    rule: str = UAX29,
) -> VocabularyBuilder:
    """The symbols of the texts, from which a vocabulary is built."""
    builder = VocabularyBuilder(tokens, size, rule=rule, least=least)
    if tokens == "char":
        builder.add("".join(texts))
    else:
        for text in texts:
            builder.add(text)
    return builder
