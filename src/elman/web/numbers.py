"""What the view "Follow the numbers" shows: a few steps forward and backward, in JSON."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from ..inside.inspection import GATES, symbol_text
from ..inside.unrolled import (
    LayerGradients,
    LayerStep,
    backward,
    contributions,
    forward,
    loss_of,
    network_and_ids,
)
from ..nn import layers
from ..nn.network import Network, initialise
from ..tasks.language.model import Model

Array = np.ndarray
STEPS = 16  # at once
MOST = 128  # units and symbols
UPDATES = 50


@dataclass(frozen=True)
class Change:
    """How the weights are changed before their numbers are shown.

    Attributes
    ----------
    untrained : take those that a training begins with
    rate, updates : W ← W - rate · ∂L/∂W, so many times, L the loss of the steps shown
    """

    untrained: bool = False
    rate: float = 0.1
    updates: int = 0


def steps(
    model: Model,
    text: str | Array,
    start: int = 0,
    count: int = 5,
    most: int = 16,
    change: Change | None = None,
) -> dict[str, Any]:
    """Every number of some steps of a language model, forward and backward.

    The loss is the sum of the nats of the steps shown. Vectors and matrices of more than
    `most` entries in a direction are cut: units to the first, symbols to those that the
    text needs and then the likeliest. `docs/http.md` describes the result.

    Parameters
    ----------
    text : or its ids (n,)
    start : the first step; what comes before, after a newline of running text if the model
        knows one, is read for the state that enters it
    count : how many, fewer if the text ends
    change : of the weights, before all else

    Raises
    ------
    UsageError : a text without a step to show; a model that gives labels, or a Markov chain
    UnknownSymbolError : a symbol that the vocabulary does not hold
    """
    network, ids = network_and_ids(model, text)
    if len(ids) < 2:
        raise UsageError("the text needs two symbols at least: one to read, and one to predict")
    if not 0 <= start <= len(ids) - 2:
        raise UsageError(f"there is no step {start}: this text has {len(ids) - 1}, from 0 on")
    shown = ids[start : start + count + 1]
    network = network.copy()  # whose weights may be changed
    read = np.concatenate([_opening(model), ids[:start]]).astype(np.int32)
    updates = list(_updated(network, read, shown, change or Change()))
    state = _entering(network, read)
    unrolled = forward(network, shown[:-1, None], state)
    losses = [loss_of(step.logits, shown[t + 1 :][:1]) for t, step in enumerate(unrolled)]
    dlogits = [dy for _, dy in losses]
    found = list(backward(network, unrolled, dlogits))[::-1]
    of_last: list[Array | None] = [None] * (len(unrolled) - 1)
    last = list(backward(network, unrolled, [*of_last, dlogits[-1]]))[::-1]
    added = [
        contributions(network, step, back, dy)
        for step, back, dy in zip(unrolled, found, dlogits, strict=True)
    ]
    p = layers.softmax(np.concatenate([step.logits for step in unrolled]))
    cut = Cut(network, shown, p, most)
    return {
        **_architecture(network), **cut.indices(model),
        "text": [symbol_text(model, i) for i in ids.tolist()],
        "start": start, "steps": len(unrolled),
        "ids": shown.tolist(),
        "loss": float(sum(nats[0] for nats, _ in losses)), "updates": updates,
        "weights": {name: cut.parameter(name, a) for name, a in network.parameters.items()},
        "gradient": {name: cut.parameter(name, np.sum([each[name] for each in added], axis=0))
                     for name in network.parameters},
        "forward": [
            {
                "embedding": cut.columns(step.layers[0].x),
                "layers": [cut.forward(network, n, layer) for n, layer in enumerate(step.layers)],
                "logits": cut.logits(step.logits), "p": cut.logits(p[t : t + 1]),
                "loss": float(losses[t][0][0]),
            }
            for t, step in enumerate(unrolled)
        ],
        "backward": [
            {
                "logits": cut.logits(dlogits[t]),
                "layers": [
                    cut.backward(network, n, edges) for n, edges in enumerate(found[t])
                ],
                "added": {name: cut.parameter(name, a) for name, a in added[t].items()},
            }
            for t in range(len(unrolled))
        ],
        "norms": {
            "all": [[float(np.linalg.norm(layer.hidden)) for layer in back] for back in found],
            "last": [[float(np.linalg.norm(layer.hidden)) for layer in back] for back in last],
        },
    }  # fmt: skip


def _opening(model: Model) -> Array:
    """What a text is read after: a newline before running text, as when it is scored."""
    opening = model.vocabulary.opening
    return np.array([] if model.lines or opening is None else [opening], np.int32)


def _entering(network: Network, read: Array) -> Array:
    """The state after some ids (n,), from nothing."""
    state = network.zero_state(1)
    return network.predict(read[:, None], state)[1] if len(read) else state


def _updated(network: Network, read: Array, shown: Array, change: Change) -> Iterator[Any]:
    """Change the weights; the loss and the probabilities of the targets, before and after each."""
    if change.untrained:
        initialise(network.parameters, network.config, "uniform", None, np.random.default_rng(0))
    inputs, targets = shown[:-1, None], shown[1:, None]
    for update in range(change.updates + 1):
        state = _entering(network, read)
        nats = network.nats(inputs, targets, state)[0][:, 0].astype(float)
        yield {"loss": float(nats.sum()), "p": np.exp(-nats).tolist()}
        if update < change.updates:
            network.loss_and_gradient(inputs, targets, np.ones_like(targets, network.dtype), state)
            network.parameters.flat[:] -= network.dtype.type(change.rate) * network.gradient.flat


class Cut:
    """Which entries of vectors and matrices are shown, and their JSON."""

    def __init__(self, network: Network, ids: Array, p: Array, most: int):
        config = network.config
        self.gates = GATES[config.cell] or ("a",)
        self.H = config.hidden_size
        self.units = np.arange(min(self.H, most))
        self.dimensions = np.arange(min(config.embedding_size, most))
        needed = list(dict.fromkeys(ids.tolist()))
        likely = [v for v in np.argsort(-p.max(axis=0), kind="stable").tolist() if v not in needed]
        self.symbols = np.sort([*needed, *likely][: max(most, len(needed))])

    def indices(self, model: Model) -> dict[str, Any]:
        texts = [symbol_text(model, i) for i in self.symbols.tolist()]
        return {
            "units": self.units.tolist(), "dimensions": self.dimensions.tolist(),
            "symbols": self.symbols.tolist(), "symbol_texts": texts,
        }  # fmt: skip

    def hidden(self, a: Array | None) -> list[float] | None:
        """Of a vector (1, H) or (H,)."""
        return None if a is None else a.reshape(-1)[self.units].tolist()

    def columns(self, x: Array | None) -> list[float] | None:
        """Of an embedded symbol (1, D)."""
        return None if x is None else x[0, self.dimensions].tolist()

    def logits(self, y: Array) -> list[float]:
        return y[0, self.symbols].tolist()

    def by_gate(self, a: Array) -> dict[str, Any]:
        """Of (..., G·H): for each gate the units."""
        parts = np.split(a, len(self.gates), axis=-1)
        return {gate: part[..., self.units].tolist() for gate, part in zip(self.gates, parts,
                                                                          strict=True)}  # fmt: skip

    def parameter(self, name: str, a: Array) -> dict[str, Any]:
        """A parameter or its gradient: "shape" and "norm" of the whole, "values" of the cut."""
        layer, _, kind = name.partition(".")
        if kind == "W_x":
            first = layer == "layer0"
            one_hot = first and not len(self.dimensions)
            rows = self.symbols if one_hot else self.dimensions if first else self.units
            values: Any = self.by_gate(a[rows])
        elif kind == "W_h":
            values = self.by_gate(a[self.units])
        elif kind == "b":
            values = self.by_gate(a)
        elif kind == "c_n":
            values = a[self.units].tolist()
        elif kind == "W_y":
            values = a[np.ix_(self.units, self.symbols)].tolist()
        elif kind == "b_y":
            values = a[self.symbols].tolist()
        else:
            values = a[np.ix_(self.symbols, self.dimensions)].tolist()
        return {"shape": list(a.shape), "norm": float(np.linalg.norm(a)), "values": values}

    def forward(self, network: Network, number: int, layer: LayerStep) -> dict[str, Any]:
        W_h = network.parameters[f"layer{number}.W_h"]
        b = network.parameters.get(f"layer{number}.b")
        states = {"hidden": layer.after[0], "hidden_before": layer.before[0]}
        if len(layer.after) > 1:
            states |= {"cell": layer.after[1], "cell_before": layer.before[1]}
        return {
            "xW": self.by_gate((layer.z if b is None else layer.z - b)[0]),
            "z": self.by_gate(layer.z[0]),
            "hW": self.by_gate((layer.before[0] @ W_h)[0]),
            "gates": {letter: self.hidden(a) for letter, a in layer.gates.items()},
            **{name: self.hidden(a) for name, a in states.items()},
        }

    def backward(self, network: Network, number: int, edges: LayerGradients) -> dict[str, Any]:
        W_x, W_h = (network.parameters[f"layer{number}.{name}"] for name in ("W_x", "W_h"))
        read = self.hidden if number else self.columns
        found = {
            "above": self.hidden(edges.above), "next": self.hidden(edges.next[0]),
            "hidden": self.hidden(edges.hidden), "hidden_before": self.hidden(edges.before[0]),
            "a": self.by_gate(edges.a[0]), "x": None, "aW": None,
            "uW": self.shares(edges.u, W_h, self.hidden),
            "norm": float(np.linalg.norm(edges.hidden)),
            "norm_before": float(np.linalg.norm(edges.before[0])),
        }  # fmt: skip
        if edges.x is not None:
            found |= {"x": read(edges.x), "aW": self.shares(edges.a, W_x, read)}
        if edges.cell is not None:
            found |= {"next_cell": self.hidden(edges.next[1]), "cell": self.hidden(edges.cell),
                      "cell_before": self.hidden(edges.before[1])}  # fmt: skip
        if network.config.cell == "gru":
            found["u"] = self.by_gate(edges.u[0])
        return found

    def shares(self, a: Array, W: Array, cut: Callable[[Array], Any]) -> dict[str, Any]:
        """Of a·Wᵀ the part of each gate: `a` is (1, G·H), `W` (D, G·H)."""
        parts = (np.split(x, len(self.gates), axis=-1) for x in (a, W))
        return {gate: cut(part @ M.T) for gate, part, M in zip(self.gates, *parts, strict=True)}


def _architecture(network: Network) -> dict[str, Any]:
    config = network.config
    return {
        "cell": config.cell, "activation": config.activation, "layers": config.num_layers,
        "hidden_size": config.hidden_size, "vocabulary_size": config.vocabulary_size,
        "embedding_size": config.embedding_size, "bias": config.bias,
        "dtype": str(network.dtype), "gates": list(GATES[config.cell] or ("a",)),
    }  # fmt: skip
