"""Pictures of a training run and of what was learned, drawn with matplotlib (extra `plot`).

Each function returns a `matplotlib.figure.Figure`, which touches no global state: a
notebook shows it where it is the last value of a cell, `write` writes it to a file. Lines
differ in dash and in colour (from Okabe and Ito's palette, which colour-blind readers can
tell apart).
"""

from .canvas import BLUE, GREEN, GREY, ORANGE, PURPLE, check_ending, style, write
from .learned import characters, gradients, states, untrained
from .runs import confusion, overview, training
from .trials import trials

__all__ = [
    "BLUE", "GREEN", "GREY", "ORANGE", "PURPLE", "characters", "check_ending", "confusion",
    "gradients", "overview", "states", "style", "training", "trials", "untrained", "write",
]  # fmt: skip
