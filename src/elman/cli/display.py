"""What `elman train` shows on stderr: a progress bar on a terminal, else plain lines."""

import os
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from ..settings import Settings

PLAIN_SECONDS = 10.0  # between two plain lines that only report steps


class Display:
    """Shows the events of a run; a context manager, so the bar is always taken down."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.console = Console(stderr=True, highlight=False)
        self.live = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        self.bar: Progress | None = None
        self.held_out = "–"
        self._last_line = time.monotonic()

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def show(self, event: dict[str, Any]) -> None:
        getattr(self, "_" + event["event"])(event)

    def _say(self, text: str, style: str = "") -> None:
        if self.live:
            (self.bar.console if self.bar else self.console).print(Text(text, style))
        else:
            print(text, file=sys.stderr, flush=True)

    def _start(self, e: dict[str, Any]) -> None:
        what = f"{', '.join(e['corpus'])}: {e['characters']:,} characters, "
        what += f"{e['vocabulary_size']:,} distinct symbols"
        self._say(what)
        if "parameters" in e:
            size = f"{e['num_layers']} × {e['hidden_size']}"
            self._say(
                f"{e['cell']} {size}, {e['parameters']:,} parameters; "
                f"engine {e['engine']}, threads: {e['threads']}"
            )
            self._begin(e)

    def _begin(self, e: dict[str, Any]) -> None:
        """What comes before the first step: where a resumed run goes on, and the bar."""
        if e["step"]:
            self._say(f"going on from step {e['step']:,}")
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
        self._progress(e, (
            f"{_short(e['characters_per_second'])} chars/s  "
            f"train {e['train_bits_per_character']:.2f}  held out {self.held_out} bits/char"
        ))  # fmt: skip

    def _progress(self, e: dict[str, Any], figures: str) -> None:
        """How far it is: in the bar, or now and then a plain line."""
        share = e["progress"]
        if self.bar is not None:
            left = e["seconds"] * (1 - share) / max(share, 1e-3)
            times = f"{clock(e['seconds'])} / {clock(left)} left"
            self.bar.update(self.task, completed=share, clock=times, figures=figures)
        elif not self.live and time.monotonic() - self._last_line > PLAIN_SECONDS:
            self._last_line = time.monotonic()
            print(f"step {e['step']:,}  {share:.0%}  {figures}", file=sys.stderr, flush=True)

    def _evaluation(self, e: dict[str, Any]) -> None:
        self.held_out = f"{e['validation_bits_per_character']:.2f}"
        if not self.live:
            self._last_line = time.monotonic()
            mark = "  best so far" if e["best"] else ""
            self._say(
                f"step {e['step']:,}  {clock(e['seconds'])}  train "
                f"{e['train_bits_per_character']:.3f}  held out "
                f"{e['validation_bits_per_character']:.3f} bits/character{mark}"
            )
        if e["stopped_early"]:
            self._say("the held-out loss no longer falls: stopping early, keeping the best model")

    def _sample(self, e: dict[str, Any]) -> None:
        self._say(f"── a sample at step {e['step']:,} " + "─" * 20, "dim")
        self._say(e["text"].strip("\n"))
        self._say("─" * 44, "dim")

    def _interrupted(self, e: dict[str, Any]) -> None:
        self._close()
        self._say(f"stopped at step {e['step']:,} and saved; go on with: "
                  f"elman train --resume {e['model']}")  # fmt: skip

    def _done(self, e: dict[str, Any]) -> None:
        self._close()
        rows = []
        if e["validation_bits_per_character"] is not None:
            name = f"this model ({self.settings.cell})"
            rows.append((name, e["validation_bits_per_character"], e["validation_perplexity"]))
        for name, figures in (e["baselines"] or {}).items():
            rows.append((name, figures["bits_per_character"], figures["perplexity"]))
        if rows:
            self._table(rows)
        if e["test_bits_per_character"] is not None:
            self._say(f"test part: {e['test_bits_per_character']:.3f} bits per character")
        if e["steps"]:
            self._say(f"{e['steps']:,} steps in {clock(e['seconds'])}, "
                      f"{e['characters_per_second']:,.0f} characters/s")  # fmt: skip
        if e["model"]:
            size = os.path.getsize(e["model"]) / 1e6
            self._say(f"model: {e['model']} ({size:.1f} MB)", "bold")
            self._say(f"next:  elman sample {e['model']}\n       elman score {e['model']} FILE")

    def _table(self, rows: list[tuple[str, float, float]]) -> None:
        if not self.live:
            self._say(f"{'held out':<20}  {'bits/character':>14}  {'perplexity':>10}")
            for name, bits, perplexity in rows:
                self._say(f"{name:<20}  {bits:>14.3f}  {perplexity:>10.2f}")
            return
        table = Table(header_style="bold")
        table.add_column("held out")
        table.add_column("bits per character", justify="right")
        table.add_column("perplexity", justify="right")
        for i, (name, bits, perplexity) in enumerate(rows):
            table.add_row(name, f"{bits:.3f}", f"{perplexity:.2f}", style="" if i else "green")
        self.console.print(table)

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _short(number: float) -> str:
    """A number of characters per second in four or five places."""
    return f"{number / 1000:.1f}k" if number < 100_000 else f"{number / 1000:,.0f}k"
