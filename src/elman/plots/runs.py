"""How a training went: losses, norms and rates, and which classes are confused."""

from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..store.modelfile import SavedModel
from ..tasks.reports import MATRIX_CLASSES, REPORTS, Report
from .canvas import BLUE, GREEN, GREY, ORANGE, PURPLE, styled, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure, FigureBase

Array = np.ndarray

NAMED_CLASSES = 60  # beyond, only every second or third is named next to a confusion matrix


@styled
def training(model: SavedModel) -> "Figure":
    """Loss, gradient norm and learning rate over the steps of a run.

    The training loss is the smoothed one that `elman train` prints, in bits per
    character (for a classifier nats per text, for a tagger nats per symbol), with dropout
    if there is any; the held-out loss is what each evaluation found, and the star what
    the best parameters have on all of the held-out text. The norm is that before
    clipping.

    Raises
    ------
    UsageError : a model without the history of its training
    """
    from .figure import Figure

    figure = Figure(figsize=(8, 8), layout="constrained")
    _draw_training(figure, model)
    return figure


@styled
def confusion(model: SavedModel) -> "Figure":
    """The confusion matrix and the F1 of each class: the report of a classifier or tagger.

    Rows are true classes, columns predicted ones; a cell is as dark as its share of
    the row. The report is on the test part, or, if there is none, on the validation part.

    Raises
    ------
    UsageError : a language model, or another model without a report
    """
    from .figure import Figure

    part, found = _report(model)
    width, height = _confusion_size(len(found.classes))
    figure = Figure(figsize=(width, height), layout="constrained")
    _draw_confusion(figure, part, found)
    return figure


@styled
def overview(model: SavedModel) -> "Figure":
    """`training`, with `confusion` next to it if the model has a report.

    Raises
    ------
    UsageError : a model with neither a history nor a report
    """
    from .figure import Figure

    if model.classes is None or not model.summary.keys() & set(REPORTS):
        return training(model)
    if "training.history" not in (model.training or ({},))[0]:
        return confusion(model)
    part, found = _report(model)
    width, height = _confusion_size(len(found.classes))
    figure = Figure(figsize=(8 + width, max(8, height)), layout="constrained")
    grid = figure.add_gridspec(1, 2, width_ratios=[8, width])
    _draw_training(figure.add_subfigure(grid[0]), model)
    _draw_confusion(figure.add_subfigure(grid[1]), part, found)
    return figure


def _draw_training(figure: "FigureBase", model: SavedModel) -> None:
    from matplotlib.ticker import StrMethodFormatter

    history = _history(model)
    step, norm, rate = history["step"], history["gradient_norm"], history["learning_rate"]
    unit, nats = model.loss_unit()
    final = model.summary.get("validation_bits_per_character")  # of a language model
    final = None if "interrupted" in model.summary else final  # an estimate, as the others
    few = "o" if len(step) < 10 else ""  # a line of one point would not be seen
    loss_axes, norm_axes, rate_axes = figure.subplots(3, sharex=True, height_ratios=[3, 2, 1.3])
    loss_axes.plot(step, history["train"] / nats, color=BLUE, marker=few, label="training")
    seen = np.isfinite(history["validation"])
    if seen.any():
        held_out = history["validation"][seen] / nats
        loss_axes.plot(
            step[seen], held_out, "--o", color=ORANGE, markersize=4,
            label=f"held out, {'estimates' if final else f'best {held_out.min():.3f}'}",
        )  # fmt: skip
    if final:
        best = model.summary["best_step"]
        loss_axes.plot(
            [best], [final], "*", color=ORANGE, markersize=13, label=f"held out, all: {final:.3f}"
        )
    for name, figures in model.summary.get("baselines", {}).items():
        if name != "uniform" and "bits_per_character" in figures:
            value = figures["bits_per_character"]
            loss_axes.axhline(value, color=GREY, linestyle=":", label=f"{name}, {value:.3f}")
    loss_axes.set_title(title(model), loc="left")
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


def _draw_confusion(figure: "FigureBase", part: str, found: Report) -> None:
    counts, classes = found.confusion, len(found.classes)
    share = counts / np.maximum(1, found.support)[:, None]
    matrix, bars = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    matrix.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    size = 10 if classes <= 12 else 8
    if classes <= MATRIX_CLASSES:
        for row, column in zip(*np.nonzero(counts), strict=True):
            dark = share[row, column] > 0.5
            matrix.text(
                column, row, f"{counts[row, column]:,}", ha="center", va="center",
                fontsize=size if counts.max() < 10_000 else size - 2,
                color="white" if dark else "black",
            )  # fmt: skip
    names = [name if len(name) <= 20 else name[:19] + "…" for name in found.classes]
    every = -(-classes // NAMED_CLASSES)  # of very many classes not all can be named
    places = range(0, classes, every)
    matrix.set_xticks(places, names[::every], rotation=90, fontsize=size)
    matrix.set_yticks(places, names[::every], fontsize=size)
    for label in (*matrix.get_xticklabels(), *matrix.get_yticklabels()):
        label.set_parse_math(False)  # a class called "$1" is no formula
    matrix.set_xlabel("predicted class (the darker, the larger its share of the row)")
    matrix.set_ylabel("true class")
    matrix.grid(False)
    matrix.set_title(
        f"{part} part, {counts.sum():,} {found.ITEM}s: accuracy {found.accuracy:.3f}, "
        f"macro-F1 {found.macro_f1:.3f}", loc="left",
    )  # fmt: skip
    bars.barh(range(classes), found.f1, color=BLUE, height=0.7)
    if classes <= MATRIX_CLASSES:
        for row, (f1, support) in enumerate(zip(found.f1, found.support, strict=True)):
            bars.text(
                1.02, row, f"{f1:.2f}  ({support:,})", va="center", fontsize=size, clip_on=False
            )
    bars.set_xlim(0, 1)
    bars.set_xlabel(f"F1 ({found.ITEM}s)")
    bars.grid(False, axis="y")
    bars.tick_params(axis="y", length=0, labelleft=False)


def _confusion_size(classes: int) -> tuple[float, float]:
    """Inches that a confusion matrix and its bars need."""
    side = min(14.0, max(4.0, 0.38 * classes))
    return 1.4 * side + 2, side + 2.5


def _report(model: SavedModel) -> tuple[str, Report]:
    """The part that the report of a model is about, and the report."""
    if model.classes is None:
        raise UsageError(f"{model.NOUN} has no confusion matrix; it needs a classifier or a tagger")
    for part in REPORTS:
        if part in model.summary:
            return part, model.report
    raise UsageError(
        "the model has no report: its training did not end, or no part was held out for it"
    )


def _history(model: SavedModel) -> dict[str, Array]:
    """The columns of the history by name: one row per step that was logged."""
    arrays, state = model.training or ({}, {})
    if "training.history" not in arrays:
        raise UsageError(
            "the model has no training history: it is a Markov chain, was not trained yet, or was "
            "exported; plot the file that elman train wrote"
        )
    columns = state["state"]["history_columns"]
    return dict(zip(columns, arrays["training.history"].T, strict=True))
