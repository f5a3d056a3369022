"""How many characters the symbols of a text of words have.

Figures per character need it of every part by itself: words are longer in some parts than in
others. What a word was that is `<unk>` now is seen only while the text is read.
"""

from collections.abc import Sequence

import numpy as np

from .vocabulary import Vocabulary
from .words import split_words

AT_ONCE = 1 << 22  # symbols that are looked up at once: a large text is mapped


class Lengths:
    """The lengths of the words of one corpus, which come in its order: as a stream or as records.

    Example
    -------
    >>> vocabulary = Vocabulary("word", ["the", " ", "<unk>"])
    >>> lengths, ids = Lengths(vocabulary), vocabulary.encode("the ocean")
    >>> lengths.add("the ocean", ids)
    >>> lengths.between(ids, 1, 3)
    6
    """

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._known = np.array([len(str(symbol)) for symbol in vocabulary.symbols], np.int64)
        self._known[vocabulary.special] = 0
        self._places: list[np.ndarray] = []  # of each <unk>, and how long the word there was
        self._unknown: list[np.ndarray] = []
        self._records: list[np.ndarray] = []
        self._seen = 0

    def add(self, text: str, ids: np.ndarray) -> None:
        """Go on with some running text, and the ids of its words."""
        missing = np.flatnonzero(ids == self._vocabulary.unknown)
        if len(missing):
            words = split_words(text, self._vocabulary.rule)
            self._places.append(missing + self._seen)
            self._unknown.append(np.array([len(words[i]) for i in missing], np.int64))
        self._seen += len(ids)

    def add_records(self, records: Sequence[str]) -> None:
        """Go on with some records."""
        self._records.append(np.array([len(record) for record in records], np.int64))

    def between(self, ids: np.ndarray, begin: int, end: int) -> int:
        """The characters of the words `ids[begin:end]` of the stream `ids` (N,)."""
        total = sum(
            int(self._known[ids[start : min(start + AT_ONCE, end)]].sum())
            for start in range(begin, end, AT_ONCE)
        )
        for places, lengths in zip(self._places, self._unknown, strict=True):
            first, last = np.searchsorted(places, [begin, end])
            total += int(lengths[first:last].sum())
        return total

    def of_records(self, rows: np.ndarray) -> int:
        """The characters of some records, each with its end."""
        lengths = np.concatenate(self._records)
        return int(lengths[rows].sum()) + len(rows)
