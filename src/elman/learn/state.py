"""The state of a training run: what a checkpoint holds, and what it is restored from.

Everything random is drawn from (seed, purpose, step or epoch), never from a
generator that runs along, so there is no generator state to lose: a resumed run
draws what an uninterrupted one would have drawn.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from math import isfinite
from typing import Any, Generic, TypeVar

import numpy as np

from ..errors import DivergedError
from ..nn import optimizers
from ..nn.network import BaseNetwork
from ..settings import Settings
from ..store.checkpoint import Tensors
from .shards import Shards

Event = dict[str, Any]

HISTORY = ("step", "seconds", "train", "validation", "gradient_norm", "learning_rate")
HISTORY_ROWS = 4096

N = TypeVar("N", bound=BaseNetwork)


class State(ABC, Generic[N]):
    """Network, optimizer, place in the plan, best network so far, and how far it has come.

    `tensors()` and `scalars()` are a checkpoint from which `restore` continues to the same bits.
    """

    def __init__(self, network: N, settings: Settings):
        self.network, self.settings = network, settings
        self.shards = Shards(settings.shards)
        self.optimizer = optimizers.make(
            settings.optimizer,
            network.parameters.flat[: network.dense],
            settings.weight_decay or 0.0,
            settings.momentum,
        )
        self.optimizer.fused = network.engine.updates.get(settings.optimizer)
        self.horizon = settings.end  # of the schedule: fixed when the run begins
        self.limit = self.horizon  # where the run ends: a resumed run may go beyond
        self.reserve = 0.0  # seconds that a run limited by minutes keeps for the last evaluation
        self.begun = 0.0  # the progress at the first step
        self.step = self.epoch = self.index = 0
        self.plan = self._plan()
        self.best: N | None = None
        self.best_value = float("inf")  # what is kept low: the held-out loss, as a rule
        self.best_step = 0
        self.best_figures: Event = {}  # of the evaluation that was best
        self.stale = 0  # evaluations since the best one
        self.plateau_factor = 1.0
        self.rate_changes: list[tuple[int, float]] = []  # see `change_rate`
        self.predictions = 0
        self.smoothed: float | None = None  # training loss in nats per prediction
        self.history: list[tuple[float, ...]] = []
        self.written: list[dict[str, Any]] = []  # the last samples, each with its step
        self.stopped_early = False
        self.stop_requested = False  # what this process was asked
        self.stopping = False  # what was agreed
        self.now = 0.0  # seconds spent, as they were agreed last
        self.between_steps: Callable[[], None] = lambda: None  # may wait: that time does not count
        self.running = False  # whether it is between steps, where it can be stopped
        self.last_norm = float("nan")
        self.seconds_before = 0.0  # of earlier sessions, and of preparing this one
        self._started = time.monotonic()

    @abstractmethod
    def _plan(self) -> Any:
        """The batches of the present epoch: has a length, and gives a batch by its number."""

    # -- how far it is -------------------------------------------------------------

    @property
    def finished(self) -> bool:
        return self.stopped_early or self._share(self.limit) >= 1

    @property
    def progress(self) -> float:
        """Share of the schedule's horizon that has passed."""
        return self._share(self.horizon)

    @property
    def seconds(self) -> float:
        """Time spent, in all sessions."""
        return self.seconds_before + time.monotonic() - self._started

    def _share(self, horizon: tuple[str, float]) -> float:
        unit, amount = horizon
        if unit == "steps":
            done = float(self.step)
        elif unit == "epochs":
            done = self.epoch + self.index / max(1, len(self.plan))
        else:
            done, amount = self.now, max(1e-3, amount * 60 - self.reserve)
        return done / amount if amount else 1.0

    @property
    def rate_factor(self) -> float:
        """What somebody multiplied the learning rate by, last."""
        return self.rate_changes[-1][1] if self.rate_changes else 1.0

    def change_rate(self, factor: float) -> None:
        """From the next step on the learning rate is `factor` times what the schedule says.

        It is kept in checkpoints, so that a resumed run continues with it.
        """
        self.rate_changes.append((self.step, factor))

    # -- what it has learned -------------------------------------------------------

    def trained(self) -> N:
        """The network to use: the best one on the held-out part, if there is one."""
        return self.best or self.network

    def _diverged(self, loss: float, norm: float) -> None:
        s = self.settings
        norm = norm if isfinite(norm) else self.last_norm
        was = f"{norm:.3g}" if isfinite(norm) else "never finite"
        tips = [f"--learning-rate {(s.learning_rate or 1) / 10:g} (now {s.learning_rate:g})"]
        if not s.clip_norm and not s.clip_value:
            tips.append("--clip-norm 1")
        raise DivergedError(
            f"training diverged at step {self.step + 1}: the loss is {loss:g}, the gradient norm "
            f"before it was {was}; try {' or '.join(tips)}"
        )

    def _record(self, event: Event, validation: float = float("nan")) -> None:
        self.history.append(
            (self.step, self.seconds, self.smoothed or 0.0, validation,
             event["gradient_norm"], event["learning_rate"])
        )  # fmt: skip
        if len(self.history) > HISTORY_ROWS:  # thin out: curves need no more
            kept = [row for row in self.history[::2] if row[3] != row[3]]
            self.history = sorted(kept + [row for row in self.history if row[3] == row[3]])

    # -- checkpoints ---------------------------------------------------------------

    def tensors(self) -> Tensors:
        """The arrays of a checkpoint, besides the weights of `trained()`."""
        tensors: Tensors = {}
        if self.best is not None and self.best_step != self.step:
            tensors["training.parameters"] = self.network.parameters.flat
        for name, array in self.optimizer.state.items():
            tensors[f"training.optimizer.{name}"] = array
        if self.history:
            tensors["training.history"] = np.array(self.history, np.float64)
        if not all(np.isfinite(a).all() for n, a in tensors.items() if n != "training.history"):
            self._diverged(float("nan"), float("nan"))
        if not np.isfinite(self.network.parameters.flat).all():
            self._diverged(float("nan"), float("nan"))
        return tensors

    def scalars(self) -> dict[str, Any]:
        """The plain values of a checkpoint."""
        return {
            "step": self.step, "epoch": self.epoch, "index": self.index,
            "optimizer_steps": self.optimizer.steps, "predictions": self.predictions,
            "seconds": self.seconds, "smoothed": self.smoothed,
            "best_value": None if self.best is None else self.best_value,
            "best_figures": self.best_figures, "best_step": self.best_step, "stale": self.stale,
            "plateau_factor": self.plateau_factor, "rate_changes": self.rate_changes,
            "stopped_early": self.stopped_early,
            "horizon": list(self.horizon), "limit": list(self.limit), "reserve": self.reserve,
            "begun": self.begun,
            "finished": self.finished, "history_columns": list(HISTORY),
            "written": self.written,
        }  # fmt: skip

    def restore(self, tensors: Tensors, state: dict[str, Any]) -> None:
        """Continue from a checkpoint whose weights are in the network already.

        Raises KeyError or ValueError if the checkpoint does not fit.
        """
        for name in ("step", "epoch", "index", "predictions", "smoothed", "best_step", "stale",
                     "plateau_factor", "stopped_early", "reserve"):  # fmt: skip
            setattr(self, name, state[name])
        self.optimizer.steps = state["optimizer_steps"]
        self.best_figures = state.get("best_figures", {})
        self.rate_changes = [(int(step), float(f)) for step, f in state.get("rate_changes", [])]
        self.seconds_before = self.now = state["seconds"]
        self.written = state.get("written", [])
        self.begun = state.get("begun", 0.0)
        self.horizon = (state["horizon"][0], state["horizon"][1])
        self.limit = (state["limit"][0], state["limit"][1])
        if state["best_value"] is not None:
            self.best_value = state["best_value"]
            self.best = self.network.copy()
        if "training.parameters" in tensors:
            self.network.parameters.flat[:] = tensors["training.parameters"]
        for name, array in self.optimizer.state.items():
            array[:] = tensors[f"training.optimizer.{name}"]
        if "training.history" in tensors:
            self.history = [tuple(row) for row in tensors["training.history"].tolist()]
        self.plan = self._plan()
        if self.index >= max(1, len(self.plan)):
            raise ValueError(f"batch {self.index} of an epoch of {len(self.plan)}")
        if self.history and len(self.history[0]) != len(HISTORY):
            raise ValueError("a history of other columns")
