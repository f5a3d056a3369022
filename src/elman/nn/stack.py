"""Stacked cells that read whole sequences in one or both directions, padded and masked.

    x ──►┌─► cells, forward ──►┐ both, ──► dropout ──► the next layer ──► …
         └─► cells, reverse ──►┘ concatenated

A bidirectional layer (Schuster and Paliwal 1997) has a second cell that reads the
sequence from its end; the outputs of both are concatenated.

Sequences of different length are padded and masked. Both directions carry their zero
state over padding unchanged, so a sequence has the same states alone and in any batch.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np

from ..cells import CELLS
from . import wide
from .arena import Shapes
from .engine import Engine
from .network import BaseNetwork, NetworkConfig

Array = np.ndarray
Runner = Callable[[Callable, Iterable], list]  # map, on one core or on two


@dataclass(frozen=True)
class StackConfig(NetworkConfig):
    """The architecture of the cells: what decides the names and shapes of their parameters."""

    bidirectional: bool = False
    wide: int = field(default=0, kw_only=True)  # rows of the table of n-grams; 0: there is none
    wide_ngrams: int = field(default=0, kw_only=True)  # symbols of the longest

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

    def cells(self, prefixes: list[str], inputs: int, units: int) -> Shapes:
        """Shapes of a layer with these numbers of inputs and units, of every direction."""
        G = CELLS[self.cell].GATES
        shapes: Shapes = {}
        for prefix in prefixes:
            shapes[prefix + "W_x"] = (inputs, G * units)
            shapes[prefix + "W_h"] = (units, G * units)
            if self.bias:
                shapes[prefix + "b"] = (G * units,)
                if self.cell == "gru":
                    shapes[prefix + "c_n"] = (units,)
        return shapes

    def stack(self, inputs: int) -> Shapes:
        """Shapes of all layers, for this number of inputs of the first."""
        shapes: Shapes = {}
        for layer, prefixes in enumerate(self.prefixes):
            shapes |= self.cells(prefixes, self.width if layer else inputs, self.hidden_size)
        return shapes

    def readout(self, outputs: int) -> Shapes:
        """Shapes of what maps a layer's output to this number of logits."""
        shapes: Shapes = {"readout.W_y": (self.width, outputs)}
        if self.bias:
            shapes["readout.b_y"] = (outputs,)
        return shapes

    def table(self, outputs: int) -> Shapes:
        """The shape of the table of n-grams, if there is one: the last of the arena."""
        return {"wide.W": (self.wide, outputs)} if self.wide else {}


