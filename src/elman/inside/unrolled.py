"""A network unrolled in time: every step forward, and every edge backward.

`Network.forward` runs a layer over all steps at once. Here the same cells take one
step at a time, so that the gradient can be seen on each edge on its way back:

    loss_t ──► logits_t ──► h_t of the upper layer ──► a_t ──► h_{t-1}      and W_h, W_x, b
                            h_{t+1} ──►┘ sum           └──► h_t of the layer below, or x_t

What the edges into a parameter bring, summed over the steps, is its gradient.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from ..nn import layers
from ..nn.engine import select
from ..nn.network import Network
from ..tasks.language.model import Model
from .inspection import Parts, gates, network_of

Array = np.ndarray


@dataclass(frozen=True)
class LayerStep:
    """One layer at one step.

    Attributes
    ----------
    x : (B, D) what it reads; None: one-hot symbols
    z : (B, G·H) pre-activations x·W_x + b
    before, after : (S, B, H) hidden state, and of an LSTM the cell
    gates : by letter, (B, H)
    pullback : of the cell
    """

    x: Array | None
    z: Array
    before: Array
    after: Array
    gates: Parts
    pullback: Any


@dataclass(frozen=True)
class Step:
    """One step: ids (B,) are read, logits (B, V) come out."""

    ids: Array
    layers: list[LayerStep]
    logits: Array


@dataclass(frozen=True)
class LayerGradients:
    """Gradients of a loss on the edges of one layer at one step.

    Attributes
    ----------
    above : (B, H) of h_t, from the readout or the layer above
    next : (S, B, H) of h_t (and c_t), from the next step
    hidden : (B, H) of h_t in all: the sum
    cell : (B, H) of c_t in all: `next` and what comes through h_t; None but for an LSTM
    a : (B, G·H) of the pre-activations z_t
    u : (B, G·H) of the product h_{t-1}·W_h; only a GRU's differs from `a`
    before : (S, B, H) of h_{t-1} (and c_{t-1})
    x : (B, D) of what the layer reads; None for one-hot symbols
    """

    above: Array
    next: Array
    hidden: Array
    cell: Array | None
    a: Array
    u: Array
    before: Array
    x: Array | None


def forward(network: Network, ids: Array, state: Array) -> list[Step]:
    """Run a network step by step over ids (T, B), from a state (L, S, B, H)."""
    config, p = network.config, network.parameters
    cell = select("numpy", 1).forward(config.cell, config.activation)
    steps = []
    for row in ids:
        x = p["embedding.E"][row] if config.embedding_size else None
        done: list[LayerStep] = []
        after = np.empty_like(state)
        for layer in range(config.num_layers):
            prefix = f"layer{layer}."
            W_x, b = p[prefix + "W_x"], p.get(prefix + "b")
            z = (W_x[row] if x is None else x @ W_x) + (0 if b is None else b)
            recurrent = {n: p[prefix + n] for n in ("W_h", "c_n") if prefix + n in p}
            h, after[layer], pullback = cell(recurrent, z[None], state[layer])
            parts = gates(config.cell, recurrent, z[None], state[layer, :1])
            parts = {letter: values[0] for letter, values in parts.items()}
            done.append(LayerStep(x, z, state[layer], after[layer], parts, pullback))
            x = h[0]
        assert x is not None
        logits = x @ p["readout.W_y"] + p.get("readout.b_y", 0)
        steps.append(Step(row, done, logits))
        state = after
    return steps


def backward(
    network: Network, steps: Sequence[Step], dlogits: Sequence[Array | None]
) -> Iterator[list[LayerGradients]]:
    """The gradients of every layer at every step, from the last step to the first.

    Parameters
    ----------
    dlogits : for every step the gradient (B, V) of its logits, None if there is no loss
    """
    config, p = network.config, network.parameters
    state = np.zeros_like(np.stack([layer.before for layer in steps[0].layers]))
    for step, dy in zip(reversed(steps), reversed(dlogits), strict=True):
        found: list[LayerGradients] = []
        arriving, state = state, np.empty_like(state)
        above = np.zeros_like(state[0, 0]) if dy is None else dy @ p["readout.W_y"].T
        for layer in reversed(range(config.num_layers)):
            done, dnext, prefix = step.layers[layer], arriving[layer], f"layer{layer}."
            hidden = above + dnext[0]
            dz, state[layer], _ = done.pullback(above[None], dnext)
            a = u = dz[0]
            cell = None
            if config.cell == "lstm":
                cell = dnext[1] + hidden * done.gates["o"] * (1 - np.tanh(done.after[1]) ** 2)
            elif config.cell == "gru":
                reset = [np.ones_like(hidden), np.ones_like(hidden), done.gates["r"]]
                u = a * np.concatenate(reset, axis=1)
            x = None if done.x is None else a @ p[prefix + "W_x"].T
            found.insert(0, LayerGradients(above, dnext, hidden, cell, a, u, state[layer], x))
            if x is not None:
                above = x
        yield found


def loss_of(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Nats (B,) of the targets, and their gradient p - onehot (B, V)."""
    nats, pullback = layers.softmax_cross_entropy(logits[None], targets[None])
    return nats[0], pullback(np.ones_like(nats))[0]


