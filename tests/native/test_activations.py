"""Accuracy of exp, sigmoid and tanh in units in the last place: a dense sweep, and the special values.

benchmarks/activations.py visits all 2**32 values of float32.
"""

import numpy as np
import pytest

from elman._native import layers

# largest error, in units in the last place of the true value; docs/engine.md says where they occur
ULP = {"exp": 2.0, "sigmoid": 3.0, "tanh": 3.0}
WIDE = np.longdouble


def true_value(name, x):
    x = x.astype(WIDE)
    with np.errstate(over="ignore", under="ignore"):
        return {"exp": np.exp, "sigmoid": lambda v: 1 / (1 + np.exp(-v)), "tanh": np.tanh}[name](x)


def ulps(got, wanted, dtype):
    """|got - wanted| in units of the spacing of `dtype` at wanted (of its smallest subnormal near zero)."""
    with np.errstate(over="ignore"):
        spacing = np.spacing(np.abs(wanted).astype(dtype)).astype(WIDE)
    return np.abs(got.astype(WIDE) - wanted) / spacing


def sweep(dtype):
    """Values of both signs at every scale: each exponent gets as many as the others, and both ends are in."""
    bits = np.uint32 if dtype == np.float32 else np.uint64
    top = np.array(np.inf, dtype).view(bits)
    positive = np.linspace(0, 1, 300_001, dtype=WIDE)
    patterns = (positive * int(top - 1)).astype(bits)
    x = np.concatenate([patterns.view(dtype), np.linspace(0, 120 if dtype == np.float32 else 760, 300_001).astype(dtype)])
    return np.concatenate([x, -x])


@pytest.mark.parametrize("name", ULP)
def test_ulps(name, level, dtype):
    x = sweep(dtype)
    wanted = true_value(name, x)
    inside = np.abs(wanted) <= np.finfo(dtype).max
    if name == "sigmoid":  # smaller results are 0, as documented
        inside &= wanted > (1.3e-38 if dtype == np.float32 else 1e-307)
    got = getattr(layers, name)(x)
    assert ulps(got[inside], wanted[inside], dtype).max() <= ULP[name]
    if name == "sigmoid":
        assert np.abs(got[~inside]).max() <= 1.3e-38


def test_special_values(level, dtype):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324 if dtype == np.float64 else 1e-45], dtype)
    np.testing.assert_array_equal(layers.exp(x), np.array([1, 1, np.inf, 0, np.nan, 1], dtype))
    np.testing.assert_array_equal(layers.sigmoid(x), np.array([0.5, 0.5, 1, 0, np.nan, 0.5], dtype))
    got = layers.tanh(x)
    np.testing.assert_array_equal(got, np.array([0, -0.0, 1, -1, np.nan, x[5]], dtype))
    assert np.signbit(got[1]) and not np.signbit(got[0])


def test_odd_lengths(level, dtype):
    for n in range(1, 40):
        x = np.linspace(-3, 3, n).astype(dtype)
        np.testing.assert_allclose(layers.tanh(x), np.tanh(x), rtol=1e-6)


def test_bounds(level, dtype):
    x = sweep(dtype)
    assert np.abs(layers.tanh(x)).max() == 1
    y = layers.sigmoid(x)
    assert y.min() >= 0 and y.max() == 1
