"""A training that is watched and steered from other threads than its own."""

import copy
import secrets
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from ..errors import ElmanError
from ..learn.loop import Loop
from ..learn.run import Run
from ..learn.state import HISTORY, Event
from ..nn.network import BaseNetwork
from ..store.modelfile import SavedModel
from . import encoding
from .errors import ApiError
from .models import kind_of, lighten

STEPS = 4096  # events of steps that the log keeps
LOOK = 0.05  # seconds between two looks at what was asked for, while paused
PUBLISHED = {"start", "evaluation", "interrupted", "done"}  # events at which there is a new model


class Log:
    """Events with ids, in the order in which they happened.

    Curves need no more than some thousand steps: of more, every second one is dropped.
    """

    def __init__(self) -> None:
        self.mark = secrets.token_hex(3)  # an id of another start is none of ours
        self._lock = threading.Lock()
        self._numbers: list[int] = []
        self._events: list[tuple[str, bytes]] = []  # name and encoded event
        self._count = self._steps = 0

    def append(self, event: Event) -> None:
        with self._lock:
            self._count += 1
            id = f"{self.mark}-{self._count}"
            name = event["event"]
            self._numbers.append(self._count)
            self._events.append((name, encoding.event(name, event, id)))
            self._steps += name == "step"
            if self._steps > STEPS:
                self._thin()

    def _thin(self) -> None:
        steps = [i for i, (name, _) in enumerate(self._events) if name == "step"]
        dropped = set(steps[1::2])
        kept = [i for i in range(len(self._events)) if i not in dropped]
        self._numbers = [self._numbers[i] for i in kept]
        self._events = [self._events[i] for i in kept]
        self._steps -= len(dropped)

    def number(self, id: str | None) -> int:
        """The number in an id of ours, 0 for none: everything is new to its client."""
        mark, _, number = (id or "").partition("-")
        known = mark == self.mark and number.isascii() and number.isdigit() and len(number) < 16
        return int(number) if known else 0

    def after(self, number: int) -> tuple[bytes, int]:
        """The events after a number, encoded, and the number of the last."""
        with self._lock:
            start = bisect_right(self._numbers, number)
            return b"".join(event for _, event in self._events[start:]), self._count


class Live:
    """A run with a log of its events, a copy of its model, and what was asked of it.

    The run is trained by whoever iterates over `events`; everything else may be called
    from any thread. What is asked takes effect between two steps.
    """

    def __init__(self, run: Run, name: str):
        assert isinstance(run.learner, Loop), "a Markov chain is only counted"
        self.run, self.name, self.loop, self.log = run, name, run.learner, Log()
        self.loop.between_steps = self._between_steps
        self._state, self._paused = "preparing", False
        self._rates: deque[tuple[str, float]] = deque()
        self._model = snapshot(run.model())

    # -- in the thread of the training -----------------------------------------------

    def events(self) -> Iterator[Event]:
        """Train. The events of the run, each of them logged."""
        try:
            for event in self.run.events():
                self.log.append(event)
                if event["event"] in PUBLISHED:
                    self._model = snapshot(self.run.model())
                if event["event"] == "start":
                    if self.loop.history:
                        rows = [list(row) for row in self.loop.history]
                        self.log.append({"event": "history", "columns": HISTORY, "rows": rows,
                                         "samples": self.loop.written})  # fmt: skip
                    self._enter("preparing")
                yield event
        except ElmanError as error:
            self.log.append({"event": "failed", "message": str(error)})
            raise
        finally:
            self._enter("ended")

    def _between_steps(self) -> None:
        self._change_rate()
        if self._state == "preparing":
            self._enter("running")
        while self._paused and not self.loop.stop_requested:
            if self._state != "paused":
                self._model = snapshot(self.run.model())
                self._enter("paused")
            time.sleep(LOOK)
            self._change_rate()
        if self._state == "paused":
            self._enter("running")

    def _change_rate(self) -> None:
        while self._rates:
            unit, value = self._rates.popleft()
            if unit == "learning_rate":
                planned = self.loop.learning_rate / self.loop.rate_factor
                value = value / planned if planned else self.loop.rate_factor
            self.loop.change_rate(value)
            self.run.summary["rate_changes"] = list(self.loop.rate_changes)
            self._enter(self._state)

    def _enter(self, state: str) -> None:
        self._state = state
        self.log.append({"event": "state", **self.state()})

    # -- in any thread -----------------------------------------------------------------

    def state(self) -> Event:
        """What `GET /api/model` says of the training."""
        return {"state": self._state, "factor": self.loop.rate_factor, "step": self.loop.step,
                "model": self.name}  # fmt: skip

    @property
    def ended(self) -> bool:
        return self._state == "ended"

    def pause(self) -> None:
        self._going_on()
        self._paused = True

    def resume(self) -> None:
        self._going_on()
        self._paused = False

    def stop(self) -> None:
        """End after the step in progress, and save."""
        self._going_on()
        self.loop.stop_requested = True
        self._enter("stopping")

    def change_rate(self, unit: str, value: float) -> None:
        """From the next step on: a "factor" of the schedule's rate, or a "learning_rate"."""
        self._going_on()
        self._rates.append((unit, value))

    def _going_on(self) -> None:
        if self._state in ("stopping", "ended") or self.loop.finished:
            raise ApiError(409, "the training has ended, or is about to")

    def names(self) -> list[str]:
        return [self.name]

    def kinds(self) -> dict[str, str | None]:
        return {self.name: kind_of(self._model.config)}

    def get(self, name: str | None = None) -> tuple[str, SavedModel]:
        """The model as it was last published, as `Models.get` gives one."""
        if name not in (None, self.name):
            raise ApiError(404, f"there is no model of that name here; there is {self.name}")
        return self.name, self._model


def snapshot(model: SavedModel) -> SavedModel:
    """A copy that stays as it is while the training goes on."""
    lighten(model)
    copied = copy.copy(model)
    network = model.network
    assert isinstance(network, BaseNetwork)
    engine = replace(network.engine, threads=1)  # the calls share the cores with the training
    copied.network = network.copy(engine)
    if model.training is not None:
        arrays, values = model.training
        copied.training = ({name: array.copy() for name, array in arrays.items()}, values)
    copied.summary = dict(model.summary)
    return copied
