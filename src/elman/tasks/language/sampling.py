"""How a model writes, symbol by symbol: greedy, temperature, top-k, top-p, beam."""

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from types import ModuleType

import numpy as np

from ...errors import UsageError, quoted
from ...nn.layers import softmax
from ...text.vocabulary import Vocabulary
from .scoring import CHUNK, LanguageModel

# (ids, state, options, uniforms, forbidden, end) -> (symbols, state): see `continuation`
Writer = Callable[..., tuple[np.ndarray, np.ndarray]]

MAX_LENGTH = 100_000_000
MAX_BEAM = 1024
LONGEST_CHUNK = 256  # symbols that a native engine writes at once


@dataclass(frozen=True)
class SamplingOptions:
    """How the next symbol is chosen from its distribution.

    temperature : logits are divided by it; below 1 bolder towards the likely,
        above 1 more even; 0 is greedy
    top_k : only the k likeliest symbols (0: all; Fan et al. 2018)
    top_p : only the smallest set of likeliest symbols whose probabilities sum to
        at least p (1: all; Holtzman et al. 2020), after temperature and top-k
    greedy : always the likeliest symbol
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    greedy: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.temperature, Real) or not 0 <= self.temperature < np.inf:
            raise UsageError(f"--temperature must be 0 or more, not {quoted(self.temperature)}")
        if not isinstance(self.top_k, Integral) or self.top_k < 0:
            raise UsageError(f"--top-k must be a whole number from 0, not {quoted(self.top_k)}")
        if not isinstance(self.top_p, Real) or not 0 < self.top_p <= 1:
            raise UsageError(f"--top-p must be above 0 and at most 1, not {quoted(self.top_p)}")

    @property
    def certain(self) -> str:
        """The flag that leaves nothing to chance; "" if symbols are drawn."""
        if self.greedy:
            return "--greedy"
        if self.temperature == 0:
            return "--temperature 0"
        return "--top-k 1" if self.top_k == 1 else ""


@dataclass(frozen=True)
class Start:
    """Where sampling begins: a state, and the symbols that are read before the first choice."""

    state: np.ndarray
    ids: np.ndarray


def read(model: LanguageModel, start: Start) -> Start:
    """The start after all but its last symbol were read, in pieces: a prime may be long."""
    ids, state = np.asarray(start.ids, np.int32)[:, None], start.state
    for at in range(0, len(ids) - 1, CHUNK):
        _, state = model.predict(ids[at : min(at + CHUNK, len(ids) - 1)], state)
    return Start(state, ids[-1:, 0])


def distribution(logits: np.ndarray, options: SamplingOptions) -> np.ndarray:
    """Probabilities (V,) of the next symbol after temperature, top-k and top-p."""
    logits = logits.astype(np.float64)
    if options.greedy or options.temperature == 0:
        p = np.zeros(len(logits))
        p[np.argmax(logits)] = 1
        return p
    # The maximum goes first: tiny temperatures must not overflow.
    with np.errstate(over="ignore"):
        p = softmax((logits - logits.max()) / options.temperature)
    if 0 < options.top_k < len(p):
        order = np.argsort(-p, kind="stable")
        p[order[options.top_k :]] = 0
    if options.top_p < 1:
        order = np.argsort(-p, kind="stable")
        before = np.cumsum(p[order]) - p[order]
        p[order[before >= options.top_p * p.sum()]] = 0
    return p / p.sum()


def choose(p: np.ndarray, uniform: float) -> int:
    """The symbol at a uniform number: the inverse of the cumulative distribution."""
    symbol = int(np.searchsorted(np.cumsum(p), uniform * p.sum(), side="right"))
    return min(symbol, int(np.flatnonzero(p)[-1]))


def continuation(
    model: LanguageModel,
    ids: np.ndarray,
    state: np.ndarray,
    options: SamplingOptions,
    uniforms: np.ndarray,
    forbidden: np.ndarray,
    end: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """What B streams write after what they have read: the reference of the engines.

    Parameters
    ----------
    ids : (P, B) symbols that are read first
    state : the state before them
    uniforms : (N, B) float64, a uniform number for every choice
    forbidden : (V,) bool, True for symbols that are never chosen
    end : a stream that has chosen it ends there

    Returns
    -------
    symbols : (n, B) int32; n is N, or less where every stream has ended
    state : after what was read; the last symbols are not
    """
    symbols = np.zeros(uniforms.shape, np.int32)
    ended = np.zeros(uniforms.shape[1], bool)
    for n, row in enumerate(uniforms):
        logits, state = model.predict(np.asarray(ids, np.int32), state)
        for b, uniform in enumerate(row):
            last = logits[-1, b].astype(np.float64)
            last[forbidden] = -np.inf
            if end is not None and ended[b]:
                symbols[n, b] = end
            else:
                symbols[n, b] = choose(distribution(last, options), uniform)
        ended |= symbols[n] == end
        if ended.all():
            return symbols[: n + 1], state
        ids = symbols[n : n + 1]
    return symbols, state


def generate(
    model: LanguageModel,
    start: Start,
    options: SamplingOptions,
    rng: np.random.Generator,
    forbidden: list[int],
    end: int | None = None,
    length: int | None = None,
    write: Writer | None = None,
    empty: bool = True,
) -> Iterator[int]:
    """Symbol after symbol, up to `end` or `length` symbols; `forbidden` ids are never chosen.

    One uniform number is drawn for every symbol, whatever the engine: what follows from the
    same `rng` continues after the last symbol that was asked for. A native engine writes
    growing chunks without coming back to Python; the reference writes one by one.

    Parameters
    ----------
    write : the `writer` of the model, for those that have it already
    empty : whether `end` may come first; if not, and it does, the first symbol is drawn again
    """
    write = writer(model) if write is None else write
    native = _native(model) is not None
    ids, state = np.asarray(start.ids, np.int32)[:, None], start.state
    banned = np.zeros(model.vocabulary_size, bool)
    banned[forbidden] = True
    chunk, left = 1, length
    while left is None or left > 0:
        count = chunk if left is None else min(chunk, left)
        before = rng.bit_generator.state if count > 1 else {}
        symbols, after = write(ids, state, options, rng.random((count, 1)), banned, end)
        if not empty and symbols[0, 0] == end:
            # Drawn again, not forbidden from the start: that would change the other texts, too.
            banned_too = banned | (np.arange(len(banned)) == end)
            symbols, after = write(ids, state, options, rng.random((1, 1)), banned_too, None)
        empty, used = True, 0
        try:
            for symbol in symbols[:, 0].tolist():
                used += 1
                yield symbol
        finally:
            if used < count:  # the rest is as if never drawn: the next text continues from there
                rng.bit_generator.state = before
                rng.random(used)
        if symbols[-1, 0] == end:
            return
        ids, state = symbols[-1:], after
        left = None if left is None else left - count
        chunk = min(2 * chunk, LONGEST_CHUNK) if native else chunk


def writer(model: LanguageModel) -> Writer:
    """`continuation` of a model whose parameters stay as they are, as its engine does it best.

    A native one has packed the weights for it, which takes as much memory as they do: streams
    of one model may share it, from any thread.
    """
    whole = _native(model)
    return partial(continuation, model) if whole is None else whole.writer(model)


def _native(model: LanguageModel) -> ModuleType | None:
    return getattr(getattr(model, "engine", None), "whole", None)


def beam_search(
    model: LanguageModel,
    start: Start,
    width: int,
    length: int,
    forbidden: list[int],
    end: int | None,
    empty: bool = True,
) -> list[int]:
    """The likeliest continuation among `width` that are kept at every step.

    Sequences that reach `end` compete with those that continue, by their mean
    log-likelihood per symbol. `end` does not come first unless they may be `empty`.
    Nothing is drawn: same start, same result.

    Raises
    ------
    UsageError : a width below 1 or above 1,024
    """
    if not isinstance(width, Integral) or not 1 <= width <= MAX_BEAM:
        raise UsageError(f"--beam must be between 1 and {MAX_BEAM}, not {quoted(width)}")
    logits, state = model.predict(np.asarray(start.ids, np.int32)[:, None], start.state)
    logits = logits[-1]  # (beams, V)
    total = np.zeros(1)
    beams: list[list[int]] = [[]]
    best: tuple[float, list[int]] | None = None
    for _ in range(length):
        log_p = logits.astype(np.float64)
        log_p = log_p - log_p.max(axis=1, keepdims=True)
        log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        log_p[:, forbidden] = -np.inf
        scores = total[:, None] + log_p
        if end is not None:
            for b, beam in enumerate(beams if empty or beams[0] else []):
                mean = scores[b, end] / (len(beam) + 1)
                if best is None or mean > best[0]:
                    best = (float(mean), [*beam, end])
            scores[:, end] = -np.inf
        choice = np.argsort(-scores, axis=None, kind="stable")[:width]
        choice = choice[np.isfinite(scores.ravel()[choice])]
        if not len(choice):
            break
        parents, symbols = np.unravel_index(choice, scores.shape)
        beams = [[*beams[b], int(s)] for b, s in zip(parents, symbols, strict=True)]
        total = scores.ravel()[choice]
        state = np.ascontiguousarray(
            state[..., parents, :] if state.ndim == 4 else state[:, parents]
        )
        logits, state = model.predict(symbols[None].astype(np.int32), state)
        logits = logits[0]
    if best is not None and (not beams[0] or best[0] > total[0] / max(1, len(beams[0]))):
        return best[1]
    return beams[0]


def decoder(vocabulary: Vocabulary) -> Callable[[int], str]:
    """A function that gives the text of each symbol as it comes.

    Bytes that start a character are held back, as "", until it is whole.
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def text(symbol: int) -> str:
        if vocabulary.kind == "byte":
            return decode(vocabulary.decode_bytes([symbol]))
        return vocabulary.decode([symbol])

    return text


class Found:
    """Watches a text that grows for the one with which it ends; None: for nothing.

    Attributes
    ----------
    complete : whether it was there
    """

    def __init__(self, stop: str | None):
        self.stop, self.complete, self._seen = stop, False, ""

    def up_to(self, pieces: Sequence[str]) -> int:
        """How many of the next pieces belong to the text."""
        for number, piece in enumerate(pieces, 1):
            if self.stop:
                self._seen = (self._seen + piece)[-len(self.stop) - len(piece) :]
                if self.stop in self._seen:
                    self.complete = True
                    return number
        return len(pieces)
