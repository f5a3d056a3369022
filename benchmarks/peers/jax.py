"""JAX on the CPU: `lax.scan` over time, the whole training step in one `jit`.

Rows of W_x are looked up, like Elman's, and the inputs of all steps are
multiplied before the scan. The optimizer is written out, so that everything
from the symbols to the new parameters is one compiled program whose buffers
are donated.
"""

from collections.abc import Callable
from itertools import cycle

import jax
import jax.numpy as jnp
from jax import lax

from . import Work


def version() -> str:
    return f"JAX {jax.__version__}"


def prepare(work: Work) -> Callable[[], float]:
    """One training step; the number of threads is set for the process."""
    parameters = {name: jnp.asarray(values) for name, values in work.parameters().items()}
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    moments = {
        "sgd": (), "adagrad": (zeros,), "adam": (zeros, jax.tree.map(jnp.copy, zeros)),
    }[work.optimizer]  # fmt: skip
    batches = cycle([(jnp.asarray(x), jnp.asarray(y)) for x, y in work.minibatches()])
    states = 2 if work.cell == "lstm" else 1
    state = jnp.zeros((work.layers, states, work.batch, work.hidden), jnp.float32)
    compiled = jax.jit(lambda *a: _step(work, *a), donate_argnums=(0, 1, 3))
    count = 0

    def step() -> float:
        nonlocal parameters, moments, state, count
        count += 1
        inputs, targets = next(batches)
        parameters, moments, loss, state = compiled(
            parameters, moments, jnp.float32(count), state, inputs, targets
        )
        jax.block_until_ready((parameters, moments, state))
        return float(loss)

    return step


def _step(work, parameters, moments, count, state, inputs, targets):
    (loss, state), g = jax.value_and_grad(_loss, argnums=1, has_aux=True)(
        work, parameters, state, inputs, targets
    )
    if work.clip_value:
        g = jax.tree.map(lambda x: jnp.clip(x, -work.clip_value, work.clip_value), g)
    if work.clip_norm:
        norm = jnp.sqrt(sum(jnp.vdot(x, x) for x in g.values()))
        g = jax.tree.map(lambda x: x * jnp.minimum(1, work.clip_norm / norm), g)
    lr = work.learning_rate
    if work.optimizer == "sgd":
        parameters = jax.tree.map(lambda p, x: p - lr * x, parameters, g)
    elif work.optimizer == "adagrad":
        squares = jax.tree.map(lambda s, x: s + x * x, moments[0], g)
        parameters = jax.tree.map(
            lambda p, x, s: p - lr * x / jnp.sqrt(s + 1e-8), parameters, g, squares
        )
        moments = (squares,)
    else:
        m = jax.tree.map(lambda m, x: 0.9 * m + 0.1 * x, moments[0], g)
        v = jax.tree.map(lambda v, x: 0.999 * v + 0.001 * x * x, moments[1], g)
        rate = lr * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), parameters, m, v
        )
        moments = (m, v)
    return parameters, moments, loss, state


def _loss(work, p, state, inputs, targets):
    final, x = [], None
    for layer in range(work.layers):
        W_x, b = p[f"layer{layer}.W_x"], p[f"layer{layer}.b"]
        z = (W_x + b)[inputs] if x is None else x @ W_x + b
        cell = _CELLS[work.cell](p[f"layer{layer}.W_h"], p.get(f"layer{layer}.c_n"))
        last, x = lax.scan(cell, tuple(state[layer]), z)
        final.append(jnp.stack(last))
    logits = x @ p["readout.W_y"] + p["readout.b_y"]
    picked = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    nats = jax.nn.logsumexp(logits, axis=-1) - picked
    loss = nats.sum() / (work.batch if work.loss == "sum" else work.characters)
    return loss, jnp.stack(final)


def _rnn(W_h, _):
    def cell(state, z):
        h = jnp.tanh(z + state[0] @ W_h)
        return (h,), h

    return cell


def _lstm(W_h, _):
    def cell(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ W_h, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return cell


def _gru(W_h, c_n):
    def cell(state, z):
        (h,) = state
        z_r, z_z, z_n = jnp.split(z, 3, axis=-1)
        u_r, u_z, u_n = jnp.split(h @ W_h, 3, axis=-1)
        r, update = jax.nn.sigmoid(z_r + u_r), jax.nn.sigmoid(z_z + u_z)
        n = jnp.tanh(z_n + r * (u_n + c_n))
        h = (1 - update) * n + update * h
        return (h,), h

    return cell


_CELLS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
