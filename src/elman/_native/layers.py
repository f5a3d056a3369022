"""What surrounds the cells on the native engine, with the signatures of `elman.nn.layers`."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np

from ..nn.layers import dropout_bits
from . import _core
from .cells import LookUp, as_ids, contiguous

__all__ = ["ROUNDING", "affine", "dropout", "embedding", "one_hot_affine", "softmax_cross_entropy"]

Array = np.ndarray


def embedding(ids: Array, W: Array) -> tuple[Array, Callable[[Array], Array]]:
    """`elman.nn.layers.embedding`."""
    ids = as_ids(ids)
    y = np.empty((ids.size, W.shape[1]), W.dtype)
    _core.gather(W, ids.reshape(-1), y)
    return y.reshape(*ids.shape, -1), _scatter(ids, W)


def one_hot_affine(
    ids: Array, W: Array, b: Array | None
) -> tuple[LookUp, Callable[[Array], tuple[None, Array, Array | None]]]:
    """`elman.nn.layers.one_hot_affine`; its result is a `LookUp`, for a cell to read."""
    ids = as_ids(ids)
    scatter = _scatter(ids, W)

    def pullback(dy: Array) -> tuple[None, Array, Array | None]:
        dW = scatter(dy)
        return None, dW, None if b is None else dW.sum(axis=0)

    return LookUp(W if b is None else W + b, ids), pullback


def affine(
    x: Array, W: Array, b: Array | None, bf16: bool = False
) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array | None]]]:
    """`elman.nn.layers.affine`; with `bf16` that of `elman.nn.bf16`."""
    rows = contiguous(x).reshape(-1, x.shape[-1])
    y = np.empty((len(rows), W.shape[1]), x.dtype)
    _core.affine(rows, W, b, False, y, bf16)

    def pullback(dy: Array) -> tuple[Array, Array, Array | None]:
        dy = contiguous(dy).reshape(-1, W.shape[1])
        dx, dW = np.empty_like(rows), np.empty_like(W)
        db = None if b is None else np.empty_like(b)
        _core.outer_sum(rows, dy, dW, bf16)
        _core.affine(dy, W, None, True, dx, bf16)
        if db is not None:
            _core.column_sum(dy, db)
        return dx.reshape(x.shape), dW, db

    return y.reshape(*x.shape[:-1], -1), pullback


def dropout(
    x: Array, rate: float, rng: np.random.Generator
) -> tuple[Array, Callable[[Array], Array]]:
    """`elman.nn.layers.dropout`: of the mask only the random bits are kept."""
    bits, threshold = dropout_bits(x.shape, rate, rng)
    bits, scale = bits.reshape(-1), 1 / (1 - rate)

    def apply(x: Array) -> Array:
        y = np.empty(x.shape, x.dtype)
        _core.dropout(contiguous(x).reshape(-1), bits, threshold, scale, y.reshape(-1))
        return y

    return apply(x), apply


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Callable[[Array], Array]]:
    """`elman.nn.layers.softmax_cross_entropy`; the gradient comes with the loss, in one pass."""
    V = logits.shape[-1]
    dlogits = np.empty((logits.size // V, V), logits.dtype)
    nats = np.empty(len(dlogits))
    flat = as_ids(targets).reshape(-1)
    _core.cross_entropy(contiguous(logits).reshape(-1, V), flat, dlogits, nats)

    def pullback(dnats: Array) -> Array:
        weighted = dlogits * dnats.reshape(-1, 1).astype(logits.dtype, copy=False)
        return weighted.reshape(logits.shape)

    return nats.astype(logits.dtype, copy=False).reshape(targets.shape), pullback


def _scatter(ids: Array, W: Array) -> Callable[[Array], Array]:
    """The gradient of a look-up: rows are added in a fixed order, whatever the threads."""

    def pullback(dy: Array) -> Array:
        dW = np.zeros_like(W)
        _core.scatter_add(contiguous(dy).reshape(-1, W.shape[1]), ids.reshape(-1), dW)
        return dW

    return pullback


ROUNDING = SimpleNamespace(
    affine=partial(affine, bf16=True), dropout=dropout, embedding=embedding,
    one_hot_affine=one_hot_affine, softmax_cross_entropy=softmax_cross_entropy,
)  # fmt: skip
