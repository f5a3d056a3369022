"""Curves of a report as a small SVG (extra `plot`): the same data, the same bytes."""

from io import BytesIO
from typing import Any

from .. import plots

COLOURS = (plots.BLUE, plots.ORANGE, plots.GREEN, plots.PURPLE, plots.GREY, "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))  # tell apart in grey


def require() -> None:
    """Raise UsageError if matplotlib is not installed, before anything long is run."""
    plots.style()


def draw(picture: dict[str, Any]) -> bytes:
    """A picture of `Section.curves` as SVG. Raises UsageError without matplotlib."""
    with plots.style():
        from matplotlib import rcParams
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        rcParams["svg.fonttype"] = "none"  # letters, not outlines: a third of the size
        many = len(picture["series"]) > 3
        figure = Figure(figsize=(6.4, 4.6 if many else 3.8), layout="constrained")
        axes = figure.add_subplot()
        for number, (label, (x, y)) in enumerate(picture["series"].items()):
            axes.plot(
                x, y, label=label,
                marker="o" if len(x) < 12 else None, markersize=4,
                color=COLOURS[number % len(COLOURS)], linestyle=DASHES[number % len(DASHES)],
            )  # fmt: skip
        axes.set(
            xlabel=picture["x"], ylabel=picture["y"],
            xscale="log" if "x" in picture["log"] else "linear",
            yscale="log" if "y" in picture["log"] else "linear",
        )  # fmt: skip
        for label, level in picture.get("levels", {}).items():
            axes.axhline(level, color="#000000", linewidth=0.8, linestyle=(0, (1, 2)))
            axes.annotate(
                f"{label} {level:g}", (0, level), xycoords=("axes fraction", "data"),
                xytext=(4, 2), textcoords="offset points", ha="left", va="bottom",
                fontsize="small",
            )  # fmt: skip
        if "y" in picture["log"] and axes.get_ylim()[1] < 100 * axes.get_ylim()[0]:
            # so few powers of ten tell nothing: numbers between them, written out
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        if many:  # too many to find a free place among the curves
            figure.legend(loc="outside lower center", ncols=3)
        elif len(picture["series"]) > 1:
            axes.legend()
        out = BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "elman reproduce"})
    return b"\n".join(line.rstrip() for line in out.getvalue().split(b"\n"))
