"""The report of a tagger: spans as conlleval counts them, sequences, unseen symbols."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elman.tasks.tag.report import ALL, from_dict, tag_report

CLASSES = ["B-LOC", "B-PER", "I-LOC", "I-PER", "O"]


def ids(labels: str) -> np.ndarray:
    return np.array([CLASSES.index(label) for label in labels.split()])


def test_spans_are_counted_by_exact_match():
    true = [ids("B-PER I-PER O B-LOC"), ids("B-LOC I-LOC O"), ids("O O B-PER")]
    found = [ids("B-PER I-PER O B-PER"), ids("B-LOC O O"), ids("O O B-PER")]
    spans = tag_report(CLASSES, true, found, scheme="BIO").spans
    assert spans is not None
    assert spans["PER"] == pytest.approx(
        {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "support": 2}
    )
    assert spans["LOC"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 2.0}
    assert spans[ALL] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 4})


def test_sequences_and_unseen_symbols():
    true, found = [ids("O O"), ids("B-PER O")], [ids("O O"), ids("B-PER I-PER")]
    report = tag_report(CLASSES, true, found, np.array([False, True, False, True]), 0.5)
    assert report.accuracy == 0.75 and report.sequence_accuracy == 0.5 and report.sequences == 2
    assert report.unseen == {"symbols": 2.0, "accuracy": 0.5}
    assert report.spans is None


def test_a_report_survives_its_json():
    report = tag_report(CLASSES, [ids("O B-PER")], [ids("O O")], None, 0.25, "BIO")
    figures = json.loads(json.dumps(report.to_dict()))
    assert {"accuracy", "macro_f1", "classes", "confusion", "sequence_accuracy", "spans"} <= set(
        figures
    )
    again = from_dict(figures)
    assert again.to_dict() == report.to_dict() and again.spans == report.spans
    assert "sequences without a wrong label: 0.000" in "\n".join(again.lines())
