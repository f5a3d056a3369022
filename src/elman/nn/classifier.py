"""The many-to-one network: a text goes in, the logits of its label come out.

    ids ──► row look-up ──► cells, forward ──►┐ both, ──► … ──► pooling ──► dropout ──► h·W_y + b_y
                        └─► cells, reverse ──►┘ side by side    over time               = logits

A bidirectional layer (Schuster and Paliwal 1997) has a second cell that reads the
text from its end; the outputs of both stand side by side. Pooling makes one vector
of all steps: the state after the last symbol (of the reverse cell: the first), or
the mean or the maximum over time, unit by unit.

Texts of different length are padded and masked. Both directions carry their zero
state over padding unchanged and pooling leaves it out, so a text has the same
logits alone and in any batch.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from ..cells import CELLS
from . import layers
from .arena import Shapes
from .engine import Engine
from .network import BaseNetwork, NetworkConfig

Array = np.ndarray
Runner = Callable[[Callable, Iterable], list]  # map, on one core or on two
POOLINGS = ("last", "mean", "max")


@dataclass(frozen=True)
class ClassifierConfig(NetworkConfig):
    """The architecture: everything that decides the names and shapes of the parameters."""

    num_classes: int = 2
    bidirectional: bool = False
    pooling: str = "last"

    @property
    def width(self) -> int:
        """Of a layer's output: H, or 2·H of both directions."""
        return self.hidden_size * (1 + self.bidirectional)

    @property
    def prefixes(self) -> list[list[str]]:
        """Per layer: how the names of the parameters of each direction begin."""
        directions = ("", "reverse.") if self.bidirectional else ("",)
        return [[f"layer{layer}.{d}" for d in directions] for layer in range(self.num_layers)]

    @property
    def input_names(self) -> list[str]:
        """Names of the parameters that a symbol looks its row up in."""
        return ["embedding.E"] if self.embedding_size else [p + "W_x" for p in self.prefixes[0]]

    def shapes(self) -> Shapes:
        """Names and shapes of all parameters, in the order of the arena."""
        V, H, G = self.vocabulary_size, self.hidden_size, CELLS[self.cell].GATES
        shapes: Shapes = {}
        if self.embedding_size:
            shapes["embedding.E"] = (V, self.embedding_size)
        for layer, prefixes in enumerate(self.prefixes):
            D = self.width if layer else self.embedding_size or V
            for prefix in prefixes:
                shapes[prefix + "W_x"] = (D, G * H)
                shapes[prefix + "W_h"] = (H, G * H)
                if self.bias:
                    shapes[prefix + "b"] = (G * H,)
                    if self.cell == "gru":
                        shapes[prefix + "c_n"] = (H,)
        shapes["readout.W_y"] = (self.width, self.num_classes)
        if self.bias:
            shapes["readout.b_y"] = (self.num_classes,)
        return shapes