class StackNetwork(BaseNetwork):
    """A network whose cells read whole sequences."""

    config: StackConfig
    ngram_dropout: float  # share of the n-grams that a training step leaves out
    touched = np.zeros(0, np.int64)  # rows of the table that may have a gradient

    @property
    def dense(self) -> int:
        table = self.parameters.get("wide.W")
        return self.parameters.flat.size - (0 if table is None else table.size)

    def weight_of_table(self) -> str:
        """How large the table of n-grams is, for people."""
        table = self.parameters["wide.W"]
        return (
            f"{len(table):,} rows of n-grams, {table.size:,} numbers, {table.nbytes / 1e6:.1f} MB"
        )

    def clear_gradient(self) -> None:
        """Set the gradient to zero; of the table the rows where it is not."""
        self.gradient.flat[: self.dense] = 0
        if self.config.wide:
            self.gradient["wide.W"][self.touched] = 0

    def ngrams(
        self,
        of: Callable[[Array, Array | None, int, int], wide.Ngrams],
        ids: Array,
        mask: Array | None,
        rng: np.random.Generator | None,
    ) -> tuple[Array | int, Callable[[Array], None]]:
        """What the wide part adds to the logits; the pullback writes the gradient of the table.

        `of` is `wide.ngrams` or `wide.ngrams_around`. A network without dropout leaves no
        n-gram out.
        """
        if not self.config.wide:
            return 0, lambda dlogits: None
        found = of(ids, mask, self.config.wide, self.config.wide_ngrams)
        drop = rng if self.config.dropout else None
        table = self.parameters["wide.W"]
        logits, rows_pullback = wide.wide(table, found, self.ngram_dropout, drop)

        def pullback(dlogits: Array) -> None:
            self.touched, gradient = rows_pullback(dlogits)
            self.gradient["wide.W"][self.touched] = gradient

        return logits, pullback

    @property
    def _divided(self) -> bool:
        """Whether the directions run in parallel while training: neither waits for the other."""
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

    def read(
        self, x: Array, mask: Array | None = None, rng: np.random.Generator | None = None
    ) -> tuple[list[Array], Array, Callable[[Array | None, Array | None], Array | None]]:
        """All layers.

        Parameters
        ----------
        x : (T, B) integers, or (T, B, D)
        mask : (T, B) bool, False behind the end of a sequence; None without padding
        rng : draws the dropout masks between the layers; None runs without dropout

        Returns
        -------
        h, final, pullback : of the last layer, see `layer`
        """
        drop = self.config.dropout if rng is not None else 0.0
        run = partial(_side_by_side, self._share) if rng is not None and self._divided else _in_turn
        pullbacks: list[Callable[[Array | None, Array | None], Array | None]] = []
        h, final = [x], x
        for number, prefixes in enumerate(self.config.prefixes):
            before = None
            if number:
                x, before = self.drop(joined(h), drop, rng)
            h, final, pullback = self.layer(prefixes, x, mask, run)
            pullbacks.append(_then(pullback, before))

        def whole_pullback(dh: Array | None, dfinal: Array | None) -> Array | None:
            for pullback in reversed(pullbacks):
                dh, dfinal = pullback(dh, dfinal), None
            return dh

        return h, final, whole_pullback

    def layer(
        self, prefixes: list[str], x: Array, mask: Array | None, run: Runner | None = None
    ) -> tuple[list[Array], Array, Callable[[Array | None, Array | None], Array | None]]:
        """One layer in one or both directions.

        Parameters
        ----------
        x : (T, B) ids, or (T, B, D)
        run : what runs the directions, of which neither needs the other; None: one after the other

        Returns
        -------
        h : (T, B, H) hidden states of each direction; see `joined`
        final : (B, width) the last ones of each direction, at the text's last and first symbol
        pullback : (dh (T, B, width) or None, dfinal or None) -> dx, or None for ids
        """
        config, p, g = self.config, self.parameters, self.gradient
        run = run or _in_turn
        T, B = x.shape[:2]
        cell = self.engine.forward(config.cell, config.activation)
        H, S = len(p[prefixes[0] + "W_h"]), CELLS[config.cell].STATES
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

        return outputs, joined(finals), pullback

    def write(self, h: Array) -> tuple[Array, Callable[[Array], Array]]:
        """The readout, h·W_y + b_y: logits (T, B, C) of (T, B, width).

        The pullback gives dh and adds the gradients of the parameters to `self.gradient`.
        """
        p, g = self.parameters, self.gradient
        affine = self.engine.layers.affine
        logits, readout_pullback = affine(h, p["readout.W_y"], p.get("readout.b_y"))

        def pullback(dlogits: Array) -> Array:
            dh, dW_y, db_y = readout_pullback(dlogits)
            g["readout.W_y"][...] += dW_y
            if db_y is not None:
                g["readout.b_y"][...] += db_y
            return dh

        return logits, pullback

    def symbols(
        self, ids: Array, rng: np.random.Generator | None = None
    ) -> tuple[Array, Callable[[Array | None], None]]:
        """What the first layer reads: with an embedding the rows of the symbols, else their ids."""
        if not self.config.embedding_size:
            return ids, lambda dx: None
        drop = self.config.dropout if rng is not None else 0.0
        x, embedding_pullback = self.engine.layers.embedding(ids, self.parameters["embedding.E"])
        x, drop_pullback = self.drop(x, drop, rng)

        def pullback(dx: Array | None) -> None:
            assert dx is not None
            self.gradient["embedding.E"][...] += embedding_pullback(drop_pullback(dx))

        return x, pullback

    def drop(
        self, x: Array, rate: float, rng: np.random.Generator | None
    ) -> tuple[Array, Callable[[Array], Array]]:
        if not rate or rng is None:
            return x, lambda dy: dy
        return self.engine.layers.dropout(x, rate, rng)


def joined(directions: list[Array]) -> Array:
    """The units (…, H) of all directions of a layer next to each other: (…, width)."""
    return directions[0] if len(directions) == 1 else np.concatenate(directions, axis=-1)


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
