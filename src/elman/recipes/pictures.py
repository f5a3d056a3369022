"""Curves of a report as a small SVG (extra `plot`): the same data, the same bytes."""

from io import BytesIO
from typing import Any

from ..errors import ElmanError

# Okabe and Ito's palette, told apart by the colour-blind too; dashes tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))


def require() -> None:
    """Raise ElmanError if matplotlib is not installed, before anything long is run."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ElmanError(
            "pictures need matplotlib: pip install 'elman[plot]'; without -o none are drawn"
        ) from None


def draw(picture: dict[str, Any]) -> bytes:
    """A picture of `Section.curves` as SVG. Raises ElmanError without matplotlib."""
    require()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none", "svg.hashsalt": "elman", "font.family": "sans-serif",
        "font.size": 11, "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with mpl.rc_context(style):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.add_subplot()
        for number, (label, (x, y)) in enumerate(picture["series"].items()):
            axes.plot(
                x, y, label=label, linewidth=1.8,
                marker="o" if len(x) < 12 else None, markersize=4,
                color=COLOURS[number % len(COLOURS)], linestyle=DASHES[number % len(DASHES)],
            )  # fmt: skip
        axes.set_xlabel(picture["x"])
        axes.set_ylabel(picture["y"])
        axes.set_xscale("log" if "x" in picture["log"] else "linear")
        axes.set_yscale("log" if "y" in picture["log"] else "linear")
        axes.grid(alpha=0.25)
        if len(picture["series"]) > 1:
            axes.legend(frameon=False)
        out = BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "elman reproduce"})
    return b"\n".join(line.rstrip() for line in out.getvalue().split(b"\n"))
