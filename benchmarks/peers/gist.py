"""The plain loops of min-char-rnn, in our own words: one column vector per step.

Karpathy's gist (2015) has one sequence, one-hot columns, a dict of vectors for
every step, and gradients accumulated step by step as outer products. It
computes in float64, NumPy's default; `dtype` gives the same loops in float32.
"""

from collections.abc import Callable
from itertools import cycle

import numpy as np

from . import Work


def version() -> str:
    return f"plain loops, NumPy {np.__version__}"


def prepare(work: Work, dtype: str = "float64") -> Callable[[], float]:
    """One training step: vanilla cell, batch 1, Adagrad, every component clipped."""
    assert (work.cell, work.layers, work.batch, work.optimizer) == ("rnn", 1, 1, "adagrad")
    first = {name: values.astype(dtype) for name, values in work.parameters().items()}
    W_xh, W_hh, W_hy = (
        first[name].T.copy() for name in ("layer0.W_x", "layer0.W_h", "readout.W_y")
    )
    b_h, b_y = first["layer0.b"][:, None], first["readout.b_y"][:, None]
    parameters = (W_xh, W_hh, W_hy, b_h, b_y)
    memories = [np.zeros_like(p) for p in parameters]
    batches = cycle([(x[:, 0].tolist(), y[:, 0].tolist()) for x, y in work.minibatches()])
    V, H = work.vocabulary, work.hidden
    state = np.zeros((H, 1), dtype)

    def loss_and_gradients(
        inputs: list[int], targets: list[int], h_before: np.ndarray
    ) -> tuple[float, list[np.ndarray], np.ndarray]:
        x, h, p = {}, {-1: h_before}, {}
        loss = 0.0
        for t, symbol in enumerate(inputs):
            x[t] = np.zeros((V, 1), dtype)
            x[t][symbol] = 1
            h[t] = np.tanh(np.dot(W_xh, x[t]) + np.dot(W_hh, h[t - 1]) + b_h)
            y = np.dot(W_hy, h[t]) + b_y
            p[t] = np.exp(y) / np.sum(np.exp(y))
            loss += -np.log(p[t][targets[t], 0])
        dW_xh, dW_hh, dW_hy = np.zeros_like(W_xh), np.zeros_like(W_hh), np.zeros_like(W_hy)
        db_h, db_y = np.zeros_like(b_h), np.zeros_like(b_y)
        dh_next = np.zeros_like(h_before)
        for t in reversed(range(len(inputs))):
            dy = np.copy(p[t])
            dy[targets[t]] -= 1
            dW_hy += np.dot(dy, h[t].T)
            db_y += dy
            dh = np.dot(W_hy.T, dy) + dh_next
            da = (1 - h[t] * h[t]) * dh
            db_h += da
            dW_xh += np.dot(da, x[t].T)
            dW_hh += np.dot(da, h[t - 1].T)
            dh_next = np.dot(W_hh.T, da)
        gradients = [dW_xh, dW_hh, dW_hy, db_h, db_y]
        for gradient in gradients:
            np.clip(gradient, -work.clip_value, work.clip_value, out=gradient)
        return float(loss), gradients, h[len(inputs) - 1]

    def step() -> float:
        nonlocal state
        inputs, targets = next(batches)
        loss, gradients, state = loss_and_gradients(inputs, targets, state)
        for parameter, gradient, memory in zip(parameters, gradients, memories, strict=True):
            memory += gradient * gradient
            parameter += -work.learning_rate * gradient / np.sqrt(memory + 1e-8)
        return loss

    return step
