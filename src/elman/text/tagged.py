"""Sequences with a label for every symbol: checked, named and counted.

Symbols are characters if every token is one, else words. A string is cut into what has a label
in more of the strings: its characters, or the words between its spaces.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import CorpusError, UsageError, counted, quoted
from .finding import lasting, near
from .labelled import positions
from .read import TextOptions, transform
from .spans import broken, scheme_of
from .tagforms import (
    Found,
    Row,
    TaggedOptions,
    Tokens,
    kind_of,
    read,
    strings,
    symbols_of,
    tokens_of,
)
from .vocabulary import Vocabulary

MEMORY = "rows in memory"


@dataclass
class Tagged:
    """Sequences with labels, all symbols back to back.

    Attributes
    ----------
    tokens : a string or a list of words for each sequence
    labels : (N,) positions in `classes`
    classes : the labels that occur, sorted
    kind : what a symbol is, char or word
    scheme : of spans, see `spans`; "" if the labels write none
    forms : how the data were understood, those of held-out files too
    names, paths, sha256, notes, form, encodings : see `Labelled`
    letters : the vocabulary of the letters of words, where they are read
    """

    tokens: list[Tokens]
    labels: np.ndarray
    classes: list[str]
    kind: str
    scheme: str
    sha256: str
    names: list[str]
    form: str
    forms: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)
    letters: Vocabulary | None = None

    @property
    def offsets(self) -> np.ndarray:
        """Where each sequence begins among all symbols, and the end (n + 1,)."""
        return np.cumsum([0, *map(len, self.tokens)])

    def pieces(self, ranges: np.ndarray) -> list[Tokens]:
        """The tokens of ranges of symbols (n, 2), each of which lies in one sequence."""
        offsets = self.offsets
        numbers = np.searchsorted(offsets, ranges[:, 0], side="right") - 1
        return [
            self.tokens[i][start - offsets[i] : stop - offsets[i]]
            for i, (start, stop) in zip(numbers.tolist(), ranges.tolist(), strict=True)
        ]


def load(names: Sequence[str], options: TaggedOptions) -> Tagged:
    """Read labelled sequences of files, folders or standard input ("-").

    Raises
    ------
    CorpusError : unreadable or malformed (with file and line), or one label only
    UsageError : settings that do not fit what is read
    """
    data = checked(read(names, options), list(names), options)
    data.paths = [lasting(name) for name in names]
    return data


def from_rows(rows: Iterable[tuple[Tokens, Sequence[str]]], options: TaggedOptions) -> Tagged:
    """Pairs (tokens, labels) in memory: tokens a string, or a list of strings."""
    found = Found(forms=[MEMORY])
    for number, row in enumerate(rows, 1):
        if not isinstance(row, tuple | list) or len(row) != 2:
            raise CorpusError(f"row {number} is not (tokens, labels) but {quoted(row)}")
        name, (tokens, labels) = f"row {number}", row
        found.rows.append(Row(name, tokens_of(name, tokens), strings(name, "labels", labels)))
    return checked(found, ["rows"], options)


def checked(found: Found, names: list[str], options: TaggedOptions) -> Tagged:
    """Labelled sequences of rows that make sense; CorpusError for those that do not."""
    if not found.rows:
        raise CorpusError("there is no labelled sequence")
    rows, kind = _cut(found.rows, options)
    classes = sorted({label for row in rows for label in row.labels})
    if len(classes) < 2:
        raise CorpusError(f"{', '.join(names)} has only the label {classes[0]!r}; a tagger needs "
                          "at least 2 to tell apart")  # fmt: skip
    scheme = scheme_of(classes, [row.labels for row in rows])
    _refuse_broken(rows, scheme)
    digest, index = hashlib.sha256(), {label: i for i, label in enumerate(classes)}
    clean = [treated(row.tokens, kind, options.text) for row in rows]
    for words, row in zip(clean, rows, strict=True):
        digest.update(json.dumps([list(words), list(row.labels)]).encode())
    flat = np.array([index[label] for row in rows for label in row.labels], np.int64)
    data = Tagged(clean, flat, classes, kind, scheme, digest.hexdigest(), names, found.form,
                  found.forms, encodings=found.encodings)  # fmt: skip
    data.notes = [_described(data), *found.notes]
    return data


def _cut(rows: Sequence[Row], options: TaggedOptions) -> tuple[list[Row], str]:
    """Rows whose strings are cut into symbols, and what a symbol is.

    Raises CorpusError for a row without a label for each symbol, or without any.
    """
    texts = [(row.tokens, row.labels) for row in rows if isinstance(row.tokens, str)]
    kind = options.tokens or kind_of([text for text, _ in texts], [names for _, names in texts])
    cut = [replace(row, tokens=symbols_of(row.tokens, kind)) if isinstance(row.tokens, str)
           else row for row in rows]  # fmt: skip
    _refuse_lengths(cut)
    if options.tokens == "char":
        _refuse_words(cut, options.whose)
    if options.tokens or len(texts) == len(rows):
        return cut, kind
    return cut, "word" if any(len(t) != 1 for row in cut for t in row.tokens) else "char"


def _refuse_words(rows: Sequence[Row], whose: str) -> None:
    """Raise for a token that is not a single character, where there may be no others."""
    for row in rows:
        place = next((i for i, token in enumerate(row.tokens) if len(token) != 1), None)
        if place is None:
            continue
        token = f"the token {quoted(row.tokens[place])} of {row.where(place)}"
        what = f"{token} is not a single character"
        if whose:
            raise CorpusError(f"the symbols of {whose} are characters, but {what}; give data that "
                              "have a label for every character")  # fmt: skip
        raise UsageError(f"--tokens char: {what}; leave --tokens out")


def _refuse_lengths(rows: Sequence[Row]) -> None:
    """Raise CorpusError for a row without a label for each token, or without any."""
    for row in rows:
        if len(row.tokens) != len(row.labels):
            raise CorpusError(f"{row.where()}: {counted(len(row.tokens), 'token')} and "
                              f"{counted(len(row.labels), 'label')}; each token needs one"
                              )  # fmt: skip
        if not len(row.tokens):
            raise CorpusError(f"{row.where()}: no tokens; leave it out")


def _refuse_broken(rows: Sequence[Row], scheme: str) -> None:
    """Raise CorpusError for labels that break the scheme of the others."""
    for row in rows:
        if fault := broken(row.labels, scheme):
            place, why = fault
            raise CorpusError(f"{row.where(place)}: {why}, as the other labels are {scheme} (at "
                              f"the token {quoted(row.tokens[place])}, number {place + 1})"
                              )  # fmt: skip


def _described(data: Tagged) -> str:
    symbols = {"char": "characters", "word": "words"}[data.kind]
    spans = f", spans written as {data.scheme}" if data.scheme else ""
    return (f"read as {data.form}: {counted(len(data.tokens), 'sequence')} of "
            f"{len(data.labels):,} {symbols}, {counted(len(data.classes), 'label')}{spans}"
            )  # fmt: skip


def append(data: Tagged, part: str, path: str, options: TaggedOptions) -> list[int]:
    """Put the sequences of the file of a held-out part behind those of the data; their numbers.

    Raises
    ------
    CorpusError, UsageError : see `labelled`
    """
    whose = "the training data"
    options = replace(options, tokens=data.kind, labels=None, whose=whose)
    tokens, labels, found = labelled([near(path)], options, data.classes, data.scheme)
    first = len(data.tokens)
    data.tokens += tokens
    data.labels = np.concatenate([data.labels, labels])
    data.forms += found.forms
    data.notes += [f"{part} part: {note}" for note in found.notes]
    seen = json.dumps([list(map(list, tokens)), labels.tolist()])
    data.sha256 = hashlib.sha256(f"{data.sha256} {seen}".encode()).hexdigest()
    return list(range(first, len(data.tokens)))


def labelled(
    names: Sequence[str], options: TaggedOptions, classes: Sequence[str], scheme: str
) -> tuple[list[Tokens], np.ndarray, Found]:
    """Sequences by which something is judged that has labels already.

    Parameters
    ----------
    options : its `tokens` says what a symbol is, `whose` who has the labels
    classes, scheme : the labels, and the scheme of their spans

    Returns
    -------
    tokens : of every sequence
    labels : (N,) positions in `classes`
    found : how the files were understood

    Raises
    ------
    CorpusError : unreadable, malformed, or a label that is not among the classes
    UsageError : see `load`
    """
    found = read(names, options)
    rows, kind = _cut(found.rows, options)
    flat = [label for row in rows for label in row.labels]
    labels = positions(flat, classes, ", ".join(names), options.whose)
    _refuse_broken(rows, scheme)
    return [treated(row.tokens, kind, options.text) for row in rows], labels, found


def treated(tokens: Tokens, kind: str, options: TextOptions) -> Tokens:
    """Tokens as the options say, each by itself, so that each keeps its label.

    A character that would become two stays as it is.
    """
    if not (options.lowercase or options.normalize):
        return "".join(tokens) if kind == "char" else list(tokens)
    words = [transform(token, options) for token in tokens]
    if kind == "word":
        return words
    return "".join(new if len(new) == 1 else old for new, old in zip(words, tokens, strict=True))
