"""Accuracy, precision, recall, F1 and the confusion matrix, against scikit-learn and by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elman.tasks.classify.baselines import baselines
from elman.tasks.reports import Report, from_dict, report


def test_figures_by_hand():
    """Two of three a right, one of two b right, c never predicted."""
    true, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 0])
    found = report(["a", "b", "c"], true, predicted)
    np.testing.assert_array_equal(found.confusion, [[2, 1, 0], [1, 1, 0], [1, 0, 0]])
    assert found.accuracy == 0.5
    np.testing.assert_allclose(found.precision, [2 / 4, 1 / 2, 0])
    np.testing.assert_allclose(found.recall, [2 / 3, 1 / 2, 0])
    np.testing.assert_allclose(found.macro_f1, (4 / 7 + 1 / 2 + 0) / 3)


def test_figures_equal_scikit_learns(rng):
    metrics = pytest.importorskip("sklearn.metrics")
    true, predicted = rng.integers(0, 6, 200), rng.integers(0, 7, 200)  # class 7 never occurs
    found = report(list("abcdefgh"), true, predicted)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        true, predicted, labels=np.arange(8), zero_division=0
    )
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    np.testing.assert_array_equal(found.support, support)
    assert found.macro_f1 == pytest.approx(metrics.f1_score(true, predicted, average="macro"))
    assert found.accuracy == metrics.accuracy_score(true, predicted)


def test_the_standard_error_of_macro_f1_is_its_spread_over_other_parts(rng):
    """Of a balanced task about that of the share of right answers; of a rare class far more."""
    shares = np.array([[0.45, 0.05], [0.05, 0.45]]), np.array([[0.97, 0.01], [0.01, 0.01]])
    for share in shares:
        counts = rng.multinomial(1000, share.ravel(), 3000).reshape(-1, 2, 2)
        spread = np.std([Report(["a", "b"], c).macro_f1 for c in counts])
        error = Report(["a", "b"], (1000 * share).astype(int)).macro_f1_error()
        assert error == pytest.approx(spread, rel=0.15)
    assert error > 5 * np.sqrt(0.02 * 0.98 / 1000)
    assert Report(["a", "b"], np.diag([3, 4])).macro_f1_error() == 0


def test_a_report_survives_its_json():
    found = report(["a", "b"], np.array([0, 1, 1]), np.array([0, 1, 0]), np.array([0.1, 0.2, 2]))
    again = from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.classes == found.classes and again.nats == found.nats
    np.testing.assert_array_equal(again.confusion, found.confusion)


def test_the_text_has_every_class_and_count():
    found = report(["Greek", "Irish"], np.array([0, 1, 1]), np.array([0, 1, 0]))
    text = "\n".join(found.lines())
    assert "Greek      0.500   1.000  0.667        1" in text
    assert text.splitlines()[-1].split() == ["Irish", "1", "1"]


def test_many_classes_show_their_commonest_mistakes():
    classes = [f"class {i}" for i in range(40)]
    true = np.arange(40).repeat(2)
    predicted = true.copy()
    predicted[:2] = 7
    assert "2  class 0 taken for class 7" in "\n".join(report(classes, true, predicted).lines())


def test_the_majority_class_is_that_of_the_training_part():
    train = (["a", "b", "c"], np.array([1, 1, 0]))
    test = (["d", "e", "f", "g"], np.array([0, 0, 0, 1]))
    found = baselines(["x", "y"], train, test, regression=False)
    assert found["majority class"].accuracy == 0.25
