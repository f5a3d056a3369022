"""What was learned: gradients through time, vectors of symbols, activations of units."""

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..inside import inspection, passages
from ..inside.unrolled import gradient_norms
from ..nn.engine import select
from ..nn.network import Network, NetworkConfig, initialise
from ..store.modelfile import SavedModel
from ..tasks.language.model import Model
from .canvas import BLUE, GREEN, GREY, ORANGE, PURPLE, styled, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

STEPS = 50  # how far back gradients are followed
LONGEST = 100  # symbols of a text whose activations are drawn
UNITS = 30  # the most lively ones
WIDE = 15  # points: letters of a picture as wide as a text
SYMBOLS = 120  # vectors that are drawn: more hide each other
PANEL = (7.0, 6.4)  # inches between the axes of `characters`
LETTER = 0.17  # inches between the middles of two neighbouring letters
SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥"}
CURVES = (
    (BLUE, "-"),
    (ORANGE, "--"),
    (GREEN, "-."),
    (PURPLE, (0, (5, 1, 1, 1, 1, 1))),
    (GREY, ":"),
)


@styled
def gradients(
    models: Mapping[str, SavedModel | Network],
    text: str | None = None,
    steps: int = STEPS,
) -> "Figure":
    """How much of the gradient of a loss is left k steps earlier, a curve for each model.

    The norm ‖∂loss_t/∂h_{t-k}‖ of the upper layer, a mean over positions t of the text; for
    an LSTM also that of the cell (thin line), which is its memory.

    Parameters
    ----------
    models : models, or networks (which read random symbols), by the name of their curve
    text : what the models read; None: what each writes itself
    steps : the largest k; fewer where a text is short

    Raises
    ------
    UsageError : a text that is too short; a model that gives labels, or a Markov chain
    """
    from .figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.add_subplot()
    highest, lines, names, of_c = 0.0, [], [], ""
    for number, (name, model) in enumerate(models.items()):
        norms = _norms(model, text, steps)
        colour, dash = CURVES[number % len(CURVES)]
        for curve, part, width in zip(norms, ("", ", cell"), (2, 1), strict=False):
            lines += axes.plot(curve, color=colour, linestyle=dash, linewidth=width)
            names.append(name.lstrip("_") + part)  # names with _ in front would be left out
            if part:
                of_c = ", cell: ‖∂loss$_t$ / ∂c$_{t-k}$‖"
        highest = max(highest, float(norms.max()))
    axes.set_yscale("log")
    low, _ = axes.get_ylim()
    axes.set_ylim(bottom=max(low, 1e-10 * highest))  # what is below has vanished
    axes.set_xlabel("k (steps back)")
    unit = "nats per unit of h or c" if of_c else "nats per unit of h"
    axes.set_ylabel(f"‖∂loss$_t$ / ∂h$_{{t-k}}$‖{of_c}\n({unit})")
    for label in axes.legend(lines, names).get_texts():
        label.set_parse_math(False)
    return figure


def _norms(model: SavedModel | Network, text: str | None, steps: int) -> Array:
    """Norms of the gradient of h, and of an LSTM of c, in the upper layer: (S, steps + 1).

    A network reads random symbols. A short text has fewer steps.
    """
    if isinstance(model, Network):
        ids = np.random.default_rng(0).integers(0, model.vocabulary_size, 8 * steps)
        return gradient_norms(model, ids, steps)[-1]
    if not isinstance(model, Model):
        raise UsageError(f"{model.NOUN} predicts no next symbol; name a language model")
    text = _text(model, text, 8 * steps)
    symbols = len(inspection.symbols(model, text))
    return gradient_norms(model, text, max(1, min(steps, symbols - 2)))[-1]


def untrained() -> dict[str, Network]:
    """The three cells before training, and an RNN whose W_h is scaled to explode.

    128 units and 30 symbols. The initial W_h of an RNN has a spectral radius of
    1/√3; times 4 that is 2.3, well above 1.
    """
    networks = {}
    for name, cell, factor in (
        ("RNN", "rnn", 1), ("LSTM", "lstm", 1), ("GRU", "gru", 1), ("RNN, Wₕ × 4", "rnn", 4),
    ):  # fmt: skip
        config = NetworkConfig(vocabulary_size=30, cell=cell, hidden_size=128)
        networks[name] = Network(config, np.float64, select("numpy", 1))
        parameters = networks[name].parameters
        initialise(parameters, config, "uniform", None, np.random.default_rng(0))
        parameters["layer0.W_h"][...] *= factor
    return networks


@styled
def characters(model: SavedModel) -> "Figure":
    """The learned vectors of the symbols, projected on their two principal components.

    The vectors are the rows of the embedding, or without one the rows of W_x of the first
    layer, which a one-hot symbol looks up, each scaled to length 1, so that a few long ones
    do not dominate. Of more than 120 symbols those with the longest vectors are shown.
    Symbols that would hide each other are moved apart, as little as possible.

    Raises
    ------
    UsageError : a Markov chain, which has no vectors
    """
    from matplotlib.lines import Line2D

    from .figure import Figure

    parameters = inspection.network_of(model).parameters
    vectors = np.asarray(parameters.get("embedding.E", parameters["layer0.W_x"]), np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    shown = np.sort(np.argsort(-length[:, 0], kind="stable")[:SYMBOLS])
    points, share = principal_components((vectors / np.maximum(length, 1e-12))[shown])
    figure = Figure(figsize=(8, 8), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*points.T, linestyle="")  # sets the limits
    per_inch = np.array([np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())]) / PANEL
    points = apart(points / per_inch, LETTER) * per_inch
    kinds: dict[str, str] = {}
    for symbol, (x, y) in zip(shown.tolist(), points, strict=True):
        text = inspection.symbol_text(model, symbol)
        kind, colour = _kind(text)
        kinds[kind] = colour
        axes.text(x, y, _sign(text), color=colour, ha="center", va="center", parse_math=False)
    marks = [Line2D([], [], color=c, marker="o", linestyle="") for c in kinds.values()]
    figure.legend(marks, list(kinds), loc="outside lower center", ncols=3)
    axes.set_title(title(model), loc="left")
    axes.set_xlabel(f"first principal component ({share[0]:.0%} of the variance)")
    axes.set_ylabel(f"second principal component ({share[1]:.0%})")
    return figure


