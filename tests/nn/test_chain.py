"""The linear chain against every labelling, summed one by one."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.nn.chain import Borders, Transitions, linear_chain, marginals, viterbi


def score(emissions, labels, scores, begin=True, end=True):
    """The score of one labelling of one sequence (T, C), from the definition."""
    total = sum(emissions[t, y] for t, y in enumerate(labels))
    total += sum(scores.A[i, j] for i, j in pairwise(labels))
    return total + begin * scores.start[labels[0]] + end * scores.end[labels[-1]]


def drawn(rng, T, B, C, scale=1.0):
    scores = Transitions(rng.normal(0, scale, (C, C)), *rng.normal(0, scale, (2, C)))
    return rng.normal(0, scale, (T, B, C)), scores


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(2, 3), st.integers(0, 2**32), st.booleans(), st.booleans())
def test_against_every_labelling(T, C, seed, begin, end):
    rng = np.random.default_rng(seed)
    emissions, scores = drawn(rng, T, 3, C)
    lengths = rng.integers(1, T + 1, 3)
    mask = np.arange(T)[:, None] < lengths
    labels = rng.integers(0, C, (T, 3))
    borders = Borders(np.array([begin, True, end]), np.array([end, begin, True]))
    nats, _ = linear_chain(emissions, labels, scores, mask, borders)
    p, best = marginals(emissions, scores, mask), viterbi(emissions, scores, mask)
    for b, n in enumerate(lengths):
        every = list(product(range(C), repeat=int(n)))
        e = emissions[:n, b]
        edges = bool(borders.begin[b]), bool(borders.end[b])
        all_scores = np.array([score(e, y, scores, *edges) for y in every])
        log_Z = np.log(np.exp(all_scores).sum())
        assert nats[b] == pytest.approx(log_Z - score(e, labels[:n, b], scores, *edges))
        whole = np.array([score(e, y, scores) for y in every])
        weights = np.exp(whole) / np.exp(whole).sum()
        for t in range(n):
            of_label = [sum(w for w, y in zip(weights, every, strict=True) if y[t] == c)
                        for c in range(C)]  # fmt: skip
            np.testing.assert_allclose(p[t, b], of_label, rtol=1e-9, atol=1e-12)
        assert tuple(best[:n, b]) == every[int(whole.argmax())]
        assert not p[n:, b].any() and not best[n:, b].any()


def test_padding_changes_nothing():
    rng = np.random.default_rng(1)
    emissions, scores = drawn(rng, 6, 2, 4)
    labels, dnats = rng.integers(0, 4, (6, 2)), np.array([0.3, 0.7])
    mask = np.arange(6)[:, None] < np.array([6, 3])
    nats, pullback = linear_chain(emissions, labels, scores, mask)
    gradient, dscores = pullback(dnats)
    total = np.zeros((4, 4))
    for b, n in enumerate((6, 3)):
        own = slice(0, n), slice(b, b + 1)
        alone, back = linear_chain(emissions[own], labels[own], scores)
        de, d = back(dnats[b : b + 1])
        assert alone[0] == pytest.approx(nats[b], rel=1e-12)
        np.testing.assert_allclose(gradient[own], de, atol=1e-14)
        total += d.A
    np.testing.assert_allclose(dscores.A, total, atol=1e-14)
    assert not gradient[3:, 1].any()


def test_large_scores_stay_finite():
    rng = np.random.default_rng(2)
    emissions, scores = drawn(rng, 50, 2, 5, 100.0)
    labels = rng.integers(0, 5, (50, 2))
    nats, pullback = linear_chain(emissions, labels, scores)
    de, d = pullback(np.ones(2))
    assert np.isfinite(nats).all() and np.isfinite(de).all() and np.isfinite(d.A).all()
    np.testing.assert_allclose(d.A.sum(), 0, atol=1e-6)  # probabilities of pairs less the counts


def test_without_transitions_steps_are_independent():
    rng = np.random.default_rng(3)
    emissions = rng.normal(size=(4, 2, 3))
    nothing = Transitions(np.zeros((3, 3)), np.zeros(3), np.zeros(3))
    labels = rng.integers(0, 3, (4, 2))
    p = np.exp(emissions) / np.exp(emissions).sum(axis=2, keepdims=True)
    nats, _ = linear_chain(emissions, labels, nothing)
    expected = -np.log(np.take_along_axis(p, labels[:, :, None], axis=2)).sum(axis=(0, 2))
    np.testing.assert_allclose(nats, expected)
    np.testing.assert_allclose(marginals(emissions, nothing), p)
    assert (viterbi(emissions, nothing) == emissions.argmax(axis=2)).all()
