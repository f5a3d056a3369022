"""How likely is a text under a model: log-likelihood, perplexity, bits per character."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, log
from typing import Protocol

import numpy as np

from ...errors import CorpusError
from ...text.parts import Part
from ...text.vocabulary import Vocabulary
from .batches import streams

CHUNK = 256  # steps that an evaluation reads at once
SIDE_BY_SIDE = 64  # lines that are scored at once


class LanguageModel(Protocol):
    """What scoring and sampling ask of a network, or of a Markov chain."""

    @property
    def vocabulary_size(self) -> int: ...

    def zero_state(self, batch_size: int) -> np.ndarray: ...

    def nats(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray,
        mask: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(self, ids: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True)
class Score:
    """The log-likelihood of a text.

    Attributes
    ----------
    nats : negative log-likelihood of the whole text, in nats
    symbols : how many symbols were predicted (the end of a line is one)
    characters : how many characters these stand for
    unknown : how many of the symbols the vocabulary did not hold
    words : how many of them are words and marks, not white space; None: not a matter of words
    """

    nats: float
    symbols: int
    characters: float
    unknown: int = 0
    words: int | None = None

    def __add__(self, other: "Score") -> "Score":
        one_counts_words = self.words is not None or other.words is not None
        return Score(
            self.nats + other.nats,
            self.symbols + other.symbols,
            self.characters + other.characters,
            self.unknown + other.unknown,
            self.counted + other.counted if one_counts_words else None,
        )

    @property
    def counted(self) -> int:
        """How many symbols perplexity is a mean over: the words, else all."""
        return self.symbols if self.words is None else self.words

    @property
    def bits_per_character(self) -> float:
        """Of the text, ends of lines included."""
        return self.nats / log(2) / self.characters if self.characters else inf

    @property
    def nats_per_character(self) -> float:
        """The same in nats."""
        return self.nats / self.characters if self.characters else inf

    @property
    def perplexity(self) -> float:
        """Per symbol: exp of the mean loss, the geometric mean of the inverse probabilities.

        Of words: of the whole loss, white space included, per word or mark.
        """
        if not self.counted:
            return inf
        mean = self.nats / self.counted
        return exp(mean) if mean < 700 else inf


def evaluate(
    model: LanguageModel,
    part: Part,
    vocabulary: Vocabulary,
    characters_per_symbol: float = 1.0,
    parallel: int = 1,
    limit: int | None = None,
    chunk: int = CHUNK,
    start: np.ndarray | None = None,
) -> Score:
    """Score a held-out part, the state carried across it.

    Parameters
    ----------
    parallel : streams that are read side by side; 1 for a final figure
    limit : about how many predictions to make, for a quick estimate: the beginnings of
        the parallel streams, which lie evenly over the part
    chunk : steps that are read at once; changes the memory, not the figure
    start : a state of the network, of any number of streams, from which the parallel
        streams of running text start; None: zero
    """
    nats, predictions, counted = 0.0, 0, vocabulary.counted
    words = None if counted is None else 0
    parallel = max(1, min(parallel, part.predictions))
    if part.offsets is not None:
        parallel = SIDE_BY_SIDE
    if limit is not None:
        chunk = min(chunk, -(-limit // parallel))
    state = model.zero_state(parallel)
    for batch in streams(part, vocabulary, chunk, parallel):
        if batch.fresh:
            state = model.zero_state(batch.inputs.shape[1])
            if start is not None:  # streams share what there is of warm states
                state = start.take(np.arange(state.shape[2]) % start.shape[2], axis=2)
        elif batch.anew is not None and batch.anew.any():
            state = anew(model, state, batch.anew)
        losses, state = model.nats(batch.inputs, batch.targets, state, batch.mask)
        if batch.mask is not None:
            losses = losses[batch.mask]
        nats += float(np.sum(losses, dtype=np.float64))
        predictions += batch.predictions
        if counted is not None and words is not None:
            targets = batch.targets if batch.mask is None else batch.targets[batch.mask]
            words += int(counted[targets].sum())
        if limit is not None and predictions >= limit:
            break
    return Score(nats, predictions, predictions * characters_per_symbol, words=words)


def anew(model: LanguageModel, state: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The state with that of some streams (B,) bool as before anything was read.

    Whatever the model, its state has the streams on the last axis but one, or on the last.
    """
    zero = model.zero_state(len(rows))
    where = rows[:, None] if zero.ndim == 4 else rows
    return np.where(where, zero, state)


def symbol_nats(
    model: LanguageModel, vocabulary: Vocabulary, text: str | bytes, where: str = "the text"
) -> tuple[np.ndarray, np.ndarray]:
    """The symbols of one text, and the negative log-likelihood of each, in nats.

    See `score_text` for what is read before the first one, and the errors raised.

    Returns
    -------
    ids : (N,) int64; of a model of lines the last is `<end>`
    nats : (N,) float64
    """
    if not text:
        raise CorpusError(f"{where} is empty: there is nothing to score")
    ids = vocabulary.encode(text, where).astype(np.int64)
    first = vocabulary.opening
    if vocabulary.end is not None:
        ids = np.append(ids, vocabulary.end)
    read = ids if first is None else np.concatenate([[first], ids])
    nats, state = np.full(len(ids), log(len(vocabulary))), model.zero_state(1)
    predicted = nats[len(ids) - len(read) + 1 :]  # all, or all but the first
    for start in range(0, len(predicted), CHUNK):
        window = read[start : start + CHUNK + 1].astype(np.int32)[:, None]
        losses, state = model.nats(window[:-1], window[1:], state)
        predicted[start : start + CHUNK] = losses[:, 0]
    return ids, nats


def score_text(
    model: LanguageModel, vocabulary: Vocabulary, text: str | bytes, where: str = "the text"
) -> Score:
    """Score one text, the state starting at zero.

    A model of lines scores a line from `<begin>` to `<end>`. A model of running
    text reads a newline first, because a text starts where a line starts; if it
    knows no newline, the first symbol, which nothing predicts, costs log V.

    Raises
    ------
    CorpusError : an empty text
    UnknownSymbolError : a symbol that the vocabulary does not hold
    """
    ids, nats = symbol_nats(model, vocabulary, text, where)
    unknown = int((ids == vocabulary.unknown).sum()) if vocabulary.unknown is not None else 0
    characters = len(text) + (vocabulary.end is not None)
    words = None if vocabulary.counted is None else int(vocabulary.counted[ids].sum())
    return Score(float(nats.sum()), len(ids), characters, unknown, words)


def rank(scores: Iterable[Score]) -> list[int]:
    """Indices from the likeliest to the least likely, by bits per character."""
    listed = list(scores)
    return sorted(range(len(listed)), key=lambda i: listed[i].bits_per_character)
