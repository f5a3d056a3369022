"""Pictures of a training and of what was learned, drawn with matplotlib (extra `plot`).

Each function returns a `matplotlib.figure.Figure`, which shows nothing on a screen
and touches no global state; `write` puts it into a file. Lines differ in dash and in
colour (from Okabe and Ito's palette, which colour-blind readers can tell apart).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from io import BytesIO
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import numpy as np

from .classifier import Classifier
from .errors import UsageError
from .files import OutputFile
from .model import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray
P = ParamSpec("P")

ENDINGS = (".png", ".svg", ".pdf")
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#666666"
STYLE = {
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "svg.hashsalt": "elman",  # the same picture is the same file
}


def style() -> AbstractContextManager:
    """The settings in which a figure is made and written."""
    try:
        from matplotlib import rc_context
    except ImportError:
        raise UsageError(
            "pictures are drawn with matplotlib, which is not installed; "
            "install it with: pip install 'elman[plot]'"
        ) from None
    return rc_context(STYLE)


def _styled(draw: Callable[P, "Figure"]) -> Callable[P, "Figure"]:
    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        with style():
            return draw(*args, **kwargs)

    return styled


def check_ending(path: str | Path) -> str:
    """The format that the name of a picture asks for; raises UsageError if it is none."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"{str(path)!r} does not say which kind of picture; end it in {', '.join(ENDINGS)}"
        )
    return ending[1:]


def write(figure: "Figure", path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of the name: whole, or not at all.

    Raises
    ------
    UsageError : another ending
    ElmanError : the place cannot be written
    """
    kind, data = check_ending(path), BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with OutputFile(path) as file, style():
        figure.savefig(data, format=kind, dpi=150, metadata=dates)
        file.write(data.getvalue())


@_styled
def training(model: Model | Classifier) -> "Figure":
    """Loss, gradient norm and learning rate over the steps of a training.

    The training loss is the smoothed one that `elman train` prints, in bits per
    character (of a classifier, nats per text), with dropout if there is any; the
    held-out loss is what each evaluation found. The norm is that before clipping.

    Raises
    ------
    UsageError : a model without the history of its training
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import StrMethodFormatter

    history = _history(model)
    step, norm, rate = history["step"], history["gradient_norm"], history["learning_rate"]
    unit, nats = "nats per text", 1.0
    if isinstance(model, Model):
        unit, nats = "bits per character", log(2) * model.config["characters_per_symbol"]
    few = "o" if len(step) < 10 else ""  # a line of one point would not be seen
    figure = Figure(figsize=(8, 8), layout="constrained")
    loss_axes, norm_axes, rate_axes = figure.subplots(3, sharex=True, height_ratios=[3, 2, 1.3])
    loss_axes.plot(step, history["train"] / nats, color=BLUE, marker=few, label="training")
    seen = np.isfinite(history["validation"])
    if seen.any():
        held_out = history["validation"][seen] / nats
        loss_axes.plot(
            step[seen], held_out, "--o", color=ORANGE, markersize=4,
            label=f"held out, best {held_out.min():.3f}",
        )  # fmt: skip
    for name, figures in model.summary.get("baselines", {}).items():
        if name != "uniform" and "bits_per_character" in figures:
            value = figures["bits_per_character"]
            loss_axes.axhline(value, color=GREY, linestyle=":", label=f"{name}, {value:.3f}")
    loss_axes.set_title(_title(model), loc="left")
    loss_axes.set_ylabel(f"loss ({unit})")
    loss_axes.legend()
    norm_axes.plot(step, norm, color=GREEN, linewidth=1, marker=few)
    clip = (model.training or ({}, {"settings": {}}))[1]["settings"].get("clip_norm")
    if clip and clip < norm.max():
        norm_axes.axhline(clip, color=GREY, linestyle=":", label=f"clipped to {clip:g}")
        norm_axes.legend()
    if norm.max() > 10 * norm.min() > 0:
        norm_axes.set_yscale("log")
    else:
        norm_axes.set_ylim(bottom=0)
    norm_axes.set_ylabel("gradient norm")
    rate_axes.plot(step, rate, color=PURPLE, marker=few)
    rate_axes.set_ylim(bottom=0)
    rate_axes.set_ylabel("learning rate")
    rate_axes.set_xlabel("step (update of the parameters)")
    rate_axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    figure.align_ylabels()
    return figure


def _history(model: Model | Classifier) -> dict[str, Array]:
    """The columns of the history by name: one row per step that was logged."""
    arrays, state = model.training or ({}, {})
    if "training.history" not in arrays:
        raise UsageError(
            "the model holds no history of a training: it is a Markov chain, was not trained "
            "yet, or was exported with --weights-only; plot the file that elman train wrote"
        )
    columns = state["state"]["history_columns"]
    return dict(zip(columns, arrays["training.history"].T, strict=True))


def _title(model: Model | Classifier) -> str:
    """What a model is and what it has read, in a few words."""
    config, names = model.config, model.summary.get("corpus", [])
    size = f"{config['cell']} {config['num_layers']} × {config['hidden_size']}"
    return size + (f", {', '.join(names)}" if len(", ".join(names)) in range(1, 40) else "")
