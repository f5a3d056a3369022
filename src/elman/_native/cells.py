"""The cells on the native engine, with the signatures of `elman.cells`.

z may be a `LookUp`: rows of a table (V, G·H) that ids (T, B) name, which the cell reads in
place. It is the product of one-hot inputs with W_x without its copy of (T, B, G·H).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..cells import CELLS
from ..cells.rnn import Pullback
from . import _core

Array = np.ndarray
NUMBERS = {"rnn": 0, "lstm": 1, "gru": 2}
SAVED = {"rnn": 0, "lstm": 5, "gru": 4}  # values per unit for the backward: i f g o c; r z n h·U_n


contiguous = np.ascontiguousarray  # copies only what is not


def as_ids(ids: Array) -> Array:
    """Symbols as the kernels read them: int32, C-contiguous; copied only if they are not.

    Raises
    ------
    TypeError : no integers
    IndexError : an id that int32 cannot hold (the kernels check the range of the others)
    """
    if ids.dtype != np.int32:
        if ids.dtype.kind not in "iu":
            raise TypeError(f"ids must be integers, not {ids.dtype}")
        if ids.size and not (ids.min() >= 0 and ids.max() < 1 << 31):
            raise IndexError(f"ids from {ids.min()} to {ids.max()} are out of range")
    return np.ascontiguousarray(ids, np.int32)


@dataclass(frozen=True)
class LookUp:
    """Pre-activations that are rows of a table: z[t, b] = table[ids[t, b]]."""

    table: Array
    ids: Array


def forward(
    cell: str,
    activation: str,
    params: Mapping[str, Array],
    z: Array | LookUp,
    state: Array,
    mask: Array | None = None,
    bf16: bool = False,
) -> tuple[Array, Array, Pullback]:
    """What `elman.cells.<cell>.forward` returns, computed by the C++ kernels.

    Weights have to be C-contiguous, as in an arena; other arrays are copied if they are not.
    With `bf16` the operands of products are rounded, as `elman.nn.bf16` says.
    """
    number, gates, relu = NUMBERS[cell], CELLS[cell].GATES, activation == "relu"
    W_h, c_n = params["W_h"], params.get("c_n")
    z, ids = (z.table, z.ids) if isinstance(z, LookUp) else (z, None)
    T, B, H, dtype = len(z if ids is None else ids), state.shape[1], len(W_h), z.dtype
    padded = (H + 15) // 16 * 16  # saved values are kept in whole vectors
    h = np.empty((T + 1, B, H), dtype)  # the first state, then one per step
    saved = np.empty((T, B, SAVED[cell] * padded), dtype) if SAVED[cell] else None
    z, state = contiguous(z), contiguous(state)
    mask = None if mask is None else contiguous(mask)
    ids = None if ids is None else as_ids(ids)
    final = np.empty_like(state)
    _core.forward(number, relu, z, ids, state, mask, W_h, c_n, h, saved, final, bf16)

    def pullback(dh: Array, dstate: Array | None = None) -> tuple[Array, Array, dict[str, Array]]:
        dz = np.empty((T, B, gates * H), dtype)
        dq = np.empty(dz.shape, dtype) if cell == "gru" else None  # gradient of h·W_h
        dstate0, dW_h = np.empty_like(state), np.empty_like(W_h)
        dc_n = None if c_n is None else np.empty_like(c_n)
        dh, dstate = contiguous(dh), None if dstate is None else contiguous(dstate)
        _core.backward(
            number, relu, h, state, mask, W_h, saved, dh, dstate, dz, dq, dstate0, dW_h, dc_n, bf16
        )
        return dz, dstate0, {"W_h": dW_h} if dc_n is None else {"W_h": dW_h, "c_n": dc_n}

    return h[1:], final, pullback
