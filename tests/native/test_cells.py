"""The native cells against the reference of `elman.cells` in float64: outputs, every gradient."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

from elman._native.cells import LookUp, forward  # noqa: E402
from elman.cells import CELLS  # noqa: E402

from .closeness import assert_close, of_terms, wide  # noqa: E402

sizes = st.integers(1, 9)


def case(cell, T, B, H, dtype, seed=0, masked=False, c_n=True):
    rng = np.random.default_rng(seed)
    G, S = CELLS[cell].GATES, CELLS[cell].STATES
    params = {"W_h": (rng.standard_normal((H, G * H)) / np.sqrt(H)).astype(dtype)}
    if cell == "gru" and c_n:
        params["c_n"] = rng.standard_normal(H).astype(dtype)
    z = rng.standard_normal((T, B, G * H)).astype(dtype)
    state = rng.standard_normal((S, B, H)).astype(dtype)
    mask = rng.random((T, B)) < 0.6 if masked else None
    dh = rng.standard_normal((T, B, H)).astype(dtype)
    dstate = rng.standard_normal((S, B, H)).astype(dtype)
    return params, z, state, mask, dh, dstate


def check(cell, drawn, with_dstate=True, activation="tanh"):
    params, z, state, mask, dh, dstate = drawn
    inputs = [*params.values(), z, state, dh, dstate]
    before = [x.copy() for x in inputs]
    options = {"activation": activation} if cell == "rnn" else {}
    h, final, pullback = forward(cell, activation, params, z, state, mask)
    wanted_h, wanted_final, reference = CELLS[cell].forward(
        wide(params), wide(z), wide(state), mask, **options
    )
    assert_close(h, wanted_h, what="h")
    assert_close(final, wanted_final, what="state")
    wanted = reference(wide(dh), wide(dstate) if with_dstate else None)
    earlier = np.abs(np.concatenate([wide(state)[:1], wanted_h[:-1]]))
    for _ in range(2):  # a pullback can be called again
        dz, dstate0, dparams = pullback(dh, dstate if with_dstate else None)
        assert_close(dz, wanted[0], what="dz")
        assert_close(dstate0, wanted[1], what="dstate0")
        assert dparams.keys() == wanted[2].keys()
        rows = np.abs(wanted[0]).reshape(-1, z.shape[2])
        terms = {"W_h": earlier.reshape(len(rows), -1).T @ rows, "c_n": rows.sum(axis=0)}
        for name, gradient in dparams.items():
            assert_close(gradient, wanted[2][name], of_terms(terms[name], wanted[2][name]), name)
    for x, y in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=24)
@given(
    T=sizes,
    B=st.integers(1, 40),
    H=st.integers(1, 70),
    seed=st.integers(0, 99),
    masked=st.booleans(),
    with_dstate=st.booleans(),
    c_n=st.booleans(),
    threads=st.integers(1, 5),
)
def test_any_shape(cell, level, dtype, T, B, H, seed, masked, with_dstate, c_n, threads):
    _core.set_threads(threads)
    check(cell, case(cell, T, B, H, dtype, seed, masked, c_n), with_dstate)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", [(5, 32, 512), (3, 1, 513), (40, 7, 131)])
def test_large_shapes(cell, level, dtype, shape):
    check(cell, case(cell, *shape, dtype, masked=True))


def test_relu(level, dtype):
    check("rnn", case("rnn", 7, 9, 37, dtype, 1, masked=True), activation="relu")


@pytest.mark.parametrize("cell", CELLS)
def test_masked_positions_may_hold_anything(cell, level, dtype):
    params, z, state, mask, dh, dstate = case(cell, 6, 5, 19, dtype, 2, masked=True)

    def run():
        h, final, pullback = forward(cell, "tanh", params, z, state, mask)
        return [h, final, *pullback(dh, dstate)[:2]]

    results = run()
    z[~mask] = np.nan
    for a, b in zip(results, run(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", CELLS)
def test_ids_select_rows_of_a_table(cell, level, dtype):
    params, table, state, _, _, _ = case(cell, 1, 23, 21, dtype, 3)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 23, (8, 23)).astype(np.int32)
    dh = rng.standard_normal((8, 23, 21)).astype(dtype)
    h, _, pullback = forward(cell, "tanh", params, LookUp(table[0], ids), state)
    h2, _, pullback2 = forward(cell, "tanh", params, table[0][ids], state)
    np.testing.assert_array_equal(h, h2)
    np.testing.assert_array_equal(pullback(dh)[0], pullback2(dh)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_a_thread_count_gives_the_same_bits_every_time(cell, level, dtype):
    params, z, state, mask, dh, dstate = case(cell, 9, 37, 150, dtype, 4, masked=True)
    runs = []
    for threads in (2, 1, 3, 2):
        _core.set_threads(threads)
        h, final, pullback = forward(cell, "tanh", params, z, state, mask)
        dz, dstate0, dparams = pullback(dh, dstate)
        runs.append([h, final, dz, dstate0, *dparams.values()])
    for a, b in zip(runs[0], runs[3], strict=True):
        np.testing.assert_array_equal(a, b)
    for run in runs[1:]:
        for a, b in zip(run, runs[0], strict=True):
            assert_close(a, b)


def test_two_python_threads_at_once(dtype):
    params, z, state, _, dh, dstate = case("gru", 20, 16, 64, dtype, 5)

    def work(_):
        h, final, pullback = forward("gru", "tanh", params, z, state)
        return [h, final, *pullback(dh, dstate)[:2]]

    wanted = work(0)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(work, range(40)):
            for a, b in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", CELLS)
def test_views_are_as_good_as_arrays(cell, dtype):
    """State, mask, gradients and ids may be slices, transposes or broadcasts of other arrays."""
    params, z, state, mask, dh, dstate = case(cell, 6, 4, 9, dtype, 6, masked=True)

    def view(x):
        return np.asfortranarray(x)[::1]

    def run(change):
        h, final, pullback = forward(cell, "tanh", params, change(z), change(state), change(mask))
        return h, final, *pullback(change(dh), change(dstate))[:2]

    for a, b in zip(run(lambda x: x), run(view), strict=True):
        np.testing.assert_array_equal(a, b)
    h, _, pullback = forward(cell, "tanh", params, z, state)
    ones = np.broadcast_to(dtype.type(1), h.shape)
    np.testing.assert_array_equal(pullback(ones)[0], pullback(ones.copy())[0])
    ids = np.random.default_rng(0).integers(0, 4, (4, 6))  # int64
    a = forward(cell, "tanh", params, LookUp(z[0], ids.T), state)[0]
    b = forward(cell, "tanh", params, LookUp(z[0], ids.T.astype(np.int32)), state)[0]
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "change", ["dtype", "half", "layout", "shape", "mask", "empty", "id too large", "negative id",
               "id beyond 32 bits"],
)  # fmt: skip
def test_wrong_arrays_raise(change):
    params, z, state, mask, _, _ = case("lstm", 4, 3, 8, np.float32, 6, masked=True)
    if change == "dtype":
        params["W_h"] = params["W_h"].astype(np.float64)
    elif change == "half":
        params, z, state = ({"W_h": params["W_h"].astype("f2")}, z.astype("f2"), state.astype("f2"))
    elif change == "layout":
        params["W_h"] = np.asfortranarray(params["W_h"])
    elif change == "shape":
        state = state[:, :2]
    elif change == "mask":
        mask = mask.astype(np.float32)
    elif change == "empty":
        z, mask = z[:0], mask[:0]
    else:
        wrong = {"id too large": 3, "negative id": -1, "id beyond 32 bits": 1 << 32}[change]
        z, mask = LookUp(z[0], np.full((4, 3), wrong)), None
    with pytest.raises((TypeError, ValueError, IndexError)):
        forward("lstm", "tanh", params, z, state, mask)


def test_wrong_gradients_raise():
    params, z, state, _, dh, dstate = case("gru", 4, 3, 8, np.float32, 7)
    _, _, pullback = forward("gru", "tanh", params, z, state)
    for bad in (dh[:2], dh.astype(np.float64), dh[0]):
        with pytest.raises((TypeError, ValueError)):
            pullback(bad)
    with pytest.raises(ValueError, match="C-contiguous array of shape"):
        pullback(dh, dstate[:, :1])
