"""Symbols of given texts that a model does not know: how many, and which comes first."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import quoted
from .vocabulary import Vocabulary, alike, normal_form
from .words import in_pieces, split_words

PIECE = 1 << 20  # characters that are looked up at once
LOOKED_AT = 1000  # unknown symbols by which another normal form is recognised


class Unknown:
    """Counts what of the texts a model reads as `<unk>`, or skips where it has none.

    Example
    -------
    >>> unknown = Unknown(Vocabulary("word", ["the", " ", "sea", "<unk>"]))
    >>> unknown.add("the zzzz sea")
    >>> unknown.note()
    "1 of 3 words are unknown to the model and read as <unk>; the first is 'zzzz'"
    """

    def __init__(self, vocabulary: Vocabulary, skipped: bool = False):
        self.vocabulary, self.skipped = vocabulary, skipped
        self.count = self.total = self.other_case = 0
        self.first = ""
        self._symbols: set[str] = set()

    def add(self, text: str | bytes, longest: int | None = None) -> None:
        """Count a text, treated as the training text was, or its first `longest` symbols."""
        v = self.vocabulary
        if isinstance(text, bytes) or (v.unknown is None and not self.skipped):
            return
        ids = v.look_up(text)[:longest]
        missing = np.flatnonzero(ids < 0)
        self.count += len(missing)
        self.total += len(ids)
        if v.counted is not None:
            self.total -= int((~v.counted[ids[ids >= 0]]).sum())
        if len(missing):
            symbols = split_words(text, v.rule) if v.kind == "word" else text
            for i in missing:
                self._name(symbols[i], 1)

    def _name(self, symbol: str, times: int) -> None:
        self.first = self.first or symbol
        self.other_case += times * (symbol.swapcase() in self.vocabulary.ids)
        if len(self._symbols) < LOOKED_AT:
            self._symbols.add(symbol)

    def add_missing(self, counts: Mapping[str, int], total: int) -> None:
        """Count symbols that are known to be missing, of a text with this number of symbols."""
        self.count += sum(counts.values())
        self.total += total
        for symbol, times in counts.items():
            self._name(symbol, times)

    def add_all(self, texts: Sequence[str | bytes]) -> None:
        """Count several texts."""
        if self.vocabulary.kind == "byte":  # which knows all
            return
        words = self.vocabulary.kind == "word"
        joined = texts if words else ["".join(map(str, texts))]
        for text in joined:
            for piece in in_pieces(text, PIECE, words):  # what names symbols takes memory
                self.add(piece)

    def note(self) -> str:
        """What to tell the user; "" if everything is known."""
        if not self.count:
            return ""
        noun = "words" if self.vocabulary.kind == "word" else "characters"
        done = "skipped" if self.vocabulary.unknown is None else "read as <unk>"
        case = ""
        if self.other_case:
            case = (f"; it knows {self.other_case:,} of them in the other case: train with "
                    "--lowercase, and case makes no difference")  # fmt: skip
        return (
            f"{self.count:,} of {self.total:,} {noun} are unknown to the model and {done}; "
            f"the first is {quoted(self.first)}"
            f"{alike(normal_form(self._symbols, self.vocabulary))}{case}"
        )
