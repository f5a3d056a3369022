"""What the view "Look inside" shows: activations over a text, and passages of a corpus, in JSON."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import inspection, passages
from ..classifier import Classifier
from ..errors import ElmanError
from ..loading import training_text
from ..model import Model
from .encoding import array
from .errors import ApiError

Array = np.ndarray
CORPUS = 200_000  # characters that are searched at most
BUDGET = 6e10  # operations that a search may take: about two seconds
AROUND = 40  # symbols on each side of what a passage shows

_texts: WeakKeyDictionary[Model | Classifier, str] = WeakKeyDictionary()


def states(model: Model | Classifier, text: str, layer: int, part: str) -> dict[str, Any]:
    """Activations of one part of a layer over a text, and orders of the units.

    Raises
    ------
    CorpusError, UnknownSymbolError, UsageError : see `inspection.activations`
    """
    values = inspection.activations(model, text, layer, part)
    return {
        "layer": layer, "part": part,
        "symbols": inspection.symbols(model, text),
        "values": array(values),
        "orders": {"mean": passages.by_mean(values), "variance": passages.by_variance(values),
                   "cluster": passages.by_likeness(values)},
    }  # fmt: skip


def unit(
    model: Model | Classifier, layer: int, part: str, unit: int, sign: int, corpus: str | None
) -> dict[str, Any]:
    """Where in a corpus a unit is highest (sign 1) or lowest (-1).

    Raises
    ------
    ApiError : the training text, if that is to be searched, cannot be read
    """
    text, source = _corpus(model, corpus)
    values = inspection.activations(model, text, layer, part, np.array([unit]))[:, 0]
    symbols = inspection.symbols(model, text)
    return {
        "layer": layer, "part": part, "unit": unit, "searched": len(text), "source": source,
        "passages": [
            {"position": place.start, "symbols": symbols[place.start : place.end],
             "values": values[place.start : place.end], "peak": place.peak - place.start}
            for place in passages.most_active(sign * values, width=AROUND)
        ],
    }  # fmt: skip


def similar(
    model: Model | Classifier,
    text: str,
    selection: tuple[int, int],
    layer: int,
    part: str,
    threshold: float,
    corpus: str | None,
) -> dict[str, Any]:
    """Passages of a corpus with the same active units as symbols `selection` of a text.

    Raises
    ------
    UsageError : a selection that is not within the text
    ApiError : the training text, if that is to be searched, cannot be read
    """
    values = inspection.activations(model, text, layer, part)
    units, signs, exclusive = passages.active_units(values, *selection, threshold)
    searched, source = _corpus(model, corpus)
    found: Sequence[passages.Passage] = []
    symbols: list[str] = []
    length = selection[1] - selection[0]
    if len(units):
        signed = inspection.activations(model, searched, layer, part, units)
        symbols = inspection.symbols(model, searched)
        found = passages.similar(signed, signs, length, threshold)
    listed = []
    for place in found:
        first, last = max(0, place.start - AROUND), min(len(symbols), place.end + AROUND)
        listed.append({
            "position": first, "symbols": symbols[first:last],
            "start": place.start - first, "end": place.end - first,
            "shared": units[list(place.shared)], "value": place.value,
        })  # fmt: skip
    return {
        "layer": layer, "part": part, "units": units, "signs": signs, "exclusive": exclusive,
        "searched": len(searched) if len(units) else 0, "source": source, "passages": listed,
    }  # fmt: skip


def _corpus(model: Model | Classifier, corpus: str | None) -> tuple[str, str | None]:
    """The text to search, no longer than is quickly read, and where it comes from."""
    source = None
    if corpus is None:
        if model not in _texts:
            try:
                _texts[model] = training_text(model)[:CORPUS]
            except ElmanError as error:
                raise ApiError(422, f"{error}; send a corpus to search instead") from None
        corpus = _texts[model]
        source = ", ".join(model.summary.get("corpus", []))
    operations = 2 * inspection.network_of(model).parameters.flat.size  # for a symbol
    return corpus[: max(1000, int(min(CORPUS, BUDGET / operations)))], source
