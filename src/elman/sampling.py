"""Writing with a model: greedy, temperature, top-k, top-p, beam; novelty of a sample."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from .errors import UsageError
from .layers import softmax
from .scoring import LanguageModel
from .vocabulary import Vocabulary

MAX_LENGTH = 100_000_000
MAX_BEAM = 1024


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
        if not 0 <= self.temperature < np.inf:
            raise UsageError(f"--temperature must be 0 or more, not {self.temperature}")
        if not isinstance(self.top_k, Integral) or self.top_k < 0:
            raise UsageError(f"--top-k must be a whole number from 0, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"--top-p must be above 0 and at most 1, not {self.top_p}")


@dataclass(frozen=True)
class Start:
    """Where sampling begins: a state, and the symbols that are read before the first choice."""

    state: np.ndarray
    ids: np.ndarray


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


def generate(
    model: LanguageModel,
    start: Start,
    options: SamplingOptions,
    rng: np.random.Generator,
    forbidden: list[int],
) -> Iterator[int]:
    """Symbol after symbol, without end; `forbidden` ids are never chosen."""
    state, ids = start.state, start.ids
    while True:
        logits, state = model.predict(np.asarray(ids, np.int32)[:, None], state)
        last = logits[-1, 0].astype(np.float64)
        last[forbidden] = -np.inf
        p = distribution(last, options)
        # inverse of the cumulative distribution at one uniform number
        symbol = int(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), side="right"))
        symbol = min(symbol, int(np.flatnonzero(p)[-1]))
        yield symbol
        ids = np.array([symbol])


def beam_search(
    model: LanguageModel,
    start: Start,
    width: int,
    length: int,
    forbidden: list[int],
    end: int | None,
) -> list[int]:
    """The likeliest continuation among `width` that are kept at every step.

    Sequences that reach `end` compete with those that go on, by their mean
    log-likelihood per symbol. Nothing is drawn: same start, same result.

    Raises
    ------
    UsageError : a width below 1 or above 1,024
    """
    if not isinstance(width, Integral) or not 1 <= width <= MAX_BEAM:
        raise UsageError(f"--beam must be between 1 and {MAX_BEAM}, not {width}")
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
            for b, beam in enumerate(beams):
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


@dataclass(frozen=True)
class Novelty:
    """How much of a sample stands in the training text.

    Attributes
    ----------
    longest_copy : the longest run of the sample that stands there word for word
    novel_share : share of the sample's n-grams (runs of n characters) that do not
    n : their length
    """

    longest_copy: str
    novel_share: float
    n: int


def novelty(sample: str, corpus: str, n: int = 10) -> Novelty:
    """Compare a sample with the text that the model was trained on."""
    grams = [sample[i : i + n] for i in range(len(sample) - n + 1)]
    novel = sum(gram not in corpus for gram in grams)
    longest, start = "", 0
    for end in range(1, len(sample) + 1):
        # Extend while the run is found, else let its start follow: two pointers.
        while start < end and sample[start:end] not in corpus:
            start += 1
        if end - start > len(longest):
            longest = sample[start:end]
    return Novelty(longest, novel / len(grams) if grams else 0.0, n)


def decode_stream(vocabulary: Vocabulary, symbols: Iterator[int], length: int) -> Iterator[str]:
    """The text of each symbol as it comes; at most `length` symbols are expected.

    Bytes that start a character are held back, as "", until it is whole.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for count, symbol in enumerate(symbols, 1):
        if vocabulary.kind == "byte":
            yield decoder.decode(vocabulary.decode_bytes([symbol]), final=count == length)
        else:
            yield vocabulary.decode([symbol])


def until(pieces: Iterator[str], stop: str | None) -> Iterator[str]:
    """The pieces up to and with the one in which the text `stop` is complete."""
    written = ""
    for piece in pieces:
        yield piece
        if stop:
            written = (written + piece)[-(len(stop) + len(piece)) :]
            if stop in written:
                return
