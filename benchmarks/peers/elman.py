"""Elman: what `elman train` does between reading a batch and reporting the step."""

from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

import elman
from elman.learn.shards import TOGETHER, Shards
from elman.nn import engine, optimizers
from elman.nn.network import Network, NetworkConfig

from . import Work

KEPT: list[Any] = []


def version() -> str:
    return f"elman {elman.__version__}, NumPy {np.__version__}"


def prepare(
    work: Work, threads: int, name: str, shards: Shards | None = None, precision: str = "float32"
) -> Callable[[], float]:
    """One training step on the engine called `name`; with `shards` of those, on their ranks.

    Raises RuntimeError for a precision that the engine does not have.
    """
    runner = engine.select(name, threads)
    if precision == "bf16" and not runner.can_round:
        raise RuntimeError("this processor has no bf16 instruction")
    limits = runner.limit_threads()
    limits.__enter__()
    KEPT.append(limits)  # for the life of this process: dropped, it would end
    network = Network(
        NetworkConfig(work.vocabulary, work.cell, work.hidden, work.layers), np.float32, runner
    )
    network.bf16 = precision == "bf16"
    for parameter, values in work.parameters().items():
        network.parameters[parameter][...] = values
    optimizer = optimizers.make(work.optimizer, network.parameters.flat, 0.0, 0.0)
    optimizer.fused = runner.updates.get(work.optimizer)
    total = work.batch if work.loss == "sum" else work.characters
    weights = np.full((work.steps, work.batch), 1 / total, np.float32)
    batches = cycle([(x.astype(np.int32), y.astype(np.int32)) for x, y in work.minibatches()])
    state = network.zero_state(work.batch)

    def whole(inputs: np.ndarray, targets: np.ndarray) -> float:
        nonlocal state
        loss, states = network.loss_and_gradient(inputs, targets, weights, state)
        state = states[-1]
        return loss

    def group(
        inputs: np.ndarray, targets: np.ndarray,
        some: range, borders: list[int], gradients: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        rows = slice(borders[0], borders[-1])
        mine = [np.ascontiguousarray(of[:, rows]) for of in (inputs, targets, weights)]
        before = np.ascontiguousarray(state[:, :, rows])
        losses, states = network.losses_and_gradients(
            *mine, before, None, [None for _ in some], [b - rows.start for b in borders], gradients
        )
        state[:, :, rows] = states[-1]
        return losses

    def step() -> float:
        inputs, targets = next(batches)
        gradient = network.gradient.flat
        if shards is None:
            loss = whole(inputs, targets)
        else:
            together = TOGETHER if work.batch // shards.count > 1 else 1
            compute = partial(group, inputs, targets)
            loss = shards.gradient(gradient, work.batch, compute, together)
        runner.clip(gradient, work.clip_norm, work.clip_value)
        optimizer.step(gradient, work.learning_rate)
        return loss

    return step
