"""The wide part against n-grams taken one by one, alone and in batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.nn import wide
from elman.nn.classifier import ClassifierConfig, ClassifierNetwork
from elman.nn.network import initialise

TEXTS = [[3, 1, 4, 1, 5], [2], [6, 5]]


def rows_by_hand(text, num_rows, longest):
    """Row of every n-gram of a text with its borders, Python's integers one by one."""
    codes = [1, *(symbol + 3 for symbol in text), 2]
    rows = []
    for n in range(1, longest + 1):
        for start in range(len(codes) - n + 1):
            h = 0
            for code in codes[start : start + n]:
                h = (h * 48271 + code) % 67108859
                assert h * 48271 + code < 2**53
            assert h * 2654435 < 2**53
            rows.append(h * 2654435 % 67108859 % num_rows)
    return rows


def padded(texts):
    T = max(map(len, texts))
    ids = np.array([[text[t] if t < len(text) else 0 for text in texts] for t in range(T)])
    return ids, np.arange(T)[:, None] < np.array(list(map(len, texts)))


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=9), min_size=1, max_size=4),
       st.integers(1, 2**20), st.integers(1, 6))  # fmt: skip
def test_the_n_grams_of_every_text_are_those_of_a_loop(texts, num_rows, longest):
    found = wide.ngrams(*padded(texts), num_rows, longest)
    for b, text in enumerate(texts):
        mine = found.rows[found.there[:, b], b]
        assert mine.tolist() == rows_by_hand(text, num_rows, longest)


def test_the_sum_is_that_of_the_rows_over_the_root_of_their_number(rng):
    W = rng.normal(size=(50, 3))
    y, _ = wide.wide(W, wide.ngrams(*padded(TEXTS), 50, 3))
    for b, text in enumerate(TEXTS):
        rows = rows_by_hand(text, 50, 3)
        np.testing.assert_allclose(y[b], W[rows].sum(axis=0) / len(rows) ** 0.5, rtol=1e-12)


def test_a_text_has_the_same_bits_alone_and_among_others(rng):
    W = rng.normal(size=(50, 3)).astype(np.float32)
    together, _ = wide.wide(W, wide.ngrams(*padded(TEXTS), 50, 5))
    for b, text in enumerate(TEXTS):
        alone, _ = wide.wide(W, wide.ngrams(np.array(text)[:, None], None, 50, 5))
        np.testing.assert_array_equal(alone[0], together[b])


def test_the_pullback_gives_every_row_once_and_what_dropout_left_out_none(rng):
    W = rng.normal(size=(40, 3))
    found = wide.ngrams(*padded(TEXTS), 40, 4)
    dy = rng.normal(size=(3, 3))
    y, pullback = wide.wide(W, found, 0.4, np.random.default_rng(5))
    rows, dW = pullback(dy)
    assert (np.diff(rows) > 0).all() and len(rows) < len(np.unique(found.rows[found.there]))
    for row, gradient in zip(rows, dW, strict=True):
        moved = W.copy()
        moved[row] += 1  # y is linear in W: a step of 1 is exact
        change = wide.wide(moved, found, 0.4, np.random.default_rng(5))[0] - y
        expected = (change * dy).sum(axis=0)
        np.testing.assert_allclose(gradient, expected, rtol=1e-9)


@pytest.mark.parametrize("symbols", [0, 1, 100, 10**5, 10**9])
@pytest.mark.parametrize("classes", [1, 12, 10**4])
def test_the_default_number_of_rows_is_a_power_of_two_in_bounds(symbols, classes):
    rows = wide.rows_for(symbols, classes)
    assert rows & (rows - 1) == 0 and 64 <= rows <= 1 << 18
    assert rows == 64 or (rows <= 4 * symbols and rows * classes <= 1 << 22)


def test_the_gradient_of_one_step_is_gone_in_the_next():
    config = ClassifierConfig(9, hidden_size=3, num_classes=3, wide=64, wide_ngrams=3)
    networks = [ClassifierNetwork(config, np.float64) for _ in range(2)]
    for made in networks:
        initialise(made.parameters, config, "uniform", None, np.random.default_rng(1))
        assert not made.parameters["wide.W"].any()  # what it has not seen says nothing
    labels, weights = np.array([0, 1, 2]), np.full(3, 1 / 3)
    ids, mask = padded(TEXTS)
    networks[0].loss_and_gradient(ids[::-1].copy(), labels[::-1], weights, None)
    for made in networks:
        made.loss_and_gradient(ids, labels, weights, mask)
    np.testing.assert_array_equal(networks[0].gradient.flat, networks[1].gradient.flat)
    others = np.ones(64, bool)
    others[networks[1].touched] = False
    assert not networks[1].gradient["wide.W"][others].any()


def test_cells_learn_by_themselves_what_the_table_knows_by_heart():
    options = {"hidden_size": 3, "num_classes": 3}
    both = ClassifierNetwork(ClassifierConfig(9, **options, wide=64, wide_ngrams=3), np.float64)
    cells = ClassifierNetwork(ClassifierConfig(9, **options), np.float64)
    for made in (both, cells):
        initialise(made.parameters, made.config, "uniform", None, np.random.default_rng(1))
    ids, mask = padded(TEXTS)
    labels, weights = np.array([0, 1, 2]), np.full(3, 1 / 3)
    for text, label in zip(TEXTS, labels, strict=True):
        both.parameters["wide.W"][wide.ngrams(np.array(text)[:, None], None, 64, 3).rows, label] = (
            99
        )
    both.loss_and_gradient(ids, labels, weights, mask)
    assert np.abs(both.gradient.flat).max() < 1e-6
    alone = cells.loss_and_gradient(ids, labels, weights, mask)
    assert np.abs(cells.gradient.flat).max() > 1e-2
    assert both.loss_and_gradient(ids, labels, weights, mask, alone=0.5) == pytest.approx(alone / 2)
    dense = both.gradient.flat[: both.dense]
    np.testing.assert_allclose(dense, cells.gradient.flat / 2, atol=1e-6)
    assert both.loss_and_gradient(ids, labels, weights, mask, alone=1.0) == pytest.approx(alone)
    assert not both.gradient["wide.W"].any()


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=7), min_size=1, max_size=3),
       st.integers(1, 2**20), st.integers(1, 4))  # fmt: skip
def test_a_symbol_sees_the_n_grams_that_hold_or_touch_it_by_their_place(texts, num_rows, longest):
    found = wide.ngrams_around(*padded(texts), num_rows, longest)
    for b, text in enumerate(texts):
        codes = [1, *(symbol + 3 for symbol in text), 2]
        for t in range(found.rows.shape[1]):
            mine = found.rows[found.there[:, t, b], t, b]
            expected = []
            for n in range(1, longest + 1):
                for place in range(n + 2):
                    start = t + 1 - n + place
                    if t < len(text) and start >= 0 and start + n <= len(codes):
                        h = 0
                        for code in codes[start : start + n]:
                            h = (h * 48271 + code) % 67108859
                        row = (h * 2654435 % 67108859 + (place + 1) * 40503) % num_rows
                        expected.append(row)
            assert mine.tolist() == expected
