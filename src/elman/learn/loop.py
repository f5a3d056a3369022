"""The training loop, as a generator of events; it knows no screen and no file.

Everything random is drawn from (seed, purpose, step or epoch), never from a
generator that runs along, so there is no generator state to lose: a resumed run
draws what an uninterrupted one would have drawn.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from math import isfinite
from typing import Any, Generic, TypeVar

import numpy as np

from ..errors import DivergedError
from ..nn import optimizers
from ..nn.network import BaseNetwork
from ..settings import Settings
from ..store.checkpoint import Tensors
from .ranks import Word
from .shards import Shards

Array = np.ndarray
Event = dict[str, Any]

EVALUATIONS = 24  # per run, unless --eval-every says otherwise
SAMPLES = 6  # per run, unless --sample-every says otherwise
SAVE_SECONDS = 60.0  # the longest that a crash can cost, unless --save-every says otherwise
HISTORY = ("step", "seconds", "train", "validation", "gradient_norm", "learning_rate")
HISTORY_ROWS = 4096

N = TypeVar("N", bound=BaseNetwork)


class Loop(ABC, Generic[N]):
    """One training run: network, optimizer, place in the plan, best network so far.

    `events()` runs it. Between events `tensors()` and `scalars()` are a checkpoint
    from which `restore` continues to the same bits. What is learned is up to the
    subclass: `_plan`, `_gradient`, `_step_event`, `_look`.

    On several ranks every one runs the loop. What a clock or a person decides is that of
    rank 0, agreed before and after a step, so all take the same way through it.
    """

    samples = False  # whether `sample` has something to show
    sample_every: int | None = None

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
        self.reserve = 0.0  # seconds that a run by the clock keeps for the last evaluation
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
        self.stopped_early = False
        self.stop_requested = False  # what this process was asked
        self.stopping = False  # what was agreed
        self.now = 0.0  # seconds spent, as they were agreed last
        self.between_steps: Callable[[], None] = lambda: None  # may wait: that time does not count
        self.running = False  # whether it is between steps, where it can be stopped
        self.last_norm = float("nan")
        self.seconds_before = 0.0  # of earlier sessions, and of preparing this one
        self._started = time.monotonic()

    # -- what a subclass says ------------------------------------------------------

    @abstractmethod
    def _plan(self) -> Any:
        """The batches of the present epoch: has a length, and gives a batch by its number."""

    def _enter(self, batch: Any) -> None:
        """What comes before the gradients of the shards of a batch."""

    @abstractmethod
    def _gradient(self, batch: Any, shard: int, rows: slice) -> float:
        """The loss of a shard, the rows of a batch that it has, its gradient in the network.

        The rows weigh what they weigh in the whole batch. `rng` draws what is dropped.
        """

    def _collect(self) -> None:
        """Get from the other ranks what an evaluation or a checkpoint needs of them."""

    @abstractmethod
    def _step_event(self, batch: Any, loss: float) -> Event:
        """What there is to say about a step besides its number, loss, norm, rate and time."""

    @abstractmethod
    def _look(self) -> tuple[float, float, Event]:
        """Look at the held-out part: its loss in nats, what is kept low, figures for the event."""

    @property
    @abstractmethod
    def held_out(self) -> bool:
        """Whether there is a held-out part to evaluate on."""

    def sample(self) -> str:
        """A short sample of the model as it is now."""
        raise NotImplementedError

    def num_parameters(self) -> int:
        return self.network.config.num_parameters()

    # -- the loop ------------------------------------------------------------------

    def events(self, save: Callable[[], None] = lambda: None) -> Iterator[Event]:
        """Train to the end, or until `stop_requested`. Calls `save` at safe points.

        Yields "step", "evaluation" and "sample" events.

        Raises
        ------
        DivergedError : the loss or the gradient is no finite number
        """
        s = self.settings
        self._started = time.monotonic()
        self.running = True
        self._agree()
        saved = self.now
        with self.network.limit_threads():
            while not self.finished and not self.stopping:
                self._pause()
                self._agree()
                if self.stopping:
                    break
                before = self.progress
                event = self._update()
                self._agree()
                after = self.progress
                if self.step % s.log_every == 0:
                    self._record(event)
                    yield event
                evaluate = self.held_out and (
                    self._due(s.eval_every, EVALUATIONS, before, after) or self.finished
                )
                sample = self.samples and self._due(self.sample_every, SAMPLES, before, after)
                late = s.save_every is None and self.now - saved > SAVE_SECONDS
                due = late or self._due(s.save_every, EVALUATIONS, before, after)
                if evaluate or sample or due or self.finished:
                    self.shards.refuse_drift(self.network.parameters.flat)
                    self._collect()
                if evaluate:
                    yield self._evaluate(event)
                if sample and self.shards.ranks.rank == 0:
                    yield {"event": "sample", "step": self.step, "text": self.sample()}
                if due or self.finished:
                    save()
                    saved = self.now
        self._collect()
        self.running = False

    def _agree(self) -> None:
        """Take the time and the wishes of rank 0, and stop if any rank was asked to."""
        mine = Word(self.seconds, self.reserve, self.rate_factor, self.stop_requested)
        self.now, self.reserve, factor, self.stopping = self.shards.ranks.agree(mine)
        self.stop_requested = self.stop_requested or self.stopping
        if factor != self.rate_factor:
            self.change_rate(factor)

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

    def _due(self, every: int | None, times: int, before: float, after: float) -> bool:
        """Every so many steps, or so many times per run."""
        if every is not None:
            return self.step % every == 0
        return int(after * times) > int(before * times)

    def _update(self) -> Event:
        """One step: a batch forward and backward, clip, update the parameters."""
        s, network = self.settings, self.network
        batch = self.plan[self.index]
        with np.errstate(over="ignore", invalid="ignore"):
            loss = self._loss(batch)
            gradient = network.gradient.flat[: network.dense]
            norm = network.engine.clip(gradient, s.clip_norm or 0, s.clip_value or 0)
        if not (isfinite(loss) and isfinite(norm)):
            self._diverged(loss, norm)
        self.last_norm = norm
        rate = self.learning_rate
        self._step(gradient, rate)
        self.step += 1
        self.index += 1
        if self.index >= len(self.plan):
            self.epoch, self.index = self.epoch + 1, 0
            self.plan = self._plan()
        figures = self._step_event(batch, loss)
        return {
            "event": "step",
            "step": self.step,
            "loss": loss,
            "gradient_norm": norm,
            "learning_rate": rate,
            "epoch": self.epoch + self.index / len(self.plan),
            "seconds": self.seconds,
            "progress": min(1.0, self._share(self.limit)),
            **figures,
        }

    def _step(self, gradient: Array, rate: float) -> None:
        """Update the parameters by their gradient."""
        self.optimizer.step(gradient, rate)

    def _loss(self, batch: Any) -> float:
        """The loss of a batch, its gradient in the network: of its shards, one after the other."""
        self._enter(batch)
        compute = partial(self._gradient, batch)
        return self.shards.gradient(self.network.gradient.flat, batch.width, compute)

    def rng(self, shard: int) -> np.random.Generator:
        """The random numbers of a shard at this step; with one shard those of the step."""
        key = [self.settings.seed, 2, self.step]
        return np.random.default_rng([*key, shard] if self.shards.count > 1 else key)

    def _pause(self) -> None:
        before = time.monotonic()
        self.between_steps()
        self._started += time.monotonic() - before

    def _smooth(self, nats: float) -> None:
        """Follow the training loss: a mean at first, then an exponential one."""
        fresh = max(0.01, 1 / self.step)
        self.smoothed = (1 - fresh) * (self.smoothed or 0.0) + fresh * nats

    @property
    def learning_rate(self) -> float:
        s = self.settings
        factor = optimizers.learning_rate_factor(
            s.schedule, self.step, s.warmup or 0, self.progress
        )
        return (s.learning_rate or 0.0) * factor * self.plateau_factor * self.rate_factor

    @property
    def rate_factor(self) -> float:
        """What somebody multiplied the learning rate by, last."""
        return self.rate_changes[-1][1] if self.rate_changes else 1.0

    def change_rate(self, factor: float) -> None:
        """From the next step on the learning rate is `factor` times what the schedule says.

        It is kept in checkpoints, so that a resumed run goes on with it.
        """
        self.rate_changes.append((self.step, factor))

    def _evaluate(self, last: Event) -> Event:
        nats, value, figures = self._look()
        if not isfinite(nats):
            self._diverged(nats, last["gradient_norm"])
        self._judge(value)
        if self.best_step == self.step:
            self.best_figures = figures
        self._record(last, nats)
        return {
            "event": "evaluation", "step": self.step, "epoch": last["epoch"],
            "seconds": self.seconds, **figures,
            "best": self.best_step == self.step, "stopped_early": self.stopped_early,
        }  # fmt: skip

    def _judge(self, value: float) -> None:
        """Keep the best parameters, those of the lowest value; stop if they stay the best."""
        if value < self.best_value:
            self.best_value, self.best_step, self.stale = value, self.step, 0
            if self.best is None:
                self.best = self._copy()
            self.best.parameters.flat[:] = self.network.parameters.flat
        else:
            self.stale += 1
            if self.settings.schedule == "plateau" and self.stale % 2 == 0:
                self.plateau_factor /= 2
        self.stopped_early = bool(self.settings.patience) and self.stale >= (
            self.settings.patience or 0
        )

    def _copy(self) -> N:
        network = self.network
        return type(network)(network.config, network.dtype, network.engine)

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

    def trained(self) -> N:
        """The network to use: the best one on the held-out part, if there is one."""
        return self.best or self.network

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
            "finished": self.finished, "history_columns": list(HISTORY),
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
        self.horizon = (state["horizon"][0], state["horizon"][1])
        self.limit = (state["limit"][0], state["limit"][1])
        if state["best_value"] is not None:
            self.best_value = state["best_value"]
            self.best = self._copy()
            self.best.parameters.flat[:] = self.network.parameters.flat
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
