"""How fast this machine trains a network, and whether it is faster with products in bf16."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import UsageError
from ..nn.engine import Engine
from ..settings import Settings
from .memory import refuse_too_large
from .ranks import Alone
from .run import Data
from .task import Task

TRIALS = 4  # steps that are timed, of which the fastest counts
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
        self._known: dict[tuple[tuple[int, int], bool], float] = {}
        refuse_bf16(settings, engine)
        able = engine.name == "native" and engine.can_round and settings.dtype == "float32"
        # The bits of a run that is limited by steps must not depend on a clock.
        self._choosing = settings.precision == "auto" and settings.by_the_clock and all(
            ranks.figure(able)
        )  # fmt: skip

    def of(self, size: tuple[int, int]) -> float:
        """The pace of a number of layers and units, in the precision that it will train in."""
        return self._measured(size, self._rounded(size))

    def precision(self, size: tuple[int, int]) -> str:
        """The precision of a run whose network has this size."""
        if self.settings.precision != "auto" or self.settings.dtype != "float32":
            return self.settings.precision
        return "bf16" if self._rounded(size) else "float32"

    def _rounded(self, size: tuple[int, int]) -> bool:
        if not self._choosing:
            return self.settings.precision == "bf16"
        return self._measured(size, True) >= WORTH_ROUNDING * self._measured(size, False)

    def _measured(self, size: tuple[int, int], bf16: bool) -> float:
        """What is timed is a shard; what exchanging takes is left out."""
        if (size, bf16) not in self._known:
            settings = self.settings
            rows = settings.batch_size and -(-settings.batch_size // settings.shards)
            settings = replace(
                settings, num_layers=size[0], hidden_size=size[1], batch_size=rows, shards=1
            )
            config: Any = self.task.config(settings, self.data)
            steps = self.task.kept_steps(settings, self.data)
            refuse_too_large(config, settings, steps, self.own_vocabulary)
            network = self.task.network(config, np.dtype(settings.dtype), self.engine)
            network.bf16 = bf16
            paces = []
            with network.limit_threads():
                for _ in range(TRIALS):
                    start = perf_counter()
                    symbols = self.task.try_step(network, settings)
                    paces.append(symbols / (perf_counter() - start))
            self._known[size, bf16] = self.ranks.figure(max(paces))[0] * self.ranks.size
        return self._known[size, bf16]


def refuse_bf16(settings: Settings, engine: Engine) -> None:
    """Raise UsageError where a run asks for bf16 and the engine has none."""
    if settings.precision == "bf16" and not engine.can_round:
        raise UsageError(
            "the native engine has no bf16 products on this machine (instruction level "
            f"{engine.level}); give --precision float32"
        )


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
