"""Texts of similar length side by side while learning."""

from __future__ import annotations

import numpy as np

from elman.tasks.classify import batches
from elman.text.labelled import LabelledPart

from ...nn.test_classifier import encoded


def test_texts_of_similar_length_are_put_together(rng):
    texts = encoded(rng.integers(1, 30, 500))
    part = LabelledPart(texts, rng.integers(0, 3, 500), np.sort(rng.permutation(500)[:400]))
    plan = batches.LabelledPlan(part, 16, np.random.default_rng(0))
    seen = np.sort(np.concatenate(plan.groups))
    np.testing.assert_array_equal(seen, part.rows)
    real = sum(plan[i].inputs.size if plan[i].mask is None else plan[i].mask.sum()
               for i in range(len(plan)))  # fmt: skip
    padded = sum(plan[i].inputs.size for i in range(len(plan)))
    assert real == texts.lengths[part.rows].sum()
    assert padded < 1.1 * real
    other = batches.LabelledPlan(part, 16, np.random.default_rng(1))
    assert any(not np.array_equal(a, b) for a, b in zip(plan.groups, other.groups, strict=True))
