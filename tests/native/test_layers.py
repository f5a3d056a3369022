"""What surrounds the native cells against the reference of `elman.nn.layers` in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

from elman._native import layers  # noqa: E402
from elman.nn import layers as reference  # noqa: E402

from .closeness import assert_close, of_terms, wide  # noqa: E402

size = st.integers(1, 90)
few = settings(max_examples=30)


def check_affine(shape, dtype, seed=0, bias=True):
    rows, K, N = shape
    rng = np.random.default_rng(seed)
    x, W, dy = (rng.standard_normal(s).astype(dtype) for s in [(1, rows, K), (K, N), (1, rows, N)])
    b = rng.standard_normal(N).astype(dtype) if bias else None
    y, pullback = layers.affine(x, W, b)
    wanted_y, wanted_pullback = reference.affine(wide(x), wide(W), wide(b))
    sizes = abs(x), abs(W), None if b is None else abs(b)
    most_y, most_pullback = reference.affine(*(wide(a) for a in sizes))
    assert_close(y, wanted_y, of_terms(most_y, wanted_y))
    got, wanted, most = pullback(dy), wanted_pullback(wide(dy)), most_pullback(wide(abs(dy)))
    for name, a, b, terms in zip(("dx", "dW", "db"), got, wanted, most, strict=True):
        if b is None:
            assert a is None
        else:
            assert_close(a, b, of_terms(terms, b), name)


@few
@given(rows=size, K=size, N=size, bias=st.booleans(), seed=st.integers(0, 99))
def test_affine(level, dtype, rows, K, N, bias, seed):
    check_affine((rows, K, N), dtype, seed, bias)


@pytest.mark.parametrize("shape", [(700, 300, 65), (1, 65, 513), (513, 1, 65), (300, 1030, 200)])
def test_large_products(level, dtype, shape):
    check_affine(shape, dtype)


@few
@given(
    T=st.integers(1, 12),
    B=st.integers(1, 12),
    V=size,
    spread=st.sampled_from([1, 30, 1e4]),
    seed=st.integers(0, 99),
)
def test_softmax_cross_entropy(level, dtype, T, B, V, spread, seed):
    rng = np.random.default_rng(seed)
    logits = rng.uniform(-spread, spread, (T, B, V)).astype(dtype)
    targets = rng.integers(0, V, (T, B))
    weights = rng.choice([0, 0.5, 2], (T, B)).astype(dtype)
    nats, pullback = layers.softmax_cross_entropy(logits, targets)
    wanted, wanted_pullback = reference.softmax_cross_entropy(wide(logits), targets)
    absolute = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(nats, wanted, rtol=absolute, atol=absolute)
    np.testing.assert_allclose(pullback(weights), wanted_pullback(wide(weights)), atol=absolute)
    assert pullback(weights.astype(np.float64)).dtype == dtype


@few
@given(n=size, V=size, N=st.integers(1, 200), bias=st.booleans(), seed=st.integers(0, 99))
def test_look_up(level, dtype, n, V, N, bias, seed):
    rng = np.random.default_rng(seed)
    W, b, dy = (rng.standard_normal(s).astype(dtype) for s in [(V, N), (N,), (n, 3, N)])
    ids = rng.integers(0, V, (n, 3))
    y, pullback = layers.embedding(ids, W)
    np.testing.assert_array_equal(y, W[ids])
    wanted = reference.embedding(ids, wide(W))[1](wide(dy))
    terms = reference.embedding(ids, wide(W))[1](wide(abs(dy)))
    assert_close(pullback(dy), wanted, of_terms(terms, wanted))
    z, pullback = layers.one_hot_affine(ids, W, b if bias else None)
    np.testing.assert_array_equal(z.table[z.ids], W[ids] + (b if bias else 0))
    none, dW, db = pullback(dy)
    assert none is None
    assert_close(dW, wanted, of_terms(terms, wanted))
    if bias:
        wanted = wide(dy).sum(axis=(0, 1))
        assert_close(db, wanted, of_terms(wide(abs(dy)).sum(axis=(0, 1)), wanted))
    else:
        assert db is None


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.97])
def test_dropout_draws_what_the_reference_draws(level, dtype, rate):
    x, dy = np.random.default_rng(0).standard_normal((2, 7, 5, 33)).astype(dtype)
    y, pullback = layers.dropout(x, rate, np.random.default_rng(3))
    wanted, wanted_pullback = reference.dropout(x, rate, np.random.default_rng(3))
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(pullback(dy), wanted_pullback(dy))


def test_views_are_as_good_as_arrays(dtype):
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 6, 5, 4)).astype(dtype)
    W = rng.standard_normal((4, 4)).astype(dtype)
    ids = rng.integers(0, 4, (6, 5))
    strided, dy_strided = np.asfortranarray(x), np.asfortranarray(dy)
    assert not strided.flags.c_contiguous
    for piece, view in [
        (layers.affine(x, W, None), layers.affine(strided, W, None)),
        (
            layers.softmax_cross_entropy(x, ids),
            layers.softmax_cross_entropy(strided, ids.copy("F")),
        ),
        (layers.embedding(ids, W), layers.embedding(ids.copy("F"), W)),
    ]:
        np.testing.assert_array_equal(piece[0], view[0])
        slope, slope_strided = (
            (dy[..., 0], dy_strided[..., 0]) if piece[0].ndim == 2 else (dy, dy_strided)
        )
        for a, b in zip(piece[1](slope), view[1](slope_strided), strict=True):
            np.testing.assert_array_equal(a, b)


def test_wrong_arrays_raise():
    x = np.zeros((2, 2, 3), np.float32)
    W = np.zeros((3, 2), np.float32)
    right = np.zeros((2, 2), np.int32)
    for ids in (right - 1, right + 3, right.astype(np.int64) + (1 << 32), right + 1.0):
        with pytest.raises((IndexError, TypeError)):
            layers.softmax_cross_entropy(x, ids)
        with pytest.raises((IndexError, TypeError)):
            layers.embedding(ids, W)
    with pytest.raises(TypeError):
        layers.softmax_cross_entropy(x.astype(np.float16), right)
    with pytest.raises(TypeError):
        layers.affine(x.astype(np.float64), W, None)
    with pytest.raises(ValueError, match="C-contiguous array of shape"):
        layers.softmax_cross_entropy(x, right[:1])
    with pytest.raises(ValueError, match="C-contiguous array of shape"):
        layers.affine(x, np.zeros((4, 2), np.float32), None)
    with pytest.raises(ValueError, match="C-contiguous array of shape"):
        layers.affine(x, W, np.zeros(3, np.float32))
    y, pullback = layers.affine(x, W, None)
    with pytest.raises(ValueError, match="C-contiguous array of shape"):
        pullback(y[:1])
