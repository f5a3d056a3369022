"""Sequences with a label for every symbol: checked, named and counted.

Symbols are characters if every token is one, else words.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import CorpusError, UsageError, counted, quoted
from .finding import lasting
from .labelled import positions
from .read import TextOptions, transform
from .spans import broken, scheme_of
from .tagforms import Row, TaggedOptions, Tokens, listed_row, read
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
    found = read(names, options)
    data = checked(found.rows, found.form, list(names), options)
    data.notes = [*data.notes, *found.notes]
    data.paths = [lasting(name) for name in names]
    data.encodings = found.encodings
    return data


def from_rows(rows: Iterable[tuple[Tokens, Sequence[str]]], options: TaggedOptions) -> Tagged:
    """Pairs (tokens, labels) in memory: tokens a string, or a list of strings."""
    found: list[Row] = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, tuple | list) or len(row) != 2:
            raise CorpusError(f"row {number} is not (tokens, labels) but {quoted(row)}")
        found.append(listed_row(f"row {number}", *row))
    return checked(found, MEMORY, ["rows"], options)


def checked(rows: Sequence[Row], form: str, names: list[str], options: TaggedOptions) -> Tagged:
    """Labelled sequences of rows that make sense; CorpusError for those that do not."""
    _refuse_lengths(rows)
    if not rows:
        raise CorpusError("there is no labelled sequence")
    kind = _kind(rows, options.tokens)
    classes = sorted({label for _, _, labels in rows for label in labels})
    if len(classes) < 2:
        raise CorpusError(f"{', '.join(names)} has the one label {classes[0]!r}; a tagger needs "
                          "at least 2 to tell apart")  # fmt: skip
    scheme = scheme_of(classes, [labels for _, _, labels in rows])
    _refuse_broken(rows, scheme)
    digest, index = hashlib.sha256(), {label: i for i, label in enumerate(classes)}
    clean = [treated(words, kind, options.text) for _, words, _ in rows]
    for words, (_, _, labels) in zip(clean, rows, strict=True):
        digest.update(json.dumps([list(words), list(labels)]).encode())
    flat = np.array([index[label] for _, _, labels in rows for label in labels], np.int64)
    data = Tagged(clean, flat, classes, kind, scheme, digest.hexdigest(), names, form)
    data.notes = [_described(data)]
    return data


def _refuse_lengths(rows: Sequence[Row]) -> None:
    """Raise CorpusError for a row without a label for each token, or without any."""
    for where, tokens, labels in rows:
        if len(tokens) != len(labels):
            raise CorpusError(f"{where}: {counted(len(tokens), 'token')} and "
                              f"{counted(len(labels), 'label')}; each token needs one")  # fmt: skip
        if not len(tokens):
            raise CorpusError(f"{where}: no tokens; leave it out")


def _refuse_broken(rows: Sequence[Row], scheme: str) -> None:
    """Raise CorpusError for labels that break the scheme of the others."""
    for where, tokens, labels in rows:
        if fault := broken(labels, scheme):
            place, why = fault
            raise CorpusError(f"{where}: {why}, as the other labels are {scheme} (at the token "
                              f"{quoted(tokens[place])}, number {place + 1})")  # fmt: skip


def _described(data: Tagged) -> str:
    symbols = {"char": "characters", "word": "words"}[data.kind]
    spans = f", spans written as {data.scheme}" if data.scheme else ""
    return (f"read as {data.form}: {counted(len(data.tokens), 'sequence')} of "
            f"{len(data.labels):,} {symbols}, {counted(len(data.classes), 'label')}{spans}"
            )  # fmt: skip


def append(data: Tagged, path: str, options: TaggedOptions) -> list[int]:
    """Put the sequences of a held-out part behind those of the data; their numbers.

    Raises
    ------
    CorpusError, UsageError : see `labelled`
    """
    options = replace(options, tokens=data.kind, labels=None)
    whose = "the training data"
    tokens, labels, _ = labelled([path], options, data.classes, data.scheme, whose)
    first = len(data.tokens)
    data.tokens += tokens
    data.labels = np.concatenate([data.labels, labels])
    seen = json.dumps([list(map(list, tokens)), labels.tolist()])
    data.sha256 = hashlib.sha256(f"{data.sha256} {seen}".encode()).hexdigest()
    return list(range(first, len(data.tokens)))


def labelled(
    names: Sequence[str], options: TaggedOptions, classes: Sequence[str], scheme: str, whose: str
) -> tuple[list[Tokens], np.ndarray, list[str]]:
    """Sequences by which something is judged that has labels already.

    Parameters
    ----------
    options : its `tokens` says what a symbol is
    classes, scheme, whose : the labels, the scheme of their spans, and who has them

    Returns
    -------
    tokens : of every sequence
    labels : (N,) positions in `classes`
    notes : what the user should know about the reading

    Raises
    ------
    CorpusError : unreadable, malformed, or a label that is not among the classes
    UsageError : see `load`
    """
    found = read(names, options)
    _refuse_lengths(found.rows)
    kind = _kind(found.rows, options.tokens)
    flat = [label for _, _, labels in found.rows for label in labels]
    labels = positions(flat, classes, ", ".join(names), whose)
    _refuse_broken(found.rows, scheme)
    tokens = [treated(tokens, kind, options.text) for _, tokens, _ in found.rows]
    return tokens, labels, [f"read as {found.form}: {counted(len(tokens), 'sequence')}",
                            *found.notes]  # fmt: skip


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


def _kind(rows: Sequence[Row], tokens: str | None) -> str:
    """What the symbols are: as asked, else as every token shows."""
    longer = next(
        ((where, token) for where, words, _ in rows for token in words if len(token) != 1), None
    )
    if tokens == "char" and longer is not None:
        where, token = longer
        raise UsageError(f"--tokens char: the token {quoted(token)} of {where} is no single "
                         "character; leave --tokens out")  # fmt: skip
    return tokens or ("word" if longer else "char")
