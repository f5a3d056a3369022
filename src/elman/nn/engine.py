"""Who runs the recurrence: an engine gives the forward functions of the cells.

`numpy` is the reference and works everywhere. A faster engine implements the
same functions over the same arrays and is held to the reference by tests.
"""

import os
import platform
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ..cells import CELLS
from ..errors import UsageError, quoted
from ..settings import check
from . import bf16, layers
from .optimizers import clip

ENGINES = ("auto", "native", "numpy")
_thread = threading.local()


class StaleError(Exception):
    """A native engine that was compiled from different C++ sources."""


@dataclass(frozen=True)
class Engine:
    """A way to run the cells and what surrounds them.

    Attributes
    ----------
    name : what `--engine` calls it
    reason : why it is in use, for `elman info`
    threads : how many threads it uses
    layers : the functions of `elman.nn.layers`
    whole : a module that runs windows of whole networks in one call, None: pieces are composed
    updates : by name of an optimizer, a function (optimizer, gradient, learning
        rate) that updates in one pass; without one the optimizer does it itself
    clip : `elman.nn.optimizers.clip`
    level : the instruction set it was compiled for
    can_round : whether it has products of operands that are rounded to bf16
    bf16 : whether its products are those
    """

    name: str
    reason: str
    threads: int
    layers: ModuleType | SimpleNamespace = layers
    whole: ModuleType | None = None
    updates: Mapping[str, Callable] = field(default_factory=dict)
    clip: Callable[[np.ndarray, float, float], float] = clip
    level: str = ""
    can_round: bool = True
    bf16: bool = False

    def forward(self, cell: str, activation: str) -> Callable:
        """The forward function of a cell: (params, z, state, mask) -> (h, state, pullback)."""
        if self.name == "native":
            from .._native import cells

            return partial(cells.forward, cell, activation, bf16=self.bf16)
        forward = CELLS[cell].forward
        if cell == "rnn":
            forward = partial(forward, activation=activation)
        return partial(bf16.forward, forward) if self.bf16 else forward

    def rounding(self) -> "Engine":
        """This engine with products of operands that are rounded to bf16."""
        if self.name == "native":
            from .._native import layers as native_layers

            return replace(self, bf16=True, layers=native_layers.ROUNDING)
        return replace(self, bf16=True, layers=bf16)

    def claim_threads(self) -> None:
        """Let the native engine use its number of threads in calls from this Python thread.

        Other Python threads keep theirs, which is 1 at first; those of `on_each_core` have 1.
        """
        if self.name == "native":
            from .._native import _core

            _core.set_threads(self._most)

    def on_each_core(self, work: Callable[[Any], None], items: Sequence[Any]) -> None:
        """`work` (item) for all items, each on one thread, on as many cores as there are."""
        before = getattr(_thread, "most", None)
        _thread.most = 1
        try:
            with self.limit_threads():
                if min(self.threads, len(items)) > 1:
                    list(_workers(self.threads).map(work, items))
                else:
                    list(map(work, items))
        finally:
            _thread.most = before

    @contextmanager
    def limit_threads(self) -> Iterator[None]:
        """A context in which the engine uses its number of threads, and not more."""
        if self.name == "native":
            from .._native import _core

            before = _core.threads()
            self.claim_threads()
            try:
                yield
            finally:
                _core.set_threads(before)
        else:
            from threadpoolctl import threadpool_limits

            with threadpool_limits(self._most):
                yield

    @property
    def _most(self) -> int:
        """How many threads a call from this Python thread may use."""
        most = getattr(_thread, "most", None)
        return self.threads if most is None else min(self.threads, most)


@cache
def _workers(count: int) -> ThreadPoolExecutor:
    """Python threads that stay: what the native engine keeps for each of them is made once."""
    return ThreadPoolExecutor(count, "elman", lambda: setattr(_thread, "most", 1))


