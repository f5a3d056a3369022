"""The calibration error by hand, and the temperature against a search over a grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.nn.layers import softmax
from elman.tasks.calibration import calibrated, calibration_error, fit_temperature


def test_the_error_of_a_bin_counts_as_much_as_it_has_texts():
    # Two bins: 0.95 four times, three right; 0.55 once, wrong.
    p = np.array([[0.95, 0.05]] * 4 + [[0.45, 0.55]])
    labels = np.array([0, 0, 0, 1, 0])
    assert calibration_error(p, labels) == pytest.approx(0.8 * 0.2 + 0.2 * 0.55)
    assert calibration_error(np.array([[1.0, 0.0]]), np.array([0])) == 0


@pytest.mark.parametrize("scale", [0.3, 1, 4])
def test_logits_of_the_wrong_scale_are_mended(rng, scale):
    logits = rng.normal(size=(20_000, 4))
    labels = (softmax(logits).cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    found = fit_temperature(scale * logits, labels)
    assert found == pytest.approx(scale, rel=0.05)
    judged = calibrated(scale * logits, labels, found)
    assert judged.calibration_error < 0.02
    if scale != 1:
        assert judged.calibration_error < judged.static_calibration_error


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_no_temperature_of_a_grid_is_better(n, classes, seed):
    draw = np.random.default_rng(seed)
    logits, labels = 3 * draw.normal(size=(n, classes)), draw.integers(0, classes, n)
    share = 1 / (n + 1)
    target = (1 - share) * np.eye(classes)[labels] + share / classes

    def loss(temperature):
        return -(target * np.log(softmax(logits / temperature))).sum(axis=1).mean()

    found = fit_temperature(logits, labels)
    assert 0.05 <= found <= 20
    assert all(loss(found) <= loss(t) + 1e-9 for t in np.geomspace(0.051, 19.9, 60))


def test_no_class_becomes_certain_because_all_were_right():
    assert 0.05 <= fit_temperature(np.array([[5.0, 0.0]]), np.array([0])) < 20
