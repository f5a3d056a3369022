"""Symbols to ids and back: characters, bytes or words.

Ids are positions in `symbols`. Three special symbols may follow the ordinary
ones: `<unk>` (what the vocabulary does not hold), `<begin>` and `<end>` (the
borders of a record); what a model learns later comes after these. No text is ever
encoded as one of them by accident: they are longer than a character and no word
contains both letters and angle brackets.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from ..errors import UnknownSymbolError, listed, quoted
from .words import SPACE_BEFORE, UAX29, split_words

LISTED = 20  # unknown symbols that a message names

UNKNOWN, BEGIN, END = "<unk>", "<begin>", "<end>"

KINDS = ("char", "byte", "word")
Symbol = str | int


class Vocabulary:
    """An ordered set of symbols, with encoding and decoding.

    `rule` says how a text is cut into words, see `words`.

    Example
    -------
    >>> vocabulary = Vocabulary("char", ["a", "b"])
    >>> vocabulary.encode("abba")
    array([0, 1, 1, 0], dtype=uint8)
    >>> vocabulary.decode([1, 0])
    'ba'
    """

    def __init__(self, kind: str, symbols: Sequence[Symbol], rule: str = UAX29):
        self.kind = kind
        self.rule = rule
        self.symbols = list(symbols)
        self.ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.unknown = self.ids.get(UNKNOWN)
        self.begin = self.ids.get(BEGIN)
        self.end = self.ids.get(END)
        self.dtype = np.min_scalar_type(max(1, len(self.symbols) - 1))
        self._code_points = self._table() if kind == "char" else None

    def __len__(self) -> int:
        return len(self.symbols)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (
            (self.kind, self.rule, self.symbols) == (other.kind, other.rule, other.symbols)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def special(self) -> list[int]:
        """Ids that are not text."""
        return [i for i in (self.unknown, self.begin, self.end) if i is not None]

    @property
    def opening(self) -> int | None:
        """What is read before a text: `<begin>`, else a newline, None without either."""
        newline: Symbol = 10 if self.kind == "byte" else "\n"
        return self.ids.get(newline) if self.begin is None else self.begin

    @cached_property
    def counted(self) -> np.ndarray | None:
        """Which symbols perplexity is a mean over, (V,) bool: words and marks; None: all.

        White space between words is nothing that one would count, and borders are no text.
        """
        if self.kind != "word" or self.rule == SPACE_BEFORE:
            return None
        counted = np.array([not str(symbol).isspace() for symbol in self.symbols])
        counted[[i for i in (self.begin, self.end) if i is not None]] = False
        return counted

    def encode(self, text: str | bytes, where: str = "the text") -> np.ndarray:
        """Ids of a text, in the smallest unsigned type that holds them all.

        Raises
        ------
        UnknownSymbolError : a symbol that the vocabulary neither holds nor maps
            to `<unk>`; the message names it and its place in `where`
        """
        ids = self.look_up(text)
        missing = ids < 0
        if missing.any():
            if self.unknown is None:
                self._refuse(text, missing, where)
            ids[missing] = self.unknown
        return ids.astype(self.dtype)

    def look_up(self, text: str | bytes) -> np.ndarray:
        """Ids (n,) int32 of a text, -1 for symbols that the vocabulary does not hold."""
        if self.kind == "byte":
            raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            return np.frombuffer(raw, np.uint8).astype(np.int32)
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        if self._code_points is not None:
            return self._code_points[code_points(text)]
        return np.array([self.ids.get(word, -1) for word in split_words(text, self.rule)], np.int32)

    def extended(self, new: Sequence[Symbol]) -> "Vocabulary":
        """This vocabulary, and behind its symbols new ones."""
        return Vocabulary(self.kind, [*self.symbols, *new], self.rule) if new else self

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are not UTF-8 become U+FFFD, borders become nothing."""
        if self.kind == "byte":
            return self.decode_bytes(ids).decode("utf-8", errors="replace")
        borders = (self.begin, self.end)
        return "".join(str(self.symbols[i]) for i in ids if i not in borders)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of ids: of a byte vocabulary as they are, else the text in UTF-8."""
        if self.kind == "byte":
            return bytes(i for i in ids if i < 256)
        return self.decode(ids).encode("utf-8", "surrogatepass")

    def show(self, symbol: int) -> str:
        """A symbol in a form that can be read in a message."""
        value = self.symbols[symbol]
        return f"byte {value:#04x}" if isinstance(value, int) else repr(value)

    def to_json(self) -> dict:
        """The form in which a model file holds it."""
        rule = {"words": self.rule} if self.kind == "word" and self.rule != SPACE_BEFORE else {}
        return {"kind": self.kind, "symbols": self.symbols} | rule

    def _table(self) -> np.ndarray:
        table = np.full(0x110000, -1, np.int32)
        for i, symbol in enumerate(self.symbols):
            if isinstance(symbol, str) and len(symbol) == 1:
                table[ord(symbol)] = i
        return table

    def _refuse(self, text: str | bytes, missing: np.ndarray, where: str) -> None:
        """Raise UnknownSymbolError that names all symbols, in the order in which they come."""
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        symbols: Sequence[str] = split_words(text, self.rule) if self.kind == "word" else text
        unknown = [symbols[i] for i in np.flatnonzero(missing).tolist()]
        position = sum(map(len, symbols[: int(np.argmax(missing))]))
        counts = Counter(unknown)
        named = listed(list(counts), LISTED, lambda symbol: _named(symbol, counts[symbol]))
        first = "at" if len(unknown) == 1 else "the first at"
        them = "it" if len(counts) == 1 else "them"
        raise UnknownSymbolError(
            f"the model does not know {named}, {first} position {position} of "
            f"{where}{alike(normal_form(set(counts), self))}; leave {them} out, or train "
            "with --unknown or --tokens byte"
        )


def _named(symbol: str, count: int) -> str:
    code = f" (U+{ord(symbol):04X})" if len(symbol) == 1 else ""
    return f"{quoted(symbol)}{code}" + (f", {count:,} times" if count > 1 else "")


def normal_form(unknown: set[str], vocabulary: Vocabulary) -> str | None:
    """The Unicode normal form that makes a text like the model's, if that is why it is unknown."""
    normalize, ids = unicodedata.normalize, vocabulary.ids
    if vocabulary.kind == "word":
        if any(normalize("NFC", word) in ids for word in unknown):
            return "NFC"
        return "NFD" if any(normalize("NFD", word) in ids for word in unknown) else None
    known = {symbol for symbol in ids if isinstance(symbol, str) and len(symbol) == 1}
    # What follows the first character of a decomposed one is never a letter by itself.
    if any(unknown & set(normalize("NFD", symbol)[1:]) for symbol in known):
        return "NFC"
    apart = [set(normalize("NFD", symbol)) for symbol in unknown]
    return "NFD" if any(len(parts) > 1 and parts <= known for parts in apart) else None