class ClassifierNetwork(BaseNetwork):
    """Parameters, their gradient, and the functions that use both."""

    config: ClassifierConfig

    def __init__(
        self,
        config: ClassifierConfig,
        dtype: np.dtype | type = np.float32,
        engine: Engine | None = None,
    ):
        super().__init__(config, dtype, engine)

    @property
    def _divided(self) -> bool:
        """Whether the directions run side by side while training: neither waits for the other."""
        return self.engine.threads > 1 and self.config.bidirectional

    @property
    def _share(self) -> Engine:
        """The engine with as many threads as each direction has.

        The NumPy engine's products over a batch of short texts are too small to be
        divided any further: they stay on one core.
        """
        threads = self.engine.threads // 2 if self._divided else self.engine.threads
        return replace(self.engine, threads=1 if self.engine.name == "numpy" else threads)

    def limit_threads(self) -> AbstractContextManager:
        """A context for training: each direction has its share of the threads."""
        return self._share.limit_threads()

    def encode(
        self, ids: Array, mask: Array | None = None, rng: np.random.Generator | None = None
    ) -> tuple[Array, Callable[[Array], None]]:
        """One vector for every text.

        Parameters
        ----------
        ids : (T, B) integers
        mask : (T, B) bool, False behind the end of a text; None without padding
        rng : draws the dropout masks; None runs without dropout (not training)

        Returns
        -------
        y : (B, H), or (B, 2·H) of both directions
        pullback : dy -> None; adds the gradients of the parameters to `self.gradient`
        """
        config, p, g = self.config, self.parameters, self.gradient
        pullbacks: list[Callable[[Array | None, Array | None], Array | None]] = []
        x: Array | None = None
        drop = config.dropout if rng is not None else 0.0
        if config.embedding_size:
            x, embedding_pullback = self.engine.layers.embedding(ids, p["embedding.E"])
            x, drop_embedding = self._dropout(x, drop, rng)
        for layer, prefixes in enumerate(config.prefixes):
            if layer:
                assert x is not None
                x, drop_pullback = self._dropout(x, drop, rng)
            else:
                drop_pullback = None
            divided = rng is not None and self._divided
            both = partial(_side_by_side, self._share) if divided else _in_turn
            x, final, pullback = self._layer(prefixes, ids if x is None else x, mask, both)
            pullbacks.append(_then(pullback, drop_pullback))
        assert x is not None
        pool_pullback: Callable[[Array], Array] | None = None
        if config.pooling == "last":
            y = final
        elif config.pooling == "mean":
            y, pool_pullback = layers.mean_over_time(x, mask)
        else:
            y, pool_pullback = layers.max_over_time(x, mask)

        def whole_pullback(dy: Array) -> None:
            dfinal: Array | None = dy if pool_pullback is None else None
            dx = None if pool_pullback is None else pool_pullback(dy)
            for pullback in reversed(pullbacks):
                dx, dfinal = pullback(dx, dfinal), None
            if config.embedding_size:
                assert dx is not None
                g["embedding.E"][...] += embedding_pullback(drop_embedding(dx))

        return y, whole_pullback

    def _layer(
        self, prefixes: list[str], x: Array, mask: Array | None, run: Runner
    ) -> tuple[Array, Array, Callable[[Array | None, Array | None], Array | None]]:
        """One layer in one or both directions.

        Parameters
        ----------
        x : (T, B) ids, or (T, B, D)
        run : what runs the directions, of which neither needs the other

        Returns
        -------
        h : (T, B, width) hidden states, of both directions side by side
        final : (B, width) the last ones of each direction, at the text's last and first symbol
        pullback : (dh or None, dfinal or None) -> dx, or None for ids
        """
        config, p, g = self.config, self.parameters, self.gradient
        T, B = x.shape[:2]
        cell = self.engine.forward(config.cell, config.activation)
        H, S = config.hidden_size, CELLS[config.cell].STATES
        zero = np.zeros((S, B, H), self.dtype)

        def read(prefix: str) -> tuple[Array, Array, int, Callable, Callable]:
            # Reversed in time, padding comes first: the zero state waits until the text begins.
            step = -1 if prefix.endswith("reverse.") else 1
            kind = self.engine.layers
            enter = kind.one_hot_affine if x.ndim == 2 else kind.affine
            z, input_pullback = enter(
                np.ascontiguousarray(x[::step]), p[prefix + "W_x"], p.get(prefix + "b")
            )
            recurrent = {n: p[prefix + n] for n in ("W_h", "c_n") if prefix + n in p}
            seen = None if mask is None else np.ascontiguousarray(mask[::step])
            h, state, cell_pullback = cell(recurrent, z, zero, seen)
            return h[::step], state[0], step, input_pullback, cell_pullback

        done = run(read, prefixes)
        outputs, finals = [d[0] for d in done], [d[1] for d in done]

        def pullback(dh: Array | None, dfinal: Array | None) -> Array | None:
            def back(i: int) -> Array | None:
                prefix, (_, _, step, input_pullback, cell_pullback) = prefixes[i], done[i]
                mine = slice(i * H, (i + 1) * H)
                dstate = None
                if dfinal is not None:
                    dstate = np.zeros((S, B, H), self.dtype)
                    dstate[0] = dfinal[:, mine]
                if dh is None:
                    arriving = np.zeros((T, B, H), self.dtype)
                else:
                    arriving = np.ascontiguousarray(dh[::step, :, mine])
                dz, _, dcell = cell_pullback(arriving, dstate)
                for name, gradient in dcell.items():
                    g[prefix + name][...] += gradient
                d, dW_x, db = input_pullback(dz)
                g[prefix + "W_x"][...] += dW_x
                if db is not None:
                    g[prefix + "b"][...] += db
                return None if d is None else d[::step]

            dx = run(back, range(len(prefixes)))
            return dx[0] if dx[0] is None or len(dx) == 1 else dx[0] + dx[1]

        if len(prefixes) == 1:
            return outputs[0], finals[0], pullback
        return np.concatenate(outputs, axis=2), np.concatenate(finals, axis=1), pullback

    def forward(
        self, ids: Array, mask: Array | None = None, rng: np.random.Generator | None = None
    ) -> tuple[Array, Callable[[Array], None]]:
        """Logits (B, C) of the classes; arguments and pullback as in `encode`."""
        p, g = self.parameters, self.gradient
        y, encode_pullback = self.encode(ids, mask, rng)
        y, drop_pullback = self._dropout(y, self.config.dropout if rng is not None else 0.0, rng)
        affine = self.engine.layers.affine
        logits, readout_pullback = affine(y[None], p["readout.W_y"], p.get("readout.b_y"))

        def pullback(dlogits: Array) -> None:
            dy, dW_y, db_y = readout_pullback(dlogits[None])
            g["readout.W_y"][...] += dW_y
            if db_y is not None:
                g["readout.b_y"][...] += db_y
            encode_pullback(drop_pullback(dy[0]))

        return logits[0], pullback

    def loss_and_gradient(
        self,
        ids: Array,
        labels: Array,
        weights: Array,
        mask: Array | None = None,
        rng: np.random.Generator | None = None,
        smoothing: float = 0.0,
    ) -> float:
        """Σ weights · nats of the labels (B,), and its gradient in `self.gradient`.

        With label smoothing ε (Szegedy et al. 2016) a share ε of every target is
        spread over all classes: nats become (1 - ε)·nats + ε·Σ_v nats_v / C.
        """
        self.gradient.flat[:] = 0
        logits, pullback = self.forward(ids, mask, rng)
        cross_entropy = self.engine.layers.softmax_cross_entropy
        nats, loss_pullback = cross_entropy(logits[None], labels[None])
        dlogits = loss_pullback(weights[None])[0]
        if smoothing:
            # The target of every class is shared out: softmax - onehot becomes
            # softmax - (1 - ε)·onehot - ε/C.
            dlogits -= (weights * dlogits.dtype.type(smoothing / logits.shape[1]))[:, None]
            dlogits[np.arange(len(labels)), labels] += weights * dlogits.dtype.type(smoothing)
            # Σ_v nats_v / C = nats + logit of the label - mean logit
            at_label = logits[np.arange(len(labels)), labels]
            nats = nats + smoothing * (at_label - logits.mean(axis=1))
        pullback(dlogits)
        return float(np.sum(nats[0] * weights, dtype=np.float64))

    def _dropout(
        self, x: Array, rate: float, rng: np.random.Generator | None
    ) -> tuple[Array, Callable[[Array], Array]]:
        if not rate or rng is None:
            return x, lambda dy: dy
        return self.engine.layers.dropout(x, rate, rng)


def _in_turn(function: Callable, items: Iterable) -> list:
    return [function(item) for item in items]


def _side_by_side(engine: Engine, function: Callable, items: Iterable) -> list:
    """The second item on another core: both engines let go of the interpreter in their loops."""

    def elsewhere(item: Any) -> Any:
        engine.claim_threads()
        return function(item)

    first, *others = items
    waiting = [_other_core().submit(elsewhere, item) for item in others]
    return [function(first), *(future.result() for future in waiting)]


@cache
def _other_core() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


if hasattr(os, "register_at_fork"):  # a fork copies no threads: the child starts its own
    os.register_at_fork(after_in_child=_other_core.cache_clear)


def _then(
    pullback: Callable[[Array | None, Array | None], Array | None],
    before: Callable[[Array], Array] | None,
) -> Callable[[Array | None, Array | None], Array | None]:
    """A layer's pullback, then that of the dropout on its input."""

    def both(dh: Array | None, dfinal: Array | None) -> Array | None:
        dx = pullback(dh, dfinal)
        return dx if dx is None or before is None else before(dx)

    return both
