"""The wide part: what the n-grams of a text say of a label, straight to the logits.

    n-grams of 1, 2, … symbols ──► hash ──► rows of wide.W ──► Σ / √count ──► + logits

Of a label of the whole text these are all its n-grams (`ngrams`), of a label of one symbol those
that hold it or touch it, each together with its place (`ngrams_around`).

A linear model on sparse features next to the network (Cheng et al. 2016): it remembers which
n-gram goes with which label, and leaves to the recurrence what that does not explain. N-grams
share N rows by a hash (Weinberger et al. 2009), so that no table of them is kept; the begin
and the end of a text are symbols of their n-grams.

With the rows r_1 … r_m of a label and s = 1/√m

    y = s · Σ_k W[r_k]          ∂L/∂W[r] = s · Σ_{k: r_k = r} ∂L/∂y

While training some n-grams are left out at random, as dropout does, and s grows by 1/(1 - rate).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

# Every intermediate of the hash is below 2^53, so that a double holds it exactly: ONNX and
# JavaScript compute the same rows.
PRIME, FACTOR, MIX, PLACE = 67108859, 48271, 2654435, 40503
BEGIN, END, FIRST = 1, 2, 3  # codes of the borders, and of symbol 0
CHUNK = 1 << 14  # numbers of the table that are read at once
PLACES = 36  # bits of a place in a batch; with 26 of a row they fit into 63


@dataclass(frozen=True)
class Ngrams:
    """The n-grams that the labels of a batch see.

    Attributes
    ----------
    rows : (K, B) of the table; of labels of symbols (K, T, B)
    there : bool, as `rows`; the others are padding
    """

    rows: Array
    there: Array


def ngrams(ids: Array, mask: Array | None, num_rows: int, longest: int) -> Ngrams:
    """The n-grams of texts (T, B), of 1 to `longest` symbols, by hash.

        h ← (h · 48271 + code) mod 67108859 over the symbols of an n-gram, from 0
        row = (h · 2654435 mod 67108859) mod N

    Parameters
    ----------
    mask : (T, B) bool, False behind the end of a text; None without padding
    num_rows : N, at most 2²⁶

    Example
    -------
    >>> found = ngrams(np.array([[0], [1]]), None, 100, 2)  # <begin> 0 1 <end>, and the pairs
    >>> found.rows.ravel().tolist()
    [35, 5, 40, 70, 59, 43, 27]
    """
    lengths = _lengths(ids, mask)
    starts, rows, there = np.arange(len(ids) + 2)[:, None], [], []
    for n, h in _hashes(ids, lengths, longest):
        rows.append(h * MIX % PRIME % num_rows)
        there.append(starts[: len(h)] + n <= lengths + 2)
    return Ngrams(np.concatenate(rows), np.concatenate(there))


def ngrams_around(ids: Array, mask: Array | None, num_rows: int, longest: int) -> Ngrams:
    """The n-grams that hold a symbol or touch it, of every symbol of texts (T, B).

    Of n symbols these are n + 2: the one that ends before the symbol, those in which it is the
    last, …, the first, and the one that begins behind it. With h of `ngrams` and the place p of
    the n-gram, 0, 1, …, n + 1 from the left

        row = ((h · 2654435 mod 67108859) + (p + 1) · 40503) mod N

    The arguments are those of `ngrams`.
    """
    T, lengths = len(ids), _lengths(ids, mask)
    steps, rows, there = np.arange(T)[:, None], [], []
    for n, h in _hashes(ids, lengths, longest):
        mixed = h * MIX % PRIME
        for place in range(n + 2):
            starts = steps + 1 - n + place  # among the symbols between their borders
            found = mixed[np.clip(starts[:, 0], 0, len(h) - 1)]
            rows.append((found + (place + 1) * PLACE) % num_rows)
            there.append((starts >= 0) & (starts + n <= lengths + 2) & (steps < lengths))
    return Ngrams(np.stack(rows), np.stack(there))


def _lengths(ids: Array, mask: Array | None) -> Array:
    return np.full(ids.shape[1], len(ids)) if mask is None else mask.sum(axis=0)


def _hashes(ids: Array, lengths: Array, longest: int) -> Iterator[tuple[int, Array]]:
    """For every n the hashes h (T + 3 - n, B) of the n-grams that begin at each place."""
    T, B = ids.shape
    codes = np.zeros((T + 2, B), np.int64)
    codes[0] = BEGIN
    codes[1:-1] = ids
    codes[1:-1] += FIRST
    codes[lengths + 1, np.arange(B)] = END
    h = np.zeros_like(codes)
    for n in range(1, min(longest, T + 2) + 1):
        h = (h[: T + 3 - n] * FACTOR + codes[n - 1 :]) % PRIME
        yield n, h


def wide(
    W: Array, found: Ngrams, dropout: float = 0.0, rng: np.random.Generator | None = None
) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """The sum over n-grams, y = Σ_k W[r_k] / √m for every label.

    Parameters
    ----------
    W : (N, C)
    found : n-grams of B texts, or of T·B symbols
    dropout : share of the n-grams that are left out
    rng : draws which; None leaves out none

    Returns
    -------
    y : (B, C), or (T, B, C); of a text the same bits alone and in any batch
    pullback : dy as y -> (rows, dW): the rows (R,) of W that have a gradient, rising, and
        their gradients (R, C)
    """
    scale = 1 / np.sqrt(np.maximum(1, found.there.sum(axis=0)))
    kept = found.there
    if rng is not None and dropout:
        kept = kept & (rng.random(kept.shape) >= dropout)
        scale /= 1 - dropout
    weights = (kept * scale).astype(W.dtype)
    y = np.zeros((*kept.shape[1:], W.shape[1]), W.dtype)
    several = max(1, CHUNK // y.size)
    for first in range(0, len(kept), several):  # few enough to stay in the cache
        chunk = slice(first, first + several)
        terms = W.take(found.rows[chunk], axis=0)
        terms *= weights[chunk, ..., None]
        terms[0] += y  # so that all are added one after the other
        np.add.reduce(terms, axis=0, out=y)

    def pullback(dy: Array) -> tuple[Array, Array]:
        places = np.flatnonzero(kept)
        if not len(places):
            return places, np.zeros((0, W.shape[1]), W.dtype)
        # By row, and of a row by place: numbers are sorted faster than an order of them is found.
        keys = (found.rows.ravel()[places] << PLACES) + places
        keys.sort()
        sorted_rows, places = keys >> PLACES, keys & ((1 << PLACES) - 1)
        starts = np.flatnonzero(np.diff(sorted_rows, prepend=-1))
        parts = dy.reshape(-1, W.shape[1]).take(places % (dy.size // W.shape[1]), axis=0)
        parts *= weights.ravel()[places, None]
        return sorted_rows[starts], np.add.reduceat(parts, starts, axis=0)

    return y, pullback


def rows_for(symbols: int, classes: int) -> int:
    """How many rows a table has by default: a power of two, as many as the data can use.

    At most four for each symbol of the training part, so that few n-grams share one, 262,144 in
    all, and 4 million numbers, 16 MB.
    """
    fitting = min(4 * symbols, 1 << 18, (1 << 22) // max(1, classes))
    return 1 << max(6, fitting.bit_length() - 1)
