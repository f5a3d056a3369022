"""Plain float64-capable NumPy cells, written from the equations: what the native engine must equal."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_forward(params, z, state, mask=None, activation="tanh"):
    W_h = params["W_h"]
    T, B, H = z.shape
    h, before = np.empty((T, B, H), z.dtype), [state[0]]
    for t in range(T):
        a = z[t] + before[-1] @ W_h
        new = np.tanh(a) if activation == "tanh" else np.maximum(a, 0)
        h[t] = keep(mask, t, new, before[-1])
        before.append(h[t])

    def pullback(dh, dstate=None):
        dz, dW = np.zeros_like(z), np.zeros_like(W_h)
        d = np.zeros_like(state[0]) if dstate is None else dstate[0]
        for t in reversed(range(T)):
            d = d + dh[t]
            slope = 1 - h[t] ** 2 if activation == "tanh" else (h[t] > 0).astype(z.dtype)
            dz[t] = keep(mask, t, d * slope, np.zeros_like(d))
            dW += before[t].T @ dz[t]
            d = dz[t] @ W_h.T + keep(mask, t, np.zeros_like(d), d)
        return dz, d[None], {"W_h": dW}

    return h, before[-1][None].copy(), pullback


def lstm_forward(params, z, state, mask=None):
    W_h = params["W_h"]
    T, B, _ = z.shape
    H = W_h.shape[0]
    h, saved, hs, cs = np.empty((T, B, H), z.dtype), [], [state[0]], [state[1]]
    for t in range(T):
        i, f, g, o = np.split(z[t] + hs[-1] @ W_h, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * cs[-1] + i * g
        saved.append((i, f, g, o, np.tanh(c)))
        cs.append(keep(mask, t, c, cs[-1]))
        hs.append(keep(mask, t, o * np.tanh(c), hs[-1]))
        h[t] = hs[-1]

    def pullback(dh, dstate=None):
        dz, dW = np.zeros_like(z), np.zeros_like(W_h)
        d, dc = np.zeros_like(state) if dstate is None else dstate
        for t in reversed(range(T)):
            i, f, g, o, tc = saved[t]
            d = d + dh[t]
            e = dc + d * o * (1 - tc**2)
            gates = np.concatenate([e * g * i * (1 - i), e * cs[t] * f * (1 - f), e * i * (1 - g**2), d * tc * o * (1 - o)], axis=1)
            dz[t] = keep(mask, t, gates, np.zeros_like(gates))
            dW += hs[t].T @ dz[t]
            d = dz[t] @ W_h.T + keep(mask, t, np.zeros_like(d), d)
            dc = keep(mask, t, e * f, dc)
        return dz, np.stack([d, dc]), {"W_h": dW}

    return h, np.stack([hs[-1], cs[-1]]), pullback


def gru_forward(params, z, state, mask=None):
    W_h, c_n = params["W_h"], params.get("c_n")
    T, B, _ = z.shape
    H = W_h.shape[0]
    h, saved, hs = np.empty((T, B, H), z.dtype), [], [state[0]]
    for t in range(T):
        a = hs[-1] @ W_h
        r, u = sigmoid(z[t, :, :H] + a[:, :H]), sigmoid(z[t, :, H : 2 * H] + a[:, H : 2 * H])
        q = a[:, 2 * H :] + (0 if c_n is None else c_n)
        n = np.tanh(z[t, :, 2 * H :] + r * q)
        saved.append((r, u, n, q))
        hs.append(keep(mask, t, (1 - u) * n + u * hs[-1], hs[-1]))
        h[t] = hs[-1]

    def pullback(dh, dstate=None):
        dz, dW, dc_n = np.zeros_like(z), np.zeros_like(W_h), np.zeros(H, z.dtype)
        d = np.zeros_like(state[0]) if dstate is None else dstate[0]
        for t in reversed(range(T)):
            r, u, n, q = saved[t]
            d = d + dh[t]
            dn = d * (1 - u) * (1 - n**2)
            dr, du = dn * q * r * (1 - r), d * (hs[t] - n) * u * (1 - u)
            gates = np.concatenate([dr, du, dn], axis=1)
            dz[t] = keep(mask, t, gates, np.zeros_like(gates))
            recurrent = dz[t].copy()
            recurrent[:, 2 * H :] *= r
            dW += hs[t].T @ recurrent
            dc_n += recurrent[:, 2 * H :].sum(axis=0)
            d = recurrent @ W_h.T + keep(mask, t, d * u, d)
        return dz, d[None], {"W_h": dW} if c_n is None else {"W_h": dW, "c_n": dc_n}

    return h, hs[-1][None].copy(), pullback


def keep(mask, t, new, old):
    return new if mask is None else np.where(mask[t][:, None], new, old)


FORWARD = {"rnn": rnn_forward, "lstm": lstm_forward, "gru": gru_forward}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
STATES = {"rnn": 1, "lstm": 2, "gru": 1}
