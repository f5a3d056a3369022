"""Which units are similar, and where in a text they show: orders and passages.

All functions take activations over a text, `values` (T, H), as `inspection` gives them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError

Array = np.ndarray


@dataclass(frozen=True)
class Passage:
    """A place in a text.

    Attributes
    ----------
    start, end : its steps, `end` not included
    peak : of `most_active`: the step where the unit is highest
    value : of `most_active`: the activation at its peak; of `similar`: the mean
        activation of the shared units, of `contrasting` their mean contrast
    shared : of `similar`: which of the units are active on all of it, of `contrasting` which
        have the contrast
    """

    start: int
    end: int
    value: float
    peak: int
    shared: tuple[int, ...] = ()


def by_mean(values: Array) -> Array:
    """Units (H,) from the highest mean activation to the lowest; values (T, H)."""
    return np.argsort(-values.mean(axis=0), kind="stable")


def by_variance(values: Array) -> Array:
    """Units (H,) from the one that varies most over the text to the steadiest."""
    return np.argsort(-values.var(axis=0), kind="stable")


def by_likeness(values: Array) -> Array:
    """Units (H,) in an order that puts similar units next to each other.

    A path through the units is grown from the most correlated pair: at either end the
    unit may join that correlates most with that end, and the closer of the two does.
    Units that never change come last. O(T·H²) for the correlations, O(H²) for the path.
    """
    centred = values - values.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    moving = np.flatnonzero(size > 1e-6 * size.max(initial=0))
    still = np.setdiff1d(np.arange(values.shape[1]), moving)
    if len(moving) < 3:
        return np.concatenate([moving, still])
    centred = centred[:, moving] / size[moving]
    alike = centred.T @ centred
    np.fill_diagonal(alike, -np.inf)
    ends = [int(i) for i in np.unravel_index(np.argmax(alike), alike.shape)]
    sides = [ends[0]], [ends[1]]
    alike[:, ends] = -np.inf  # a unit on the path: its column is closed
    for _ in range(len(moving) - 2):
        best = [int(np.argmax(alike[end])) for end in ends]
        side = int(alike[ends[1], best[1]] > alike[ends[0], best[0]])
        ends[side] = best[side]
        sides[side].append(best[side])
        alike[:, best[side]] = -np.inf
    return np.concatenate([moving[sides[0][::-1] + sides[1]], still])


def most_active(values: Array, count: int = 10, width: int = 40) -> list[Passage]:
    """The passages of a text where a unit is highest; they do not overlap.

    Parameters
    ----------
    values : (T,) activation of the unit over the text; negate it for the lowest places
    count : how many at most
    width : up to so many steps before the peak, and so many from it on, belong to a passage
    """
    left = np.array(values, np.float64)
    found: list[Passage] = []
    while len(found) < count and left.size and (peak := int(np.argmax(left))) >= 0:
        if left[peak] == -np.inf:
            break
        start, end = max(0, peak - width), min(len(left), peak + width)
        left[max(0, start - width + 1) : end + width] = -np.inf  # their passages would overlap
        found.append(Passage(start, end, float(values[peak]), peak))
    return found


def active_units(
    values: Array, start: int, end: int, threshold: float = 0.3
) -> tuple[Array, Array, bool]:
    """Units that are active throughout a selection and not just around it.

    A unit is active where |value| ≥ threshold, with one sign throughout (Strobelt et
    al. 2018, LSTMVis, look at positive values alone). A unit that is also active at the
    step before and at the step after says nothing about the selection and is left out,
    unless all are like that.

    Parameters
    ----------
    values : (T, H)
    start, end : the selection, `end` not included

    Returns
    -------
    units : (n,) the most active first
    signs : (n,) 1 or -1: with which sign each of them is active
    exclusive : whether units that are active around the selection were left out

    Raises
    ------
    UsageError : a selection that is empty or not within the text
    """
    T = len(values)
    if not 0 <= start < end <= T:
        raise UsageError(f"steps {start} to {end} are not a selection of a text of {T} symbols")
    inside = values[start:end]
    signs = np.where(inside[0] < 0, -1, 1)
    weakest = (inside * signs).min(axis=0)  # negative where the sign changes
    throughout = weakest >= threshold
    around = np.ones(values.shape[1], bool)
    for t in (start - 1, end):
        around &= values[t] * signs >= threshold if 0 <= t < T else False
    exclusive = bool((throughout & ~around).any())
    units = np.flatnonzero(throughout & ~around if exclusive else throughout)
    units = units[np.argsort(-weakest[units], kind="stable")]
    return units, signs[units], exclusive


def similar(
    values: Array,
    signs: Array,
    length: int,
    threshold: float = 0.3,
    count: int = 10,
    exclude: tuple[int, int] | None = None,
) -> list[Passage]:
    """Passages where the same units are active, those that share most of them first.

    A unit is shared that is active on the whole passage. Among passages that share as
    many, those come first on which the units are more active on the whole.

    Parameters
    ----------
    values : (T, n) of the text to look in: the units that `active_units` gives, in order
    signs : (n,) as `active_units` gives them
    length : of a passage, in steps
    exclude : a place that is not wanted, such as the selection itself

    Returns
    -------
    at most `count` passages that share at least one unit and do not overlap
    """
    if not len(signs) or len(values) < length:
        return []
    signed = values * signs
    total = np.zeros((len(values) + 1, len(signs)), np.int32)
    np.cumsum(signed >= threshold, axis=0, out=total[1:])
    shared = total[length:] - total[:-length] == length  # (T - length + 1, n)
    mean = np.concatenate([[0], np.cumsum(signed.mean(axis=1), dtype=np.float64)])
    mean = (mean[length:] - mean[:-length]) / length

    def value(start: int, units: Array) -> float:
        return float(signed[start : start + length, units].mean())

    return _ranked(shared, mean, value, length, count, exclude)


def contrasting_units(
    values: Array, start: int, end: int, threshold: float = 0.3, most: int = 32
) -> tuple[Array, Array]:
    """Units that differ between a selection and what surrounds it.

    The contrast of a unit is its mean over the selection minus its mean over as many steps on
    each side, those that there are. A unit that is silent here and active around it counts as
    much as the opposite.

    Parameters
    ----------
    values : (T, H)
    start, end : the selection, `end` not included
    threshold : the least size of a contrast

    Returns
    -------
    units : (n,) those with the largest contrast first, `most` at most
    signs : (n,) 1 or -1: whether a unit is higher in the selection or around it

    Raises
    ------
    UsageError : a selection that is empty, not within the text, or all of it
    """
    T, length = len(values), end - start
    if not 0 <= start < end <= T or length == T:
        raise UsageError(
            f"steps {start} to {end} are not a selection of a text of {T} symbols that leaves "
            "some around it"
        )
    first, last = max(0, start - length), min(T, end + length)
    contrast = contrasts(values[first:last], length)[start - first]
    units = np.argsort(-np.abs(contrast), kind="stable")[:most]
    units = units[np.abs(contrast[units]) >= threshold]
    return units, np.where(contrast[units] < 0, -1, 1)


def contrasts(values: Array, length: int) -> Array:
    """The contrast (T - length + 1, n) of every passage of a text, see `contrasting_units`."""
    T = len(values)
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, 0, np.float64)])
    start = np.arange(T - length + 1)
    first, last = np.maximum(0, start - length), np.minimum(T, start + 2 * length)
    inside = total[start + length] - total[start]
    around = total[last] - total[first] - inside
    beside = np.maximum(1, last - first - length)[:, None]
    return inside / length - around / beside


def contrasting(
    values: Array,
    signs: Array,
    length: int,
    threshold: float = 0.3,
    count: int = 10,
    exclude: tuple[int, int] | None = None,
) -> list[Passage]:
    """As `similar`, of units that `contrasting_units` gives: passages with the same contrasts."""
    if not len(signs) or len(values) <= length:
        return []
    found = contrasts(values, length) * signs

    def value(start: int, units: Array) -> float:
        return float(found[start, units].mean())

    return _ranked(found >= threshold, found.mean(axis=1), value, length, count, exclude)


def _ranked(
    shared: Array,
    mean: Array,
    value: Callable[[int, Array], float],
    length: int,
    count: int,
    exclude: tuple[int, int] | None,
) -> list[Passage]:
    """Passages that share most units first; the mean decides among equals.

    shared, mean : (T - length + 1, n) and (T - length + 1,) of the passage from each step on
    value : of the passage that begins at a step, for the units that it shares
    """
    rank = shared.sum(axis=1) + 0.5 + 0.499 * np.tanh(mean)
    rank[~shared.any(axis=1)] = -np.inf
    if exclude is not None:
        rank[max(0, exclude[0] - length + 1) : exclude[1]] = -np.inf
    found: list[Passage] = []
    while len(found) < count and rank[start := int(np.argmax(rank))] > -np.inf:
        end = start + length
        here = np.flatnonzero(shared[start])
        found.append(Passage(start, end, value(start, here), start, tuple(here.tolist())))
        rank[max(0, start - length + 1) : end] = -np.inf
    return found
