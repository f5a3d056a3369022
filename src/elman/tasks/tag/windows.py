"""Symbols of labelled sequences as ids, their windows, and the batches of those.

A sequence of at most `seq_len` symbols is one window. A longer one is read in windows that
overlap by half: of each only the labels inside count, a quarter of the window away from
its edges, so that every label has symbols on both sides to go by.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...learn.batches import groups_by_length, padded, there
from ...nn.chain import Borders
from ...nn.tagger import Letters
from ...text.encoded import Encoded, encode
from ...text.tagforms import Tokens
from ...text.vocabulary import Vocabulary

Array = np.ndarray
LONGEST_WORD = 40  # letters that are read of a word
TOGETHER = 64  # sequences whose chains are decoded at once


@dataclass(frozen=True)
class Symbols:
    """The symbols of sequences, back to back.

    Attributes
    ----------
    ids : (N,) int32
    words : (N,) which of the words that differ; None of characters
    letters : of the words that differ; None where they are not read
    """

    ids: Array
    words: Array | None = None
    letters: Encoded | None = None

    def batch(self, places: Array) -> tuple[Array, Letters | None]:
        """Ids (T, B) of places (T, B), and the letters of the words there."""
        ids = self.ids[places]
        if self.words is None or self.letters is None:
            return ids, None
        found, where = np.unique(self.words[places], return_inverse=True)
        # Two at least: the native engine adds up a single row in another order than several.
        found = found if len(found) > 1 else found.repeat(2)
        spelt, mask = padded(self.letters, found)
        return ids, Letters(spelt, mask, where.reshape(places.shape))


def encoded(
    tokens: Sequence[Tokens], vocabulary: Vocabulary, letters: Vocabulary | None
) -> Symbols:
    """Ids of the tokens of sequences; unknown ones are `<unk>`, but keep their letters."""
    unknown = vocabulary.unknown
    assert unknown is not None
    if vocabulary.kind == "char":
        ids = vocabulary.look_up("".join(map("".join, tokens)))
        return Symbols(np.where(ids < 0, np.int32(unknown), ids))
    words = [word for sequence in tokens for word in sequence]
    ids = np.array([vocabulary.ids.get(word, unknown) for word in words], np.int32)
    if letters is None:
        return Symbols(ids)
    places: dict[str, int] = {}
    which = np.array([places.setdefault(word, len(places)) for word in words], np.int32)
    return Symbols(ids, which, encode(letters, list(places), LONGEST_WORD))


@dataclass(frozen=True)
class Windows:
    """Windows of sequences.

    Attributes
    ----------
    places : of window i the symbols `places[offsets[i]:offsets[i + 1]]`
    counts : which of them count (M,) bool, as `places`
    begin, end : whether what counts begins and ends a sequence (n,)
    """

    places: Array
    offsets: Array
    counts: Array
    begin: Array
    end: Array

    def __len__(self) -> int:
        return len(self.begin)

    @property
    def rows(self) -> Encoded:
        """The windows as texts whose symbols are positions in `places`, to make batches of."""
        return Encoded(np.arange(len(self.places), dtype=np.int64), self.offsets)


def margin_of(seq_len: int) -> int:
    """How many symbols at an edge of a window are read, but not counted."""
    return seq_len // 4


def windows(ranges: Array, seq_len: int) -> Windows:
    """The windows of sequences (n, 2), each from its first symbol to behind its last."""
    margin = margin_of(seq_len)
    found: list[tuple[int, ...]] = []
    for start, stop in ranges.tolist():
        counted = start
        while counted < stop:
            at = start if counted == start else min(counted - margin, stop - seq_len)
            at = max(start, at)
            behind = min(at + seq_len, stop)
            until = stop if behind == stop else behind - margin
            found.append((at, behind - at, counted - at, until - at, counted == start,
                          until == stop))  # fmt: skip
            counted = until
    at, length, first, last, begin, end = np.array(found, np.int64).reshape(-1, 6).T
    offsets = np.concatenate([[0], np.cumsum(length)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
    counts = (within >= np.repeat(first, length)) & (within < np.repeat(last, length))
    places = within + np.repeat(at, length)
    return Windows(places, offsets, counts, begin.astype(bool), end.astype(bool))


def whole(ranges: Array) -> Iterator[tuple[Array, Array]]:
    """A batch of sequences (n, 2) of similar length: their symbols (T, B), and where they are.

    A chain is decoded over whole sequences, whatever windows they were read in.
    """
    lengths = ranges[:, 1] - ranges[:, 0]
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), TOGETHER):
        rows = order[start : start + TOGETHER]
        steps = np.arange(lengths[rows].max(initial=0))[:, None]
        mask = steps < lengths[rows]
        yield np.where(mask, ranges[rows, 0] + steps, ranges[rows, 0]), mask


@dataclass(frozen=True)
class TagBatch:
    """B windows, padded and masked; all (T, B) but the letters and borders.

    `weights` are those of the labels in the loss: their sum is 1.
    """

    inputs: Array
    labels: Array
    weights: Array
    mask: Array | None
    letters: Letters | None
    borders: Borders

    @property
    def width(self) -> int:
        return self.inputs.shape[1]

    def part(self, rows: slice) -> "TagBatch":
        """Some of its windows, which weigh what they weigh in the whole."""
        inputs, mask = there(self.inputs, self.mask, rows)
        labels, weights = self.labels[: len(inputs), rows], self.weights[: len(inputs), rows]
        letters = self.letters
        if letters is not None and inputs.shape != self.inputs.shape:
            letters = _some_of(letters, letters.places[: len(inputs), rows])
        borders = Borders(self.borders.begin[rows], self.borders.end[rows])
        return TagBatch(inputs, labels, weights, mask, letters, borders)


def _some_of(letters: Letters, places: Array) -> Letters:
    """The words at places (T, B) only."""
    found, where = np.unique(places, return_inverse=True)
    found = found if len(found) > 1 else found.repeat(2)  # as in `Symbols.batch`
    mask = None if letters.mask is None else np.ascontiguousarray(letters.mask[:, found])
    ids = np.ascontiguousarray(letters.ids[:, found])
    return Letters(ids, mask, where.reshape(places.shape))


class TagPlan:
    """Windows in random order, those of similar length together."""

    def __init__(
        self, symbols: Symbols, labels: Array, found: Windows, batch_size: int,
        rng: np.random.Generator,
    ):  # fmt: skip
        self.symbols, self.labels, self.windows = symbols, labels, found
        self.groups = groups_by_length(np.diff(found.offsets), batch_size, rng)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> TagBatch:
        found, rows = self.windows, self.groups[index]
        at, mask = padded(found.rows, rows)
        places = found.places[at]
        counts = found.counts[at] if mask is None else found.counts[at] & mask
        inputs, letters = self.symbols.batch(places)
        borders = Borders(found.begin[rows], found.end[rows])
        weights = counts / counts.sum()
        return TagBatch(inputs, self.labels[places], weights, mask, letters, borders)
