"""The native optimizer updates against the reference of `elman.nn.optimizers` in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

from elman._native import updates  # noqa: E402
from elman.nn import optimizers  # noqa: E402


@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "rmsprop", "adam"])
@settings(max_examples=15)
@given(n=st.integers(1, 5000), decay=st.sampled_from([0.0, 0.1]), seed=st.integers(0, 99))
def test_several_steps(level, dtype, name, n, decay, seed):
    rng = np.random.default_rng(seed)
    p = rng.standard_normal(n).astype(dtype)
    rule, momentum = ("sgd", 0.9) if name == "momentum" else (name, 0.0)
    native = optimizers.make(rule, p, decay, momentum)
    native.fused = updates.UPDATES[rule]
    reference = optimizers.make(rule, p.astype(np.float64), decay, momentum)
    for step in range(4):
        g = rng.standard_normal(n).astype(dtype)
        before = g.copy()
        rate = 0.1 / (step + 1)
        native.step(g, rate)
        reference.step(g.astype(np.float64), rate)
        np.testing.assert_array_equal(g, before)
    single = dtype == np.float32
    tolerance = {"rtol": 2e-5, "atol": 2e-6} if single else {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(native.parameters, reference.parameters, **tolerance)
    for slot, values in native.state.items():
        np.testing.assert_allclose(values, reference.state[slot], **tolerance)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam"])
def test_gradients_whose_squares_are_infinite(level, name):
    """Nothing becomes NaN; Adagrad's rate of such a component is 0 from then on."""
    found = []
    for fused in (None, updates.UPDATES[name]):
        optimizer = optimizers.make(name, np.ones(37, np.float32), 0.0, 0.0)
        optimizer.fused = fused
        with np.errstate(over="ignore"):
            optimizer.step(np.full(37, 3e19, np.float32), 0.1)
            optimizer.step(np.full(37, 0.5, np.float32), 0.1)
        found.append(optimizer.parameters)
    assert np.isfinite(found).all()
    if name == "adagrad":  # the others square what is smaller by a factor
        np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_the_norm_is_the_same_for_any_thread_count(level, dtype):
    g = np.random.default_rng(0).standard_normal(1_000_003).astype(dtype)
    norms = set()
    for threads in (1, 2, 3):
        _core.set_threads(threads)
        norms.add(updates.norm(g))
    assert len(norms) == 1
    assert norms.pop() == pytest.approx(np.linalg.norm(g.astype(np.float64)), rel=1e-12)


@pytest.mark.parametrize("max_norm", [0, 0.5, 1e6])
@pytest.mark.parametrize("max_value", [0, 0.01, 1e6])
def test_clipping(level, dtype, max_norm, max_value):
    g = np.random.default_rng(0).standard_normal(1003).astype(dtype)
    wanted = g.astype(np.float64)
    before = optimizers.clip(wanted, max_norm, max_value)
    assert updates.clip(g, max_norm, max_value) == pytest.approx(before, rel=1e-12)
    np.testing.assert_allclose(g, wanted, rtol=1e-6 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_broken_gradient_shows_in_the_norm(level, dtype, bad):
    g = np.ones(100_000, dtype)
    g[70_001] = bad
    assert not np.isfinite(updates.norm(g))


def test_wrong_arrays_raise():
    p = np.zeros(12, np.float32)
    for g in (np.zeros(11, np.float32), np.zeros(12), np.zeros(24, np.float32)[::2]):
        with pytest.raises((TypeError, ValueError)):
            updates.sgd(optimizers.SGD(p), g, 0.1)
    frozen = np.zeros(12, np.float32)
    frozen.flags.writeable = False
    with pytest.raises((TypeError, ValueError)):
        updates.sgd(optimizers.SGD(frozen), p, 0.1)