def principal_components(vectors: Array) -> tuple[Array, Array]:
    """Projections (n, 2) on the two directions of largest variance, and their shares (2,).

    The singular vectors of the centred data; the sign is that in which the projection
    farthest from zero is positive.
    """
    centred = vectors - vectors.mean(axis=0)
    U, s, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    width = min(2, len(s))
    points[:, :width] = (U * s)[:, :width]
    farthest = np.abs(points).argmax(axis=0)
    points *= np.where(points[farthest, [0, 1]] < 0, -1, 1)
    shares = np.zeros(2)
    shares[:width] = (s * s / max(float(s @ s), 1e-300))[:width]
    return points, shares


def apart(points: Array, distance: float) -> Array:
    """Points (n, 2) of which any two are at least `distance` from each other.

    Pairs that are closer push each other away, half of the way each, until none is;
    points with room around them stay where they are.
    """
    turn = np.arange(len(points))  # points in one place part in different directions
    points = points + 1e-9 * distance * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for _ in range(200):
        between = points[:, None] - points
        far = np.hypot(between[..., 0], between[..., 1])
        np.fill_diagonal(far, np.inf)
        if far.min(initial=np.inf) >= distance:
            break
        push = np.maximum(0, 1.01 * distance - far) / 2 / far
        points += (push[..., None] * between).sum(axis=1)
    return points


@styled
def states(model: SavedModel, text: str | None = None) -> "Figure":
    """Activations of the hidden units of the upper layer over a text.

    The 30 units that vary most, similar units next to each other.

    Parameters
    ----------
    text : at most 100 symbols; None: what the model writes itself

    Raises
    ------
    UsageError : a text that is too long; no text for a model that writes none; a Markov chain
    UnknownSymbolError : a symbol that the vocabulary does not hold
    """
    from .figure import Figure

    text = _text(model, text, LONGEST // 3 if model.vocabulary.kind == "byte" else 60)  # ≤ 3 bytes
    symbols = inspection.symbols(model, text)
    if len(symbols) > LONGEST:
        raise UsageError(f"the text has {len(symbols)} symbols, at most {LONGEST} can be shown")
    values = inspection.states(model, text)[-1]["hidden"]
    lively = np.sort(passages.by_variance(values)[:UNITS])
    units = lively[passages.by_likeness(values[:, lively])]
    figure = Figure(figsize=(3 + 0.19 * len(symbols), 2 + 0.26 * len(units)), layout="constrained")
    axes = figure.add_subplot()
    limit = 1.0 if np.abs(values).max() <= 1 else float(np.abs(values).max())  # ReLU: above 1
    image = axes.imshow(
        values[:, units].T, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    axes.set_xticks(range(len(symbols)), [_sign(s) for s in symbols], fontsize=WIDE)
    axes.set_yticks(range(len(units)), units.tolist(), fontsize=WIDE)
    for label in axes.get_xticklabels():
        label.set_parse_math(False)  # a text with $ is no formula
    if max(map(len, symbols)) > 1:
        axes.tick_params(axis="x", rotation=90)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.set_title(title(model), loc="left", fontsize=WIDE)
    axes.set_xlabel("symbol that was read last", fontsize=WIDE)
    layer = " of the upper layer" if model.config["num_layers"] > 1 else ""
    axes.set_ylabel(f"hidden unit{layer}", fontsize=WIDE)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("activation h$_t$", fontsize=WIDE)
    bar.ax.tick_params(labelsize=WIDE)
    return figure


def _text(model: SavedModel, text: str | None, length: int) -> str:
    """The text, or what the model writes itself: `length` symbols, of a model of lines a line."""
    if text is not None:
        return text
    if not isinstance(model, Model):
        raise UsageError(f"{model.NOUN} writes no text to look at; give one with --text")
    inspection.network_of(model)
    written = model.sample(length, seed=0)
    return max(written.split("\n"), key=len) if model.lines else written


def _kind(symbol: str) -> tuple[str, str]:
    """The kind of a symbol and its colour."""
    if len(symbol) > 1:
        return "words and signs", BLUE
    base = unicodedata.normalize("NFD", symbol)[0]
    if base.isdigit():
        return "digits", GREEN
    if not base.isalpha():
        return "punctuation and white space", GREY
    if base.isupper():
        return "capital letters", PURPLE
    return ("vowels", ORANGE) if base in "aeiouy" else ("other letters", BLUE)


def _sign(symbol: str) -> str:
    """A symbol as it can be drawn: white space visible, what the font lacks by its number."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    sign = SIGNS.get(symbol) or symbol.strip() or repr(symbol)[1:-1]
    known = get_font(findfont(FontProperties())).get_char_index
    return "".join(c if known(ord(c)) else ascii(c)[1:-1] for c in sign)
