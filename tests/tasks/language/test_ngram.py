"""The interpolated chain against one made of dictionaries."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import UsageError
from elman.tasks.language.ngram import MAX_ORDER, NGram

from ...oracles import Chain

V = 4
SYMBOLS = st.lists(st.integers(0, V - 1), max_size=40)
ORDERS = st.integers(0, 5)


def trained(symbols, order, barrier=None, size=V) -> NGram:
    chain = NGram(size, order, barrier)
    chain.train(np.array(symbols, np.uint8))
    return chain


def columns(ids):
    return np.asarray(ids, np.int32)[:, None]


def log_p(chain, read):
    """Log-probabilities (V,) of the symbol after `read`."""
    out, _ = chain.predict(columns(read), chain.zero_state(1))
    return out[-1, 0]


@given(SYMBOLS, st.lists(st.integers(0, V - 1), min_size=1, max_size=12), ORDERS)
def test_probabilities_equal_the_formula(symbols, read, order):
    chain, oracle = trained(symbols, order), Chain(symbols, V, order)
    found, _ = chain.predict(columns(read), chain.zero_state(1))
    for t in range(len(read)):
        expected = [oracle.probability(s, read[: t + 1]) for s in range(V)]
        np.testing.assert_allclose(np.exp(found[t, 0]), expected, rtol=1e-12)


@given(SYMBOLS, st.lists(st.integers(0, V - 1), min_size=1, max_size=12), ORDERS)
def test_probabilities_are_positive_and_sum_to_one(symbols, read, order):
    p = np.exp(trained(symbols, order).predict(columns(read), np.full((order, 1), -1))[0])
    assert p.min() > 0
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-12)


@given(SYMBOLS, st.lists(st.integers(0, V - 1), min_size=2, max_size=20), ORDERS, st.data())
def test_nats_equal_predictions_and_carry_the_state(symbols, ids, order, data):
    chain = trained(symbols, order)
    inputs, targets = columns(ids[:-1]), columns(ids[1:])
    whole, _ = chain.nats(inputs, targets, chain.zero_state(1))
    logs, _ = chain.predict(inputs, chain.zero_state(1))
    np.testing.assert_allclose(whole[:, 0], [-logs[t, 0, s] for t, s in enumerate(ids[1:])])
    cut = data.draw(st.integers(0, len(inputs)))
    first, state = chain.nats(inputs[:cut], targets[:cut], chain.zero_state(1))
    assert state.shape == (order, 1)
    second, _ = chain.nats(inputs[cut:], targets[cut:], state)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


@pytest.mark.parametrize("order", [0, 2])
def test_columns_are_independent_and_padding_is_not_read(rng, order):
    chain = trained(rng.integers(0, V, 200), order)
    lengths = np.array([6, 1, 4])
    inputs, targets = rng.integers(0, V, (2, 6, 3)).astype(np.int32)
    mask = np.arange(6)[:, None] < lengths
    losses, state = chain.nats(inputs, targets, chain.zero_state(3), mask)
    for b, length in enumerate(lengths):
        part = (slice(0, length), slice(b, b + 1))
        alone, end = chain.nats(inputs[part], targets[part], chain.zero_state(1))
        np.testing.assert_array_equal(losses[part], alone)
        np.testing.assert_array_equal(state[:, b : b + 1], end)


def test_before_any_text_it_is_uniform():
    np.testing.assert_allclose(np.exp(log_p(trained([], 3), [0])), 1 / V)
    np.testing.assert_allclose(np.exp(log_p(NGram(V, 3), [0])), 1 / V)


def test_by_hand():
    """`abab a`, order 1: after b came a twice and nothing else."""
    chain = trained([0, 1, 0, 1, 0], 1, size=2)
    p_a = (3 + 2 * (1 / 2)) / (5 + 2)  # order 0: a three times of five, two kinds
    p_a_after_b = (2 + 1 * p_a) / (2 + 1)
    assert np.exp(log_p(chain, [1]))[0] == pytest.approx(p_a_after_b, rel=1e-14)


def test_unseen_text_has_a_finite_cost():
    chain = trained([0, 1] * 50, 4)
    losses, _ = chain.nats(columns([2, 3, 3, 2]), columns([3, 3, 2, 0]), chain.zero_state(1))
    assert (losses < inf).all()
    assert (losses > log(V)).any()


@given(
    st.lists(st.lists(st.integers(0, V - 2), max_size=6), min_size=1, max_size=8),
    st.integers(0, 4),
)
def test_no_context_reaches_back_across_the_barrier(lines, order):
    """The order of the lines does not matter, and no line tells about the next one."""
    barrier = V - 1
    stream = [s for line in lines for s in (barrier, *line)]
    backwards = [s for line in reversed(lines) for s in (barrier, *line)]
    chain, other = trained(stream, order, barrier), trained(backwards, order, barrier)
    oracle = Chain(stream, V, order, barrier)
    for read in ([barrier], [barrier, 0], [barrier, 1, 0], [barrier, 2, 2, 0, 1]):
        np.testing.assert_array_equal(log_p(chain, read), log_p(other, read))
        expected = [oracle.probability(s, read) for s in range(V)]
        np.testing.assert_allclose(np.exp(log_p(chain, read)), expected, rtol=1e-12)


@given(SYMBOLS, ORDERS)
def test_its_arrays_bring_it_back(symbols, order):
    chain, loaded = trained(symbols, order), NGram(V, order)
    loaded.load(chain.tensors())
    assert loaded.num_parameters() == chain.num_parameters()
    for read in ([0], [1, 2], [3, 3, 3, 0]):
        np.testing.assert_array_equal(log_p(loaded, read), log_p(chain, read))


def spoilt(**changes):
    tensors = trained([0, 1, 2, 0, 1, 3], 2).tensors()
    return {**tensors, **changes}


@pytest.mark.parametrize(
    "tensors",
    [
        spoilt(**{"ngram.keys1": np.array([1, 0, 2, 3], np.uint64)}),  # not sorted
        spoilt(**{"ngram.keys1": np.array([0, 1, 2, 9], np.uint64)}),  # beyond the vocabulary
        spoilt(**{"ngram.counts1": np.array([1], np.uint32)}),
        spoilt(**{"ngram.counts1": np.ones(4)}),
        spoilt(**{"ngram.keys4": np.array([0], np.uint64)}),  # more levels than the order has
        {k: v for k, v in spoilt().items() if k != "ngram.counts2"},
    ],
)
def test_arrays_that_do_not_fit_are_refused(tensors):
    with pytest.raises((ValueError, KeyError)):
        NGram(V, 2).load(tensors)


@pytest.mark.parametrize("order", [-1, MAX_ORDER + 1])
def test_the_order_has_limits(order):
    with pytest.raises(UsageError, match="--order must be between 0 and 32"):
        NGram(V, order)


def test_large_vocabularies_do_not_overflow():
    size = 3_000_000
    symbols = np.array([0, size - 1, 7, size - 1, 7], np.uint32)
    chain = NGram(size, 3)
    chain.train(symbols)
    oracle = Chain(symbols.tolist(), size, 3)
    losses, _ = chain.nats(columns([size - 1, 7]), columns([7, 3]), chain.zero_state(1))
    expected = [-log(oracle.probability(7, [size - 1])),
                -log(oracle.probability(3, [size - 1, 7]))]  # fmt: skip
    np.testing.assert_allclose(losses[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("barrier", [None, 3])
def test_counting_into_places_and_sorting_give_the_same(barrier, monkeypatch, rng):
    ids, cuts = rng.integers(0, 9, 500).astype(np.uint8), np.array([100, 101, 300])
    found = []
    for dense in (0, 100, 1 << 23):
        monkeypatch.setattr("elman.tasks.language.ngram.DENSE", dense)
        chain = NGram(9, 4, barrier)
        chain.train(ids, cuts)
        found.append(chain.tensors())
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for name, values in other.items():
            assert values.dtype == found[0][name].dtype
            np.testing.assert_array_equal(values, found[0][name])
