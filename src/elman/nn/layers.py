"""The pieces around the cells: look-up, affine map, dropout, softmax cross-entropy.

Every piece is a function that returns its output and a *pullback*, a function
from the gradient of the output to the gradients of the inputs: the chain rule,
written once next to the thing it differentiates.
"""

from collections.abc import Callable
from math import prod

import numpy as np

Array = np.ndarray


def embedding(ids: Array, W: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Row look-up, y[t, b] = W[ids[t, b]]: the product of one-hot vectors with W.

    A one-hot row times W picks one row of W, so neither the one-hot vectors nor
    the product are ever formed. The gradient of row v is the sum of the
    gradients at all places where v was looked up.

    Parameters
    ----------
    ids : (T, B) integers in [0, V)
    W : (V, D)

    Returns
    -------
    y : (T, B, D)
    pullback : dy (T, B, D) -> dW (V, D)
    """

    def pullback(dy: Array) -> Array:
        dW = np.zeros_like(W)
        rows = dy.reshape(-1, W.shape[1])
        if len(rows) <= 64:
            for v, row in zip(ids.ravel().tolist(), rows, strict=True):
                dW[v] += row
        else:  # equal ids next to each other, then one sum per run: same order every time
            order = np.argsort(ids, axis=None, kind="stable")
            found, starts = np.unique(ids.ravel()[order], return_index=True)
            for v, run in zip(found, np.split(order, starts[1:]), strict=True):
                rows[run].sum(axis=0, out=dW[v])
        return dW

    return W[ids], pullback


def one_hot_affine(
    ids: Array, W: Array, b: Array | None
) -> tuple[Array, Callable[[Array], tuple[None, Array, Array | None]]]:
    """y = onehot(ids)·W + b by row look-up, with the pullback of `affine`.

    Parameters
    ----------
    ids : (T, B) integers in [0, V)
    W : (V, K)
    b : (K,) or None

    Returns
    -------
    y : (T, B, K)
    pullback : dy (T, B, K) -> (None: ids have no gradient, dW, db or None)
    """
    # b joins the V rows of W before the look-up, not T·B rows after it.
    y, look_up_pullback = embedding(ids, W if b is None else W + b)

    def pullback(dy: Array) -> tuple[None, Array, Array | None]:
        dW = look_up_pullback(dy)
        # Every row of dy went into exactly one row of dW, so Σ dy is the sum of those.
        return None, dW, None if b is None else dW.sum(axis=0)

    return y, pullback


def affine(
    x: Array, W: Array, b: Array | None
) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array | None]]]:
    """y = x·W + b for every row of x.

    Parameters
    ----------
    x : (T, B, D)
    W : (D, K)
    b : (K,) or None

    Returns
    -------
    y : (T, B, K)
    pullback : dy (T, B, K) -> (dx = dy·Wᵀ, dW = xᵀ·dy, db = Σ dy or None)
    """
    T, B, D = x.shape
    y = x.reshape(T * B, D) @ W
    if b is not None:
        y += b

    def pullback(dy: Array) -> tuple[Array, Array, Array | None]:
        rows = dy.reshape(T * B, -1)
        dx = (rows @ W.T).reshape(T, B, D)
        return dx, x.reshape(T * B, D).T @ rows, None if b is None else rows.sum(axis=0)

    return y.reshape(T, B, -1), pullback


def mean_over_time(h: Array, mask: Array | None = None) -> tuple[Array, Callable[[Array], Array]]:
    """y = Σ_t h_t / T over the steps that are there.

    Parameters
    ----------
    h : (T, B, H)
    mask : (T, B) bool, False at padded steps, at least one True per sequence; or None

    Returns
    -------
    y : (B, H)
    pullback : dy (B, H) -> dh (T, B, H), 0 at padded steps
    """
    if mask is None:
        share = np.full((*h.shape[:2], 1), 1 / len(h), h.dtype)
    else:
        share = (mask / mask.sum(axis=0))[:, :, None].astype(h.dtype)

    def pullback(dy: Array) -> Array:
        return share * dy

    return (share * h).sum(axis=0), pullback


def max_over_time(h: Array, mask: Array | None = None) -> tuple[Array, Callable[[Array], Array]]:
    """y = max_t h_t, unit by unit, over the steps that are there.

    The gradient goes to the step that holds the maximum, the first of equals.

    Parameters
    ----------
    h : (T, B, H)
    mask : (T, B) bool, False at padded steps, at least one True per sequence; or None

    Returns
    -------
    y : (B, H)
    pullback : dy (B, H) -> dh (T, B, H)
    """
    there = h if mask is None else np.where(mask[:, :, None], h, -np.inf)
    at = there.argmax(axis=0)[None]

    def pullback(dy: Array) -> Array:
        dh = np.zeros_like(h)
        np.put_along_axis(dh, at, dy[None], axis=0)
        return dh

    return np.take_along_axis(h, at, axis=0)[0], pullback


def dropout(
    x: Array, rate: float, rng: np.random.Generator
) -> tuple[Array, Callable[[Array], Array]]:
    """Zero a random share `rate` of x and scale the rest by 1/(1 - rate).

    The expectation stays that of x, so nothing changes when sampling
    (Srivastava et al., 2014). Used between layers and before the readout, not
    on the recurrence (Zaremba et al., 2014).
    """
    bits, threshold = dropout_bits(x.shape, rate, rng)
    keep = (bits >= threshold) * x.dtype.type(1 / (1 - rate))

    def pullback(dy: Array) -> Array:
        return dy * keep

    return x * keep, pullback


def dropout_bits(
    shape: tuple[int, ...], rate: float, rng: np.random.Generator
) -> tuple[Array, int]:
    """Random numbers for `dropout`: those below the threshold, a share `rate`, mean zero.

    16 bits are enough for a choice between two, and four such numbers are cut from
    one draw: a small part of the cost of uniform floats.

    Returns
    -------
    bits : uint16 of the shape
    threshold : rate · 2¹⁶, rounded
    """
    count = prod(shape)
    raw = rng.bit_generator.random_raw(-(-count // 4))
    bits = raw.astype("<u8", copy=False).view("<u2")[:count].reshape(shape)
    return bits, round(rate * 65536)


def loss_weights(shape: tuple[int, ...], mask: Array | None, kind: str, dtype: np.dtype) -> Array:
    """The weight (T, B) of every prediction in the loss.

    `mean` averages over time and batch, `sum` sums over time and averages over the
    batch; where the mask is False the weight is 0.
    """
    T, B = shape
    total = B if kind == "sum" else T * B if mask is None else int(mask.sum())
    if mask is None:
        return np.full(shape, 1 / total, dtype)
    return mask.astype(dtype) / dtype.type(total)


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis; the maximum is subtracted, so nothing overflows."""
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return p


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Negative log-likelihood of the targets, in nats, straight from the logits.

        nats = log Σ_v exp(y_v) - y_target        d nats / dy = softmax(y) - onehot(target)

    Fused, because log(softmax(y)) of a very unlikely target would be log(0):
    here logits of ±1e4 give 2e4 nats, and the gradient needs no division.

    Parameters
    ----------
    logits : (T, B, V)
    targets : (T, B) integers in [0, V)

    Returns
    -------
    nats : (T, B) loss of every prediction
    pullback : dnats (T, B), the weight of every prediction -> dlogits (T, B, V)
    """
    T, B, V = logits.shape
    flat = logits.reshape(T * B, V)
    shifted = flat - flat.max(axis=1, keepdims=True)
    places = np.arange(0, T * B * V, V) + targets.ravel()  # of the targets among all logits
    at_target = shifted.ravel()[places]
    p = np.exp(shifted, out=shifted)
    total = p.sum(axis=1)
    nats = (np.log(total) - at_target).reshape(T, B)

    def pullback(dnats: Array) -> Array:
        weight = dnats.reshape(T * B, 1).astype(logits.dtype, copy=False)
        dlogits = p * (weight / total[:, None])
        dlogits.reshape(-1)[places] -= weight[:, 0]
        return dlogits.reshape(T, B, V)

    return nats, pullback
