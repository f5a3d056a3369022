"""The vanilla recurrent network (Elman, "Finding structure in time", 1990).

    a_t = z_t + h_{t-1}·W_h          with  z_t = x_t·W_x + b
    h_t = f(a_t)                     f is tanh or ReLU

Backward. h_t has two edges that lead to the loss: the output at time t, whose
gradient arrives as `dh[t]`, and the next step, whose gradient is carried back
as `dh_next`. Their sum goes through f and on to the previous step:

    dL/da_t     = f'(a_t) ⊙ (dh_t + dh_next)     tanh' = 1 - h², ReLU' = [h > 0]
    dL/dh_{t-1} = dL/da_t · W_hᵀ                 (the next dh_next)
    dL/dW_h     = Σ_t h_{t-1}ᵀ · dL/da_t         (one large product at the end)
"""

from collections.abc import Callable, Mapping

import numpy as np

GATES = 1
STATES = 1

Pullback = Callable[..., tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]]


def forward(
    params: Mapping[str, np.ndarray],
    z: np.ndarray,
    state: np.ndarray,
    mask: np.ndarray | None = None,
    activation: str = "tanh",
) -> tuple[np.ndarray, np.ndarray, Pullback]:
    """Run the recurrence over a sequence.

    Parameters
    ----------
    params : {"W_h": (H, H)}
    z : (T, B, H) pre-activations x·W_x + b
    state : (1, B, H) the hidden state before the first step
    mask : (T, B) bool or None; where False the state is carried over unchanged
    activation : "tanh" or "relu"

    Returns
    -------
    h : (T, B, H) hidden states
    state : (1, B, H) the hidden state after the last step
    pullback : (dh (T, B, H), dstate (1, B, H) or None) ->
        (dz (T, B, H), gradient of the first state (1, B, H), {"W_h": (H, H)})
    """
    W_h = params["W_h"]
    T, B, H = z.shape
    h = np.empty_like(z, shape=(T + 1, B, H))
    h[0] = state[0]
    # For one sequence the calls cost more than the numbers: ndarray.dot is the
    # cheapest product, and iterating is cheaper than indexing.
    for t, (before, a, z_t) in enumerate(zip(h[:-1], h[1:], z, strict=True)):
        before.dot(W_h, a)
        np.add(a, z_t, a)
        if activation == "tanh":
            np.tanh(a, a)
        else:
            np.maximum(a, 0, out=a)
        if mask is not None:
            np.copyto(a, before, where=~mask[t, :, None])

    def pullback(
        dh: np.ndarray, dstate: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        slope = 1 - h[1:] * h[1:] if activation == "tanh" else (h[1:] > 0).astype(z.dtype)
        if mask is not None:
            slope *= mask[:, :, None]
        da = np.empty_like(z)
        W_hT = W_h.T
        dh_next = np.zeros((B, H), z.dtype) if dstate is None else dstate[0].copy()
        steps = zip(range(T)[::-1], dh[::-1], slope[::-1], da[::-1], strict=True)
        for t, dh_t, slope_t, da_t in steps:
            np.add(dh_next, dh_t, dh_next)
            np.multiply(dh_next, slope_t, da_t)
            if mask is None:
                da_t.dot(W_hT, dh_next)
            else:  # a masked step hands its gradient on untouched
                dh_next *= ~mask[t, :, None]
                dh_next += da_t @ W_hT
        dW_h = h[:-1].reshape(T * B, H).T @ da.reshape(T * B, H)
        return da, dh_next[None], {"W_h": dW_h}

    return h[1:], h[T:].copy(), pullback
