"""Gated recurrent unit (Cho et al. 2014), reset applied after the product.

    u_t = h_{t-1}·W_h                with  z_t = x_t·W_x + b,  W_h = [U_r U_z U_n]
    r = σ(z_r + u_r)                 reset gate
    z = σ(z_z + u_z)                 update gate
    n = tanh(z_n + r ⊙ (u_n + c_n))  candidate; c_n is a second bias
    h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}

This is the form of cuDNN, PyTorch and ONNX (`linear_before_reset=1`): one
product serves all three gates, and weights exchange without permutation.

Backward, with dh the sum of both edges into h_t:

    da_n = dh ⊙ (1 - z) ⊙ (1 - n²)        da_z = dh ⊙ (h_{t-1} - n) ⊙ z(1 - z)
    da_r = da_n ⊙ (u_n + c_n) ⊙ r(1 - r)
    du   = [da_r  da_z  da_n ⊙ r]         dc_n = Σ_t da_n ⊙ r
    dh_{t-1} = dh ⊙ z + du · W_hᵀ         dW_h = Σ_t h_{t-1}ᵀ · du_t
"""

from collections.abc import Mapping

import numpy as np

from .rnn import Pullback

GATES = 3
STATES = 1


def forward(
    params: Mapping[str, np.ndarray],
    z: np.ndarray,
    state: np.ndarray,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, Pullback]:
    """Run the recurrence over a sequence.

    Parameters
    ----------
    params : {"W_h": (H, 3H), "c_n": (H,) (optional)}, gate order r z n
    z : (T, B, 3H) pre-activations x·W_x + b
    state : (1, B, H) the hidden state before the first step
    mask : (T, B) bool or None; where False the state is carried over unchanged

    Returns
    -------
    h : (T, B, H) hidden states
    state : (1, B, H) the hidden state after the last step
    pullback : (dh (T, B, H), dstate (1, B, H) or None) ->
        (dz (T, B, 3H), gradient of the first state (1, B, H),
        {"W_h": (H, 3H), "c_n": (H,)})
    """
    W_h, c_n = params["W_h"], params.get("c_n")
    T, B, H3 = z.shape
    H = H3 // 3
    h = np.empty_like(z, shape=(T + 1, B, H))
    h[0] = state[0]
    gates = np.empty_like(z)
    u_n = np.empty((T, B, H), z.dtype)
    u = np.empty((B, H3), z.dtype)
    half = z.dtype.type(0.5)
    for t in range(T):
        h[t].dot(W_h, u)
        rz, n = gates[t, :, : 2 * H], gates[t, :, 2 * H :]
        # σ(x) = (1 + tanh(x/2)) / 2: no overflow, and the faster of the two.
        np.add(u[:, : 2 * H], z[t, :, : 2 * H], out=rz)
        rz *= half
        np.tanh(rz, out=rz)
        rz *= half
        rz += half
        if c_n is None:
            u_n[t] = u[:, 2 * H :]
        else:
            np.add(u[:, 2 * H :], c_n, out=u_n[t])
        np.multiply(rz[:, :H], u_n[t], out=n)
        n += z[t, :, 2 * H :]
        np.tanh(n, out=n)
        h_t = np.subtract(h[t], n, out=h[t + 1])  # h_t = n + z ⊙ (h_{t-1} - n)
        h_t *= rz[:, H:]
        h_t += n
        if mask is not None:
            np.copyto(h_t, h[t], where=~mask[t, :, None])

    def pullback(
        dh: np.ndarray, dstate: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        # Everything that does not depend on the gradients, for all steps at once.
        r, update, n = (gates[..., k * H : (k + 1) * H] for k in range(3))
        slope = np.empty_like(gates)  # d h_t / d [a_r a_z a_n]
        slope_n = np.multiply(1 - update, 1 - n * n, out=slope[..., 2 * H :])
        np.multiply((h[:-1] - n) * update, 1 - update, out=slope[..., H : 2 * H])
        np.multiply(slope_n * u_n * r, 1 - r, out=slope[..., :H])
        carry = update
        if mask is not None:
            slope *= mask[:, :, None]
            carry = np.where(mask[:, :, None], update, 1)
        da = slope  # filled in place, step by step
        du = np.empty_like(gates)
        W_hT = W_h.T
        dh_next = np.zeros((B, H), z.dtype) if dstate is None else dstate[0].copy()
        product = np.empty((B, H), z.dtype)
        for t in reversed(range(T)):
            dh_next += dh[t]
            da[t].reshape(B, 3, H)[...] *= dh_next[:, None]
            du[t, :, : 2 * H] = da[t, :, : 2 * H]
            np.multiply(da[t, :, 2 * H :], r[t], out=du[t, :, 2 * H :])
            dh_next *= carry[t]
            dh_next += du[t].dot(W_hT, product)
        du2 = du.reshape(T * B, H3)
        gradients = {"W_h": h[:-1].reshape(T * B, H).T @ du2}
        if c_n is not None:
            gradients["c_n"] = du2[:, 2 * H :].sum(axis=0)
        return da, dh_next[None], gradients

    return h[1:], h[T:].copy(), pullback
