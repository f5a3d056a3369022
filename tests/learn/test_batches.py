"""Texts of similar length side by side, while they are read."""

from __future__ import annotations

import numpy as np

from elman.learn import batches

from ..nn.test_classifier import encoded


def test_batches_for_prediction_hold_so_many_symbols_and_every_text(rng):
    texts = encoded(np.concatenate([rng.integers(1, 20, 300), [400]]))
    groups = list(batches.by_length(texts, 128))
    assert sorted(np.concatenate(groups).tolist()) == list(range(301))
    assert all(len(g) == 1 or len(g) * texts.lengths[g].max() <= 128 for g in groups)


def test_batches_for_prediction_have_little_padding(rng):
    texts = encoded(rng.integers(1, 40, 3000))
    groups = [texts.lengths[g] for g in batches.by_length(texts, 10**6)]
    assert all(len(g) == batches.FEW or g.max() <= 1.25 * g.min() for g in groups[:-1])
    assert sum(len(g) * g.max() for g in groups) < 1.15 * texts.lengths.sum()
