"""Optimizers against independent ones of a single number; clipping; schedules."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from elman.errors import UsageError
from elman.nn import optimizers
from elman.nn.optimizers import BLOCK, clip, gradient_norm, learning_rate_factor, make

from .. import oracles

STEPS = 12
RATES = [0.1 / (1 + i) for i in range(STEPS)]
ORACLES = {
    "sgd": oracles.sgd,
    "adagrad": oracles.adagrad,
    "rmsprop": oracles.rmsprop,
    "adam": oracles.adam,
}


def run(name, start, gradients, decay=0.0, momentum=0.0):
    p = start.copy()
    optimizer = make(name, p, decay, momentum)
    for g, rate in zip(gradients, RATES, strict=True):
        optimizer.step(g, rate)
    return p, optimizer


def test_a_table_of_which_few_rows_are_read_ends_as_with_adagrad_on_the_whole(rng):
    start = rng.normal(size=(6, 2))
    table, whole = start.copy(), start.copy().ravel()
    by_rows, adagrad = optimizers.RowAdagrad(table), make("adagrad", whole, 0.0, 0.0)
    for rate in RATES:
        rows = np.flatnonzero(rng.random(6) < 0.4)
        gradient = np.zeros((6, 2))
        gradient[rows] = rng.normal(size=(len(rows), 2))
        by_rows.step(gradient, rows, rate)
        adagrad.step(gradient.ravel(), rate)
    np.testing.assert_array_equal(table.ravel(), whole)
    np.testing.assert_array_equal(by_rows.sum_squares.ravel(), adagrad.state["sum_squares"])


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("name", list(ORACLES))
def test_steps_equal_an_independent_implementation(rng, name, momentum, decay):
    if momentum and name != "sgd":
        with pytest.raises(UsageError, match="--momentum"):
            make(name, np.zeros(3), 0.0, momentum)
        return
    start = rng.normal(size=9)
    gradients = rng.normal(0, 1, (STEPS, 9)) * 10.0 ** rng.integers(-6, 3, 9)
    p, _ = run(name, start, gradients, decay, momentum)
    options = {"momentum": momentum} if name == "sgd" else {}
    expected = [
        ORACLES[name](start[i], gradients[:, i], RATES, decay=decay, **options) for i in range(9)
    ]
    np.testing.assert_allclose(p, expected, rtol=1e-11)


@pytest.mark.parametrize("name", list(ORACLES))
@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_blocks_meet_without_gap_or_overlap(rng, name, size):
    gradients = np.repeat(rng.normal(size=(STEPS, 1)), size, axis=1)
    p, _ = run(name, np.full(size, 0.7), gradients, 0.1)
    assert (p == p[0]).all()
    expected = ORACLES[name](0.7, gradients[:, 0], RATES, decay=0.1)
    assert p[0] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("name", list(ORACLES))
def test_float32_stays_float32(rng, name):
    start = rng.normal(size=50).astype(np.float32)
    gradients = rng.normal(size=(STEPS, 50)).astype(np.float32)
    p, optimizer = run(name, start, gradients, 0.1)
    wide, _ = run(name, start.astype(np.float64), gradients.astype(np.float64), 0.1)
    assert p.dtype == np.float32
    assert all(s.dtype == np.float32 for s in optimizer.state.values())
    np.testing.assert_allclose(p, wide, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", list(ORACLES))
def test_the_gradient_is_left_as_it_is(rng, name):
    gradient = rng.normal(size=50)
    gradient.flags.writeable = False
    make(name, np.zeros(50), 0.1, 0.5 if name == "sgd" else 0.0).step(gradient, 0.1)


@pytest.mark.parametrize("name", list(ORACLES))
def test_state_and_step_count_are_all_that_a_checkpoint_needs(rng, name):
    momentum = 0.9 if name == "sgd" else 0.0
    p, gradients = rng.normal(size=20), rng.normal(size=(6, 20))
    optimizer = make(name, p, 0.1, momentum)
    for g in gradients[:3]:
        optimizer.step(g, 0.1)
    q = p.copy()
    resumed = make(name, q, 0.1, momentum)
    resumed.steps = optimizer.steps
    for slot, values in optimizer.state.items():
        resumed.state[slot][:] = values
    for g in gradients[3:]:
        optimizer.step(g, 0.1)
        resumed.step(g, 0.1)
    np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize(
    ("name", "slots"), [("sgd", 0), ("adagrad", 1), ("rmsprop", 1), ("adam", 2)]
)
def test_how_many_arrays_an_optimizer_keeps(name, slots):
    assert len(make(name, np.zeros(4), 0.0, 0.0).state) == slots
    assert all(s.shape == (4,) for s in make(name, np.zeros(4), 0.0, 0.0).state.values())


# --------------------------------------------------------------------------- what they say


def test_epsilon_of_adagrad_stands_inside_the_root():
    """For a gradient of 1e-8 the two published forms differ by a factor of ten thousand."""
    p = np.zeros(1)
    make("adagrad", p, 0.0, 0.0).step(np.array([1e-8]), 1.0)
    inside, outside = 1e-8 / np.sqrt(1e-16 + 1e-8), 1e-8 / (1e-8 + 1e-8)
    assert -p[0] == pytest.approx(inside, rel=1e-9)
    assert outside / inside == pytest.approx(5000, rel=1e-3)


def test_the_first_step_of_adam_has_the_length_of_the_learning_rate():
    p = np.zeros(3)
    make("adam", p, 0.0, 0.0).step(np.array([1e-3, -5.0, 1e4]), 0.01)
    np.testing.assert_allclose(p, [-0.01, 0.01, -0.01], rtol=1e-4)


def test_decay_shrinks_a_parameter_without_gradient():
    for name in ORACLES:
        p = np.full(2, 2.0)
        make(name, p, 0.1, 0.0).step(np.zeros(2), 0.5)
        np.testing.assert_allclose(p, 2 * (1 - 0.5 * 0.1), err_msg=name)


# --------------------------------------------------------------------------- clipping

GRADIENTS = arrays(np.float64, 6, elements=st.floats(-1e6, 1e6, width=32))
LIMITS = st.floats(1e-3, 1e3)


@given(GRADIENTS, LIMITS)
def test_clipping_by_norm_never_lengthens_and_never_turns(gradient, limit):
    clipped = gradient.copy()
    norm = clip(clipped, limit, 0)
    length = np.linalg.norm(clipped)
    assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    assert length <= min(norm, limit) * (1 + 1e-12)
    np.testing.assert_allclose(clipped * norm, gradient * length, rtol=1e-9, atol=1e-9)
    if norm <= limit:
        np.testing.assert_array_equal(clipped, gradient)


@given(GRADIENTS, LIMITS)
def test_clipping_by_value_bounds_every_component_and_keeps_signs(gradient, limit):
    clipped = gradient.copy()
    clip(clipped, 0, limit)
    assert np.abs(clipped).max() <= limit
    assert np.linalg.norm(clipped) <= np.linalg.norm(gradient) * (1 + 1e-12)
    assert (clipped * gradient >= 0).all()
    inside = np.abs(gradient) <= limit
    np.testing.assert_array_equal(clipped[inside], gradient[inside])


def test_clipping_by_value_can_turn_the_gradient():
    gradient = np.array([10.0, 1.0])
    clip(gradient, 0, 1)
    assert gradient.tolist() == [1.0, 1.0]


@given(GRADIENTS, LIMITS, LIMITS)
def test_with_both_limits_both_hold(gradient, norm, value):
    clip(gradient, norm, value)
    assert np.abs(gradient).max() <= value * (1 + 1e-12)
    assert np.linalg.norm(gradient) <= norm * (1 + 1e-12)


def test_no_limit_changes_nothing_and_the_norm_is_reported():
    gradient = np.array([3.0, 4.0], np.float32)
    assert clip(gradient, 0, 0) == pytest.approx(5)
    assert gradient.tolist() == [3, 4]
    assert gradient_norm(gradient) == pytest.approx(5)
    assert clip(gradient, 1, 0) == pytest.approx(5), "the norm before clipping"


def test_a_zero_gradient_stays_zero():
    gradient = np.zeros(4)
    assert clip(gradient, 1, 1) == 0
    assert not gradient.any()


# --------------------------------------------------------------------------- schedules


def test_constant_stays_one():
    assert [learning_rate_factor("constant", s, 0, s / 10) for s in range(11)] == [1.0] * 11
    assert learning_rate_factor("plateau", 5, 0, 0.5) == 1.0


def test_cosine_falls_from_one_to_a_hundredth():
    factors = [learning_rate_factor("cosine", 0, 0, share) for share in np.linspace(0, 1, 11)]
    assert factors[0] == pytest.approx(1)
    assert factors[-1] == pytest.approx(0.01)
    assert all(a > b for a, b in pairwise(factors))
    for share, factor in zip(np.linspace(0, 1, 11), factors, strict=True):
        assert factor == pytest.approx(0.01 + 0.99 * (1 + cos(pi * share)) / 2)


def test_beyond_the_horizon_the_cosine_stays_at_its_floor():
    assert learning_rate_factor("cosine", 0, 0, 1.7) == pytest.approx(0.01)


def test_warmup_climbs_linearly_and_multiplies_the_schedule():
    factors = [learning_rate_factor("constant", step, 4, 0.0) for step in range(6)]
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])
    half = learning_rate_factor("cosine", 0, 4, 0.5)
    assert half == pytest.approx(0.25 * learning_rate_factor("cosine", 9, 4, 0.5))


def test_the_usual_warmup_is_300_steps_and_at_most_a_tenth_of_the_run():
    def factors(steps):
        return [learning_rate_factor("constant", n, None, n / steps) for n in range(steps)]

    assert factors(100)[1:12] == pytest.approx([n / 10 for n in range(1, 10)] + [1, 1])
    assert factors(100)[0] == pytest.approx(1 / 300)
    late = [learning_rate_factor("constant", n, None, 0.8 + n / 500, 0.8) for n in range(12)]
    assert late[1:] == pytest.approx(factors(100)[1:12]), "of the time that preparing has left"
    assert factors(10_000)[:301] == pytest.approx([n / 300 for n in range(1, 301)] + [1])


def test_every_optimizer_of_the_settings_exists():
    from elman.settings import LEARNING_RATES, Settings, rule_of

    assert (
        set(rule_of(Settings.__dataclass_fields__["optimizer"]).choices)
        == set(optimizers.OPTIMIZERS)
        == set(LEARNING_RATES)
    )
