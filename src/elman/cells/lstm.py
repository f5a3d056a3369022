"""Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    a_t = z_t + h_{t-1}·W_h          with  z_t = x_t·W_x + b,  a = [a_i a_f a_g a_o]
    i, f, o = σ(a_i), σ(a_f), σ(a_o)     g = tanh(a_g)
    c_t = f ⊙ c_{t-1} + i ⊙ g        the cell: a sum, so gradients pass unharmed
    h_t = o ⊙ tanh(c_t)

Backward. h_t and c_t each have two edges towards the loss; with dh and dc the
sums of what arrives on them:

    dc     += dh ⊙ o ⊙ (1 - tanh(c_t)²)
    da_o    = dh ⊙ tanh(c_t) ⊙ o(1 - o)
    da_i    = dc ⊙ g ⊙ i(1 - i)         da_f = dc ⊙ c_{t-1} ⊙ f(1 - f)
    da_g    = dc ⊙ i ⊙ (1 - g²)
    dc_{t-1} = dc ⊙ f                   dh_{t-1} = da · W_hᵀ
    dW_h    = Σ_t h_{t-1}ᵀ · da_t       (one large product at the end)
"""

from collections.abc import Mapping

import numpy as np

from .rnn import Pullback

GATES = 4
STATES = 2


def forward(
    params: Mapping[str, np.ndarray],
    z: np.ndarray,
    state: np.ndarray,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, Pullback]:
    """Run the recurrence over a sequence.

    Parameters
    ----------
    params : {"W_h": (H, 4H)}, gate order i f g o
    z : (T, B, 4H) pre-activations x·W_x + b
    state : (2, B, H) hidden state h and cell c before the first step
    mask : (T, B) bool or None; where False the state is carried over unchanged

    Returns
    -------
    h : (T, B, H) hidden states
    state : (2, B, H) h and c after the last step
    pullback : (dh (T, B, H), dstate (2, B, H) or None) ->
        (dz (T, B, 4H), gradient of the first state (2, B, H), {"W_h": (H, 4H)})
    """
    W_h = params["W_h"]
    T, B, H4 = z.shape
    H = H4 // 4
    h = np.empty_like(z, shape=(T + 1, B, H))
    c = np.empty((T + 1, B, H), z.dtype)
    h[0], c[0] = state
    gates = np.empty_like(z)
    tanh_c = np.empty((T, B, H), z.dtype)
    # σ(x) = (1 + tanh(x/2)) / 2: one tanh over all four gates, and no overflow.
    scale = np.full(H4, 0.5, z.dtype)
    scale[2 * H : 3 * H] = 1
    shift = 1 - scale
    for t in range(T):
        a = h[t].dot(W_h, gates[t])
        a += z[t]
        a *= scale
        np.tanh(a, out=a)
        a *= scale
        a += shift
        i, f, g, o = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
        np.multiply(f, c[t], out=c[t + 1])
        np.multiply(i, g, out=tanh_c[t])
        c[t + 1] += tanh_c[t]
        if mask is not None:
            np.copyto(c[t + 1], c[t], where=~mask[t, :, None])
        np.tanh(c[t + 1], out=tanh_c[t])
        np.multiply(o, tanh_c[t], out=h[t + 1])
        if mask is not None:
            np.copyto(h[t + 1], h[t], where=~mask[t, :, None])

    def pullback(
        dh: np.ndarray, dstate: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        # Everything that does not depend on the gradients, for all steps at once.
        i, f, g, o = (gates[..., k * H : (k + 1) * H] for k in range(4))
        slope = np.empty_like(gates)
        np.multiply(g * i, 1 - i, out=slope[..., :H])
        np.multiply(c[:-1] * f, 1 - f, out=slope[..., H : 2 * H])
        np.multiply(i, 1 - g * g, out=slope[..., 2 * H : 3 * H])
        np.multiply(tanh_c * o, 1 - o, out=slope[..., 3 * H :])
        dc_dh = o * (1 - tanh_c * tanh_c)
        if mask is not None:
            slope *= mask[:, :, None]
            dc_dh *= mask[:, :, None]
        da = slope  # filled in place, step by step
        W_hT = W_h.T
        dh_next, dc = np.zeros((2, B, H), z.dtype) if dstate is None else dstate.copy()
        product = np.empty((B, H), z.dtype)
        for t in reversed(range(T)):
            dh_next += dh[t]
            np.multiply(dh_next, dc_dh[t], out=product)
            dc += product
            by_gate = da[t].reshape(B, 4, H)
            by_gate[:, :3] *= dc[:, None]
            by_gate[:, 3] *= dh_next
            if mask is None:
                dc *= f[t]
                da[t].dot(W_hT, dh_next)
            else:  # a masked step hands its gradients on untouched
                masked = ~mask[t, :, None]
                np.multiply(dc, f[t], out=dc, where=mask[t, :, None])
                dh_next *= masked
                dh_next += da[t] @ W_hT
        dW_h = h[:-1].reshape(T * B, H).T @ da.reshape(T * B, H4)
        return da, np.stack([dh_next, dc]), {"W_h": dW_h}

    return h[1:], np.stack([h[T], c[T]]), pullback