def alike(form: str | None) -> str:
    """What to say of a text that is in another normal form than the model's; "" if it is not."""
    if form is None:
        return ""
    other = "NFD" if form == "NFC" else "NFC"
    return (f" (the text is in the Unicode normal form {other}, the model's in {form}; in a "
            f"training --normalize {form} makes them the same)")  # fmt: skip


def code_points(text: str) -> np.ndarray:
    """Unicode code points of a text (n,) as uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


class VocabularyBuilder:
    """Collects the symbols of a text that comes in pieces.

    Parameters
    ----------
    size : how many characters or words to keep, the most frequent; None: all
    borders : whether there are symbols for the begin and the end of a record
    rule : how a text is cut into words
    least : how often a symbol must occur to be kept
    """

    def __init__(
        self,
        kind: str,
        size: int | None = None,
        borders: bool = False,
        rule: str = UAX29,
        least: int | None = None,
    ):
        self.kind, self.rule = kind, rule
        self.size, self.least = size, least
        self.borders = borders
        self.count = 0  # symbols of text seen so far
        self._points = np.zeros(0x110000 if kind == "char" else 0, np.int64)  # how often each
        self._words: Counter[str] = Counter()

    @property
    def chosen(self) -> bool:
        """Whether symbols of the text may be left out."""
        return self.size is not None or self.least is not None

    def add(self, piece: str | bytes) -> None:
        """Count the symbols of a piece: a whole record, or what ends at a line end or the end."""
        if isinstance(piece, bytes):
            self.count += len(piece)
        elif self.kind == "char":
            points = code_points(piece)
            self.count += len(points)
            counts = np.bincount(points)
            self._points[: len(counts)] += counts
        else:
            words = split_words(piece, self.rule)
            self.count += len(words)
            self._words.update(words)

    def add_symbols(self, symbols: Sequence[str]) -> None:
        """Count symbols that are cut already: characters, or words as they are.

        Words that are called like a special symbol are unknown words.
        """
        if self.kind == "char":
            self.add("".join(symbols))
            return
        self.count += len(symbols)
        self._words.update(s for s in symbols if s not in (UNKNOWN, BEGIN, END))

    @property
    def words(self) -> int:
        """How many words and marks were seen so far: the symbols that are no white space."""
        return sum(n for word, n in self._words.items() if not word.isspace())

    def missing(self, vocabulary: Vocabulary) -> dict[str, int]:
        """The symbols that a vocabulary does not hold, and how often each occurs."""
        counts: dict[str, int] = self._words
        if self.kind == "char":
            found = np.flatnonzero(self._points).tolist()
            counts = {chr(point): int(self._points[point]) for point in found}
        return {symbol: n for symbol, n in counts.items() if symbol not in vocabulary.ids}

    def build(self, unknown: bool = False) -> Vocabulary:
        """The vocabulary of everything added: code points in order, words by frequency.

        What is left out for `size` or `least` is `<unk>`, which words always have.
        """
        symbols: list[Symbol]
        if self.kind == "byte":
            symbols = list(range(256))
        elif self.kind == "char":
            unknown = unknown or self.chosen
            kept = np.flatnonzero(self._points >= (self.least or 1))
            if self.size is not None:
                by_frequency = np.argsort(-self._points[kept], kind="stable")
                kept = np.sort(kept[by_frequency[: self.size]])
            symbols = [chr(i) for i in kept]
        else:
            unknown = True
            ranked = sorted(self._words.items(), key=lambda item: (-item[1], item[0]))
            symbols = [word for word, n in ranked[: self.size] if n >= (self.least or 1)]
        if unknown and self.kind != "byte":
            symbols.append(UNKNOWN)
        if self.borders:
            symbols += [BEGIN, END]
        return Vocabulary(self.kind, symbols, self.rule)
