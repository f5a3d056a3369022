"""What the view "Look inside" shows: activations over a text, and passages of a corpus, in JSON."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import ElmanError
from ..inside import inspection, passages
from ..store.modelfile import SavedModel
from ..tasks import training_text
from .encoding import array
from .errors import ApiError

Array = np.ndarray
CORPUS = 200_000  # characters that are searched at most
BUDGET = 3e10  # operations that a search may take: about a second
AROUND = 40  # symbols on each side of what a passage shows

_texts: WeakKeyDictionary[SavedModel, str] = WeakKeyDictionary()


def states(model: SavedModel, text: str, layer: int, part: str) -> dict[str, Any]:
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
    model: SavedModel, layer: int, part: str, unit: int, sign: int, corpus: str | None
) -> dict[str, Any]:
    """Where in a corpus a unit is highest (sign 1) or lowest (-1).

    Raises
    ------
    ApiError : the training text, if that is to be searched, cannot be read
    """
    read = _read(model, layer, part, corpus)
    values = read.values[:, unit]
    return {
        "layer": layer, "part": part, "unit": unit,
        "searched": len(read.text), "source": _source(model, corpus),
        "passages": [
            {"position": place.start, "symbols": read.symbols[place.start : place.end],
             "values": values[place.start : place.end], "peak": place.peak - place.start}
            for place in passages.most_active(sign * values, width=AROUND)
        ],
    }  # fmt: skip


def similar(
    model: SavedModel,
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
    read = _read(model, layer, part, corpus)
    length, itself = selection[1] - selection[0], selection if read.text == text else None
    found = []
    for place in passages.similar(read.values[:, units], signs, length, threshold, exclude=itself):
        first = max(0, place.start - AROUND)
        found.append({
            "position": first, "symbols": read.symbols[first : place.end + AROUND],
            "start": place.start - first, "end": place.end - first,
            "shared": units[list(place.shared)], "value": place.value,
        })  # fmt: skip
    return {
        "layer": layer, "part": part, "units": units, "signs": signs, "exclusive": exclusive,
        "searched": len(read.text), "source": _source(model, corpus), "passages": found,
    }  # fmt: skip


@dataclass(frozen=True)
class Read:
    """A text that was searched: its symbols, and the activations (T, H) of one part."""

    model: SavedModel
    place: tuple[int, str]
    text: str
    symbols: list[str]
    values: Array


_last: list[Read] = []  # the last search: the next is often for another unit of the same part


def _read(model: SavedModel, layer: int, part: str, corpus: str | None) -> Read:
    """The activations over a text to search, which is no longer than is quickly read."""
    text = _training_text(model) if corpus is None else corpus
    operations = 2 * inspection.network_of(model).parameters.flat.size  # for a symbol
    text = text[: max(1000, int(min(CORPUS, BUDGET / operations)))]
    for read in _last:
        if read.model is model and read.place == (layer, part) and read.text == text:
            return read
    values = inspection.activations(model, text, layer, part)
    read = Read(model, (layer, part), text, inspection.symbols(model, text), values)
    _last[:] = [read]
    return read


def _training_text(model: SavedModel) -> str:
    if model not in _texts:
        try:
            _texts[model] = training_text(model)[:CORPUS]
        except ElmanError as error:
            raise ApiError(422, f"{error}; send a corpus to search instead") from None
    return _texts[model]


def _source(model: SavedModel, corpus: str | None) -> str | None:
    return ", ".join(model.summary.get("corpus", [])) if corpus is None else None
