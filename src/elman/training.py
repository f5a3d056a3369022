"""The training loop, as a generator of events; it knows no screen and no file.

Everything random is drawn from (seed, purpose, step or epoch), never from a
generator that runs along, so there is no generator state to lose: a resumed run
draws what an uninterrupted one would have drawn.
"""

import time
from collections.abc import Callable, Iterator
from math import isfinite, log
from typing import Any

import numpy as np

from . import batches, optimizers, scoring
from .checkpoint import Tensors
from .corpus import Part
from .errors import DivergedError
from .network import Network
from .settings import Settings
from .vocabulary import Vocabulary

Array = np.ndarray
Event = dict[str, Any]

EVALUATIONS = 24  # per run, unless --eval-every says otherwise
SAMPLES = 6  # per run, unless --sample-every says otherwise
SAVE_SECONDS = 60.0  # the longest that a crash can cost, unless --save-every says otherwise
PARALLEL = 64  # streams of an evaluation while training
HISTORY = ("step", "seconds", "train", "validation", "gradient_norm", "learning_rate")
HISTORY_ROWS = 4096


class Trainer:
    """One training run: network, optimizer, place in the corpus, best model so far.

    `events()` runs it. Between events `tensors()` and `scalars()` are a checkpoint
    from which `restore` continues to the same bits.
    """

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        settings: Settings,
        train: Part,
        validation: Part,
        characters_per_symbol: float = 1.0,
    ):
        self.network, self.vocabulary, self.settings = network, vocabulary, settings
        self.train, self.validation = train, validation
        self.characters_per_symbol = characters_per_symbol
        self.seq_len, self.batch_size = batches.fit(
            train, settings.batching, settings.seq_len, settings.batch_size
        )
        self.optimizer = optimizers.make(
            settings.optimizer,
            network.parameters.flat,
            settings.weight_decay or 0.0,
            settings.momentum,
        )
        self.optimizer.fused = network.engine.updates.get(settings.optimizer)
        self.horizon = limit(settings)  # of the schedule: fixed when the run begins
        self.limit = self.horizon  # where the run ends: a resumed run may go beyond
        self.reserve = 0.0  # seconds that a run by the clock keeps for the last evaluation
        self.step = self.epoch = self.index = 0
        self.plan = self._plan()
        self.state = network.zero_state(1)  # before the context, if there is one
        self.end_state, self.last_symbol = self.state, np.zeros(1, np.int32)
        self.context = np.zeros((0, 1), np.int32)  # inputs through which gradients still flow
        self.best: Network | None = None
        self.best_nats = float("inf")
        self.best_step = 0
        self.stale = 0  # evaluations since the best one
        self.plateau_factor = 1.0
        self.evaluation_limit = 0
        self.predictions = 0
        self.smoothed: float | None = None  # training loss in nats per symbol
        self.history: list[tuple[float, ...]] = []
        self.stopped_early = False
        self.stop_requested = False
        self.seconds_before = 0.0  # of earlier sessions, and of preparing this one
        self._started = time.monotonic()

    # -- the loop ---------------------------------------------------------------

    def events(self, save: Callable[[], None] = lambda: None) -> Iterator[Event]:
        """Train to the end, or until `stop_requested`. Calls `save` at safe points.

        Yields "step", "evaluation" and "sample" events.

        Raises
        ------
        DivergedError : the loss or the gradient is no finite number
        """
        s = self.settings
        self._started = saved = time.monotonic()
        with self.network.engine.limit_threads():
            while not self.finished and not self.stop_requested:
                before = self.progress
                event = self._update()
                after = self.progress
                if self.step % s.log_every == 0:
                    self._record(event)
                    yield event
                evaluation_due = self._due(s.eval_every, EVALUATIONS, before, after)
                if self.validation.predictions and (evaluation_due or self.finished):
                    yield self._evaluate(event)
                if self._due(s.sample_every, SAMPLES, before, after):
                    yield {"event": "sample", "step": self.step, "text": self.sample()}
                late = s.save_every is None and time.monotonic() - saved > SAVE_SECONDS
                if self._due(s.save_every, EVALUATIONS, before, after) or late or self.finished:
                    save()
                    saved = time.monotonic()

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
            done, amount = self.seconds, max(1e-3, amount * 60 - self.reserve)
        return done / amount if amount else 1.0

    def _due(self, every: int | None, times: int, before: float, after: float) -> bool:
        """Every so many steps, or so many times per run."""
        if every is not None:
            return self.step % every == 0
        return int(after * times) > int(before * times)

    def _update(self) -> Event:
        """One step: a window forward and backward, clip, update the parameters."""
        s, network = self.settings, self.network
        batch = self.plan[self.index]
        width = batch.inputs.shape[1]
        if batch.fresh:
            self.state = network.zero_state(width)
            self.context = np.zeros((0, width), np.int32)
        weights = batch.weights(s.loss, network.dtype)
        rng = np.random.default_rng([s.seed, 2, self.step]) if s.dropout else None
        with np.errstate(over="ignore", invalid="ignore"):
            loss = self._loss_and_gradient(batch, weights, rng)
            norm = network.engine.clip(network.gradient.flat, s.clip_norm or 0, s.clip_value or 0)
        if not (isfinite(loss) and isfinite(norm)):
            self._diverged(loss, norm)
        rate = self.learning_rate
        self.optimizer.step(network.gradient.flat, rate)
        self.last_symbol = batch.targets[-1, :1]
        self.predictions += batch.predictions
        self.step += 1
        self.index += 1
        if self.index >= len(self.plan):
            self.epoch, self.index = self.epoch + 1, 0
            self.plan = self._plan()
        nats = loss if s.loss == "mean" else loss * width / batch.predictions
        fresh = max(0.01, 1 / self.step)  # a mean at first, then an exponential one
        self.smoothed = (1 - fresh) * (self.smoothed or 0.0) + fresh * nats
        return {
            "event": "step",
            "step": self.step,
            "loss": loss,
            "gradient_norm": norm,
            "learning_rate": rate,
            "epoch": self.epoch + self.index / len(self.plan),
            "seconds": self.seconds,
            "characters_per_second": self.characters_per_second,
            "train_bits_per_character": self.bits(self.smoothed),
        }

    def _loss_and_gradient(
        self, batch: batches.Batch, weights: Array, rng: np.random.Generator | None
    ) -> float:
        """Back-propagation through time, truncated after `bptt` steps.

        The state that enters a window is data: the gradient ends there, though
        the state itself carries what was read before. With `bptt` below the
        window it ends more often. Above it, the window is read together with the
        inputs before it (the context, whose own losses were counted earlier and
        weigh 0), from a state that lies `bptt` steps back.
        """
        T = len(batch.inputs)
        bptt = self.settings.bptt or T
        if bptt <= T:
            loss, states = self.network.loss_and_gradient(
                batch.inputs, batch.targets, weights, self.state, batch.mask, rng,
                cuts=range(bptt, T, bptt),
            )  # fmt: skip
            self.state = self.end_state = states[-1]
            return loss
        inputs = np.concatenate([self.context, batch.inputs])
        targets = np.concatenate([np.zeros_like(self.context), batch.targets])
        padded = np.concatenate([np.zeros(self.context.shape, weights.dtype), weights])
        keep = min(len(inputs), bptt - T)
        cut = len(inputs) - keep
        loss, states = self.network.loss_and_gradient(
            inputs, targets, padded, self.state, None, rng,
            cuts=(cut,) if cut else (), detach=False,
        )  # fmt: skip
        self.state = states[0] if cut else self.state
        self.end_state, self.context = states[-1], inputs[cut:]
        return loss

    @property
    def learning_rate(self) -> float:
        s = self.settings
        factor = optimizers.learning_rate_factor(
            s.schedule, self.step, s.warmup or 0, self.progress
        )
        return (s.learning_rate or 0.0) * factor * self.plateau_factor

    @property
    def characters_per_second(self) -> float:
        return self.predictions * self.characters_per_symbol / max(1e-9, self.seconds)

    def bits(self, nats: float) -> float:
        """Bits per character from nats per symbol."""
        return nats / log(2) / self.characters_per_symbol

    def _evaluate(self, last: Event) -> Event:
        """Look at the held-out part: keep the best parameters, stop if they stay the best."""
        if not self.evaluation_limit:  # a seventh of what was trained: about 5 % of the time
            self.evaluation_limit = min(65536, max(8192, self.predictions // 7))
        score = scoring.evaluate(
            self.network, self.validation, self.vocabulary, self.characters_per_symbol,
            parallel=PARALLEL, limit=self.evaluation_limit,
        )  # fmt: skip
        nats = score.nats / score.symbols
        if not isfinite(nats):
            self._diverged(nats, last["gradient_norm"])
        if nats < self.best_nats:
            self.best_nats, self.best_step, self.stale = nats, self.step, 0
            if self.best is None:
                self.best = Network(self.network.config, self.network.dtype, self.network.engine)
            self.best.parameters.flat[:] = self.network.parameters.flat
        else:
            self.stale += 1
            if self.settings.schedule == "plateau" and self.stale % 2 == 0:
                self.plateau_factor /= 2
        self.stopped_early = bool(self.settings.patience) and self.stale >= (
            self.settings.patience or 0
        )
        self._record(last, nats)
        return {
            "event": "evaluation",
            "step": self.step,
            "epoch": last["epoch"],
            "seconds": self.seconds,
            "train_bits_per_character": self.bits(self.smoothed or 0.0),
            "validation_bits_per_character": self.bits(nats),
            "validation_perplexity": score.perplexity,
            "best": self.best_step == self.step,
            "stopped_early": self.stopped_early,
        }

    def sample(self, length: int = 200) -> str:
        """A short sample of the model as it is now."""
        from .model import Model

        model = Model(self.network, self.vocabulary, {}, training=(self._start_tensors(), {}))
        return model.sample(length, temperature=0.8, seed=self.step)

    def _diverged(self, loss: float, norm: float) -> None:
        s = self.settings
        before = self.history[-1][4] if self.history else float("nan")
        at = f"{norm:.3g}" if isfinite(norm) else f"{before:.3g} when last recorded"
        tips = [f"--learning-rate {(s.learning_rate or 1) / 10:g} (now {s.learning_rate:g})"]
        if not s.clip_norm and not s.clip_value:
            tips.append("--clip-norm 1")
        raise DivergedError(
            f"training diverged at step {self.step + 1}: the loss is {loss:g}, the gradient norm "
            f"was {at}; try {' or '.join(tips)}"
        )

    def _record(self, event: Event, validation: float = float("nan")) -> None:
        self.history.append(
            (self.step, self.seconds, self.smoothed or 0.0, validation,
             event["gradient_norm"], event["learning_rate"])
        )  # fmt: skip
        if len(self.history) > HISTORY_ROWS:  # thin out: curves need no more
            kept = [row for row in self.history[::2] if row[3] != row[3]]
            self.history = sorted(kept + [row for row in self.history if row[3] == row[3]])

    def _plan(self) -> batches.Plan:
        return batches.plan(
            self.train, self.vocabulary, self.settings.batching,
            self.seq_len, self.batch_size, self.settings.seed, self.epoch,
        )  # fmt: skip

    # -- checkpoints ------------------------------------------------------------

    def trained(self) -> Network:
        """The network to use: the best one on the held-out part, if there is one."""
        return self.best or self.network

    def tensors(self) -> Tensors:
        """The arrays of a checkpoint, besides the weights of `trained()`."""
        tensors = self._start_tensors()
        if self.settings.lines and self.index:
            tensors["training.carried"] = self.state  # a long line may go on
        if self.context.size:
            tensors["training.context"] = self.context
            tensors["training.context_state"] = self.state
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

    def _start_tensors(self) -> Tensors:
        """Where sampling goes on: only running text has such a place."""
        if self.step == 0 or self.settings.batching == "random" or self.settings.lines:
            return {}
        return {"training.state": self.end_state, "training.last_symbol": self.last_symbol}

    def scalars(self) -> dict[str, Any]:
        """The plain values of a checkpoint."""
        return {
            "step": self.step, "epoch": self.epoch, "index": self.index,
            "optimizer_steps": self.optimizer.steps, "predictions": self.predictions,
            "seconds": self.seconds, "smoothed": self.smoothed,
            "best_nats": None if self.best is None else self.best_nats,
            "best_step": self.best_step, "stale": self.stale,
            "plateau_factor": self.plateau_factor, "stopped_early": self.stopped_early,
            "evaluation_limit": self.evaluation_limit,
            "horizon": list(self.horizon), "limit": list(self.limit), "reserve": self.reserve,
            "finished": self.finished, "history_columns": list(HISTORY),
        }  # fmt: skip

    def restore(self, tensors: Tensors, state: dict[str, Any]) -> None:
        """Continue from a checkpoint whose weights are in the network already.

        Raises KeyError or ValueError if the checkpoint does not fit.
        """
        for name in ("step", "epoch", "index", "predictions", "smoothed", "best_step", "stale",
                     "plateau_factor", "stopped_early", "evaluation_limit", "reserve"):  # fmt: skip
            setattr(self, name, state[name])
        self.optimizer.steps = state["optimizer_steps"]
        self.seconds_before = state["seconds"]
        self.horizon = (state["horizon"][0], state["horizon"][1])
        self.limit = (state["limit"][0], state["limit"][1])
        if state["best_nats"] is not None:
            self.best_nats = state["best_nats"]
            self.best = Network(self.network.config, self.network.dtype, self.network.engine)
            self.best.parameters.flat[:] = self.network.parameters.flat
        if "training.parameters" in tensors:
            self.network.parameters.flat[:] = tensors["training.parameters"]
        for name, array in self.optimizer.state.items():
            array[:] = tensors[f"training.optimizer.{name}"]
        if "training.state" in tensors:
            self.state = self.end_state = tensors["training.state"]
            self.last_symbol = tensors["training.last_symbol"]
            self.context = np.zeros((0, self.state.shape[2]), np.int32)
        elif self.settings.lines and self.index:
            self.state = tensors["training.carried"]
        if "training.context" in tensors:
            self.context = tensors["training.context"]
            self.state = tensors["training.context_state"]
        if "training.history" in tensors:
            self.history = [tuple(row) for row in tensors["training.history"].tolist()]
        self.plan = self._plan()


def limit(settings: Settings) -> tuple[str, float]:
    """Where a run ends: unit and amount."""
    if settings.steps is not None:
        return "steps", settings.steps
    if settings.epochs is not None:
        return "epochs", settings.epochs
    return "minutes", settings.minutes or 0.0
