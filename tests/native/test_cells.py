"""The native cells against float64 NumPy: outputs, states and every gradient."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman._native import _core, cells, layers

from . import reference
from .closeness import assert_close

NATIVE = {"rnn": cells.rnn_forward, "lstm": cells.lstm_forward, "gru": cells.gru_forward}
sizes = st.integers(1, 9)
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def draw_case(cell, T, B, H, dtype, seed, masked=False, c_n=True):
    rng = np.random.default_rng(seed)
    G, S = reference.GATES[cell], reference.STATES[cell]
    params = {"W_h": (rng.standard_normal((H, G * H)) / np.sqrt(H)).astype(dtype)}
    if cell == "gru" and c_n:
        params["c_n"] = rng.standard_normal(H).astype(dtype)
    z = rng.standard_normal((T, B, G * H)).astype(dtype)
    state = rng.standard_normal((S, B, H)).astype(dtype)
    mask = rng.random((T, B)) < 0.6 if masked else None
    dh = rng.standard_normal((T, B, H)).astype(dtype)
    dstate = rng.standard_normal((S, B, H)).astype(dtype)
    return params, z, state, mask, dh, dstate


def wide(x):
    return {k: v.astype(np.float64) for k, v in x.items()} if isinstance(x, dict) else x.astype(np.float64)


def check(cell, case, with_dstate=True, **options):
    params, z, state, mask, dh, dstate = case
    inputs = [*params.values(), z, state, dh, dstate]
    before = [x.copy() for x in inputs]
    h, final, pullback = NATIVE[cell](params, z, state, mask, **options)
    wanted_h, wanted_final, wanted_pullback = reference.FORWARD[cell](wide(params), wide(z), wide(state), mask, **options)
    assert_close(h, wanted_h)
    assert_close(final, wanted_final)
    for _ in range(2):  # a pullback can be called again
        dz, dstate0, dparams = pullback(dh, dstate if with_dstate else None)
        wanted = wanted_pullback(wide(dh), wide(dstate) if with_dstate else None)
        assert_close(dz, wanted[0])
        assert_close(dstate0, wanted[1])
        assert dparams.keys() == wanted[2].keys()
        earlier = np.concatenate([wide(state)[:1], wanted_h[:-1]])
        for name in dparams:
            # a sum of many terms that cancel is as exact as its terms
            terms = np.abs(wanted[0]).sum() if name == "c_n" else np.abs(earlier).reshape(-1, earlier.shape[2]).T @ np.abs(wanted[0]).reshape(-1, z.shape[2])
            assert_close(dparams[name], wanted[2][name], max(1, terms.max() / max(np.abs(wanted[2][name]).max(), 1e-300) / 8))
    for x, y in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("cell", NATIVE)
@relaxed
@given(T=sizes, B=st.integers(1, 40), H=st.integers(1, 70), seed=st.integers(0, 99), masked=st.booleans(), with_dstate=st.booleans(), c_n=st.booleans(), threads=st.integers(1, 5))
def test_any_shape(cell, level, dtype, T, B, H, seed, masked, with_dstate, c_n, threads):
    _core.set_threads(threads)
    check(cell, draw_case(cell, T, B, H, dtype, seed, masked, c_n), with_dstate)


@pytest.mark.parametrize("cell", NATIVE)
@pytest.mark.parametrize("shape", [(5, 32, 512), (3, 1, 513), (40, 7, 131)])
def test_large_shapes(cell, level, dtype, shape):
    check(cell, draw_case(cell, *shape, dtype, 0, masked=True))


def test_relu(level, dtype):
    check("rnn", draw_case("rnn", 7, 9, 37, dtype, 1, masked=True), activation="relu")


@pytest.mark.parametrize("cell", NATIVE)
def test_masked_positions_may_hold_anything(cell, level, dtype):
    params, z, state, mask, dh, dstate = draw_case(cell, 6, 5, 19, dtype, 2, masked=True)
    h, final, pullback = NATIVE[cell](params, z, state, mask)
    results = [h, final, *pullback(dh, dstate)[:2]]
    z[~mask] = np.nan
    h, final, pullback = NATIVE[cell](params, z, state, mask)
    for a, b in zip(results, [h, final, *pullback(dh, dstate)[:2]], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", NATIVE)
def test_ids_select_rows_of_a_table(cell, level, dtype):
    params, table, state, mask, dh, _ = draw_case(cell, 1, 23, 21, dtype, 3)
    ids = np.random.default_rng(0).integers(0, 23, (8, 23)).astype(np.int32)
    dh = np.random.default_rng(1).standard_normal((8, 23, 21)).astype(dtype)
    h, final, pullback = NATIVE[cell](params, table[0], state, ids=ids)
    h2, final2, pullback2 = NATIVE[cell](params, layers.embedding(ids, table[0])[0], state)
    np.testing.assert_array_equal(h, h2)
    np.testing.assert_array_equal(pullback(dh)[0], pullback2(dh)[0])


@pytest.mark.parametrize("cell", NATIVE)
def test_the_thread_count_changes_no_bit(cell, level, dtype):
    case = draw_case(cell, 9, 37, 150, dtype, 4, masked=True)
    runs = []
    for threads in (1, 2, 3, 2):
        _core.set_threads(threads)
        params, z, state, mask, dh, dstate = case
        h, final, pullback = NATIVE[cell](params, z, state, mask)
        dz, dstate0, dparams = pullback(dh, dstate)
        runs.append([h, final, dz, dstate0, *dparams.values()])
    np.testing.assert_array_equal(np.isnan(runs[0][0]), False)
    for a, b in zip(runs[1], runs[3], strict=True):  # the same thread count twice: the same bits
        np.testing.assert_array_equal(a, b)
    for run in runs[1:]:
        for a, b in zip(run, runs[0], strict=True):
            assert_close(a, b)


def test_two_python_threads_at_once(dtype):
    from concurrent.futures import ThreadPoolExecutor

    case = draw_case("gru", 20, 16, 64, dtype, 5)
    params, z, state, mask, dh, dstate = case

    def work(_):
        h, final, pullback = cells.gru_forward(params, z, state)
        return [h, final, *pullback(dh, dstate)[:2]]

    wanted = work(0)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(work, range(40)):
            for a, b in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("change", ["dtype", "layout", "shape", "mask", "ids", "empty", "negative id"])
def test_wrong_arrays_raise(change):
    params, z, state, mask, dh, _ = draw_case("lstm", 4, 3, 8, np.float32, 6, masked=True)
    ids = None
    if change == "dtype":
        params["W_h"] = params["W_h"].astype(np.float64)
    elif change == "layout":
        params["W_h"] = np.asfortranarray(params["W_h"])
    elif change == "shape":
        state = state[:, :2]
    elif change == "mask":
        mask = mask.astype(np.float32)
    elif change == "empty":
        z, mask = z[:0], mask[:0]
    else:
        z, ids, mask = z[0], np.full((4, 3), 3 if change == "ids" else -1, np.int32), None
    with pytest.raises((TypeError, ValueError, IndexError)):
        cells.lstm_forward(params, z, state, mask, ids=ids)


def test_wrong_gradients_raise():
    params, z, state, mask, dh, dstate = draw_case("gru", 4, 3, 8, np.float32, 7)
    _, _, pullback = cells.gru_forward(params, z, state)
    for bad in (dh[:2], dh.astype(np.float64), dh[:, ::-1], dh[0]):
        with pytest.raises((TypeError, ValueError)):
            pullback(bad)
    with pytest.raises(ValueError):
        pullback(dh, dstate[:, :1])
