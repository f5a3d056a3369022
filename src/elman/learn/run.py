"""A training run from start to file, for any task: training loop, saves, final figures."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..errors import ElmanError
from ..files import OutputFile
from ..nn.engine import conditions
from ..store.checkpoint import Tensors
from ..text.vocabulary import Vocabulary
from .loop import Loop
from .state import Event

LONGEST_EVALUATION = 0.4  # share of a run limited by minutes that its last evaluation may take


@dataclass
class Data:
    """What a run learns from, read and divided.

    Attributes
    ----------
    source : as it was read, with its `names`, `paths`, `sha256` and `notes`
    vocabulary : its symbols
    train, validation, test : its parts
    symbols : how many there are in the training part
    decided : settings that depend on the data, where they were not given
    rule : how it was divided, for a run that continues
    held_out : what is held out, in words
    """

    source: Any
    vocabulary: Vocabulary
    train: Any
    validation: Any
    test: Any
    symbols: int
    decided: dict[str, Any] = field(default_factory=dict)
    rule: str = ""
    held_out: str = ""


class Run(ABC):
    """A prepared training run: what is common to all tasks.

    A subclass says what its model is, what it starts and ends with: `model`,
    `_start_figures`, `_add_baselines`, `_try_evaluation`, `_figures`, `_done_figures`.
    """

    DONE: ClassVar[tuple[str, ...]]  # figures of the summary that the "done" event has

    def __init__(
        self,
        settings: Any,
        data: Data,
        learner: Any,
        summary: dict[str, Any],
        started: float,
    ):
        self.settings, self.data, self.learner = settings, data, learner
        self.train, self.validation, self.test = data.train, data.validation, data.test
        self.summary = summary
        self.notes = list(data.source.notes)
        self.output: OutputFile | None = None
        self._started = started

    @property
    def waiting_for(self) -> str:
        """What one has to wait for before the first step; nothing: ""."""
        return ""

    # -- what a subclass says ------------------------------------------------------

    @abstractmethod
    def model(self) -> Any:
        """The model as it is now, with what is needed to continue training it."""

    @abstractmethod
    def _start_figures(self) -> Event:
        """What the "start" event says about the data and the network, besides the common."""

    def _add_baselines(self) -> None:  # noqa: B027  where there are none
        """Figures of what the network has to beat, if they belong before the training."""

    @abstractmethod
    def _try_evaluation(self) -> tuple[int, int]:
        """Evaluate a little: how many predictions that was, and how many the last one makes."""

    @abstractmethod
    def _figures(self) -> Event:
        """The final figures, for the summary of the model."""

    def _disappointments(self) -> list[str]:
        """What to say of a model that is worse than a trivial one, and where to look."""
        return []

    def _done_figures(self) -> Event:
        """What the "done" event says besides the figures that `DONE` names."""
        return {}

    # -- the run -------------------------------------------------------------------

    def open(self, file: OutputFile) -> None:
        """Write to this file, and close it at the end; see early that it will fit."""
        self.output = file
        try:
            file.reserve(2 * len(self.model().pack()))
        except BaseException:
            file.close()
            raise

    def save(self) -> None:
        """Write the model file, if there is one."""
        if self.output is not None:
            self.output.write(self.model().pack())

    def stop(self) -> None:
        """Ask the run to end after the step that it is in, or at once if there is none."""
        if not isinstance(self.learner, Loop) or not self.learner.running:
            raise KeyboardInterrupt
        self.learner.stop_requested = True

    def events(self) -> Iterator[Event]:
        """Train, evaluate, save. Raises DivergedError, ElmanError if a save fails."""
        try:
            yield from self.outline()
            yield from self._learn()
            if isinstance(self.learner, Loop) and self.learner.stop_requested:
                return
            if not self._evaluated():
                self._forget_interrupt()
                self.summary |= self._figures()
                self.save()
                for text in self._disappointments():
                    yield {"event": "message", "text": text}
            yield {
                "event": "done",
                **{name: self.summary.get(name) for name in self.DONE},
                **self._done_figures(),
                "parameters": self.learner.num_parameters(),
                "model": self._path(),
            }
        finally:
            if self.output is not None:
                self.output.close()

    def follow(self) -> None:
        """What every rank but the first does: train along. Raises DivergedError."""
        if not (self.learner.finished and self.learner.step):
            for _ in self.learner.events():
                pass

    def outline(self) -> Iterator[Event]:
        """What was understood of the data, and what will learn from them."""
        yield self._start_event()
        for note in self.notes:
            yield {"event": "message", "text": note}

    def _learn(self) -> Iterator[Event]:
        trainer: Loop = self.learner
        if trainer.finished and trainer.step:  # a finished run was resumed
            return
        self._forget_interrupt()
        try:
            if trainer.step == 0:
                if self.waiting_for:
                    yield {"event": "message", "text": self.waiting_for}
                self._add_baselines()
                if trainer.limit[0] == "minutes":
                    trainer.reserve = self._evaluation_seconds()
                trainer.seconds_before = time.monotonic() - self._started
                if self.output is not None and not self.output.path.exists():
                    self.save()  # an older model is kept until this one has learned something
            yield from trainer.events(self.save)
        except ElmanError as error:
            kept = ""
            if self.output is not None and self.output.path.exists():
                kept = f"; the model file {self.output.path} is as it was last saved"
            raise type(error)(f"{error}{kept}") from None
        if trainer.stop_requested:
            self.keep_figures()
            self.save()
            yield {"event": "interrupted", "step": trainer.step, "model": self._path()}

    def keep_figures(self) -> None:
        """What is known about an interrupted training, into the summary of its model.

        Its held-out figures are those of its best evaluation, if it came to one. The summary
        has `interrupted`, the step, until the run has gone on to its final figures.
        """
        trainer: Loop = self.learner
        self.summary |= trainer.best_figures
        self.summary |= {"steps": trainer.step, "seconds": trainer.seconds,
                         "interrupted": trainer.step}  # fmt: skip
        if trainer.best is not None:
            self.summary["best_step"] = trainer.best_step

    def _forget_interrupt(self) -> None:
        """A run that continues has no figures yet: those of its interruption are old."""
        if "interrupted" in self.summary:
            kept = {n: v for n, v in self.summary.items() if isinstance(v, str | list | dict)}
            self.summary = kept

    def _evaluation_seconds(self) -> float:
        """How long the last evaluation will take."""
        start = time.perf_counter()
        tried, wanted = self._try_evaluation()
        needed = (time.perf_counter() - start) * wanted / max(1, tried)
        return min(needed, LONGEST_EVALUATION * self.learner.limit[1] * 60)

    def _evaluated(self) -> bool:
        """Whether the final figures are there already: a finished run was resumed."""
        learner = self.learner
        return (
            isinstance(learner, Loop)
            and "interrupted" not in self.summary
            and self.summary.get("steps") == learner.step
            and "seconds" in self.summary
        )

    def _start_event(self) -> Event:
        event: Event = {
            "event": "start", "corpus": self.data.source.names, "cell": self.settings.cell,
            "vocabulary_size": len(self.data.vocabulary), "model": self._path(),
        }  # fmt: skip
        if isinstance(self.learner, Loop):
            config, engine = self.learner.network.config, self.learner.network.engine
            event |= {
                "hidden_size": config.hidden_size, "num_layers": config.num_layers,
                "parameters": config.num_parameters(), "engine": engine.name,
                "threads": engine.threads, "ranks": self.learner.shards.ranks.size,
                "step": self.learner.step,
                "settings": self.settings.to_json(),
            }  # fmt: skip
        return event | self._start_figures()

    def history(self) -> tuple[Tensors, dict[str, Any]]:
        """What resuming needs: the arrays and the plain values of a model file."""
        source = self.data.source
        values: dict[str, Any] = {
            "settings": self.settings.to_json(),
            "corpus": {"paths": source.paths, "sha256": source.sha256, "rule": self.data.rule},
        }
        if not isinstance(self.learner, Loop):
            return {}, values
        values["state"] = self.learner.scalars()
        values["machine"] = conditions(self.learner.network.engine)
        values["machine"]["ranks"] = self.learner.shards.ranks.size
        return self.learner.tensors(), values

    def _path(self) -> str | None:
        return None if self.output is None else str(self.output.path)
