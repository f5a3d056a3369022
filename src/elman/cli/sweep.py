"""`elman sweep`."""

from __future__ import annotations

import signal
import time
from typing import Any

import click

from ..errors import counted, install
from . import completion
from .flags import setting_options
from .help import Command, option
from .output import note, print_json, say

EXAMPLES = """
elman sweep poems.txt --trials 30 --minutes 2 \\
    -o poems.safetensors
elman sweep poems.txt --trials 100 --steps 2000 \\
    --study poems.journal
elman sweep names/ --task classify --trials 40 \\
    --search "hidden-size=32,64"
elman sweep poems.txt --trials 30 \\
    --search "learning-rate=1e-3..1e-2:log"
"""
NOTES = f"""
Each trial runs elman train with the given flags and different values for the searched ones; by
default learning rate, hidden size, layers, cell, dropout, weight decay. Each has the same
budget, a minute unless --minutes, --steps or --epochs say otherwise, and is stopped early if it
is worse than the median of the others. With --study the same command continues after a stop,
and several processes share the trials: FILE for one host, the URL of a database for many.
Needs {install("sweep")}.
"""
GROUPS = ("Sweep", "Text", "Network", "Learning", "Labels", "Run and files", "Machine")


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES, groups=GROUPS)
@click.argument("corpus", nargs=-1, shell_complete=completion.texts)
@option("--trials", type=click.IntRange(1), required=True, group="Sweep",
        help="Total number of trials.")  # fmt: skip
@option("--search", metavar="TEXT", group="Sweep",
        help="Search space: name=low..high (optionally :log) or name=value,value.")  # fmt: skip
@option("--study", "place", metavar="FILE|URL", group="Sweep",
        help="Where to keep the trials.  [default: nowhere]")  # fmt: skip
@option("-o", "--output", metavar="FILE", group="Sweep", help="The best model.")
@option("--json", "as_json", is_flag=True, group="Sweep",
        help="One JSON object per event on stdout.")  # fmt: skip
@setting_options
def sweep(
    corpus: tuple[str, ...], trials: int, search: str | None, place: str | None,
    output: str | None, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Train on CORPUS with many settings and report the best."""
    from ..sweeps.sweep import Sweep

    given = {name: value for name, value in settings.items() if value is not None}
    table = _Table(trials)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the study is kept
    found = Sweep(corpus, given, trials, search, place, output)
    try:
        for event in found.events():
            if as_json:
                print_json(event)
            else:
                table.show(event)
    except KeyboardInterrupt:
        lost = "" if place else "; without --study its trials are forgotten"
        click.echo(f"stopped{lost or '; the same command continues'}", err=True)
        raise


class _Table:
    """A row for every trial that ends."""

    def __init__(self, trials: int):
        self._wanted, self._started = trials, time.monotonic()
        self._settings: dict[str, Any] = {}
        self._ended = 0

    def show(self, event: dict[str, Any]) -> None:
        """Say on stderr what an event is about; the command of the best comes out on stdout."""
        if event["event"] == "sweep":
            for number in event["killed"]:
                note(f"trial {number} was killed; a new one replaces it")
            wanted, searched = counted(self._wanted, "trial"), map(_flag, event["search"])
            self._say(f"{wanted}, compared by {_words(event['compared'])}; searched: "
                      f"{', '.join(searched)}")  # fmt: skip
        elif event["event"] == "trial":
            self._settings = event["settings"]
        elif event["event"] == "finished":
            self._ended += 1
            self._row(event)
        elif event["event"] == "again":
            self._say(f"trial {event['number']} is trained again, to write {event['model']}")
        elif event["event"] == "done":
            self._done(event)

    def _row(self, event: dict[str, Any]) -> None:
        value = "" if event["value"] is None else f"{event['value']:.4f}"
        best = "  best so far" if event["best"] == event["number"] else ""
        tried = " ".join(f"{_flag(name)} {value}" for name, value in self._settings.items())
        self._say(f"trial {event['number']:<4}{event['state']:9} {value:>8}  {tried}{best}")
        if event["message"]:
            note(event["message"])
        counts = event["trials"]
        ended = sum(counts.values()) - counts["running"]
        each = (time.monotonic() - self._started) / self._ended
        # Those that run elsewhere end at the same time as those of this process.
        left = each * (self._wanted - ended) / (1 + counts["running"])
        shown = "" if event["best"] is None else f"best {event['best_value']:.4f}, "
        self._say(f"  {ended} of {self._wanted} ended: {shown}{counts['running']} running, "
                  f"{counts['pruned']} pruned, {counts['failed']} failed; about "
                  f"{int(left) // 60}:{int(left) % 60:02} left")  # fmt: skip

    def _done(self, event: dict[str, Any]) -> None:
        if event["command"] is None:
            self._say("no trial finished")
            return
        if event["importance"]:
            shares = ", ".join(f"{_flag(name)} {share:.0%}"
                               for name, share in event["importance"].items())  # fmt: skip
            self._say(f"what mattered: {shares}")
        self._say(f"best: trial {event['best']}, {event['best_value']:.4f}, as")
        click.echo(event["command"])

    def _say(self, text: str) -> None:
        say(text)


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _words(figure: str) -> str:
    return figure.removeprefix("validation_").replace("_", " ") + " of the held-out part"
