"""Products of operands that are rounded to bfloat16: the reference of the native engine's.

A bfloat16 is a float32 without its last 16 bits: the same range, 8 significant bits. A product of
two is exact in float32, and sums are float32, so half the bits pass through the processor and the
result keeps its range. Only the operands of products are rounded: parameters, states, gates,
losses, gradients and the optimizer stay float32 (Kalamkar et al. 2019, "A study of BFLOAT16 for
deep learning training").
"""

from collections.abc import Callable, Mapping

import numpy as np

from . import layers
from .layers import dropout, embedding, one_hot_affine, softmax_cross_entropy

__all__ = ["affine", "dropout", "embedding", "forward", "one_hot_affine", "rounded",
           "softmax_cross_entropy"]  # fmt: skip

Array = np.ndarray
TINY = np.finfo(np.float32).tiny  # the smallest that is not subnormal


def rounded(x: Array) -> Array:
    """float32 values rounded to the nearest bfloat16, ties to even; still float32.

    Subnormal numbers become zeros, as for the processor's instruction.

    >>> rounded(np.float32([1.003, 1.005, -1e-40])).tolist()
    [1.0, 1.0078125, -0.0]
    """
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    nearest = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    values = np.asarray((nearest << np.uint32(16)).view(np.float32))
    return np.where(np.isnan(x), x, np.where(np.abs(x) < TINY, _flushed(x), values))


def _flushed(x: Array) -> Array:
    """Subnormal numbers become zeros of their sign."""
    return np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x)


class Operand(np.ndarray):
    """An array whose matrix products round both operands."""

    def __matmul__(self, other: Array) -> Array:  # type: ignore[override]
        return _product(self, other)

    def __rmatmul__(self, other: Array) -> Array:  # type: ignore[override]
        return _product(other, self)

    def dot(self, other: Array, out: Array | None = None) -> Array:  # type: ignore[override]
        product = _product(self, other)
        if out is None:
            return product
        out[...] = product
        return out


def _product(a: Array, b: Array) -> Array:
    product = rounded(np.asarray(a)) @ rounded(np.asarray(b))
    return _flushed(product)


def affine(
    x: Array, W: Array, b: Array | None
) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array | None]]]:
    """`elman.nn.layers.affine`, of rounded operands in all three products."""
    y, pullback = layers.affine(x.view(Operand), W, b)

    def plain(dy: Array) -> tuple[Array, Array, Array | None]:
        dx, dW, db = pullback(dy.view(Operand))
        return np.asarray(dx), np.asarray(dW), None if db is None else np.asarray(db)

    return np.asarray(y), plain


def forward(
    cell: Callable,
    params: Mapping[str, Array],
    z: Array,
    state: Array,
    mask: Array | None = None,
) -> tuple[Array, Array, Callable]:
    """The forward function of a cell, `cell`, of rounded operands in its products.

    The arrays that a cell multiplies are made like z.
    """
    h, final, pullback = cell(params, z.view(Operand), state, mask)

    def plain(dh: Array, dstate: Array | None = None) -> tuple[Array, Array, dict[str, Array]]:
        dz, dfirst, gradients = pullback(dh, dstate)
        return np.asarray(dz), np.asarray(dfirst), {n: np.asarray(g) for n, g in gradients.items()}

    return np.asarray(h), np.asarray(final), plain
