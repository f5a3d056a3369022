"""The long short-term memory, gate by gate."""

from __future__ import annotations

import numpy as np
import pytest

from elman.cells import lstm

BIG = 50.0  # a pre-activation at which a gate is fully open


def run(i=0.0, f=0.0, g=0.0, o=0.0, h=0.0, c=0.0):
    z = np.array([i, f, g, o]).reshape(1, 1, 4)
    state = np.array([h, c]).reshape(2, 1, 1)
    return lstm.forward({"W_h": np.zeros((1, 4))}, z, state)


def test_an_open_forget_gate_and_a_closed_input_gate_keep_the_cell():
    _, final, _ = run(i=-BIG, f=BIG, g=3.0, c=0.8)
    assert final[1].item() == pytest.approx(0.8)


def test_a_closed_forget_gate_and_an_open_input_gate_replace_the_cell():
    _, final, _ = run(i=BIG, f=-BIG, g=0.3, c=0.8)
    assert final[1].item() == pytest.approx(np.tanh(0.3))


def test_a_closed_output_gate_hides_the_cell():
    h, final, _ = run(f=BIG, o=-BIG, c=0.8)
    assert h.item() == pytest.approx(0, abs=1e-12)
    assert abs(final[1].item()) > 0.7


def test_gradients_pass_an_open_forget_gate_unharmed():
    """The constant error carousel: over 100 steps the gradient of the cell does not vanish."""
    z = np.tile([-BIG, BIG, 0.0, -BIG], 100).reshape(100, 1, 4)
    _, _, pullback = lstm.forward({"W_h": np.zeros((1, 4))}, z, np.zeros((2, 1, 1)))
    _, dstate, _ = pullback(np.zeros((100, 1, 1)), np.array([0.0, 1.0]).reshape(2, 1, 1))
    assert dstate[1].item() == pytest.approx(1)
