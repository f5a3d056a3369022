"""Orders of units, and the passages where they are active."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from elman.errors import UsageError
from elman.inside import passages


def test_orders(rng):
    values = rng.normal(size=(50, 4)) * [1, 3, 0, 2] + [0, -1, 5, 2]
    assert passages.by_mean(values).tolist() == np.argsort(-values.mean(axis=0)).tolist()
    assert passages.by_variance(values).tolist() == [1, 3, 0, 2]


def test_units_that_behave_alike_stand_side_by_side(rng):
    """Units are noisy copies of points on a line: neighbours in the order are near on it."""
    time = np.linspace(0, 20, 300)[:, None]
    phase = rng.permutation(40) / 40 * 3  # unit u lags behind by its phase
    values = np.sin(time - phase) + 0.01 * rng.normal(size=(300, 40))
    order = passages.by_likeness(values)
    assert sorted(order.tolist()) == list(range(40))
    steps = [abs(phase[a] - phase[b]) for a, b in pairwise(order)]
    assert max(steps) < 0.25  # 3 / 40 = 0.075 is the step of the perfect order


def test_units_that_never_change_come_last(rng):
    values = rng.normal(size=(30, 6))
    values[:, [1, 4]] = 0.5
    assert passages.by_likeness(values)[-2:].tolist() == [1, 4]
    assert passages.by_likeness(np.ones((5, 3))).tolist() == [0, 1, 2]
    assert passages.by_likeness(np.ones((1, 1))).tolist() == [0]


def test_most_active_passages(rng):
    values = rng.uniform(-0.5, 0.5, 500)
    values[[3, 200, 204, 450]] = [0.9, 0.95, 0.99, 0.8]
    found = passages.most_active(values, count=3, width=20)
    assert [(p.start, p.peak, p.end) for p in found] == [
        (184, 204, 224),
        (0, 3, 23),
        (430, 450, 470),
    ]
    assert [p.value for p in found] == [0.99, 0.9, 0.8]
    everything = sorted(passages.most_active(values, count=100, width=20), key=lambda p: p.start)
    assert all(a.end <= b.start for a, b in pairwise(everything))
    assert len(everything) > 8
    assert passages.most_active(np.empty(0)) == []


def test_active_units_are_those_of_the_selection_alone():
    values = np.zeros((12, 6))
    values[4:7, 0] = 0.8  # on exactly there
    values[3:7, 1] = -0.6  # negative, and before
    values[3:8, 2] = 0.9  # on both sides: says nothing
    values[4:6, 3] = 0.9  # not throughout
    values[4:7, 4] = [0.9, -0.9, 0.9]  # not of one sign
    values[4:7, 5] = 0.2  # too weak
    units, signs, exclusive = passages.active_units(values, 4, 7)
    assert (units.tolist(), signs.tolist(), exclusive) == ([0, 1], [1, -1], True)
    units, signs, exclusive = passages.active_units(values[:, 2:], 4, 7)
    assert (units.tolist(), signs.tolist(), exclusive) == ([0], [1], False)
    assert passages.active_units(values[4:7], 0, 3)[0].tolist() == [2, 0, 1]  # no around
    for start, end in ((3, 3), (-1, 2), (5, 13)):
        with pytest.raises(UsageError, match="not a selection of a text of 12 symbols"):
            passages.active_units(values, start, end)


def test_similar_passages_share_most_units():
    values = np.zeros((100, 3))
    signs = np.array([1, -1, 1])
    for start, units in ((10, [0, 1, 2]), (40, [0, 1]), (60, [2]), (80, [0, 1, 2])):
        values[start : start + 5, units] = 0.5 * signs[units]
    values[80:85] *= 1.5  # the same units as at 10, but more active
    found = passages.similar(values, signs, 5, exclude=(10, 15))
    assert [(p.start, p.end, p.shared) for p in found] == [
        (80, 85, (0, 1, 2)), (40, 45, (0, 1)), (60, 65, (2,)),
    ]  # fmt: skip
    assert found[0].value == pytest.approx(0.75)
    with_itself = passages.similar(values, signs, 5)
    assert [p.start for p in with_itself[:2]] == [80, 10]
    assert len(passages.similar(values, signs, 5, count=2)) == 2
    assert passages.similar(values[:3], signs, 5) == []
    assert passages.similar(np.zeros((9, 0)), np.zeros(0, int), 5) == []


def test_a_unit_that_is_silent_here_and_active_around_contrasts():
    values = np.zeros((40, 3))
    values[10:30, 0] = 0.9
    values[18:22, 0] = 0.0  # silent inside, loud outside
    values[18:22, 1] = 0.5
    values[:, 2] = 0.8  # says nothing
    units, signs = passages.contrasting_units(values, 18, 22)
    assert (units.tolist(), signs.tolist()) == ([0, 1], [-1, 1])
    assert passages.contrasting_units(values, 18, 22, 0.6)[0].tolist() == [0]
    assert passages.contrasting_units(values, 18, 22, most=1)[0].tolist() == [0]
    # At an end of the text only one side is there.
    assert passages.contrasting_units(values[18:24], 0, 4)[0].tolist() == [0, 1]
    for start, end in ((3, 3), (-1, 2), (0, 40), (39, 41)):
        with pytest.raises(UsageError, match="not a selection of a text of 40 symbols"):
            passages.contrasting_units(values, start, end)


def test_contrasts_are_means_inside_minus_means_around(rng):
    values, length = rng.normal(size=(23, 4)), 5
    found = passages.contrasts(values, length)
    assert found.shape == (19, 4)
    for start in range(19):
        end = start + length
        around = np.r_[values[max(0, start - length) : start], values[end : end + length]]
        expected = values[start:end].mean(axis=0) - around.mean(axis=0)
        np.testing.assert_allclose(found[start], expected, atol=1e-12)


def test_passages_with_the_same_contrast():
    values = np.zeros((120, 2))
    signs = np.array([-1, 1])
    values[:, 0] = 0.9
    for start, units in ((20, [0, 1]), (60, [0, 1]), (90, [1])):
        values[start : start + 5, units] = np.array([0.0, 0.8])[units]
    found = passages.contrasting(values, signs, 5, 0.5, exclude=(20, 25))
    assert [(p.start, p.end, p.shared) for p in found[:2]] == [(60, 65, (0, 1)), (90, 95, (1,))]
    assert found[0].value == pytest.approx(0.85)
    assert passages.contrasting(values[:5], signs, 5) == []
    assert passages.contrasting(values, np.zeros(0, int), 5) == []
