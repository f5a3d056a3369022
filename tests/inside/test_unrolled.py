"""The network step by step: the same numbers as the engine's, edge by edge."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import UsageError
from elman.inside import unrolled
from elman.nn.network import Network, NetworkConfig, initialise

from ..oracles import STEPS, log_softmax
from .test_inspection import LINES, make, make_classifier

CASES = [
    ("rnn", 1, {}),
    ("rnn", 2, {"activation": "relu", "embedding_size": 3}),
    ("lstm", 2, {}),
    ("lstm", 1, {"bias": False, "embedding_size": 2}),
    ("gru", 2, {}),
    ("gru", 1, {"bias": False}),
]


def gradients(network, ids, state):
    """Steps, gradients by step in order of time, and logit gradients, of the sum of losses."""
    steps = unrolled.forward(network, ids[:-1], state)
    dlogits = [unrolled.loss_of(s.logits, t)[1] for s, t in zip(steps, ids[1:], strict=True)]
    return steps, list(unrolled.backward(network, steps, dlogits))[::-1], dlogits


@pytest.mark.parametrize(("cell", "layers", "options"), CASES)
def test_what_the_edges_bring_sums_up_to_the_gradient_of_the_engine(rng, cell, layers, options):
    network = make(cell, layers=layers, **options).network
    ids = rng.integers(0, 6, (7, 2)).astype(np.int32)
    state = rng.normal(0, 0.5, network.zero_state(2).shape)
    steps, found, dlogits = gradients(network, ids, state)
    network.loss_and_gradient(ids[:-1], ids[1:], np.ones((6, 2)), state)
    total = {name: np.zeros_like(a) for name, a in network.parameters.items()}
    for step, back, dy in zip(steps, found, dlogits, strict=True):
        for name, part in unrolled.contributions(network, step, back, dy).items():
            total[name] += part
    for name, expected in network.gradient.items():
        np.testing.assert_allclose(total[name], expected, atol=1e-11, err_msg=name)
    logits, _ = network.predict(ids[:-1], state)
    np.testing.assert_allclose([step.logits for step in steps], logits, atol=1e-12)


@pytest.mark.parametrize(("cell", "layers", "options"), CASES)
def test_the_edges_of_a_state_sum_up(rng, cell, layers, options):
    network = make(cell, layers=layers, **options).network
    ids = rng.integers(0, 6, (5, 1)).astype(np.int32)
    _, found, _ = gradients(network, ids, network.zero_state(1))
    for t, back in enumerate(found):
        for layer in range(layers):
            edges = back[layer]
            np.testing.assert_allclose(edges.above + edges.next[0], edges.hidden, atol=1e-14)
            later = found[t + 1][layer].before if t + 1 < len(found) else 0 * edges.next
            np.testing.assert_array_equal(edges.next, later)
            if layer:
                np.testing.assert_array_equal(edges.x, back[layer - 1].above)


def loss_with(network, ids, place, change):
    """The loss of the last prediction, with one state replaced by what `change` makes of it.

    place : (layer, state, step). Written from the equations, one step and layer at a time.
    """
    p, config = network.parameters, network.config
    h = np.zeros((config.num_layers, config.hidden_size))
    c = np.zeros_like(h)
    for t, symbol in enumerate(ids[:-1]):
        x = np.eye(config.vocabulary_size)[symbol]
        for layer in range(config.num_layers):
            z = x @ p[f"layer{layer}.W_x"] + p[f"layer{layer}.b"]
            step = STEPS[config.cell]
            options = {"activation": config.activation} if config.cell == "rnn" else {}
            before = c[layer].copy()
            h[layer], new = step(z, h[layer], before, p[f"layer{layer}.W_h"],
                                 p.get(f"layer{layer}.c_n"), **options)  # fmt: skip
            if config.cell == "lstm":
                c[layer] = new
                if place == (layer, 1, t):  # h_t hangs on c_t: o is what it was
                    o = h[layer] / np.tanh(c[layer])
                    c[layer] = change(c[layer])
                    h[layer] = o * np.tanh(c[layer])
            if place == (layer, 0, t):
                h[layer] = change(h[layer])
            x = h[layer]
    logits = h[-1] @ p["readout.W_y"] + p["readout.b_y"]
    return -log_softmax(logits)[ids[-1]]


def norm_of(network, ids, place):
    """The norm of the derivative by a state, by central differences."""
    derivative = []
    for unit in range(network.config.hidden_size):

        def value(by, unit=unit):
            return loss_with(network, ids, place, lambda a: a + by * np.eye(len(a))[unit])

        derivative.append((value(1e-5) - value(-1e-5)) / 2e-5)
    return np.linalg.norm(derivative)


@pytest.mark.parametrize(
    ("cell", "layers", "activation"),
    [("rnn", 1, "tanh"), ("rnn", 2, "relu"), ("lstm", 2, "tanh"), ("gru", 2, "tanh")],
)
def test_gradient_norms_are_those_of_central_differences(rng, cell, layers, activation):
    network = make(cell, layers=layers, activation=activation, hidden=4).network
    ids = rng.integers(0, 6, 9)
    found = unrolled.gradient_norms(network, ids, steps=4)
    assert found.shape == (layers, 1 + (cell == "lstm"), 5)
    places = range(4, 8)  # of the losses: 4 symbols before, one behind
    for layer in range(layers):
        for state in range(found.shape[1]):
            for k in range(5):
                norms = [norm_of(network, ids[: t + 2], (layer, state, t - k)) for t in places]
                assert found[layer, state, k] == pytest.approx(np.mean(norms), rel=1e-6)


def test_gradients_vanish_and_explode(rng):
    """Where tanh is linear and W_h = γ·Q, the norm is multiplied by γ at every step."""
    for gamma in (0.5, 1.2):
        config = NetworkConfig(6, "rnn", 8, activation="tanh")
        network = Network(config, np.float64)
        initialise(network.parameters, config, "orthogonal", gamma, rng)
        network.parameters["layer0.W_x"][...] *= 1e-8  # tanh stays where it is linear
        network.parameters["layer0.b"][...] = 0
        norms = unrolled.gradient_norms(network, rng.integers(0, 6, 60), steps=20)[0, 0]
        np.testing.assert_allclose(norms[1:] / norms[:-1], gamma, rtol=1e-4)


def test_windows_are_spread_and_the_state_is_that_of_the_whole_text(rng):
    network = make("gru").network
    ids = rng.integers(0, 6, 40)
    every = unrolled.gradient_norms(network, ids, steps=3, windows=1000)
    each = [
        unrolled.gradient_norms(network, ids[: t + 5], steps=3, windows=10**6) for t in range(36)
    ]
    np.testing.assert_allclose(each[-1], every)
    first, last = each[0], 36 * every - 35 * each[-2]  # of means over t: the last term
    two = unrolled.gradient_norms(network, ids, steps=3, windows=2)
    np.testing.assert_allclose(two, (first + last) / 2)


def test_a_text_and_a_line():
    model = make("lstm", LINES)
    line = unrolled.gradient_norms(model, "abc", steps=2)
    ids = [5, *LINES.encode("abc"), 6]
    np.testing.assert_array_equal(line, unrolled.gradient_norms(model.network, ids, steps=2))
    with pytest.raises(UsageError, match="a text of 5 symbols is too short for 4 steps back"):
        unrolled.gradient_norms(model, "abc", steps=4)
    with pytest.raises(UsageError, match="needs a language model"):
        unrolled.gradient_norms(make_classifier(), "abc", steps=1)
