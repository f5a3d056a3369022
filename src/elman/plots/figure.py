"""The figure of every picture. It needs matplotlib, so it is imported when one is drawn."""

import matplotlib.figure

from .canvas import drawn

SCREEN_DPI = 100


class Figure(matplotlib.figure.Figure):
    """A figure that shows itself in a notebook, without a magic command."""

    def _repr_png_(self) -> bytes:
        return drawn(self, "png", SCREEN_DPI)
