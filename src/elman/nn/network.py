"""The network: embed, stacked cells, readout; its parameters in one arena.

    ids ──► row look-up ──► cell ──► dropout ──► x·W_x + b ──► cell ──► dropout ──► h·W_y + b_y
            in W_x          layer 0                            layer 1              = logits

The first layer looks its rows of W_x up, which equals a product with one-hot
vectors; with an embedding it multiplies the embedded symbols like any layer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from ..cells import CELLS
from .arena import Arena, Shapes
from .engine import Engine, select

Array = np.ndarray


@dataclass(frozen=True)
class NetworkConfig:
    """The architecture: everything that decides the names and shapes of the parameters."""

    vocabulary_size: int
    cell: str = "gru"
    hidden_size: int = 128
    num_layers: int = 1
    embedding_size: int = 0  # 0: one-hot symbols
    activation: str = "tanh"  # of the vanilla cell
    bias: bool = True
    dropout: float = 0.0

    def shapes(self) -> Shapes:
        """Names and shapes of all parameters, in the order of the arena."""
        V, H, G = self.vocabulary_size, self.hidden_size, CELLS[self.cell].GATES
        shapes: Shapes = {}
        if self.embedding_size:
            shapes["embedding.E"] = (V, self.embedding_size)
        for layer in range(self.num_layers):
            D = H if layer else self.embedding_size or V
            shapes[f"layer{layer}.W_x"] = (D, G * H)
            shapes[f"layer{layer}.W_h"] = (H, G * H)
            if self.bias:
                shapes[f"layer{layer}.b"] = (G * H,)
                if self.cell == "gru":
                    shapes[f"layer{layer}.c_n"] = (H,)
        shapes["readout.W_y"] = (H, V)
        if self.bias:
            shapes["readout.b_y"] = (V,)
        return shapes

    def num_parameters(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes().values())


class BaseNetwork:
    """Parameters, their gradient, and the engine that runs the cells.

    `bf16` says whether a training step computes its products from operands that are rounded
    to bf16; whatever else is asked of a network is computed in its dtype.
    """

    bf16 = False

    def __init__(
        self,
        config: NetworkConfig,
        dtype: np.dtype | type = np.float32,
        engine: Engine | None = None,
    ):
        self.config = config
        self.parameters = Arena(config.shapes(), dtype)
        self.gradient = self.parameters.like()
        self.engine = engine or select()

    @property
    def dtype(self) -> np.dtype:
        return self.parameters.dtype

    @property
    def dense(self) -> int:
        """How many parameters a step changes: all, but for a table of which it reads few rows.

        Such a table is last in the arena.
        """
        return self.parameters.flat.size

    def copy(self, engine: Engine | None = None) -> Self:
        """The same parameters in memory of their own, run by the same engine or another one."""
        copied = type(self)(self.config, self.dtype, engine or self.engine)
        copied.parameters.flat[:] = self.parameters.flat
        return copied

    @contextmanager
    def training_step(self) -> Iterator[None]:
        """A context for the forward pass of a training step, whose pullbacks follow it."""
        engine = self.engine
        if self.bf16:
            self.engine = engine.rounding()
        try:
            yield
        finally:
            self.engine = engine

    def limit_threads(self) -> AbstractContextManager:
        """A context for training, in which the engine uses its number of threads."""
        return self.engine.limit_threads()


class Network(BaseNetwork):
    """A language model: logits of the next symbol after every prefix.

    The state of the whole network is one array (L, S, B, H): L layers, S = 2
    for an LSTM (h and c), else 1.
    """

    @property
    def vocabulary_size(self) -> int:
        return self.config.vocabulary_size

    def zero_state(self, batch_size: int) -> Array:
        """The state (L, S, B, H) before anything was read."""
        c = self.config
        shape = (c.num_layers, CELLS[c.cell].STATES, batch_size, c.hidden_size)
        return np.zeros(shape, self.dtype)

    def forward(
        self,
        ids: Array,
        state: Array,
        mask: Array | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Array, Callable[[Array, Array | None], Array]]:
        """Logits of the next symbol after every prefix.

        Parameters
        ----------
        ids : (T, B) integers
        state : (L, S, B, H) before the first step; not modified
        mask : (T, B) bool or None; where False the state is carried over unchanged
        rng : draws the dropout masks; None runs without dropout (not training)

        Returns
        -------
        logits : (T, B, V)
        state : (L, S, B, H) after the last step
        pullback : (dlogits, dstate or None) -> gradient of the first state; adds
            the gradients of all parameters to `self.gradient`
        """
        p, config = self.parameters, self.config
        cell = self.engine.forward(config.cell, config.activation)
        layers = self.engine.layers
        final = np.empty_like(state)
        pullbacks: list[tuple[Callable, Callable, Callable | None]] = []
        x: Array | None = None
        if config.embedding_size:
            x, embedding_pullback = layers.embedding(ids, p["embedding.E"])
        for layer in range(config.num_layers):
            prefix = f"layer{layer}."
            b = p.get(prefix + "b")
            enter = layers.one_hot_affine if x is None else layers.affine
            z, input_pullback = enter(ids if x is None else x, p[prefix + "W_x"], b)
            recurrent = {n: p[prefix + n] for n in ("W_h", "c_n") if prefix + n in p}
            h, final[layer], cell_pullback = cell(recurrent, z, state[layer], mask)
            drop_pullback = None
            if rng is not None and config.dropout:
                h, drop_pullback = layers.dropout(h, config.dropout, rng)
            pullbacks.append((input_pullback, cell_pullback, drop_pullback))
            x = h
        assert x is not None
        logits, readout_pullback = layers.affine(x, p["readout.W_y"], p.get("readout.b_y"))

        def pullback(dlogits: Array, dstate: Array | None = None) -> Array:
            g = self.gradient
            dh: Array | None
            dh, dW_y, db_y = readout_pullback(dlogits)
            g["readout.W_y"][...] += dW_y
            if db_y is not None:
                g["readout.b_y"][...] += db_y
            dfirst = np.empty_like(state)
            for layer in reversed(range(config.num_layers)):
                prefix = f"layer{layer}."
                input_pullback, cell_pullback, drop_pullback = pullbacks[layer]
                if drop_pullback is not None:
                    dh = drop_pullback(dh)
                assert dh is not None  # only the first layer has none to give
                dz, dfirst[layer], dcell = cell_pullback(
                    dh, None if dstate is None else dstate[layer]
                )
                for name, gradient in dcell.items():
                    g[prefix + name][...] += gradient
                dh, dW_x, db = input_pullback(dz)
                g[prefix + "W_x"][...] += dW_x
                if db is not None:
                    g[prefix + "b"][...] += db
            if config.embedding_size:
                g["embedding.E"][...] += embedding_pullback(dh)
            return dfirst

        return logits, final, pullback

    def loss_and_gradient(
        self,
        inputs: Array,
        targets: Array,
        weights: Array,
        state: Array,
        mask: Array | None = None,
        rng: np.random.Generator | None = None,
        cuts: Sequence[int] = (),
        detach: bool = True,
    ) -> tuple[float, list[Array]]:
        """The weighted sum of the losses of a window, and its gradient in `self.gradient`.

        This is where back-propagation through time is truncated: the state that
        enters the window is a constant, so no gradient reaches what came before
        it. `cuts` divides the window further. With `detach` the gradient stops
        at every cut too; without, it flows through, and the cuts only give
        access to the states at those places.

        Parameters
        ----------
        inputs, targets : (T, B) integers
        weights : (T, B) weight of every prediction in the loss; 0 for padding
        state : (L, S, B, H) before the first step
        mask : (T, B) bool or None, as in `forward`
        rng : draws the dropout masks, None for no dropout
        cuts : increasing positions inside (0, T)
        detach : whether the gradient stops at the cuts

        Returns
        -------
        loss : Σ weights · nats
        states : the states (L, S, B, H) at every cut and at the end
        """
        if self.engine.whole is not None and (detach or not cuts):
            borders, gradients = [0, inputs.shape[1]], self.gradient.flat[None]
            losses, states = self.losses_and_gradients(
                inputs, targets, weights, state, mask, [rng], borders, gradients, cuts
            )
            return float(losses[0]), states
        edges = [0, *cuts, len(inputs)]
        loss, states, chain = 0.0, [], []
        self.gradient.flat[:] = 0
        for start, end in pairwise(edges):
            part = slice(start, end)
            part_mask = None if mask is None else mask[part]
            with self.training_step():
                logits, state, pullback = self.forward(inputs[part], state, part_mask, rng)
            nats, loss_pullback = self.engine.layers.softmax_cross_entropy(logits, targets[part])
            loss += float(np.vdot(nats, weights[part]))
            states.append(state)
            if detach:
                pullback(loss_pullback(weights[part]), None)
            else:
                chain.append((pullback, loss_pullback, weights[part]))
        dstate = None
        for pullback, loss_pullback, part_weights in reversed(chain):
            dstate = pullback(loss_pullback(part_weights), dstate)
        return loss, states

    def losses_and_gradients(
        self,
        inputs: Array,
        targets: Array,
        weights: Array,
        state: Array,
        mask: Array | None,
        rngs: Sequence[np.random.Generator | None],
        borders: list[int],
        gradients: Array,
        cuts: Sequence[int] = (),
    ) -> tuple[Array, list[Array]]:
        """`loss_and_gradient` of several groups of neighbouring sequences, in one pass.

        Only an engine that computes whole networks has it. Sequences do not meet, so every bit is
        that of each group alone, as long as none is a single sequence.

        Parameters
        ----------
        inputs, targets, weights, state, mask, cuts : as there, of all groups together
        rngs : of every group
        borders : where the groups begin, and B: rising from 0
        gradients : (groups, P), overwritten

        Returns
        -------
        losses : (groups,) float64
        states : the states (L, S, B, H) at every cut and at the end
        """
        assert self.engine.whole is not None
        losses, states = np.zeros(len(rngs)), []
        for start, end in pairwise([0, *cuts, len(inputs)]):
            part = slice(start, end)
            nats, state = self.engine.whole.losses_and_gradients(
                self, inputs[part], targets[part], weights[part], state,
                None if mask is None else mask[part], rngs, borders, gradients, add=start > 0,
            )  # fmt: skip
            losses += nats
            states.append(state)
        return losses, states

    def predict(self, ids: Array, state: Array) -> tuple[Array, Array]:
        """Logits (T, B, V) of the next symbols, and the state after the last one."""
        logits, state, _ = self.forward(ids, state)
        return logits, state

    def nats(
        self, inputs: Array, targets: Array, state: Array, mask: Array | None = None
    ) -> tuple[Array, Array]:
        """Loss (T, B) in nats of every prediction, and the state after the last one."""
        if self.engine.whole is not None:
            return self.engine.whole.nats(self, inputs, targets, state, mask)
        logits, state, _ = self.forward(inputs, state, mask)
        return self.engine.layers.softmax_cross_entropy(logits, targets)[0], state


def initialise(
    parameters: Arena,
    config: NetworkConfig,
    init: str,
    scale: float | None,
    rng: np.random.Generator,
) -> None:
    """Fill the arena with first values.

    `uniform`: U(-1/√n, 1/√n), n the fan-in: H for whatever a cell reads, so that
    one-hot inputs, of which one row is active, are not drowned (Nabi; PyTorch).
    `normal`: every matrix N(0, scale²), biases 0 (Karpathy, D2L: 0.01).
    `identity`, `orthogonal`: W_h only, times scale (default 1); the rest uniform
    (Le, Jaitly and Hinton 2015; Saxe, McClelland and Ganguli 2014).
    The forget gate of an LSTM starts with bias 1 (Jozefowicz et al. 2015).
    The wide part starts with zeros: what it has not seen says nothing.
    Numbers are drawn in float64 in the order of the arena, so float32 and float64
    networks of one seed start equal.
    """
    H = config.hidden_size
    for name, values in parameters.items():
        if name == "wide.W":
            values[...] = 0
        elif init == "normal":
            sigma = 0.01 if scale is None else scale
            values[...] = rng.normal(0, sigma, values.shape) if values.ndim == 2 else 0
        elif init in ("identity", "orthogonal") and name.endswith(".W_h"):
            gain = 1.0 if scale is None else scale
            for gate in range(values.shape[1] // H):
                block = np.eye(H) if init == "identity" else _orthogonal(H, rng)
                values[:, gate * H : (gate + 1) * H] = gain * block
        else:
            bound = (1.0 if scale is None or init != "uniform" else scale) / np.sqrt(H)
            values[...] = rng.uniform(-bound, bound, values.shape)
        if config.cell == "lstm" and name.endswith(".b"):
            values[H : 2 * H] = 1


def _orthogonal(n: int, rng: np.random.Generator) -> Array:
    q, r = np.linalg.qr(rng.normal(size=(n, n)))
    return q * np.sign(np.diag(r))  # without the signs the distribution is not uniform
