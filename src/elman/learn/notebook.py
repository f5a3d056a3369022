"""What a training shows under the cell of a notebook: a line that changes, and a curve."""

import sys
import time
from html import escape
from typing import Any

from .display import Display, clock

SECONDS = 0.5  # between two updates: a browser draws each
WIDTH, HEIGHT = 480, 120  # of the curve, in pixels
NOTES = 3  # of the last notes that stay
COLOUR = "#0072B2"


def in_notebook() -> bool:
    """Whether this is a kernel of Jupyter, which shows HTML and can change it."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Notebook:
    """Shows the events of a run where `in_notebook`; the words are those of its `Display`."""

    def __init__(self, words: Display):
        self.words = words
        self.about: list[str] = []
        self.notes: list[str] = []
        self.line = self.validated = ""
        self.curve: list[tuple[float, float]] = []
        self._handle: Any = None
        self._updated = 0.0

    def __enter__(self) -> "Notebook":
        return self

    def __exit__(self, *exception: object) -> None:
        self._update()

    def show(self, event: dict[str, Any]) -> None:
        kind, words = event["event"], self.words
        if kind == "start":
            self.about = words.about(event)
        elif kind == "message":
            self.notes.append(event["text"])
        elif kind == "step":
            self.line = (f"step {event['step']:,}  {event['progress']:.0%}  "
                         f"{clock(event['seconds'])}  {words.running(event)}")  # fmt: skip
        elif kind == "evaluation":
            self.validated = f"  held out {words.validated(event)}{words.UNITS}"
            self.curve.append((event["step"], event[words.CURVE]))
        elif kind == "interrupted":
            self.line = f"stopped at step {event['step']:,}"
        elif kind == "done":
            self._done(event)
        if kind != "step" or time.monotonic() - self._updated > SECONDS:
            self._update()

    def _done(self, event: dict[str, Any]) -> None:
        """The final figures, of all that is held out; those before were estimates."""
        if event["steps"]:
            self.line = f"{event['steps']:,} steps in {clock(event['seconds'])}"
        if event[self.words.CURVE] is not None:
            self.validated = f"  held out {self.words.validated(event)}{self.words.UNITS}"

    def _update(self) -> None:
        from IPython.display import HTML, display

        self._updated = time.monotonic()
        html = HTML(self.html())
        if self._handle is None:
            self._handle = display(html, display_id=True)
        else:
            self._handle.update(html)

    def html(self) -> str:
        """What is shown now."""
        lines = [*self.about, *(f"note: {note}" for note in self.notes[-NOTES:])]
        lines.append(self.line + self.validated)
        text = "\n".join(line for line in lines if line)
        return f"<pre style='margin: 0'>{escape(text)}</pre>{curve(self.curve, self.words.UNITS)}"


def curve(points: list[tuple[float, float]], units: str) -> str:
    """The held-out figures over the steps, as SVG; nothing of fewer than two."""
    if len(points) < 2:
        return ""
    steps, values = zip(*points, strict=True)
    low, high = min(values), max(values)
    wide, tall = (steps[-1] - steps[0]) or 1, (high - low) or 1
    places = " ".join(
        f"{WIDTH * (step - steps[0]) / wide:.1f},{HEIGHT * (high - value) / tall:.1f}"
        for step, value in points
    )
    title = f"held out{units}: {high:.3f} to {low:.3f}, steps {steps[0]:,} to {steps[-1]:,}"
    return (
        f"<svg viewBox='-4 -4 {WIDTH + 8} {HEIGHT + 8}' width='{WIDTH}' height='{HEIGHT}' "
        f"role='img'><title>{escape(title)}</title>"
        f"<polyline points='{places}' fill='none' stroke='{COLOUR}' stroke-width='2'/></svg>"
    )
