"""Accuracy of exp, sigmoid and tanh in units in the last place, and the special values.

A dense sweep; benchmarks/activations.py visits all 2**32 values of float32.
"""

import numpy as np
import pytest

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

# largest error, in units in the last place of the true value; docs/engine.md says where they occur
ULP = {"exp": 2.0, "sigmoid": 3.0, "tanh": 3.0}
NUMBER = {"exp": 0, "sigmoid": 1, "tanh": 2}
WIDE = np.longdouble


def native(name, x):
    y = np.empty_like(x)
    _core.activation(NUMBER[name], x, y)
    return y


def true_value(name, x):
    x = x.astype(WIDE)
    true = {"exp": np.exp, "sigmoid": lambda v: 1 / (1 + np.exp(-v)), "tanh": np.tanh}
    with np.errstate(over="ignore", under="ignore"):
        return true[name](x)


def ulps(got, wanted, dtype):
    """|got - wanted| in units of the spacing of `dtype` at wanted (near zero: of its smallest)."""
    with np.errstate(over="ignore"):
        spacing = np.spacing(np.abs(wanted).astype(dtype)).astype(WIDE)
    return np.abs(got.astype(WIDE) - wanted) / spacing


def sweep(dtype):
    """Values of both signs at every scale: each exponent as often as the others, both ends in."""
    bits = np.uint32 if dtype == np.float32 else np.uint64
    top = np.array(np.inf, dtype).view(bits)
    patterns = (np.linspace(0, 1, 150_001, dtype=WIDE) * int(top - 1)).astype(bits)
    widest = 120 if dtype == np.float32 else 760
    x = np.concatenate([patterns.view(dtype), np.linspace(0, widest, 150_001).astype(dtype)])
    return np.concatenate([x, -x])


@pytest.mark.parametrize("name", ULP)
def test_ulps(name, level, dtype):
    x = sweep(dtype)
    wanted = true_value(name, x)
    inside = np.abs(wanted) <= np.finfo(dtype).max
    if name == "sigmoid":  # smaller results are 0, as documented
        inside &= wanted > (1.3e-38 if dtype == np.float32 else 1e-307)
    got = native(name, x)
    assert ulps(got[inside], wanted[inside], dtype).max() <= ULP[name]
    if name == "sigmoid":
        assert np.abs(got[~inside]).max() <= 1.3e-38


def test_special_values(level, dtype):
    tiny = 5e-324 if dtype == np.float64 else 1e-45
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, tiny], dtype)
    exp, sigmoid = [1, 1, np.inf, 0, np.nan, 1], [0.5, 0.5, 1, 0, np.nan, 0.5]
    np.testing.assert_array_equal(native("exp", x), np.array(exp, dtype))
    np.testing.assert_array_equal(native("sigmoid", x), np.array(sigmoid, dtype))
    got = native("tanh", x)
    np.testing.assert_array_equal(got, np.array([0, -0.0, 1, -1, np.nan, x[5]], dtype))
    assert np.signbit(got[1]) and not np.signbit(got[0])


def test_odd_lengths(level, dtype):
    for n in range(1, 40):
        x = np.linspace(-3, 3, n).astype(dtype)
        np.testing.assert_allclose(native("tanh", x), np.tanh(x), rtol=1e-6)


def test_bounds(level, dtype):
    x = sweep(dtype)
    assert np.abs(native("tanh", x)).max() == 1
    y = native("sigmoid", x)
    assert y.min() >= 0 and y.max() == 1
