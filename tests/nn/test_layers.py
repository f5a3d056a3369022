"""Look-up, affine map, dropout, softmax cross-entropy: values and pullbacks."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from elman.nn import layers

from ..oracles import log_softmax, numerical_gradient, one_hot


def close(a, b, tolerance=1e-8):
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1e-300, np.abs(b).max()))


# --------------------------------------------------------------------------- embedding


@pytest.mark.parametrize("steps", [1, 7, 40], ids=["one", "few rows", "many rows"])
def test_a_look_up_equals_the_product_with_one_hot_vectors(rng, steps):
    """Value and gradient; the pullback has one way for few rows and one for many."""
    ids, W = rng.integers(0, 9, (steps, 5)), rng.normal(size=(9, 4))
    dy = rng.normal(size=(steps, 5, 4))
    y, pullback = layers.embedding(ids, W)
    vectors = one_hot(ids, 9)
    np.testing.assert_array_equal(y, vectors @ W)
    close(pullback(dy), np.einsum("tbv,tbd->vd", vectors, dy), 1e-14)


@pytest.mark.parametrize("steps", [3, 40])
@pytest.mark.parametrize("bias", [True, False])
def test_one_hot_affine_equals_affine_of_one_hot_vectors(rng, steps, bias):
    ids, W = rng.integers(0, 9, (steps, 5)), rng.normal(size=(9, 4))
    b = rng.normal(size=4) if bias else None
    dy = rng.normal(size=(steps, 5, 4))
    y, pullback = layers.one_hot_affine(ids, W, b)
    expected, expected_pullback = layers.affine(one_hot(ids, 9), W, b)
    close(y, expected, 1e-15)
    dx, dW, db = pullback(dy)
    _, expected_dW, expected_db = expected_pullback(dy)
    assert dx is None
    close(dW, expected_dW, 1e-14)
    if bias:
        close(db, expected_db, 1e-14)
    else:
        assert db is None


def test_rows_that_were_not_looked_up_have_no_gradient(rng):
    _, pullback = layers.embedding(np.full((30, 5), 2), rng.normal(size=(4, 3)))
    dW = pullback(np.ones((30, 5, 3)))
    np.testing.assert_array_equal(dW[[0, 1, 3]], 0)
    np.testing.assert_array_equal(dW[2], 150)


# --------------------------------------------------------------------------- affine


@pytest.mark.parametrize("bias", [True, False])
def test_affine_and_its_pullback(rng, bias):
    x, W = rng.normal(size=(3, 2, 4)), rng.normal(size=(4, 5))
    b = rng.normal(size=5) if bias else None
    dy = rng.normal(size=(3, 2, 5))
    y, pullback = layers.affine(x, W, b)
    close(y, np.einsum("tbd,dk->tbk", x, W) + (0 if b is None else b), 1e-14)

    def loss():
        return float((layers.affine(x, W, b)[0] * dy).sum())

    dx, dW, db = pullback(dy)
    close(dx, numerical_gradient(loss, x))
    close(dW, numerical_gradient(loss, W))
    if bias:
        close(db, numerical_gradient(loss, b))
    else:
        assert db is None


# --------------------------------------------------------------------------- dropout


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_expectation(rng, rate):
    x = np.full((200, 50, 20), 3.0, np.float32)
    y, _ = layers.dropout(x, rate, rng)
    assert y.dtype == np.float32
    assert np.mean(y == 0) == pytest.approx(rate, abs=0.005)
    assert np.mean(y, dtype=np.float64) == pytest.approx(3, rel=0.02)
    np.testing.assert_allclose(y[y != 0], 3 / (1 - rate), rtol=1e-6)


def test_the_pullback_of_dropout_drops_the_same_entries(rng):
    x, dy = rng.normal(size=(4, 3, 50)), rng.normal(size=(4, 3, 50))
    y, pullback = layers.dropout(x, 0.4, rng)
    np.testing.assert_allclose(pullback(dy), dy * (y / x), rtol=1e-12)


def test_dropout_at_rate_zero_changes_nothing(rng):
    x = rng.normal(size=(4, 3, 5))
    np.testing.assert_array_equal(layers.dropout(x, 0.0, rng)[0], x)


# --------------------------------------------------------------------------- softmax


@given(arrays(np.float64, 6, elements=st.floats(-1e4, 1e4)))
def test_softmax_is_a_distribution_that_keeps_the_order(logits):
    p = layers.softmax(logits)
    assert p.min() >= 0
    assert p.sum() == pytest.approx(1)
    order = np.argsort(logits)
    assert (np.diff(p[order]) >= 0).all()


def test_loss_and_gradient_equal_the_textbook_on_ordinary_logits(rng):
    logits, targets = rng.normal(0, 2, (4, 3, 6)), rng.integers(0, 6, (4, 3))
    weight = rng.uniform(0, 1, (4, 3))
    nats, pullback = layers.softmax_cross_entropy(logits, targets)
    for place, target in np.ndenumerate(targets):
        assert nats[place] == pytest.approx(-log_softmax(logits[place])[target], rel=1e-13)

    def loss():
        return float((layers.softmax_cross_entropy(logits, targets)[0] * weight).sum())

    close(pullback(weight), numerical_gradient(loss, logits))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_ten_thousand_give_finite_and_right_losses_and_gradients(dtype):
    logits = np.array([[[1e4, -1e4, 0.0]], [[-1e4, 1e4, 1e4]]], dtype)
    right, wrong = np.array([[0], [1]]), np.array([[1], [0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        nats, pullback = layers.softmax_cross_entropy(logits, right)
        gradient = pullback(np.ones((2, 1), dtype))
        assert nats.ravel() == pytest.approx([0, log(2)])
        assert gradient[0, 0] == pytest.approx([0, 0, 0])
        assert gradient[1, 0] == pytest.approx([0, -0.5, 0.5])
        nats, pullback = layers.softmax_cross_entropy(logits, wrong)
        gradient = pullback(np.ones((2, 1), dtype))
        assert nats.ravel() == pytest.approx([2e4, 2e4 + log(2)])
        assert gradient[0, 0] == pytest.approx([1, -1, 0])
        assert gradient[1, 0] == pytest.approx([-1, 0.5, 0.5])
    assert nats.dtype == gradient.dtype == dtype


@given(
    arrays(np.float64, (1, 1, 5), elements=st.floats(-1e4, 1e4)),
    st.integers(0, 4),
    st.floats(-1e4, 1e4),
)
def test_a_constant_added_to_all_logits_changes_nothing(logits, target, shift):
    targets = np.array([[target]])
    nats, pullback = layers.softmax_cross_entropy(logits, targets)
    moved, moved_pullback = layers.softmax_cross_entropy(logits + shift, targets)
    assert 0 <= nats[0, 0] <= 2e4 + log(5) + 1e-9
    assert moved[0, 0] == pytest.approx(nats[0, 0], abs=1e-8)
    one = np.ones((1, 1))
    np.testing.assert_allclose(moved_pullback(one), pullback(one), atol=1e-8)
    assert pullback(one).sum() == pytest.approx(0, abs=1e-12)


def test_a_prediction_of_weight_zero_has_no_gradient(rng):
    logits, targets = rng.normal(size=(2, 2, 4)), rng.integers(0, 4, (2, 2))
    _, pullback = layers.softmax_cross_entropy(logits, targets)
    np.testing.assert_array_equal(pullback(np.zeros((2, 2))), 0)


def test_pieces_leave_their_inputs_as_they_are(rng):
    x, W, b = rng.normal(size=(3, 2, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)
    ids = rng.integers(0, 4, (3, 2))
    dy = rng.normal(size=(3, 2, 4))
    for array in (x, W, b, ids, dy):
        array.flags.writeable = False
    layers.embedding(ids, W)[1](dy)
    layers.one_hot_affine(ids, W, b)[1](dy)
    layers.affine(x, W, b)[1](dy)
    layers.dropout(x, 0.5, rng)[1](dy)
    layers.softmax_cross_entropy(x, ids)[1](dy[..., 0])
    layers.softmax(x)
