"""The wide part: what the n-grams of a text say of its label, straight to the logits.

    n-grams of 1, 2, … symbols ──► hash ──► rows of wide.W ──► Σ / √count ──► + logits

A linear model on sparse features beside the network (Cheng et al. 2016): it remembers which
n-gram goes with which label, and leaves to the recurrence what that does not explain. N-grams
share N rows by a hash (Weinberger et al. 2009), so that no table of them is kept; the begin
and the end of a text are symbols of their n-grams.

With the rows r_1 … r_m of a text and s = 1/√m

    y = s · Σ_k W[r_k]          ∂L/∂W[r] = s · Σ_{k: r_k = r} ∂L/∂y

While training some n-grams are left out at random, as dropout does, and s grows by 1/(1 - rate).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

# Every intermediate of the hash is below 2^53, so that a double holds it exactly: ONNX and
# JavaScript compute the same rows.
PRIME, FACTOR, MIX = 67108859, 48271, 2654435
BEGIN, END, FIRST = 1, 2, 3  # codes of the borders, and of symbol 0

DROPOUT = 0.4  # share of the n-grams that a training step leaves out


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of the texts of a batch.

    Attributes
    ----------
    rows : (K, B) of the table
    there : (K, B) bool; the others are padding
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
    T, B = ids.shape
    lengths = np.full(B, T) if mask is None else mask.sum(axis=0)
    codes = np.zeros((T + 2, B), np.int64)
    codes[0] = BEGIN
    codes[1:-1] = ids
    codes[1:-1] += FIRST
    codes[lengths + 1, np.arange(B)] = END
    starts = np.arange(T + 2)[:, None]
    h, rows, there = np.zeros_like(codes), [], []
    for n in range(1, min(longest, T + 2) + 1):
        h = (h[: T + 3 - n] * FACTOR + codes[n - 1 :]) % PRIME
        rows.append(h * MIX % PRIME % num_rows)
        there.append(starts[: T + 3 - n] + n <= lengths + 2)
    return Ngrams(np.concatenate(rows), np.concatenate(there))


def wide(
    W: Array, found: Ngrams, rng: np.random.Generator | None = None
) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """The sum over n-grams, y = Σ_k W[r_k] / √m for every text.

    Parameters
    ----------
    W : (N, C)
    found : n-grams of B texts
    rng : draws which n-grams are left out; None leaves out none

    Returns
    -------
    y : (B, C); of a text the same bits alone and in any batch
    pullback : dy (B, C) -> (rows, dW): the rows (R,) of W that have a gradient, rising, and
        their gradients (R, C)
    """
    scale = 1 / np.sqrt(found.there.sum(axis=0))
    kept = found.there
    if rng is not None:
        kept = kept & (rng.random(kept.shape) >= DROPOUT)
        scale /= 1 - DROPOUT
    weights = (kept * scale).astype(W.dtype)
    y = (W[found.rows] * weights[:, :, None]).sum(axis=0)

    def pullback(dy: Array) -> tuple[Array, Array]:
        places = np.flatnonzero(kept)
        places = places[np.argsort(found.rows.ravel()[places], kind="stable")]
        if not len(places):
            return np.zeros(0, np.int64), np.zeros((0, W.shape[1]), W.dtype)
        rows, starts = np.unique(found.rows.ravel()[places], return_index=True)
        parts = dy[places % dy.shape[0]] * weights.ravel()[places, None]
        return rows, np.add.reduceat(parts, starts, axis=0)

    return y, pullback


def rows_for(symbols: int, classes: int) -> int:
    """How many rows a table has by default: a power of two, as many as the data can use.

    Half as many as the training part has symbols, at most 131,072, and at most 4 million
    numbers in all, 16 MB.
    """
    fitting = min(symbols // 2, 1 << 17, (1 << 22) // max(1, classes))
    return 1 << max(6, fitting.bit_length() - 1)
