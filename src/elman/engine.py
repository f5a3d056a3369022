"""Who runs the recurrence: an engine gives the forward functions of the cells.

`numpy` is the reference and works everywhere. A faster engine implements the
same functions over the same arrays and is held to the reference by tests.
"""

import os
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .cells import CELLS
from .errors import UsageError

ENGINES = ("auto", "numpy")


@dataclass(frozen=True)
class Engine:
    """A way to run the cells.

    Attributes
    ----------
    name : what `--engine` calls it
    reason : why it is in use, for `elman info`
    threads : how many threads its products use
    """

    name: str
    reason: str
    threads: int

    def forward(self, cell: str, activation: str) -> Callable:
        """The forward function of a cell: (params, z, state, mask) -> (h, state, pullback)."""
        if cell == "rnn":
            return partial(CELLS[cell].forward, activation=activation)
        return CELLS[cell].forward

    def limit_threads(self) -> AbstractContextManager:
        """A context in which the products use `threads` threads."""
        from threadpoolctl import threadpool_limits

        return threadpool_limits(self.threads) if self.threads else nullcontext()


def select(name: str = "auto", threads: int | None = None) -> Engine:
    """The engine called `name`; `auto` is the fastest that works on this machine.

    Raises
    ------
    UsageError : no engine of that name
    """
    if name not in ENGINES:
        raise UsageError(f"engine {name!r} is not one of {', '.join(ENGINES)}")
    return Engine("numpy", "the reference, in NumPy", threads or available_cores())


def conditions(engine: Engine) -> dict[str, Any]:
    """What decides the last bits of a result, besides the seed."""
    return {
        "engine": engine.name,
        "threads": engine.threads,
        "platform": platform.machine(),
        "numpy": np.__version__,
    }


def available_cores() -> int:
    """Cores that this process may use: CPU affinity and cgroup quota respected."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(cores, int(quota + 0.5))) if quota else cores


def _cgroup_quota() -> float | None:
    """CPU quota in cores from cgroup v2 or v1, None if there is none."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text()
        period = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text()
        return int(limit) / int(period) if int(limit) > 0 else None
    except (OSError, ValueError):
        return None
