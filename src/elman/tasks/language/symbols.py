"""The nats of every symbol of given texts: short texts in batches, a long one in chunks.

A symbol that the vocabulary does not hold is read and priced as `<unk>`. Where there is no
`<unk>` it is skipped: not read, not predicted, and its price is infinite.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, log

import numpy as np

from ...learn.batches import side_by_side
from ...text.encoded import Encoded
from ...text.vocabulary import Vocabulary
from ...text.words import in_pieces, split_words
from .adapting import AdaptingNetwork
from .scoring import LanguageModel, Score

Array = np.ndarray
Text = str | bytes

LONG = 4096  # symbols: a longer text is read alone, on all threads
BATCH = 4096  # symbols of texts in one batch, padding included
CHUNK = 1024  # steps that one call makes at most
LOGITS = 1 << 22  # that one call makes at most
PIECE = 1 << 16  # symbols of a long text that are held at once


@dataclass(frozen=True)
class Symbols:
    """The symbols of texts, back to back: those of text i are `[offsets[i]:offsets[i + 1]]`.

    Attributes
    ----------
    ids : (N,) int32; of a record the last is `<end>`; -1 for one that was skipped
    nats : (N,) float64, what each costs; inf for one that was skipped
    offsets : (n + 1,)
    """

    ids: Array
    nats: Array
    offsets: Array

    def scores(self, vocabulary: Vocabulary, characters: Sequence[int]) -> list[Score]:
        """The sums over each text; `characters` says how many it has."""
        first, skipped = self.offsets[:-1], self.ids < 0
        if not len(first):
            return []

        def total(of_each: Array, dtype: type) -> list:
            return np.add.reduceat(of_each, first, dtype=dtype).tolist()

        nats = total(np.where(skipped, 0, self.nats), float)
        left_out = total(skipped, int)
        unknown = [0] * len(first)
        if vocabulary.unknown is not None:
            unknown = total(self.ids == vocabulary.unknown, int)
        words: Sequence[int | None] = [None] * len(first)
        if vocabulary.counted is not None:
            words = total(vocabulary.counted[self.ids] & ~skipped, int)
        lengths = np.diff(self.offsets).tolist()
        return [
            Score(inf if left else known, length - left, count, odd + left, of_words, known)
            for known, left, length, count, odd, of_words in zip(
                nats, left_out, lengths, characters, unknown, words, strict=True
            )
        ]


class Stream:
    """One text that is read piece by piece, from a zero state.

    A record goes from `<begin>` to `<end>`. Running text begins behind a newline, because a
    text starts where a line starts; if the vocabulary has none, the first symbol, which
    nothing predicts, costs log V.
    """

    def __init__(self, model: LanguageModel, vocabulary: Vocabulary):
        self._model, self._vocabulary = model, vocabulary
        self._state, self._last = model.zero_state(1), vocabulary.opening

    def read(self, piece: Text, ends: bool = False) -> Symbols:
        """The symbols of the next piece; with `ends` it is the last one of a record."""
        ids = _ids(self._vocabulary, piece)
        if ends and self._vocabulary.end is not None:
            ids = np.append(ids, np.int32(self._vocabulary.end))
        nats = np.full(len(ids), inf)
        known = ids >= 0
        if known.any():
            nats[known] = self._costs(ids[known])
        return Symbols(ids, nats, np.array([0, len(ids)]))

    def _costs(self, ids: Array) -> Array:
        read, costs = ids, np.full(len(ids), log(len(self._vocabulary)))
        predicted = costs[1:]
        if self._last is not None:
            read, predicted = np.append(np.int32(self._last), ids), costs
        steps = _steps(self._model, 1)
        for start in range(0, len(predicted), steps):
            window = read[start : start + steps + 1, None]
            losses, self._state = self._model.nats(window[:-1], window[1:], self._state)
            predicted[start : start + steps] = losses[:, 0]
        self._last = int(read[-1])
        return costs


def read(model: LanguageModel, vocabulary: Vocabulary, texts: Sequence[Text]) -> Symbols:
    """The symbols of short texts, which are read in batches; none may be empty.

    What is said of a text does not depend on the others: to the bit on the native engine.
    """
    ids, offsets = _joined(vocabulary, texts)
    nats, known = np.full(len(ids), inf), ids >= 0
    before = np.append(0, np.cumsum(known))[offsets]  # known symbols before each text
    lengths, sequences, opened = np.diff(before), Encoded(ids[known], before), 0
    if vocabulary.opening is not None:
        opened = 1
        sequences = Encoded(
            np.insert(ids[known], before[:-1], vocabulary.opening),
            before + np.arange(len(before)),
        )
    costs = np.full(before[-1], log(len(vocabulary)))

    def work(rows: Array, inputs: Array, mask: Array | None) -> None:
        losses = _losses(model, inputs, mask)[:, : len(rows)]
        steps = np.arange(len(losses))[:, None]
        there = steps < lengths[rows] - (1 - opened)
        costs[(before[rows] + (1 - opened) + steps)[there]] = losses[there]

    side_by_side(sequences, getattr(model, "engine", None), work, BATCH)
    nats[known] = costs
    return Symbols(ids, nats, offsets)


def score(model: LanguageModel, vocabulary: Vocabulary, texts: Sequence[Text]) -> list[Score]:
    """How likely each of several texts is, long ones too; none may be empty."""
    ends, longest = int(vocabulary.end is not None), _longest(model)
    short = [text for text in texts if len(text) <= longest]
    found = read(model, vocabulary, short).scores(vocabulary, [len(t) + ends for t in short])
    in_order, scores = iter(found), []
    for text in texts:
        if len(text) <= longest:
            scores.append(next(in_order))
            continue
        parts = [part.scores(vocabulary, [len(piece)])[0]
                 for piece, part in pieces(model, vocabulary, text)]  # fmt: skip
        scores.append(sum(parts, Score(0.0, 0, ends, words=parts[0].words and 0)))
    return scores


def each(
    model: LanguageModel, vocabulary: Vocabulary, texts: Sequence[Text]
) -> Iterator[Iterator[tuple[Text, Symbols]]]:
    """For each text its pieces with their symbols, as `score` reads them; none may be empty."""
    longest = _longest(model)
    found = read(model, vocabulary, [text for text in texts if len(text) <= longest])
    i = 0
    for text in texts:
        if len(text) > longest:
            yield pieces(model, vocabulary, text)
            continue
        own = slice(found.offsets[i], found.offsets[i + 1])
        ids, nats = found.ids[own], found.nats[own]
        yield iter([(text, Symbols(ids, nats, np.array([0, len(ids)])))])
        i += 1


def _longest(model: LanguageModel) -> int:
    """Symbols of the longest text that is read together with others."""
    return 0 if isinstance(model, AdaptingNetwork) else LONG


def pieces(
    model: LanguageModel, vocabulary: Vocabulary, text: Text
) -> Iterator[tuple[Text, Symbols]]:
    """The pieces of one text of any length, each with its symbols."""
    stream, left = Stream(model, vocabulary), len(text)
    for piece in in_pieces(text, PIECE, vocabulary.kind == "word"):
        left -= len(piece)
        yield piece, stream.read(piece, ends=not left)


def named(
    vocabulary: Vocabulary, parts: Iterable[tuple[Text, Symbols]], end: str
) -> Iterator[tuple[int, str, float]]:
    """The symbols of a text that comes in chunks: id, text, nats.

    `end` is what ends a record, the text of `<end>`.
    """
    for text, part in parts:
        if vocabulary.kind == "byte":
            raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            shown = [chr(b) if 32 <= b < 127 or b in (9, 10, 13) else f"\\x{b:02x}" for b in raw]
        else:
            text = text.decode("utf-8") if isinstance(text, bytes) else text
            words = vocabulary.kind == "word"
            shown = split_words(text, vocabulary.rule) if words else list(text)
        if len(shown) < len(part.ids):
            shown.append(end)
        yield from zip(part.ids.tolist(), shown, part.nats.tolist(), strict=True)


def _ids(vocabulary: Vocabulary, text: Text) -> Array:
    ids = vocabulary.look_up(text)
    if vocabulary.unknown is not None:
        ids = np.where(ids < 0, np.int32(vocabulary.unknown), ids)
    return ids


def _joined(vocabulary: Vocabulary, texts: Sequence[Text]) -> tuple[Array, Array]:
    """The ids of texts, of records each with its `<end>`, and their offsets."""
    if vocabulary.kind == "char":
        ids = _ids(vocabulary, "".join(map(str, texts)))
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    else:
        each = [_ids(vocabulary, text) for text in texts]
        ids = np.concatenate([np.empty(0, np.int32), *each])
        lengths = np.fromiter(map(len, each), np.int64, len(each))
    offsets = np.append(0, np.cumsum(lengths))
    if vocabulary.end is not None:
        ids = np.insert(ids, offsets[1:], vocabulary.end)
        offsets = offsets + np.arange(len(offsets))
    return ids, offsets


def _steps(model: LanguageModel, batch_size: int) -> int:
    return max(1, min(CHUNK, LOGITS // (batch_size * model.vocabulary_size)))


def _losses(model: LanguageModel, inputs: Array, mask: Array | None) -> Array:
    """What each symbol (T - 1, B) behind the first ones costs, from a zero state."""
    T, B = inputs.shape
    steps = _steps(model, B)
    losses, state = np.empty((max(0, T - 1), B)), model.zero_state(B)
    for t in range(0, T - 1, steps):
        window = inputs[t : t + steps + 1]
        there = None if mask is None else mask[t + 1 : t + steps + 1]
        losses[t : t + steps], state = model.nats(window[:-1], window[1:], state, there)
    return losses