if hasattr(os, "register_at_fork"):  # a fork copies no threads: the child starts its own
    os.register_at_fork(after_in_child=_workers.cache_clear)


def select(name: str = "auto", threads: int | None = None) -> Engine:
    """The engine called `name`; `auto` is the native one where it was built.

    Raises
    ------
    UsageError : no engine of that name, or the native one was not built or is stale
    """
    if name not in ENGINES:
        raise UsageError(f"engine {quoted(name)} is not one of {', '.join(ENGINES)}")
    if threads is None:
        threads = available_cores()
    check("threads", threads)
    reason = "the reference, in NumPy"
    if name != "numpy":
        try:
            return _native(threads)
        except ValueError as error:
            raise UsageError(f"ELMAN_ISA: {error}") from None
        except ImportError as error:
            missing = "cannot import name" in str(error)  # not there, rather than broken
            why_not = "no C++ compiler at installation (GCC 12 or Clang)" if missing else str(error)
            reason = f"the native engine was not built: {why_not}"
            if name == "native":
                raise UsageError(
                    f"the native engine was not built on this machine ({why_not}); install a "
                    "C++ compiler and install Elman again, or use --engine numpy"
                ) from None
        except StaleError:
            stale = "was compiled from different C++ sources"
            again = "install Elman again (pip install ., or pip install -e . if it is editable)"
            reason = f"the native engine {stale}: {again}"
            if name == "native":
                raise UsageError(
                    f"the native engine {stale}; {again}, or use --engine numpy"
                ) from None
    return Engine("numpy", reason, threads)


def _native(threads: int) -> Engine:
    from .._native import _core, is_stale

    if is_stale(_core):
        raise StaleError
    from .._native import layers as native_layers
    from .._native import network, updates

    level = _core.level()
    reason = f"C++ kernels, instruction level {level}"
    return Engine(
        "native", reason, threads, native_layers, network, updates.UPDATES, updates.clip, level,
        _core.has_bf16(),
    )  # fmt: skip


def conditions(engine: Engine) -> dict[str, Any]:
    """What decides the last bits of a result, besides the seed."""
    return {
        "engine": engine.name,
        "instruction level": engine.level.removesuffix(
            "bf16"
        ),  # float32 is that of the level below
        "threads": engine.threads,
        "platform": platform.machine(),
        "numpy": np.__version__,
    }


def levels() -> list[str]:
    """The instruction levels that the native engine has here, the lowest first; [] without one."""
    try:
        engine = _native(1)
    except (ValueError, ImportError, StaleError):
        return []
    from .._native import _core

    known = _core.levels()[::-1]
    return known[: known.index(engine.level) + 1]


def choose_level(name: str) -> None:
    """From now on the native engine uses this instruction level."""
    from .._native import _core

    _core.choose_level(name)


def own_cores() -> set[int]:
    """The numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def processor() -> str:
    """The name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def available_cores() -> int:
    """Cores that this process may use: CPU affinity and cgroup quota respected."""
    cores = len(own_cores())
    quota = _cgroup_quota()
    return max(1, min(cores, int(quota + 0.5))) if quota else cores


def _cgroup_quota(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> float | None:
    """CPU quota in cores: the least of this process's cgroups, v2 or v1, and those above them."""
    quotas = []
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = ["0::/"]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        hierarchy = root / "cpu" if controllers else root
        group = hierarchy / path.lstrip("/")
        for folder in (group, *group.parents):
            quotas += _quota_of(folder)
            if folder == hierarchy:
                break
    return min(quotas, default=None)


def _quota_of(folder: Path) -> list[float]:
    """The quota that one cgroup sets, [] if none."""
    try:
        if (folder / "cpu.max").exists():  # v2: "max 100000" or "150000 100000"
            limit, period = (folder / "cpu.max").read_text().split()
        else:
            limit = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return [] if limit == "max" or int(limit) <= 0 else [int(limit) / int(period)]
    except (OSError, ValueError):
        return []
