"""The vanilla cell, by hand."""

from __future__ import annotations

from math import tanh

import numpy as np
import pytest

from elman.cells import rnn


def test_two_steps_of_one_unit():
    W_h = np.array([[0.5]])
    z = np.array([0.3, -0.2]).reshape(2, 1, 1)
    h, final, _ = rnn.forward({"W_h": W_h}, z, np.full((1, 1, 1), 0.4))
    first = tanh(0.3 + 0.5 * 0.4)
    second = tanh(-0.2 + 0.5 * first)
    assert h.ravel() == pytest.approx([first, second], rel=1e-15)
    assert final.item() == h[-1].item()


def test_relu_passes_what_is_positive_and_its_gradient():
    z = np.array([2.0, -1.0]).reshape(1, 1, 2)
    zero = np.zeros((1, 1, 2))
    h, _, pullback = rnn.forward({"W_h": np.zeros((2, 2))}, z, zero, activation="relu")
    assert h.ravel().tolist() == [2.0, 0.0]
    dz, _, _ = pullback(np.ones((1, 1, 2)))
    assert dz.ravel().tolist() == [1.0, 0.0]


def test_gradients_vanish_and_explode_with_the_largest_eigenvalue():
    """A linear chain (ReLU, positive states): the gradient over k steps is W_h to the power k."""
    z = np.ones((10, 1, 1))
    for weight in (0.5, 2.0):
        W_h = np.array([[weight]])
        _, _, pullback = rnn.forward({"W_h": W_h}, z, np.ones((1, 1, 1)), activation="relu")
        dh = np.zeros((10, 1, 1))
        dh[-1] = 1
        assert pullback(dh)[1].item() == pytest.approx(weight**10)
