"""Whole networks: equal to plain loops, padded batches, truncation, initial values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from elman.nn.network import Network, NetworkConfig, initialise

from ..oracles import nats_of, run_network

V, H = 7, 6
CELLS = ["rnn", "lstm", "gru"]


def build(cell="gru", layers=1, dtype=np.float64, init="uniform", scale=None, seed=1, **options):
    config = NetworkConfig(V, cell, H, layers, **options)
    network = Network(config, dtype)
    initialise(network.parameters, config, init, scale, np.random.default_rng(seed))
    return network


def window(rng, T, B=1):
    ids = rng.integers(0, V, (T + 1, B)).astype(np.int32)
    return ids[:-1], ids[1:]


# --------------------------------------------------------------------------- equations


@pytest.mark.parametrize(
    ("cell", "layers", "options"),
    [
        ("rnn", 1, {}),
        ("rnn", 2, {"activation": "relu", "embedding_size": 3}),
        ("lstm", 2, {}),
        ("lstm", 1, {"bias": False}),
        ("gru", 3, {"embedding_size": 4}),
        ("gru", 2, {"bias": False}),
    ],
)
def test_logits_equal_plain_loops(rng, cell, layers, options):
    network = build(cell, layers, **options)
    inputs, _ = window(rng, 8)
    logits, _, _ = network.forward(inputs, network.zero_state(1))
    activation = options.get("activation", "tanh")
    expected = run_network(network.parameters, cell, inputs[:, 0], layers, activation)
    np.testing.assert_allclose(logits[:, 0], expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("cell", CELLS)
def test_nats_and_predict_carry_the_state(rng, cell):
    network = build(cell, 2)
    inputs, targets = window(rng, 9)
    ids = [*inputs[:, 0], targets[-1, 0]]
    expected = nats_of(network.parameters, cell, ids, 2)
    first, state = network.nats(inputs[:4], targets[:4], network.zero_state(1))
    second, _ = network.nats(inputs[4:], targets[4:], state)
    np.testing.assert_allclose(np.concatenate([first, second])[:, 0], expected, rtol=1e-11)
    logits, state = network.predict(inputs[:4], network.zero_state(1))
    more, _ = network.predict(inputs[4:], state)
    whole, _ = network.predict(inputs, network.zero_state(1))
    np.testing.assert_allclose(np.concatenate([logits, more]), whole, rtol=1e-13)


def test_dropout_acts_in_training_alone_and_on_the_top_layer_too(rng):
    network = build("gru", dropout=0.5)
    inputs, _ = window(rng, 8, 4)
    zero = network.zero_state(4)
    plain = network.forward(inputs, zero)[0]
    np.testing.assert_array_equal(plain, build("gru", dropout=0.0).forward(inputs, zero)[0])
    dropped = network.forward(inputs, zero, rng=np.random.default_rng(1))[0]
    assert not np.allclose(dropped, plain)
    again = network.forward(inputs, zero, rng=np.random.default_rng(1))[0]
    np.testing.assert_array_equal(again, dropped)


def test_dropout_does_not_touch_the_recurrence(rng):
    network = build("lstm", dropout=0.9)
    inputs, _ = window(rng, 8, 4)
    _, plain, _ = network.forward(inputs, network.zero_state(4))
    _, dropped, _ = network.forward(inputs, network.zero_state(4), rng=np.random.default_rng(1))
    np.testing.assert_array_equal(plain, dropped)


# --------------------------------------------------------------------------- losses


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_padded_lines_give_the_loss_and_gradient_of_the_lines_one_at_a_time(rng, cell, layers):
    network = build(cell, layers, embedding_size=3 if layers == 2 else 0)
    lengths = np.array([5, 1, 3, 7])
    inputs, targets = window(rng, 7, 4)
    mask = np.arange(7)[:, None] < lengths
    loss, states = network.loss_and_gradient(
        inputs, targets, mask.astype(float), network.zero_state(4), mask
    )
    gradient = network.gradient.flat.copy()
    alone_loss, alone_gradient = 0.0, np.zeros_like(gradient)
    for b, length in enumerate(lengths):
        part = (slice(0, length), slice(b, b + 1))
        weights = np.ones((length, 1))
        one, state = network.loss_and_gradient(
            inputs[part], targets[part], weights, network.zero_state(1)
        )
        alone_loss += one
        alone_gradient += network.gradient.flat
        np.testing.assert_allclose(states[-1][:, :, b], state[-1][:, :, 0], rtol=1e-12)
    assert loss == pytest.approx(alone_loss, rel=1e-13)
    np.testing.assert_allclose(gradient, alone_gradient, rtol=1e-9, atol=1e-14)


def test_what_stands_in_the_padding_does_not_matter(rng):
    network = build("lstm", 2)
    inputs, targets = window(rng, 6, 2)
    mask = np.arange(6)[:, None] < np.array([6, 2])
    results = []
    for filler in (0, V - 1):
        inputs[3:, 1] = targets[2:, 1] = filler
        loss, _ = network.loss_and_gradient(
            inputs, targets, mask.astype(float), network.zero_state(2), mask
        )
        results.append((loss, network.gradient.flat.copy()))
    assert results[0][0] == results[1][0]
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-16)


def test_the_loss_is_linear_in_its_weights(rng):
    network = build("gru")
    inputs, targets = window(rng, 6, 2)
    zero = network.zero_state(2)
    total, _ = network.loss_and_gradient(inputs, targets, np.ones((6, 2)), zero)
    gradient = network.gradient.flat.copy()
    mean, _ = network.loss_and_gradient(inputs, targets, np.full((6, 2), 1 / 12), zero)
    assert mean == pytest.approx(total / 12, rel=1e-14)
    np.testing.assert_allclose(network.gradient.flat, gradient / 12, rtol=1e-10, atol=1e-16)


def test_a_new_gradient_replaces_the_old_one(rng):
    network = build("gru")
    inputs, targets = window(rng, 6, 2)
    arguments = inputs, targets, np.ones((6, 2)), network.zero_state(2)
    network.loss_and_gradient(*arguments)
    once = network.gradient.flat.copy()
    network.loss_and_gradient(*arguments)
    np.testing.assert_array_equal(network.gradient.flat, once)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_array_has_the_dtype_of_the_network(rng, dtype):
    network = build("lstm", 2, dtype, embedding_size=3, dropout=0.2)
    inputs, targets = window(rng, 5, 2)
    logits, state, pullback = network.forward(inputs, network.zero_state(2), None, rng)
    dfirst = pullback(np.ones_like(logits), None)
    losses, _ = network.nats(inputs, targets, network.zero_state(2))
    for array in (logits, state, dfirst, losses, network.gradient.flat, network.parameters.flat):
        assert array.dtype == dtype


def test_the_first_state_is_not_modified(rng):
    network = build("lstm", 2)
    inputs, targets = window(rng, 5, 2)
    state = rng.normal(size=network.zero_state(2).shape)
    kept = state.copy()
    state.flags.writeable = False
    network.loss_and_gradient(inputs, targets, np.ones((5, 2)), state, cuts=(2,))
    np.testing.assert_array_equal(state, kept)


# --------------------------------------------------------------------------- truncation


@pytest.mark.parametrize("cell", CELLS)
def test_cuts_that_detach_equal_separate_windows(rng, cell):
    network = build(cell, 2)
    inputs, targets = window(rng, 10, 3)
    weights, zero = np.ones((10, 3)), network.zero_state(3)
    loss, states = network.loss_and_gradient(inputs, targets, weights, zero, cuts=(4, 7))
    gradient = network.gradient.flat.copy()
    separate, total, state = np.zeros_like(gradient), 0.0, zero
    for number, part in enumerate((slice(0, 4), slice(4, 7), slice(7, 10))):
        one, (state,) = network.loss_and_gradient(inputs[part], targets[part], weights[part], state)
        total += one
        separate += network.gradient.flat
        np.testing.assert_array_equal(states[number], state)
    assert loss == pytest.approx(total, rel=1e-14)
    np.testing.assert_allclose(gradient, separate, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("cell", CELLS)
def test_cuts_that_do_not_detach_leave_the_full_gradient(rng, cell):
    network = build(cell, 2)
    inputs, targets = window(rng, 10, 3)
    weights, zero = rng.uniform(0, 1, (10, 3)), network.zero_state(3)
    whole, (final,) = network.loss_and_gradient(inputs, targets, weights, zero)
    full = network.gradient.flat.copy()
    cut, states = network.loss_and_gradient(
        inputs, targets, weights, zero, cuts=(4, 7), detach=False
    )
    assert cut == pytest.approx(whole, rel=1e-14)
    assert len(states) == 3
    np.testing.assert_array_equal(states[-1], final)
    np.testing.assert_allclose(network.gradient.flat, full, rtol=1e-9, atol=1e-15)
    network.loss_and_gradient(inputs, targets, weights, zero, cuts=(4, 7))
    assert not np.allclose(network.gradient.flat, full)


def test_truncation_after_one_step_sees_no_past(rng):
    """With a cut at every step no gradient flows through W_h further than one step."""
    network = build("rnn", activation="tanh")
    inputs, targets = window(rng, 6)
    weights = np.zeros((6, 1))
    weights[-1] = 1  # only the last prediction counts
    network.loss_and_gradient(inputs, targets, weights, network.zero_state(1), cuts=range(1, 6))
    read = np.flatnonzero(np.abs(network.gradient["layer0.W_x"]).sum(axis=1))
    assert read.tolist() == [inputs[-1, 0]]


# --------------------------------------------------------------------------- initial values


def test_shapes_follow_the_configuration():
    shapes = NetworkConfig(V, "gru", H, 2, embedding_size=3).shapes()
    assert shapes == {
        "embedding.E": (V, 3),
        "layer0.W_x": (3, 3 * H), "layer0.W_h": (H, 3 * H), "layer0.b": (3 * H,),
        "layer0.c_n": (H,),
        "layer1.W_x": (H, 3 * H), "layer1.W_h": (H, 3 * H), "layer1.b": (3 * H,),
        "layer1.c_n": (H,),
        "readout.W_y": (H, V), "readout.b_y": (V,),
    }  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_without_bias_there_is_none_anywhere(cell):
    shapes = NetworkConfig(V, cell, H, 2, bias=False).shapes()
    assert all(len(shape) == 2 for shape in shapes.values())
    assert list(shapes) == ["layer0.W_x", "layer0.W_h", "layer1.W_x", "layer1.W_h", "readout.W_y"]


@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_parameters_is_what_the_arena_holds(cell):
    network = build(cell, 3, embedding_size=5)
    assert network.config.num_parameters() == network.parameters.flat.size
    assert all(view.base is network.parameters.flat for view in network.parameters.values())
    assert network.gradient.shapes == network.parameters.shapes


def wide(cell, init, scale=None, **options):
    """A network large enough for statistics."""
    config = NetworkConfig(50, cell, 100, 2, **options)
    network = Network(config, np.float64)
    initialise(network.parameters, config, init, scale, np.random.default_rng(0))
    return network.parameters


@pytest.mark.parametrize("cell", CELLS)
def test_uniform_fills_the_interval_of_the_fan_in(cell):
    for name, values in wide(cell, "uniform", embedding_size=30).items():
        values = np.delete(values, slice(100, 200)) if name.endswith(".b") else values
        assert np.abs(values).max() <= 0.1, name
        if values.size >= 1000:
            assert values.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.05), name
            assert values.mean() == pytest.approx(0, abs=0.01), name


@pytest.mark.parametrize(("scale", "sigma"), [(None, 0.01), (0.3, 0.3)])
def test_normal_has_the_given_deviation_and_zero_biases(scale, sigma):
    for name, values in wide("gru", "normal", scale).items():
        if values.ndim == 1:
            assert not values.any(), name
        else:
            assert values.std() == pytest.approx(sigma, rel=0.05), name


@pytest.mark.parametrize("scale", [None, 0.5])
@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_identity_and_orthogonal_concern_every_gate_of_the_recurrence(cell, gates, scale):
    gain = scale or 1.0
    identity, orthogonal = wide(cell, "identity", scale), wide(cell, "orthogonal", scale)
    for layer in range(2):
        blocks = np.split(identity[f"layer{layer}.W_h"], gates, axis=1)
        for block in blocks:
            np.testing.assert_array_equal(block, gain * np.eye(100))
        blocks = np.split(orthogonal[f"layer{layer}.W_h"], gates, axis=1)
        for block in blocks:
            np.testing.assert_allclose(block.T @ block, gain**2 * np.eye(100), atol=1e-12)
        assert not any(np.allclose(a, b) for a, b in pairwise(blocks))
    for parameters in (identity, orthogonal):  # the rest stays uniform, whatever the scale
        assert np.abs(parameters["readout.W_y"]).max() == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("init", ["uniform", "normal", "identity", "orthogonal"])
def test_the_forget_gate_starts_with_bias_one(init):
    parameters = wide("lstm", init)
    for layer in range(2):
        b = parameters[f"layer{layer}.b"]
        np.testing.assert_array_equal(b[100:200], 1)
        assert np.abs(np.delete(b, slice(100, 200))).max() <= 0.1


@pytest.mark.parametrize("init", ["uniform", "normal", "identity", "orthogonal"])
@pytest.mark.parametrize("cell", CELLS)
def test_one_seed_gives_float32_and_float64_the_same_start(cell, init):
    double = build(cell, 2, np.float64, init).parameters.flat
    single = build(cell, 2, np.float32, init).parameters.flat
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_another_seed_gives_another_start():
    assert (build(seed=1).parameters.flat != build(seed=2).parameters.flat).all()
