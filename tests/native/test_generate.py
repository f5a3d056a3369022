"""The native loop that writes symbols against the reference of `elman.tasks.language.sampling`."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

from elman._native import network as native  # noqa: E402
from elman.cells import CELLS  # noqa: E402
from elman.nn.engine import select  # noqa: E402
from elman.nn.network import NetworkConfig  # noqa: E402
from elman.tasks.language.sampling import SamplingOptions, Start, continuation, generate  # noqa: E402

from .closeness import assert_close  # noqa: E402
from .test_network import pair  # noqa: E402

options = st.builds(
    SamplingOptions,
    temperature=st.sampled_from([0.0, 0.3, 1.0, 1.7]),
    top_k=st.sampled_from([0, 1, 3, 100, 10**30]),
    top_p=st.sampled_from([1.0, 0.9, 0.3]),
    greedy=st.sampled_from([False, False, True]),
)


def sharpen(*networks):
    """Distributions far from even, so that rounding cannot change a choice."""
    for network in networks:
        network.parameters["readout.W_y"][...] *= 8


@settings(max_examples=30)
@given(
    cell=st.sampled_from(list(CELLS)),
    V=st.integers(2, 40),
    layers=st.integers(1, 3),
    embedding_size=st.sampled_from([0, 5]),
    P=st.integers(1, 4),
    N=st.integers(1, 20),
    B=st.integers(1, 6),
    how=options,
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_continuation(level, dtype, cell, V, layers, embedding_size, P, N, B, how, seed, data):
    config = NetworkConfig(V, cell, 19, layers, embedding_size, bias=seed % 3 > 0)
    network, reference = pair(config, dtype, seed)
    network.engine = select("native", data.draw(st.integers(1, 3)))
    sharpen(network, reference)
    rng = np.random.default_rng(seed)
    ids, uniforms = rng.integers(0, V, (P, B)), rng.random((N, B))
    state = rng.uniform(-1, 1, (layers, CELLS[cell].STATES, B, 19)).astype(dtype)
    forbidden = np.zeros(V, bool)
    forbidden[: data.draw(st.integers(0, V - 1))] = True
    end = data.draw(st.sampled_from([None, V - 1]))
    before = state.copy()
    symbols, after = native.writer(network)(ids, state, how, uniforms, forbidden, end)
    wide = state.astype(np.float64)
    wanted, wanted_after = continuation(reference, ids, wide, how, uniforms, forbidden, end)
    np.testing.assert_array_equal(symbols, wanted)
    np.testing.assert_array_equal(state, before)
    if end is None:
        assert_close(after, wanted_after, 4)


@pytest.mark.parametrize("how", [SamplingOptions(), SamplingOptions(0.8, 10, 0.9)])
def test_the_same_seed_gives_the_same_text_on_either_engine(how):
    network, reference = pair(NetworkConfig(65, "lstm", 64, 2), np.float32)
    sharpen(network, reference)
    text = []
    for model in (network, reference):
        start = Start(model.zero_state(1), np.array([3, 1, 4]))
        text.append(list(islice(generate(model, start, how, np.random.default_rng(5), [0]), 700)))
    assert text[0] == text[1]


@pytest.mark.parametrize("length", [None, 5, 300])
def test_only_as_many_numbers_are_drawn_as_symbols_are_written(length):
    """So that the next line of a model of lines is the same on either engine."""
    network, reference = pair(NetworkConfig(12, "gru", 16), np.float64)
    after = []
    for model in (network, reference):
        rng = np.random.default_rng(2)
        start = Start(model.zero_state(1), np.array([1]))
        symbols = list(generate(model, start, SamplingOptions(), rng, [0], 7, length))
        assert len(symbols) == length or symbols[-1] == 7
        after.append((symbols, rng.random()))
    assert after[0] == after[1]


@pytest.mark.parametrize("wanted", [1, 2, 3, 20, 100])
def test_numbers_for_symbols_that_nobody_asked_for_are_not_drawn(wanted):
    """So that the sample after one that a stop text ends is the same on either engine."""
    network, reference = pair(NetworkConfig(12, "gru", 16), np.float64)
    after = []
    for model in (network, reference):
        rng = np.random.default_rng(2)
        start = Start(model.zero_state(1), np.array([1]))
        symbols = generate(model, start, SamplingOptions(), rng, [0])
        written = list(islice(symbols, wanted))
        symbols.close()
        after.append((written, rng.random()))
    assert after[0] == after[1]
    assert after[0][1] == np.random.default_rng(2).random(wanted + 1)[-1]


@pytest.mark.parametrize("how", [SamplingOptions(), SamplingOptions(top_p=0.3)])
def test_an_end_that_may_not_come_first_is_drawn_again_on_either_engine(how):
    network, reference = pair(NetworkConfig(12, "gru", 16), np.float64)
    written = []
    for model in (network, reference):
        model.parameters["readout.b_y"][7] += 3
        rng, start = np.random.default_rng(2), Start(model.zero_state(1), np.array([1]))
        lines = [list(generate(model, start, how, rng, [0], 7, 9, empty=False)) for _ in range(99)]
        assert all(line[0] != 7 for line in lines)
        assert sum(line[-1] == 7 for line in lines) > 50
        written.append(lines)
    assert written[0] == written[1]


@pytest.mark.parametrize(("cell", "hidden_size"), [("rnn", 1030), ("lstm", 515), ("gru", 605)])
def test_one_stream_divided_over_threads(cell, hidden_size, level):
    network, _ = pair(NetworkConfig(30, cell, hidden_size, 2), np.float32)
    sharpen(network)
    how, uniforms = SamplingOptions(), np.random.default_rng(1).random((12, 1))
    ids, state = np.array([[3], [1]]), network.zero_state(1)
    results = []
    for threads in (1, 2, 3, 2):
        network.engine = select("native", threads)
        write = native.writer(network)
        results.append(write(ids, state, how, uniforms, np.zeros(30, bool), None))
    for symbols, after in results[1:]:
        np.testing.assert_array_equal(symbols, results[0][0])
        assert_close(after, results[0][1].astype(np.float64))
    np.testing.assert_array_equal(results[1][1], results[3][1])


def test_large_vocabularies_and_even_distributions():
    network, _ = pair(NetworkConfig(5000, "rnn", 8), np.float32)
    network.parameters.flat[:] = 0
    uniforms = np.linspace(0, 1, 64, endpoint=False)[:, None]
    how, none = SamplingOptions(top_k=64), np.zeros(5000, bool)
    ids, state = np.array([[1]]), network.zero_state(1)
    symbols, _ = native.writer(network)(ids, state, how, uniforms, none, None)
    np.testing.assert_array_equal(symbols[:, 0], np.arange(64))  # of equals, the first


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_broken_logits_give_symbols_of_the_vocabulary(bad):
    network, _ = pair(NetworkConfig(9, "rnn", 8), np.float32)
    network.parameters["readout.b_y"][3:5] = bad
    for how in (SamplingOptions(), SamplingOptions(1, 3, 0.5), SamplingOptions(greedy=True)):
        symbols, _ = native.writer(network)(
            np.array([[1]]), network.zero_state(1), how, np.random.random((30, 1)),
            np.zeros(9, bool), None,
        )  # fmt: skip
        assert ((symbols >= 0) & (symbols < 9)).all()


def test_wrong_arrays_raise():
    network, _ = pair(NetworkConfig(9, "rnn", 8), np.float32)
    good = (
        np.array([[1]]), network.zero_state(1), SamplingOptions(), np.zeros((3, 1)),
        np.zeros(9, bool), None,
    )  # fmt: skip
    native.writer(network)(*good)
    for place, wrong in [
        (0, np.array([[9]])), (0, np.array([[-1]])), (0, np.zeros((0, 1), int)),
        (1, network.zero_state(2)), (1, network.zero_state(1).astype(np.float64)),
        (3, np.zeros((3, 2))), (3, np.zeros((3, 1), np.float32)), (4, np.zeros(8, bool)), (5, 9),
    ]:  # fmt: skip
        arguments = list(good)
        arguments[place] = wrong
        with pytest.raises((IndexError, TypeError, ValueError)):
            native.writer(network)(*arguments)
    numbers = native.architecture(network)
    packed = np.empty(_core.packed_size(numbers, network.parameters.flat), np.float32)
    for change in ((0, 3), (3, 10), (5, 9), (6, 2), (4, 1), (3, 1 << 62), (5, 1 << 40), (6, -1)):
        wrong = list(numbers)
        wrong[change[0]] = change[1]
        with pytest.raises(ValueError, match=r"architecture|cell"):
            _core.generate(
                tuple(wrong), network.parameters.flat, packed, np.zeros((1, 1), np.int32),
                np.zeros((1, 1)), 1.0, 0, 1.0, np.zeros(9, bool), -1, network.zero_state(1),
                np.zeros((1, 1), np.int32),
            )  # fmt: skip
