"""Everything around the native cells against NumPy."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman._native import _core, layers, updates

from .closeness import assert_close

relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
size = st.integers(1, 90)


@relaxed
@given(rows=size, K=size, N=size, bias=st.booleans(), seed=st.integers(0, 99))
def test_affine(level, dtype, rows, K, N, bias, seed):
    rng = np.random.default_rng(seed)
    x, W, dy = (rng.standard_normal(s).astype(dtype) for s in [(rows, K), (K, N), (rows, N)])
    b = rng.standard_normal(N).astype(dtype) if bias else None
    y, pullback = layers.affine(x, W, b)
    X, W64, D = (a.astype(np.float64) for a in (x, W, dy))
    # a sum of K products loses digits against its terms, not against itself
    scale = lambda a, b, got: max(1, (np.abs(a) @ np.abs(b)).max() / max(np.abs(got).max(), 1e-300) / 4)  # noqa: E731
    wanted = X @ W64 + (0 if b is None else b)
    assert_close(y, wanted, scale(X, W64, wanted))
    dx, dW, db = pullback(dy)
    assert_close(dx, D @ W64.T, scale(D, W64.T, D @ W64.T))
    assert_close(dW, X.T @ D, scale(X.T, D, X.T @ D))
    if bias:
        assert_close(db, D.sum(axis=0), np.abs(D).sum(axis=0).max() / np.abs(D.sum(axis=0)).max())


@pytest.mark.parametrize("shape", [(700, 300, 65), (1, 65, 513), (513, 1, 65), (300, 1030, 200)])
def test_large_products(level, dtype, shape):
    rows, K, N = shape
    rng = np.random.default_rng(0)
    x, W, dy = (rng.standard_normal(s).astype(dtype) for s in [(rows, K), (K, N), (rows, N)])
    y, pullback = layers.affine(x, W)
    dx, dW, _ = pullback(dy)
    X, W64, D = (a.astype(np.float64) for a in (x, W, dy))
    assert_close(y, X @ W64)
    assert_close(dx, D @ W64.T)
    assert_close(dW, X.T @ D)


def softmax_reference(logits, targets, mask, scale):
    x = logits.astype(np.float64)
    x = x - x.max(axis=-1, keepdims=True)
    total = np.exp(x).sum(axis=-1, keepdims=True)
    rows = np.arange(len(x))
    nll = np.where(mask, np.log(total[:, 0]) - x[rows, targets], 0)
    d = np.exp(x) / total
    d[rows, targets] -= 1
    return scale * nll.sum(), scale * d * mask[:, None], nll


@relaxed
@given(rows=size, V=size, spread=st.sampled_from([1, 30, 1e4]), masked=st.booleans(), seed=st.integers(0, 99), in_place=st.booleans())
def test_cross_entropy(level, dtype, rows, V, spread, masked, seed, in_place):
    rng = np.random.default_rng(seed)
    logits = (rng.uniform(-spread, spread, (rows, V))).astype(dtype)
    targets = rng.integers(0, V, rows).astype(np.int32)
    mask = rng.random(rows) < 0.7 if masked else np.ones(rows, bool)
    loss, dlogits, nll = softmax_reference(logits, targets, mask, 0.25)
    got, d, got_nll = layers.cross_entropy(logits, targets, mask if masked else None, 0.25, in_place)
    assert abs(got - loss) <= (1e-5 if dtype == np.float32 else 1e-12) * max(abs(loss), 1e-3)
    np.testing.assert_allclose(d, dlogits, atol=(1e-5 if dtype == np.float32 else 1e-12) * 0.25)
    np.testing.assert_allclose(got_nll, nll, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6 if dtype == np.float32 else 1e-12)


def test_log_sum_exp(level, dtype):
    x = np.random.default_rng(0).uniform(-1e4, 1e4, (7, 5, 33)).astype(dtype)
    top = x.max(axis=-1).astype(np.float64)
    assert_close(layers.log_sum_exp(x), top + np.log(np.exp(x - top[..., None]).sum(axis=-1)))


@relaxed
@given(n=size, V=size, N=st.integers(1, 200), seed=st.integers(0, 99))
def test_embedding(level, dtype, n, V, N, seed):
    rng = np.random.default_rng(seed)
    table, bias, dy = (rng.standard_normal(s).astype(dtype) for s in [(V, N), (N,), (n, 3, N)])
    ids = rng.integers(0, V, (n, 3)).astype(np.int32)
    y, pullback = layers.embedding(ids, table, bias)
    np.testing.assert_array_equal(y, table[ids] + bias)
    dtable, dbias = pullback(dy)
    wanted = np.zeros((V, N))
    np.add.at(wanted, ids, dy.astype(np.float64))
    assert_close(dtable, wanted, np.abs(dy).sum() / max(np.abs(wanted).max(), 1e-300))
    np.testing.assert_allclose(dbias, dy.sum(axis=(0, 1), dtype=np.float64), atol=(1e-4 if dtype == np.float32 else 1e-12))


@relaxed
@given(n=st.integers(1, 5000), step=st.integers(1, 50), decay=st.sampled_from([0.0, 0.1]), clip=st.sampled_from([0.5, math.inf]), seed=st.integers(0, 99))
def test_updates(level, dtype, n, step, decay, clip, seed):
    rng = np.random.default_rng(seed)
    p, g, m = (rng.standard_normal(n).astype(dtype) for _ in range(3))
    v = rng.random(n).astype(dtype)
    P, M, V = (a.astype(np.float64) for a in (p, m, v))
    C = np.clip(g.astype(np.float64) * 0.3, -clip, clip)
    options = {"decay": decay, "clip_scale": 0.3, "clip_value": clip}
    tolerance = {"rtol": 2e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-14}

    def both(update, *arrays, wanted):
        mine = [a.copy() for a in (p, *arrays)]
        update(mine[0], g, *mine[1:])
        for a, b in zip(mine, wanted, strict=True):
            np.testing.assert_allclose(a, b, **tolerance)

    shrunk = P * (1 - 0.1 * decay)
    both(lambda p, g: updates.sgd(p, g, None, 0.1, **options), wanted=[shrunk - 0.1 * C])
    M1 = 0.9 * M + C
    both(lambda p, g, m: updates.sgd(p, g, m, 0.1, 0.9, **options), m, wanted=[shrunk - 0.1 * M1, M1])
    V1 = V + C**2
    both(lambda p, g, v: updates.adagrad(p, g, v, 0.1, **options), v, wanted=[shrunk - 0.1 * C / np.sqrt(V1 + 1e-8), V1])
    V2 = 0.95 * V + (1 - 0.95) * C**2
    both(lambda p, g, v: updates.rmsprop(p, g, v, 0.1, **options), v, wanted=[shrunk - 0.1 * C / (np.sqrt(V2) + 1e-8), V2])
    M3, V3 = 0.9 * M + (1 - 0.9) * C, 0.999 * V + (1 - 0.999) * C**2
    wanted = shrunk - 0.1 * (M3 / (1 - 0.9**step)) / (np.sqrt(V3 / (1 - 0.999**step)) + 1e-8)
    both(lambda p, g, m, v: updates.adam(p, g, m, v, step, 0.1, **options), m, v, wanted=[wanted, M3, V3])


def test_norm_is_the_same_for_any_thread_count(level, dtype):
    g = np.random.default_rng(0).standard_normal(1_000_003).astype(dtype)
    norms = set()
    for threads in (1, 2, 3):
        _core.set_threads(threads)
        norms.add(updates.norm(g))
    assert len(norms) == 1
    assert norms.pop() == pytest.approx(np.linalg.norm(g.astype(np.float64)), rel=1e-12)


def test_bad_input_raises():
    x = np.zeros((4, 3), np.float32)
    with pytest.raises(IndexError):
        layers.cross_entropy(x, np.array([0, 1, 3, 0], np.int32))
    with pytest.raises(TypeError):
        layers.cross_entropy(x, np.array([0, 1, 2, 0], np.int64))
    with pytest.raises(TypeError):
        layers.cross_entropy(x.astype(np.float16), np.zeros(4, np.int32))
    with pytest.raises(IndexError):
        layers.embedding(np.array([-1], np.int32), x)
    with pytest.raises(IndexError):
        layers.scatter_add(np.array([5, 0], np.int32), x[:2], 5)
    with pytest.raises(ValueError):
        layers.affine(x, np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError):
        updates.sgd(x.reshape(-1), np.zeros(11, np.float32), None, 0.1)
    frozen = np.zeros(12, np.float32)
    frozen.flags.writeable = False
    with pytest.raises((TypeError, ValueError)):
        updates.sgd(frozen, x.reshape(-1), None, 0.1)
    with pytest.raises(ValueError):
        _core.choose_level("v9")


@pytest.mark.parametrize("name", _core.levels())
def test_environment_chooses_the_level(name):
    code = "from elman._native import _core; print(_core.level())"
    out = subprocess.run([sys.executable, "-c", code], env={**os.environ, "ELMAN_ISA": name}, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == name


def test_a_forked_child_has_its_own_threads():
    code = (
        "import os, sys, numpy as np\n"
        "from elman._native import _core, layers\n"
        "_core.set_threads(2)\n"
        "x = np.ones((300, 300), np.float32)\n"
        "layers.affine(x, x)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    y = layers.affine(x, x)[0]\n"
        "    os._exit(0 if (y == 300).all() else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60).returncode == 0
