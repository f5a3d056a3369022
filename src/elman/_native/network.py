"""Whole networks on the native engine: one call for a window, a text to score, a run of symbols.

What `elman.nn.network.Network` composes of layers and cells for any engine, in one pass that keeps
its arrays between calls.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..nn.layers import dropout_bits
from . import _core
from .cells import NUMBERS, as_ids, contiguous

if TYPE_CHECKING:
    from ..nn.network import Network

Array = np.ndarray


class Options(Protocol):
    """What of `elman.tasks.language.sampling.SamplingOptions` the kernels read."""

    @property
    def temperature(self) -> float: ...
    @property
    def top_k(self) -> int: ...
    @property
    def top_p(self) -> float: ...
    @property
    def greedy(self) -> bool: ...


def architecture(network: "Network") -> tuple[int, bool, bool, int, int, int, int]:
    """The configuration as the kernels read it."""
    c = network.config
    return (
        NUMBERS[c.cell], c.activation == "relu", c.bias,
        c.vocabulary_size, c.embedding_size, c.hidden_size, c.num_layers,
    )  # fmt: skip


def losses_and_gradients(
    network: "Network",
    inputs: Array,
    targets: Array,
    weights: Array,
    state: Array,
    mask: Array | None,
    rngs: Sequence[np.random.Generator | None],
    borders: list[int],
    gradients: Array,
    add: bool,
) -> tuple[Array, Array]:
    """One window of `Network.losses_and_gradients`: the losses, and the state after it.

    The gradients are replaced, or added to with `add`; the first state is a constant.
    """
    config, bits, threshold = network.config, None, 0
    state = contiguous(state)
    if config.dropout and rngs[0] is not None:
        steps, width = inputs.shape
        bits = np.empty((config.num_layers, steps, width, config.hidden_size), np.uint16)
        for rng, (first, last) in zip(rngs, pairwise(borders), strict=True):
            assert rng is not None
            for layer in bits[:, :, first:last]:
                layer[...], threshold = dropout_bits(layer.shape, config.dropout, rng)
    losses, final = np.empty(len(rngs)), np.empty_like(state)
    _core.losses_and_gradients(
        architecture(network), network.parameters.flat, borders, gradients, add, losses,
        as_ids(inputs), as_ids(targets), np.ascontiguousarray(weights, state.dtype), state,
        None if mask is None else contiguous(mask), bits, threshold, 1 / (1 - config.dropout),
        final, network.bf16,
    )  # fmt: skip
    return losses, final


def nats(
    network: "Network", inputs: Array, targets: Array, state: Array, mask: Array | None
) -> tuple[Array, Array]:
    """`Network.nats`, in memory that does not grow with T."""
    state = contiguous(state)
    losses, final = np.empty(inputs.shape), np.empty_like(state)
    with network.engine.limit_threads():
        _core.score(
            architecture(network), network.parameters.flat, as_ids(inputs), as_ids(targets), state,
            None if mask is None else contiguous(mask), losses, final,
        )  # fmt: skip
    return losses.astype(state.dtype, copy=False), final


def writer(network: "Network") -> Callable[..., tuple[Array, Array]]:
    """`elman.tasks.language.sampling.continuation` of a network whose parameters stay as they are.

    The weights are packed once, and there is no return to Python between symbols.
    """
    numbers, parameters = architecture(network), network.parameters.flat
    V = network.config.vocabulary_size
    packed = np.empty(_core.packed_size(numbers, parameters), parameters.dtype)
    _core.pack(numbers, parameters, packed)

    def continuation(
        ids: Array,
        state: Array,
        options: Options,
        uniforms: Array,
        forbidden: Array,
        end: int | None,
    ) -> tuple[Array, Array]:
        state = state.copy()  # in C order
        symbols = np.empty(uniforms.shape, np.int32)
        with network.engine.limit_threads():
            written = _core.generate(
                numbers, parameters, packed, as_ids(ids), contiguous(uniforms),
                0.0 if options.greedy else options.temperature, min(options.top_k, V),
                options.top_p, forbidden, -1 if end is None else end, state, symbols,
            )  # fmt: skip
        return symbols[:written], state

    return continuation
