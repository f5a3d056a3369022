"""The gated recurrent unit, gate by gate."""

from __future__ import annotations

import numpy as np
import pytest

from elman.cells import gru

BIG = 50.0


def run(r=0.0, z=0.0, n=0.0, h=0.6, U_n=0.0, c_n=None):
    params = {"W_h": np.array([[0.0, 0.0, U_n]])}
    if c_n is not None:
        params["c_n"] = np.array([c_n])
    a = np.array([r, z, n]).reshape(1, 1, 3)
    return gru.forward(params, a, np.full((1, 1, 1), h))[0].item()


def test_an_open_update_gate_keeps_the_state():
    assert run(z=BIG, n=-2.0) == pytest.approx(0.6)


def test_a_closed_update_gate_takes_the_candidate():
    assert run(z=-BIG, n=0.3) == pytest.approx(np.tanh(0.3))


def test_the_reset_gate_acts_after_the_product_and_the_second_bias():
    inner = 0.6 * 2.0 + 0.5
    assert run(r=BIG, z=-BIG, n=0.3, U_n=2.0, c_n=0.5) == pytest.approx(np.tanh(0.3 + inner))
    assert run(r=-BIG, z=-BIG, n=0.3, U_n=2.0, c_n=0.5) == pytest.approx(np.tanh(0.3))
    assert run(r=0.0, z=-BIG, n=0.3, U_n=2.0, c_n=0.5) == pytest.approx(np.tanh(0.3 + inner / 2))


def test_no_second_bias_is_a_zero_one():
    assert run(r=0.4, n=0.1, U_n=1.5) == run(r=0.4, n=0.1, U_n=1.5, c_n=0.0)
