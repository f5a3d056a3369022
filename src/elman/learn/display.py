"""What the displays of all tasks share: a progress bar on a terminal, else plain lines."""

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from shlex import quote
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from ..errors import counted
from ..files import megabytes

NARROWEST_BAR = 8  # characters; figures that leave less give way to shorter ones
PLAIN_SECONDS = 10.0  # between two plain lines that only report steps


class Display(ABC):
    """Shows the events of a run; a context manager, so the bar is always taken down.

    A subclass says in words what its task has figures for: `about`, `speed`,
    `trained`, `validated`, `_results`.
    """

    CURVE: str  # the held-out figure that a curve shows: its name in the event "evaluation"
    UNITS = ""  # of the figures of an evaluation, in a plain line
    NEXT: tuple[str, ...] = ()  # what one wants to do then; MODEL is replaced by the file
    STAYS_BEST = ""  # what is said when training stops early

    def __init__(self, settings: Any):
        self.settings = settings
        self.console = Console(stderr=True, highlight=False)
        self.live = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        self.bar: Progress | None = None
        self.stopped_early = False
        self.steps = False  # whether what learns takes steps
        self.held_out = self.brief = "–"
        self.corpus: list[str] = []
        self._last_line = time.monotonic()

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def show(self, event: dict[str, Any]) -> None:
        getattr(self, "_" + event["event"])(event)

    def _say(self, text: str, style: str = "", whole: bool = False) -> None:
        """A line; `whole`: the terminal wraps it, so that a command can be copied."""
        if self.live:
            console = self.bar.console if self.bar else self.console
            console.print(Text(text, style), soft_wrap=whole)
        else:
            print(text, file=sys.stderr, flush=True)

    # -- what a subclass says ------------------------------------------------------

    @abstractmethod
    def about(self, e: dict[str, Any]) -> list[str]:
        """Lines about the data and the network, before the first step."""

    def running(self, e: dict[str, Any]) -> str:
        """Speed and training loss of a step, short enough to fit next to a bar."""
        return f"{self.speed(e)}  {self.trained(e)}"

    @abstractmethod
    def speed(self, e: dict[str, Any]) -> str:
        """How fast it goes, with its unit."""

    @abstractmethod
    def trained(self, e: dict[str, Any]) -> str:
        """The training loss of a step or an evaluation."""

    @abstractmethod
    def validated(self, e: dict[str, Any]) -> str:
        """The held-out figures of an evaluation."""

    def briefly(self, e: dict[str, Any]) -> str:
        """The held-out figure of an evaluation that says most."""
        return self.validated(e)

    def longer(self, e: dict[str, Any]) -> list[str]:
        """A command that trains on, if the final figures ask for more training."""
        return []

    @abstractmethod
    def _results(self, e: dict[str, Any]) -> None:
        """Show the final figures."""

    # -- the events ----------------------------------------------------------------

    def _start(self, e: dict[str, Any]) -> None:
        self.corpus = e["corpus"]
        for line in self.about(e):
            self._say(line)
        if "parameters" in e:
            self._begin(e)

    def _begin(self, e: dict[str, Any]) -> None:
        """What comes before the first step: where a resumed run continues, and the bar."""
        self.steps = True
        if e["step"]:
            self._say(f"resumed at step {e['step']:,}")
        if self.live:
            self.bar = Progress(
                TextColumn("{task.fields[clock]}"), BarColumn(None),
                TextColumn("{task.fields[figures]}"), console=self.console,
            )  # fmt: skip
            self.task = self.bar.add_task("", total=1.0, clock="0:00", figures="")
            self.bar.start()

    def _message(self, e: dict[str, Any]) -> None:
        self._say(f"note: {e['text']}", "yellow")

    def _step(self, e: dict[str, Any]) -> None:
        held_out = f"held out {self.held_out}"
        self._progress(e, [f"{self.running(e)}  {held_out}", f"{self.trained(e)}  {held_out}",
                           held_out, f"held out {self.brief}"])  # fmt: skip

    def _progress(self, e: dict[str, Any], figures: Sequence[str]) -> None:
        """How far it is: in the bar, or now and then a plain line.

        Of the `figures`, the longest first, the bar shows what fits next to it.
        """
        share = e["progress"]
        if self.bar is not None:
            left = e["seconds"] * (1 - share) / max(share, 1e-3)
            times = f"{clock(e['seconds'])}, {clock(left)} left"
            room = self.console.width - len(times) - NARROWEST_BAR - 2  # a space on both sides
            fitting = next((each for each in figures if len(each) <= room), figures[-1])
            self.bar.update(self.task, completed=share, clock=times, figures=fitting)
        elif not self.live and time.monotonic() - self._last_line > PLAIN_SECONDS:
            self._last_line = time.monotonic()
            print(f"step {e['step']:,}  {share:.0%}  {figures[0]}", file=sys.stderr, flush=True)

    def _evaluation(self, e: dict[str, Any]) -> None:
        self.held_out, self.brief = self.validated(e), self.briefly(e)
        if not self.live:
            self._last_line = time.monotonic()
            mark = "  best so far" if e["best"] else ""
            self._say(f"step {e['step']:,}  {clock(e['seconds'])}  {self.trained(e)}  "
                      f"held out {self.held_out}{self.UNITS}{mark}")  # fmt: skip
        self.stopped_early = e["stopped_early"]
        if self.stopped_early:
            self._say(self.STAYS_BEST)

    def _sample(self, e: dict[str, Any]) -> None:
        self._say(f"── a sample at step {e['step']:,} " + "─" * 20, "dim")
        self._say(e["text"].strip("\n"))
        self._say("─" * 44, "dim")

    def _interrupted(self, e: dict[str, Any]) -> None:
        self._close()
        saved = "" if e["model"] is None else (
            f" and saved; to continue: elman train --resume {quote(e['model'])}")  # fmt: skip
        self._say(f"stopped at step {e['step']:,}{saved}", whole=True)

    def _done(self, e: dict[str, Any]) -> None:
        self._close()
        self._results(e)
        if self.steps and e["steps"] == 0 and self.settings.by_the_clock:
            self._say("no step was trained in this time: give more --minutes", "yellow")
        if e["steps"]:
            steps = counted(e["steps"], "step")
            self._say(f"{steps} in {clock(e['seconds'])}, {self.speed(e)}")
        if e["model"]:
            size = megabytes(os.path.getsize(e["model"]))
            self._say(f"model: {e['model']} ({size})", "bold")
            model = quote(no_flag(e["model"]))
            following = [each for each in self.NEXT if "serve" not in each or find_spec("uvicorn")]
            commands = [*self.longer(e), *(each.replace("MODEL", model) for each in following)]
            self._say("next:  " + "\n       ".join(commands), whole=True)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def no_flag(name: str) -> str:
    """The name of a file, such that a command line does not take it for a flag."""
    return f"./{name}" if name.startswith("-") and name != "-" else name


def other_encodings(e: dict[str, Any]) -> list[str]:
    """What encodings the text is in, where it is not all UTF-8."""
    return [] if e["encodings"] in ([], ["utf-8"]) else [" and ".join(e["encodings"])]


def computed_by(e: dict[str, Any]) -> str:
    """Who computes, of the event "start"."""
    ranks = f", ranks: {e['ranks']}" if e["ranks"] > 1 else ""
    bf16 = " (bf16)" if e["settings"]["precision"] == "bf16" else ""
    return f"engine {e['engine']}{bf16}, threads: {e['threads']}{ranks}"


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
