"""Independent implementations that the package is compared with.

They are written from the equations, one sequence, one step and where it helps one
number at a time, and share no code with the package.
"""

from __future__ import annotations

from collections import Counter
from math import exp, log, sqrt, tanh

import numpy as np


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def one_hot(ids: np.ndarray, size: int) -> np.ndarray:
    out = np.zeros((*ids.shape, size))
    for place, i in np.ndenumerate(ids):
        out[(*place, i)] = 1
    return out


# --------------------------------------------------------------------------- cells


def rnn_step(a, h, c, W_h, c_n=None, activation="tanh"):
    """h_t = f(a_t + h_{t-1}·W_h), unit by unit; a = x·W_x + b."""
    f = tanh if activation == "tanh" else lambda x: max(x, 0.0)
    H = len(h)
    return [f(a[k] + sum(h[j] * W_h[j, k] for j in range(H))) for k in range(H)], c


def lstm_step(a, h, c, W_h, c_n=None):
    """i f o through σ, g through tanh; c_t = f·c + i·g; h_t = o·tanh(c_t). Gates i f g o."""
    H = len(h)
    total = [a[k] + sum(h[j] * W_h[j, k] for j in range(H)) for k in range(4 * H)]
    i = [sigmoid(x) for x in total[:H]]
    f = [sigmoid(x) for x in total[H : 2 * H]]
    g = [tanh(x) for x in total[2 * H : 3 * H]]
    o = [sigmoid(x) for x in total[3 * H :]]
    new_c = [f[k] * c[k] + i[k] * g[k] for k in range(H)]
    return [o[k] * tanh(new_c[k]) for k in range(H)], new_c


def gru_step(a, h, c, W_h, c_n=None):
    """n = tanh(a_n + r·(h·U_n + c_n)); h_t = (1 - z)·n + z·h_{t-1}. Gates r z n."""
    H = len(h)
    u = [sum(h[j] * W_h[j, k] for j in range(H)) for k in range(3 * H)]
    new = []
    for k in range(H):
        r = sigmoid(a[k] + u[k])
        z = sigmoid(a[H + k] + u[H + k])
        inner = u[2 * H + k] + (0.0 if c_n is None else c_n[k])
        n = tanh(a[2 * H + k] + r * inner)
        new.append((1 - z) * n + z * h[k])
    return new, c


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


def run_cell(cell, W_h, a, state, c_n=None, mask=None, **options):
    """Hidden states (T, B, H) and final state (S, B, H) of a cell, one number at a time."""
    T, B, _ = a.shape
    out = np.zeros((T, B, state.shape[2]))
    final = state.copy()
    for b in range(B):
        h = list(state[0, b])
        c = list(state[1, b]) if cell == "lstm" else None
        for t in range(T):
            if mask is None or mask[t, b]:
                h, c = STEPS[cell](a[t, b], h, c, W_h, c_n, **options)
            out[t, b] = h
        final[0, b] = h
        if cell == "lstm":
            final[1, b] = c
    return out, final


def run_network(parameters, cell, ids, layers, activation="tanh"):
    """Logits (T, V) of one sequence of ids from a zero state, any number of layers."""
    options = {"activation": activation} if cell == "rnn" else {}
    states = 2 if cell == "lstm" else 1
    x = one_hot(np.asarray(ids), parameters["readout.W_y"].shape[1])
    if "embedding.E" in parameters:
        x = x @ parameters["embedding.E"]
    for layer in range(layers):
        W_x, W_h = parameters[f"layer{layer}.W_x"], parameters[f"layer{layer}.W_h"]
        a = x @ W_x + parameters.get(f"layer{layer}.b", 0)
        zero = np.zeros((states, 1, len(W_h)))
        c_n = parameters.get(f"layer{layer}.c_n")
        x = run_cell(cell, W_h, a[:, None], zero, c_n, **options)[0][:, 0]
    return x @ parameters["readout.W_y"] + parameters.get("readout.b_y", 0)


def log_softmax(logits):
    return logits - logits.max() - log(sum(exp(x) for x in logits - logits.max()))


def nats_of(parameters, cell, ids, layers, activation="tanh"):
    """Losses of predicting ids[1:], one after the other."""
    logits = run_network(parameters, cell, ids[:-1], layers, activation)
    return [-log_softmax(row)[target] for row, target in zip(logits, ids[1:], strict=True)]


def numerical_gradient(f, x, epsilon=1e-5):
    """Central differences of f(), which reads x, for every entry of x."""
    out = np.empty_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + epsilon
        above = f()
        x[place] = kept - epsilon
        below = f()
        x[place] = kept
        out[place] = (above - below) / (2 * epsilon)
    return out


# --------------------------------------------------------------------------- optimizers


def sgd(p, gradients, rates, momentum=0.0, decay=0.0):
    velocity = 0.0
    for g, rate in zip(gradients, rates, strict=True):
        p -= rate * decay * p
        velocity = momentum * velocity + g
        p -= rate * velocity
    return p


def adagrad(p, gradients, rates, decay=0.0):
    total = 0.0
    for g, rate in zip(gradients, rates, strict=True):
        p -= rate * decay * p
        total += g * g
        p -= rate * g / sqrt(total + 1e-8)
    return p


def rmsprop(p, gradients, rates, decay=0.0):
    mean_square = 0.0
    for g, rate in zip(gradients, rates, strict=True):
        p -= rate * decay * p
        mean_square = 0.99 * mean_square + 0.01 * g * g
        p -= rate * g / (sqrt(mean_square) + 1e-8)
    return p


def adam(p, gradients, rates, decay=0.0):
    mean = mean_square = 0.0
    for step, (g, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        p -= rate * decay * p
        mean = 0.9 * mean + 0.1 * g
        mean_square = 0.999 * mean_square + 0.001 * g * g
        unbiased = mean / (1 - 0.9**step)
        p -= rate * unbiased / (sqrt(mean_square / (1 - 0.999**step)) + 1e-8)
    return p


# --------------------------------------------------------------------------- Markov chains


class Chain:
    """P(s | c) = (count(c s) + d(c)·P(s | c')) / (count(c) + d(c)), with dictionaries."""

    def __init__(self, symbols, size, order, barrier=None):
        self.size, self.order = size, order
        self.count: Counter = Counter()
        self.continuations: dict[tuple, set] = {}
        self.total: Counter = Counter()
        for end in range(len(symbols)):
            for length in range(order + 1):
                if end - length < 0:
                    break
                gram = tuple(symbols[end - length : end + 1])
                context, last = gram[:-1], gram[-1]
                if barrier is not None and (barrier in gram[1:] or last == barrier):
                    break
                self.count[gram] += 1
                self.total[context] += 1
                self.continuations.setdefault(context, set()).add(last)

    def probability(self, symbol, history):
        """P(symbol | the last `order` symbols of history)."""
        p = 1 / self.size
        for length in range(min(self.order, len(history)) + 1):
            context = tuple(history[len(history) - length :])
            if not self.total[context]:
                break
            distinct = len(self.continuations[context])
            p = (self.count[(*context, symbol)] + distinct * p) / (self.total[context] + distinct)
        return p
