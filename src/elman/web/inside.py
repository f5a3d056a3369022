"""What the view "Look inside" shows: activations over a text, and passages of a corpus, in JSON."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import ElmanError, UsageError
from ..inside import inspection, passages, patterns
from ..store.modelfile import SavedModel
from ..tasks import training_texts
from .encoding import array
from .errors import ApiError

Array = np.ndarray
CORPUS = 200_000  # symbols that are searched at most
BUDGET = 3e10  # operations that a search may take: about a second
AROUND = 40  # symbols on each side of what a passage shows
FOLLOWING = 8  # units that follow a pattern
PICTURE = 160  # symbols of the picture of how they follow it

Text = inspection.Text
_texts: WeakKeyDictionary[SavedModel, list[Any]] = WeakKeyDictionary()


def states(model: SavedModel, text: Text, layer: int, part: str) -> dict[str, Any]:
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
    model: SavedModel, layer: int, part: str, unit: int, sign: int, corpus: Text | None
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
        "searched": len(read.symbols), "source": _source(model, corpus),
        "passages": [
            {"position": place.start, "symbols": read.symbols[place.start : place.end],
             "values": values[place.start : place.end], "peak": place.peak - place.start}
            for place in passages.most_active(sign * values, width=AROUND)
        ],
    }  # fmt: skip


def similar(
    model: SavedModel,
    text: Text,
    selection: tuple[int, int],
    layer: int,
    part: str,
    threshold: float,
    contrast: bool,
    corpus: Text | None,
) -> dict[str, Any]:
    """Passages of a corpus with the same active units as symbols `selection` of a text.

    With `contrast` those where the same units differ from what surrounds them.

    Raises
    ------
    UsageError : a selection that is not within the text
    ApiError : the training text, if that is to be searched, cannot be read
    """
    values = inspection.activations(model, text, layer, part)
    find = passages.contrasting if contrast else passages.similar
    exclusive = True
    if contrast:
        units, signs = passages.contrasting_units(values, *selection, threshold)
    else:
        units, signs, exclusive = passages.active_units(values, *selection, threshold)
    read = _read(model, layer, part, corpus)
    length = selection[1] - selection[0]
    itself = selection if corpus is not None and _same(corpus, text) else None
    found = []
    for place in find(read.values[:, units], signs, length, threshold, exclude=itself):
        first = max(0, place.start - AROUND)
        found.append({
            "position": first, "symbols": read.symbols[first : place.end + AROUND],
            "start": place.start - first, "end": place.end - first,
            "shared": units[list(place.shared)], "value": place.value,
        })  # fmt: skip
    return {
        "layer": layer, "part": part, "units": units, "signs": signs, "exclusive": exclusive,
        "searched": len(read.symbols), "source": _source(model, corpus), "passages": found,
    }  # fmt: skip


def following(
    model: SavedModel, layer: int, part: str, pattern: str, corpus: Text | None
) -> dict[str, Any]:
    """The units that follow a pattern of a corpus most closely, in either sign.

    `pattern` is a name of `patterns.PATTERNS`, or a regular expression.

    Raises
    ------
    UsageError : a wrong or slow expression; a pattern that is the same everywhere
    ApiError : the training text, if that is to be searched, cannot be read
    """
    read = _read(model, layer, part, corpus)
    text = "".join(read.symbols)
    known = patterns.PATTERNS.get(pattern)
    each = known(text) if known else patterns.matches(pattern, text)
    wanted = patterns.over_symbols(each, read.symbols)
    if not np.ptp(wanted):
        raise UsageError("the pattern is the same on every symbol of the text: no unit follows it")
    found = patterns.correlations(read.values, wanted)
    best = np.argsort(-np.abs(found), kind="stable")[:FOLLOWING]
    shown = _changing(wanted)
    return {
        "layer": layer, "part": part, "pattern": pattern,
        "searched": len(read.symbols), "source": _source(model, corpus),
        "symbols": read.symbols[shown], "wanted": wanted[shown],
        "units": [{"unit": int(unit), "correlation": float(found[unit]),
                   "values": read.values[shown, unit]} for unit in best],
    }  # fmt: skip


def _changing(wanted: Array) -> slice:
    """A stretch of the text where a pattern changes most."""
    changes = np.cumsum(np.diff(wanted, prepend=wanted[0]) != 0)
    last = max(0, len(wanted) - PICTURE)
    begins = np.arange(0, last + 1, max(1, PICTURE // 8))
    ends = np.minimum(begins + PICTURE, len(wanted)) - 1
    start = int(begins[np.argmax(changes[ends] - changes[begins])])
    return slice(start, start + PICTURE)


@dataclass(frozen=True)
class Read:
    """A text that was searched: its symbols, and the activations (T, H) of one part."""

    model: SavedModel
    place: tuple[int, str]
    corpus: Text | None
    symbols: list[str]
    values: Array


_last: list[Read] = []  # the last search: the next is often for another unit of the same part


def _read(model: SavedModel, layer: int, part: str, corpus: Text | None) -> Read:
    """The activations over a text to search, which is no longer than is quickly read."""
    for read in _last:
        if read.model is model and read.place == (layer, part) and _same(read.corpus, corpus):
            return read
    operations = 2 * inspection.network_of(model).parameters.flat.size  # for a symbol
    most = max(1000, int(min(CORPUS, BUDGET / operations)))
    text = _first(_training_texts(model), most) if corpus is None else corpus[:most]
    values = inspection.activations(model, text, layer, part)
    read = Read(model, (layer, part), corpus, inspection.symbols(model, text), values)
    _last[:] = [read]
    return read


def _training_texts(model: SavedModel) -> list[Any]:
    if model not in _texts:
        try:
            _texts[model] = _first(training_texts(model), CORPUS)
        except ElmanError as error:
            raise ApiError(422, f"{error}; send a corpus to search instead") from None
    return _texts[model]


def _first(texts: list[Any], most: int) -> list[Any]:
    """Texts of so many symbols in all, the last of them cut."""
    found: list[Any] = []
    for text in texts:
        if most <= 0:
            break
        found.append(text[:most])
        most -= len(text) + 1  # its end
    return found


def _same(one: Text | None, other: Text | None) -> bool:
    return type(one) is type(other) and np.array_equal(one, other)  # type: ignore[arg-type]


def _source(model: SavedModel, corpus: Text | None) -> str | None:
    return ", ".join(model.summary.get("corpus", [])) if corpus is None else None
