"""Symbols of given texts that a model does not know: how many, and which comes first."""

from .vocabulary import Vocabulary
from .words import split_words


class Unknown:
    """Counts what of the texts a model reads as `<unk>`.

    Example
    -------
    >>> unknown = Unknown(Vocabulary("word", ["the", " ", "sea", "<unk>"]))
    >>> unknown.add("the zzzz sea")
    >>> unknown.note()
    "1 of 3 words are unknown to the model and read as <unk>; the first is 'zzzz'"
    """

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.count = self.total = 0
        self.first = ""

    def add(self, text: str | bytes, longest: int | None = None) -> None:
        """Count a text, treated as the training text was, or its first `longest` symbols."""
        v = self.vocabulary
        if v.unknown is None or isinstance(text, bytes):
            return
        ids = v.encode(text)[:longest]
        unknown = ids == v.unknown
        self.count += int(unknown.sum())
        self.total += len(ids) if v.counted is None else int(v.counted[ids].sum())
        if not self.first and unknown.any():
            symbols = split_words(text, v.rule) if v.kind == "word" else text
            self.first = symbols[int(unknown.argmax())]

    def note(self) -> str:
        """What to tell the user; "" if everything is known."""
        if not self.count:
            return ""
        noun = "words" if self.vocabulary.kind == "word" else "characters"
        return (
            f"{self.count:,} of {self.total:,} {noun} are unknown to the model and read as <unk>; "
            f"the first is {self.first!r}"
        )