def contributions(
    network: Network, step: Step, found: Sequence[LayerGradients], dlogits: Array
) -> dict[str, Array]:
    """What one step adds to the gradient of every parameter, by name."""
    bias = network.config.bias
    top = step.layers[-1].after[0]
    parts: dict[str, Array] = {}
    if network.config.embedding_size:
        dx = found[0].x
        assert dx is not None
        parts["embedding.E"] = layers.embedding(step.ids[None], network.parameters["embedding.E"])[
            1
        ](dx[None])
    for layer, (done, back) in enumerate(zip(step.layers, found, strict=True)):
        prefix = f"layer{layer}."
        W_x = network.parameters[prefix + "W_x"]
        if done.x is None:
            parts[prefix + "W_x"] = layers.embedding(step.ids[None], W_x)[1](back.a[None])
        else:
            parts[prefix + "W_x"] = done.x.T @ back.a
        parts[prefix + "W_h"] = done.before[0].T @ back.u
        if bias:
            parts[prefix + "b"] = back.a.sum(axis=0)
            if network.config.cell == "gru":
                H = network.config.hidden_size
                parts[prefix + "c_n"] = back.u[:, 2 * H :].sum(axis=0)
    parts["readout.W_y"] = top.T @ dlogits
    if bias:
        parts["readout.b_y"] = dlogits.sum(axis=0)
    return parts


def gradient_norms(
    model: Model | Network, text: str | bytes | Array, steps: int = 50, windows: int = 64
) -> Array:
    """How much of the gradient of a loss is left k steps earlier.

    With loss_t the nats of predicting symbol t+1 when symbols 0 to t have been read,
    the entry [l, 0, k] is the mean over places t of the Euclidean norm

        ‖ ∂loss_t / ∂h_{t-k} ‖        h the hidden state of layer l

    the total derivative: along every path from h_{t-k} to loss_t, through later steps
    and through the layers above, all earlier values held fixed. The entry [l, 1, k], of
    an LSTM, is that of its cell c_{t-k}, on whose paths h_{t-k} lies too. The t are up
    to `windows` places that lie evenly over the text, all with `steps` symbols before
    them; the state that enters is that of the text read from its start.

    Parameters
    ----------
    model : a model with a text, or a network with ids (n,)
    text : of at least steps + 2 symbols; of a model of lines one line

    Returns
    -------
    (L, S, steps + 1), k = 0 first; S is 2 for an LSTM, else 1

    Raises
    ------
    UsageError : a text that is too short; a model that gives labels, or a Markov chain
    UnknownSymbolError : a symbol that the vocabulary does not hold

    Example
    -------
    >>> gradient_norms(model, "It was a dark and stormy night" * 4)[0, 0]  # doctest: +SKIP
    array([0.81, 0.63, 0.52, ...])
    """
    network, ids = network_and_ids(model, text)
    T = len(ids) - 1 - steps  # places that have `steps` symbols before and one behind them
    if steps < 0 or T < 1:
        raise UsageError(f"a text of {len(ids)} symbols is too short for {steps} steps back")
    starts = np.unique(np.linspace(0, T - 1, min(T, max(1, windows))).astype(int))
    entering = []
    state, read = network.zero_state(1), 0
    with network.engine.limit_threads():
        for start in starts:
            if start > read:
                _, state = network.predict(ids[read:start, None], state)
                read = start
            entering.append(state)
    place = np.arange(steps + 1)[:, None] + starts
    unrolled = forward(network, ids[place], np.concatenate(entering, axis=2))
    dlogits: list[Array | None] = [None] * steps
    dlogits.append(loss_of(unrolled[-1].logits, ids[place[-1] + 1])[1])
    norms = []
    for found in backward(network, unrolled, dlogits):
        both = [[back.hidden, back.cell] for back in found]
        norms.append([[np.linalg.norm(d, axis=1).mean() for d in pair if d is not None]
                      for pair in both])  # fmt: skip
    return np.moveaxis(np.array(norms), 0, 2)


def network_and_ids(model: Model | Network, text: str | bytes | Array) -> tuple[Network, Array]:
    """The network and the ids (n,) of a text, of a record with its borders."""
    if isinstance(model, Network):
        return model, np.asarray(text, np.int32)
    network = network_of(model)
    if not isinstance(network, Network):
        raise UsageError(f"{model.NOUN} predicts no next symbol; this needs a language model")
    v = model.vocabulary
    ids = text if isinstance(text, np.ndarray) else v.encode(model.clean(text))
    if v.begin is not None:
        ids = np.concatenate([[v.begin], ids[ids != v.end], [v.end]])
    return network, ids.astype(np.int32)
