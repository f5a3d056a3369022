"""The training loop, as a generator of events; it knows no screen and no file."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

import numpy as np

from ..nn import optimizers
from .ranks import Word
from .state import Event, N, State

Array = np.ndarray

EVALUATIONS = 24  # per run, unless --eval-every says otherwise
SAMPLES = 6  # per run, unless --sample-every says otherwise
SAVE_SECONDS = 60.0  # the longest that a crash can cost, unless --save-every says otherwise


class Loop(State[N]):
    """One training run: `events()` takes its state to the end of the plan.

    Between events it can be checkpointed. What is learned is up to the subclass: `_plan`,
    `_gradient`, `_step_event`, `_look`.

    On several ranks every one runs the loop. What a clock or a person decides is that of
    rank 0, agreed before and after a step, so all take the same way through it.
    """

    samples = False  # whether `sample` has something to show
    sample_every: int | None = None

    # -- what a subclass says ------------------------------------------------------

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
    def noise(self) -> float:
        """How far the last `_look` may be from the best by chance, in what is kept low."""
        return 0.0

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
        DivergedError : the loss or the gradient is not a finite number
        """
        s = self.settings
        self._started = time.monotonic()
        self.running = True
        self._agree()
        saved = self.now
        if self.step == 0:
            self.begun = self.progress
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
                    written = {"step": self.step, "text": self.sample()}
                    self.written = [*self.written, written][-2 * SAMPLES :]
                    yield {"event": "sample", **written}
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

    def _due(self, every: int | None, times: int, before: float, after: float) -> bool:
        """Every n steps, or n times per run."""
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

        def compute(shards: range, borders: list[int], _: Array) -> float:
            return self._gradient(batch, shards.start, slice(*borders))

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
            s.schedule, self.step, s.warmup, self.progress, self.begun
        )
        return (s.learning_rate or 0.0) * factor * self.plateau_factor * self.rate_factor

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
        """Keep the last parameters that are not worse than the best by more than `noise`.

        Among equals the last ones of a cosine are the best bet: the learning rate was lowest (as
        with the rule of one standard error, Breiman et al. 1984). Training stops if none come for
        a while.
        """
        noise = self.noise if self.settings.schedule == "cosine" else 0.0
        if value - noise < self.best_value:
            self.best_value = min(value, self.best_value)
            self.best_step, self.stale = self.step, 0
            if self.best is None:
                self.best = self.network.copy()
            self.best.parameters.flat[:] = self.network.parameters.flat
        else:
            self.stale += 1
            if self.settings.schedule == "plateau" and self.stale % 2 == 0:
                self.plateau_factor /= 2
        self.stopped_early = bool(self.settings.patience) and self.stale >= (
            self.settings.patience or 0
        )
