"""What holds for every cell: the equations, the gradients, masks, dtypes, untouched inputs."""

from __future__ import annotations

import numpy as np
import pytest

from elman.cells import CELLS

from ..oracles import numerical_gradient, run_cell
from .conftest import NAMES

LENGTHS = np.array([5, 2, 4])  # of the three sequences in a padded batch


@pytest.fixture
def mask():
    return np.arange(5)[:, None] < LENGTHS


@pytest.mark.parametrize("masked", [False, True])
def test_forward_equals_plain_loops(case, mask, masked):
    mask = mask if masked else None
    h, final, _ = case.forward(mask)
    expected_h, expected_final = run_cell(
        case.cell, case.params["W_h"], case.z, case.state, case.params.get("c_n"), mask,
        **case.options,
    )  # fmt: skip
    np.testing.assert_allclose(h, expected_h, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(final, expected_final, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("masked", [False, True])
def test_pullback_equals_central_differences(case, mask, masked):
    mask = mask if masked else None

    def loss():
        h, final, _ = case.forward(mask)
        return float((h * case.dh).sum() + (final * case.dstate).sum())

    dz, dstate, dparams = case.forward(mask)[2](case.dh, case.dstate)
    assert dparams.keys() == case.params.keys()
    gradients = [(dz, case.z), (dstate, case.state)]
    gradients += [(dparams[name], case.params[name]) for name in case.params]
    for gradient, x in gradients:
        expected = numerical_gradient(loss, x)
        np.testing.assert_allclose(gradient, expected, atol=1e-8 * np.abs(expected).max())


def test_no_gradient_of_the_final_state_is_a_zero_one(case):
    _, _, pullback = case.forward()
    without, with_zero = pullback(case.dh), pullback(case.dh, np.zeros_like(case.dstate))
    np.testing.assert_array_equal(without[0], with_zero[0])
    np.testing.assert_array_equal(without[1], with_zero[1])


def test_pullback_is_linear_and_may_be_called_again(case):
    _, _, pullback = case.forward()
    once, twice = pullback(case.dh, case.dstate), pullback(2 * case.dh, 2 * case.dstate)
    again = pullback(case.dh, case.dstate)
    np.testing.assert_allclose(twice[0], 2 * once[0], rtol=1e-14)
    np.testing.assert_array_equal(again[0], once[0])
    np.testing.assert_array_equal(again[2]["W_h"], once[2]["W_h"])


def test_masked_steps_leave_the_state_untouched(case, mask):
    h, final, _ = case.forward(mask)
    for b, length in enumerate(LENGTHS):
        for t in range(length, len(h)):
            np.testing.assert_array_equal(h[t, b], h[length - 1, b])
        np.testing.assert_array_equal(final[0, b], h[length - 1, b])


def test_a_step_masked_in_the_middle_is_as_if_it_were_not_there(case):
    mask = np.ones((5, 3), bool)
    mask[2] = False
    h, final, pullback = case.forward(mask)
    dz, dstate, dparams = pullback(case.dh * mask[:, :, None], case.dstate)
    kept = [0, 1, 3, 4]
    short_h, short_final, short_pullback = CELLS[case.cell].forward(
        case.params, np.ascontiguousarray(case.z[kept]), case.state, None, **case.options
    )
    short_dz, short_dstate, short_dparams = short_pullback(case.dh[kept], case.dstate)
    np.testing.assert_allclose(h[kept], short_h, rtol=1e-14)
    np.testing.assert_allclose(final, short_final, rtol=1e-14)
    np.testing.assert_allclose(dz[kept], short_dz, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(dz[2], 0)
    np.testing.assert_allclose(dstate, short_dstate, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dparams["W_h"], short_dparams["W_h"], rtol=1e-12, atol=1e-14)


def test_padded_sequences_equal_sequences_run_alone(case, mask):
    h, final, pullback = case.forward(mask)
    dz, dstate, dparams = pullback(case.dh * mask[:, :, None], case.dstate)
    summed = {name: np.zeros_like(value) for name, value in case.params.items()}
    for b, length in enumerate(LENGTHS):
        alone = (slice(0, length), slice(b, b + 1))
        h_b, final_b, pullback_b = CELLS[case.cell].forward(
            case.params, case.z[alone], case.state[:, b : b + 1], None, **case.options
        )
        dz_b, dstate_b, dparams_b = pullback_b(case.dh[alone], case.dstate[:, b : b + 1])
        np.testing.assert_allclose(h[alone], h_b, rtol=1e-13)
        np.testing.assert_allclose(final[:, b : b + 1], final_b, rtol=1e-13)
        np.testing.assert_allclose(dz[alone], dz_b, rtol=1e-11, atol=1e-14)
        np.testing.assert_array_equal(dz[length:, b], 0)
        np.testing.assert_allclose(dstate[:, b : b + 1], dstate_b, rtol=1e-11, atol=1e-14)
        for name, value in dparams_b.items():
            summed[name] += value
    for name, value in summed.items():
        np.testing.assert_allclose(dparams[name], value, rtol=1e-11, atol=1e-14)


def test_a_mask_of_ones_is_no_mask(case):
    with_mask, without = case.forward(np.ones((5, 3), bool)), case.forward()
    np.testing.assert_array_equal(with_mask[0], without[0])
    masked_dz, plain_dz = (run[2](case.dh, case.dstate)[0] for run in (with_mask, without))
    np.testing.assert_allclose(masked_dz, plain_dz, rtol=1e-14, atol=1e-15)


def test_two_halves_with_the_state_between_equal_the_whole(case):
    forward = CELLS[case.cell].forward
    h, final, pullback = case.forward()
    dz, dstate, dparams = pullback(case.dh, case.dstate)
    first = forward(case.params, case.z[:2], case.state, None, **case.options)
    second = forward(case.params, case.z[2:], first[1], None, **case.options)
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), h)
    np.testing.assert_array_equal(second[1], final)
    dz2, dmiddle, dparams2 = second[2](case.dh[2:], case.dstate)
    dz1, dstate1, dparams1 = first[2](case.dh[:2], dmiddle)
    np.testing.assert_allclose(np.concatenate([dz1, dz2]), dz, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dstate1, dstate, rtol=1e-12, atol=1e-14)
    for name, value in dparams.items():
        np.testing.assert_allclose(dparams1[name] + dparams2[name], value, rtol=1e-12, atol=1e-14)


def test_inputs_are_never_modified(case, mask):
    arrays = [case.z, case.state, case.dh, case.dstate, mask, *case.params.values()]
    before = [a.copy() for a in arrays]
    for array in arrays:
        array.flags.writeable = False
    for m in (None, mask):
        h, final, pullback = case.forward(m)
        kept = h.copy(), final.copy()
        pullback(case.dh, case.dstate)
        np.testing.assert_array_equal(h, kept[0])
        np.testing.assert_array_equal(final, kept[1])
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_final_state_is_a_copy(case):
    """Changing it later must not change the hidden states that were returned."""
    h, final, _ = case.forward()
    kept = h.copy()
    final[:] = 7
    np.testing.assert_array_equal(h, kept)


def test_float32_stays_float32_and_is_close_to_float64(case, mask):
    h, final, pullback = case.forward(mask)
    wide = [h, final, *pullback(case.dh, case.dstate)]
    single = case.as_type(np.float32)
    h, final, pullback = single.forward(mask)
    narrow = [h, final, *pullback(single.dh, single.dstate)]
    wide, narrow = ([*outputs[:4], *outputs[4].values()] for outputs in (wide, narrow))
    for a, b in zip(narrow, wide, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1e3, 1e30])
@pytest.mark.parametrize("case", [name for name in NAMES if "relu" not in name], indirect=True)
def test_huge_pre_activations_neither_overflow_nor_warn(case, size):
    single = case.as_type(np.float32)
    single.z *= np.float32(size)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        h, final, pullback = single.forward()
        dz, _, _ = pullback(single.dh, single.dstate)
    assert np.isfinite(h).all()
    assert np.isfinite(final).all()
    assert np.isfinite(dz).all()
