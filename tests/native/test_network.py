"""Whole networks on the native engine against the reference in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

from elman.cells import CELLS  # noqa: E402
from elman.nn.engine import select  # noqa: E402
from elman.nn.network import Network, NetworkConfig, initialise  # noqa: E402

from .closeness import LIMIT, assert_close  # noqa: E402


def pair(config, dtype, seed=0):
    """The same network twice: native in `dtype`, reference in float64."""
    native = Network(config, dtype, select("native"))
    initialise(native.parameters, config, "uniform", 1.0, np.random.default_rng(seed))
    reference = Network(config, np.float64, select("numpy"))
    reference.parameters.flat[:] = native.parameters.flat
    return native, reference


def batch(config, T, B, dtype, seed, masked):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, config.vocabulary_size, (T + 1, B)).astype(np.int32)
    mask = rng.random((T, B)) < 0.7 if masked else None
    if masked:
        mask[0, 0] = True
    weights = rng.uniform(0.5, 2, (T, B)).astype(dtype) * (1 if mask is None else mask)
    shape = (config.num_layers, CELLS[config.cell].STATES, B, config.hidden_size)
    state = rng.uniform(-1, 1, shape).astype(dtype)
    return ids[:-1], ids[1:], weights.astype(dtype), state, mask


def check(config, T, B, dtype, seed=0, masked=False, cuts=(), detach=True):
    native, reference = pair(config, dtype, seed)
    inputs, targets, weights, state, mask = batch(config, T, B, dtype, seed, masked)
    before = [a.copy() for a in (inputs, targets, weights, state, native.parameters.flat)]

    def run(network, precision):
        rng = np.random.default_rng(seed) if config.dropout else None
        return network.loss_and_gradient(
            inputs, targets, weights.astype(precision), state.astype(precision), mask, rng,
            cuts, detach,
        )  # fmt: skip

    wanted_loss, wanted_states = run(reference, np.float64)
    largest = np.abs(reference.gradient.flat).max()
    for _ in range(2):  # the gradient is replaced, not added to
        loss, states = run(native, dtype)
        assert loss == pytest.approx(wanted_loss, rel=LIMIT[dtype], abs=LIMIT[dtype])
        assert len(states) == len(wanted_states) == len(cuts) + 1
        for a, b in zip(states, wanted_states, strict=True):
            assert_close(a, b, what="state")
        for name, gradient in native.gradient.items():
            wanted = reference.gradient[name]
            # where the terms of a sum cancel, its digits are those of its terms
            lost = max(1.0, largest / max(np.abs(wanted).max(), 1e-300))
            assert_close(gradient, wanted, lost, name)
    for a, b in zip(before, (inputs, targets, weights, state, native.parameters.flat), strict=True):
        np.testing.assert_array_equal(a, b)


configs = st.builds(
    NetworkConfig,
    vocabulary_size=st.integers(2, 40),
    cell=st.sampled_from(list(CELLS)),
    hidden_size=st.integers(1, 50),
    num_layers=st.integers(1, 3),
    embedding_size=st.sampled_from([0, 0, 1, 7, 20]),
    activation=st.sampled_from(["tanh", "tanh", "relu"]),
    bias=st.booleans(),
    dropout=st.sampled_from([0.0, 0.0, 0.3]),
)


@settings(max_examples=40)
@given(
    config=configs,
    T=st.integers(1, 12),
    B=st.integers(1, 20),
    seed=st.integers(0, 99),
    masked=st.booleans(),
    data=st.data(),
)
def test_loss_and_gradient(level, dtype, config, T, B, seed, masked, data):
    places = st.sets(st.integers(1, T - 1), max_size=3) if T > 1 else st.just(set())
    cuts, detach = sorted(data.draw(places)), data.draw(st.booleans())
    check(config, T, B, dtype, seed, masked, cuts, detach)


@pytest.mark.parametrize("cell", CELLS)
def test_a_large_network(cell, level, dtype):
    _core.set_threads(3)
    check(NetworkConfig(65, cell, 130, 2, dropout=0.25), 12, 33, dtype, masked=True, cuts=(5,))


@pytest.mark.parametrize("vocabulary_size", [2, 3000])
def test_vocabularies_smaller_and_larger_than_the_batch(vocabulary_size, level, dtype):
    check(NetworkConfig(vocabulary_size, "gru", 24), 5, 3, dtype)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("embedding_size", [0, 6])
def test_predict_and_nats(cell, embedding_size, level, dtype):
    config = NetworkConfig(31, cell, 45, 2, embedding_size)
    native, reference = pair(config, dtype)
    inputs, targets, _, state, mask = batch(config, 9, 5, dtype, 1, masked=True)
    logits, after = native.predict(inputs, state)
    wanted, wanted_after = reference.predict(inputs, state.astype(np.float64))
    assert_close(logits, wanted)
    assert_close(after, wanted_after)
    for m in (mask, None):
        nats, after = native.nats(inputs, targets, state, m)
        wanted, wanted_after = reference.nats(inputs, targets, state.astype(np.float64), m)
        if m is not None:
            nats, wanted = nats[m], wanted[m]
        np.testing.assert_allclose(nats, wanted, rtol=LIMIT[dtype], atol=LIMIT[dtype])
        assert_close(after, wanted_after)


def test_inputs_that_are_views_or_of_other_integer_types(dtype):
    """Batches may be slices of a corpus, states slices of a checkpoint."""
    config = NetworkConfig(11, "lstm", 13, 2)
    native, _ = pair(config, dtype)
    inputs, targets, weights, state, mask = batch(config, 6, 4, dtype, 2, masked=True)
    wanted, (after,) = native.loss_and_gradient(inputs, targets, weights, state, mask)
    gradient = native.gradient.flat.copy()
    for change in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]):
        for integer in (np.int64, np.uint8, np.int32):
            loss, (got,) = native.loss_and_gradient(
                change(inputs).astype(integer), change(targets.astype(integer)), change(weights),
                np.asfortranarray(state), change(mask),
            )  # fmt: skip
            assert loss == wanted
            np.testing.assert_array_equal(got, after)
            np.testing.assert_array_equal(native.gradient.flat, gradient)


def test_ids_out_of_range_raise():
    native, _ = pair(NetworkConfig(11, "rnn", 5), np.float32)
    ids = np.zeros((4, 1), np.int32)
    weights = np.ones((4, 1), np.float32)
    state = native.zero_state(1)
    for bad in (ids - 1, ids + 11, ids.astype(np.int64) + (1 << 32)):
        for arguments in ((bad, ids), (ids, bad)):
            with pytest.raises(IndexError):
                native.loss_and_gradient(*arguments, weights, state)
            with pytest.raises(IndexError):
                native.nats(*arguments, state)
