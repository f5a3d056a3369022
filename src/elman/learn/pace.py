"""How fast this machine trains a network, and whether it is faster with products in bf16."""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from ..cells import CELLS
from ..errors import UsageError
from ..nn.engine import Engine
from ..nn.network import BaseNetwork
from ..nn.optimizers import make
from ..settings import Settings
from .memory import refuse_too_large
from .ranks import Alone
from .run import Data
from .task import Task

TRIALS, MOST_TRIALS = 4, 50  # steps that are timed, of which the fastest counts
LONG_ENOUGH = 0.2  # seconds of batches that more than a few trials need not exceed
WORTH_ROUNDING = 1.15  # times as fast as float32


class Pace:
    """Symbols per second that networks of some size train at.

    Parameters
    ----------
    settings : as the user gave them
    ranks : the processes that train together; what counts is the pace of rank 0
    own_vocabulary : whether its size may be chosen
    """

    def __init__(
        self, task: Task, settings: Settings, data: Data, engine: Engine, ranks: Alone,
        own_vocabulary: bool = True,
    ):  # fmt: skip
        self.task, self.settings, self.data = task, settings, data
        self.own_vocabulary = own_vocabulary
        self.engine, self.ranks = engine, ranks
        self._known: dict[tuple[int, int], dict[bool, float]] = {}
        refuse_bf16(settings, engine)
        able = engine.name == "native" and engine.can_round and settings.dtype == "float32"
        # The bits of a run that is limited by steps must not depend on a clock.
        self._choosing = settings.precision == "auto" and settings.by_the_clock and all(
            ranks.figure(able)
        )  # fmt: skip

    def of(self, size: tuple[int, int]) -> float:
        """The pace of a number of layers and units, in the precision that it will train in."""
        return self._of(size)[self._rounds(size)]

    def precision(self, size: tuple[int, int]) -> str:
        """The precision of a run whose network has this size."""
        if self.settings.precision != "auto" or self.settings.dtype != "float32":
            return self.settings.precision
        return "bf16" if self._rounds(size) else "float32"

    def _rounds(self, size: tuple[int, int]) -> bool:
        if not self._choosing:
            return self.settings.precision == "bf16"
        paces = self._of(size)
        return paces[True] >= WORTH_ROUNDING * paces[False]

    def _of(self, size: tuple[int, int]) -> dict[bool, float]:
        """The paces of a size, by whether products are rounded."""
        if size not in self._known:
            kinds = [False, True] if self._choosing else [self.settings.precision == "bf16"]
            mine = self._measured(size, kinds)
            paces = [self.ranks.figure(pace)[0] * self.ranks.size for pace in mine]
            self._known[size] = dict(zip(kinds, paces, strict=True))
        return self._known[size]

    def _measured(self, size: tuple[int, int], kinds: list[bool]) -> list[float]:
        """What is timed is a shard, each kind in turn; what exchanging takes is left out.

        A batch is a few of its steps as often as they go into it, and the update.
        """
        settings = self.settings
        rows = settings.batch_size and -(-settings.batch_size // settings.shards)
        settings = replace(
            settings, num_layers=size[0], hidden_size=size[1], batch_size=rows, shards=1
        )
        config: Any = self.task.config(settings, self.data)
        whole = self.task.kept_steps(settings, self.data)
        refuse_too_large(config, settings, whole, self.own_vocabulary)
        seconds: list[list[float]] = [[] for _ in kinds]
        networks = [self._network(config, bf16) for bf16 in kinds]
        updates = [_update_of(network, settings) for network in networks]
        with networks[0].limit_threads():
            while not _enough(seconds[0]):
                for network, update, found in zip(networks, updates, seconds, strict=True):
                    start = perf_counter()
                    symbols = self.task.try_step(network, settings)
                    end = perf_counter()
                    update()
                    found.append((end - start) * whole / symbols + perf_counter() - end)
        return [whole / min(found) for found in seconds]

    def _network(self, config: Any, bf16: bool) -> BaseNetwork:
        network = self.task.network(config, np.dtype(self.settings.dtype), self.engine)
        network.bf16 = bf16
        return network


def _enough(seconds: list[float]) -> bool:
    """Whether the fastest of these steps can be trusted: a short one is disturbed by anything."""
    return len(seconds) >= TRIALS and (sum(seconds) > LONG_ENOUGH or len(seconds) >= MOST_TRIALS)


def _update_of(network: BaseNetwork, settings: Settings) -> Callable[[], None]:
    """What follows the gradient of a batch, at a rate that changes nothing."""
    gradient = network.gradient.flat[: network.dense]
    optimizer = make(settings.optimizer, network.parameters.flat[: network.dense], 0.0, 0.0)
    optimizer.fused = network.engine.updates.get(settings.optimizer)

    def update() -> None:
        network.engine.clip(gradient, settings.clip_norm or 1.0, 0.0)
        optimizer.step(gradient, 0.0)

    return update


def refuse_bf16(settings: Settings, engine: Engine) -> None:
    """Raise UsageError where a run asks for bf16 and the engine has none."""
    asked = (
        settings.precision == "bf16" and settings.cell in CELLS
    )  # of what is counted: no products
    if asked and not engine.can_round:
        raise UsageError(f"the native engine has no bf16 products at instruction level "
                         f"{engine.level}; give --precision float32")  # fmt: skip


def rates(engine: Engine) -> dict[str, float]:
    """Billions of operations per second of one core in a large product, by precision.

    A multiplication and an addition are two operations; the fastest of some calls counts.
    """
    rows, depth, columns = 1024, 512, 1024
    x, W = np.ones((1, rows, depth), np.float32), np.ones((depth, columns), np.float32)
    kinds = {"float32": engine}
    if engine.name == "native" and engine.can_round:
        kinds["bf16"] = engine.rounding()
    found = {}
    for name, kind in kinds.items():
        with replace(engine, threads=1).limit_threads():
            seconds = []
            for _ in range(2 * TRIALS):
                start = perf_counter()
                kind.layers.affine(x, W, None)
                seconds.append(perf_counter() - start)
        found[name] = round(2e-9 * rows * depth * columns / min(seconds), 1)
    return found
