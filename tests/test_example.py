"""The hundred lines of examples/min_char_rnn.py say the same as the engine."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from elman.nn.network import Network, NetworkConfig

PATH = Path(__file__).resolve().parents[1] / "examples" / "min_char_rnn.py"
NAMES = {
    "W_x": "layer0.W_x",
    "W_h": "layer0.W_h",
    "b": "layer0.b",
    "W_y": "readout.W_y",
    "b_y": "readout.b_y",
}
V, H, T = 7, 11, 13


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("min_char_rnn", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def params(example, rng):
    """Larger than the initial ones, biases too, so that no term of the gradient is negligible."""
    params = example.initial_parameters(V, H, rng, scale=0.5)
    params["b"] += rng.normal(0, 0.5, H)
    params["b_y"] += rng.normal(0, 0.5, V)
    return params


def engine_with(params) -> Network:
    network = Network(NetworkConfig(vocabulary_size=V, cell="rnn", hidden_size=H), np.float64)
    assert set(network.parameters) == set(NAMES.values())
    for name, value in params.items():
        network.parameters[NAMES[name]][...] = value
    return network


def test_loss_gradient_and_state_equal_the_engines(example, params, rng):
    inputs, targets = rng.integers(0, V, (2, T))
    h = rng.normal(0, 0.5, H)
    loss, gradient, last = example.loss_and_gradient(params, inputs, targets, h)

    network = engine_with(params)
    expected, states = network.loss_and_gradient(
        inputs.astype(np.int32)[:, None],
        targets.astype(np.int32)[:, None],
        np.ones((T, 1)),
        h.reshape(1, 1, 1, H),
    )
    assert loss == pytest.approx(expected, rel=1e-12)
    for name, value in gradient.items():
        np.testing.assert_allclose(
            value, network.gradient[NAMES[name]], rtol=1e-11, atol=1e-13, err_msg=name
        )
    np.testing.assert_allclose(last, states[-1].ravel(), rtol=1e-12, atol=1e-14)


def test_gradient_is_the_slope_of_the_loss(example, params, rng):
    """Central differences over every parameter."""
    inputs, targets = rng.integers(0, V, (2, T))
    h = rng.normal(0, 0.5, H)
    gradient = example.loss_and_gradient(params, inputs, targets, h)[1]
    for name, p in params.items():
        slope = np.empty_like(p)
        for i in np.ndindex(p.shape):
            kept = p[i]
            p[i] = kept + 1e-5
            above = example.loss_and_gradient(params, inputs, targets, h)[0]
            p[i] = kept - 1e-5
            below = example.loss_and_gradient(params, inputs, targets, h)[0]
            p[i] = kept
            slope[i] = (above - below) / 2e-5
        np.testing.assert_allclose(
            gradient[name], slope, rtol=0, atol=1e-7 * np.abs(slope).max(), err_msg=name
        )


def test_adagrad_has_epsilon_inside_the_root(example, params, rng):
    """Epsilon inside the root, entries clipped to ±5 first; the first step is the learning
    rate, up or down.
    """
    before = {name: p.copy() for name, p in params.items()}
    memory = {name: np.zeros_like(p) for name, p in params.items()}
    gradient = {name: rng.normal(0, 10, p.shape) for name, p in params.items()}
    example.adagrad(params, gradient, memory, 0.1)
    for name, p in params.items():
        clipped = np.clip(gradient[name], -5, 5)
        expected = before[name] - 0.1 * clipped / np.sqrt(clipped**2 + 1e-8)
        np.testing.assert_allclose(p, expected, rtol=1e-14, err_msg=name)


def test_it_learns_and_starts_again_at_the_end_of_the_text(example):
    ids = np.array([0, 1, 2, 3, 4, 5] * 20)
    losses = []
    training = example.train(ids, 6, hidden_size=16, T=25, learning_rate=0.1)
    for _, loss, params, h in islice(training, 300):  # noqa: B007
        losses.append(loss)
    assert losses[0] == pytest.approx(25 * np.log(6), rel=1e-3)
    assert losses[-1] < 1.0, f"a text of period six is easy, yet the loss is {losses[-1]}"
    written = example.sample(params, 0, np.zeros(16), 30, np.random.default_rng(0))
    assert sum((b - a) % 6 == 1 for a, b in pairwise(written)) >= 27, written
    assert h.shape == (16,)


def test_it_runs(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog.\n" * 30, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, PATH, text, "200"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert "bits per character" in run.stdout
    assert subprocess.run([sys.executable, PATH], capture_output=True, timeout=60).returncode != 0
