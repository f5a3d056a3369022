"""The numerical gradient check: it passes, and it would find a wrong gradient."""

from __future__ import annotations

import numpy as np
import pytest

from elman.cells import CELLS
from elman.nn import check, layers


@pytest.fixture(scope="module")
def results():
    return list(check.check_all())


def test_every_gradient_is_right(results):
    worst = max(results, key=lambda r: r.error)
    assert worst.error <= 1e-6, worst
    assert all(r.passed for r in results)


def test_it_covers_every_cell_depth_loss_and_tensor(results):
    cases = {r.case for r in results}
    assert len(cases) == len({"rnn tanh", "rnn relu", "lstm", "gru"}) * (
        2 + 3 * 2 + 3 * 2 + 1 + 2 * 2
    )
    for cell in ("rnn tanh", "rnn relu", "lstm", "gru"):
        own = [r for r in results if r.case.startswith(cell)]
        tensors = {r.tensor for r in own}
        assert {"z", "W_h", "first state", "embedding.E", "layer2.W_h", "readout.W_y",
                "readout.b_y", "layer0.b"} <= tensors  # fmt: skip
        assert ("layer1.c_n" in tensors) == (cell == "gru")
        assert any("masked" in r.case for r in own)
        assert any("mean" in r.case for r in own)
        assert any("sum" in r.case for r in own)
    assert all(r.entries > 0 for r in results)


def spoil(monkeypatch, cell, change):
    """Let the pullback of a cell go wrong in one small way."""
    forward = CELLS[cell].forward

    def wrong(*arguments, **options):
        h, state, pullback = forward(*arguments, **options)

        def wrong_pullback(*gradients):
            dz, dstate, dparams = pullback(*gradients)
            change(dz, dstate, dparams)
            return dz, dstate, dparams

        return h, state, wrong_pullback

    monkeypatch.setattr(CELLS[cell], "forward", wrong)


def one_entry_of_z(dz, dstate, dparams):
    dz[1, 0, 0] *= 1.001


def a_transposed_weight(dz, dstate, dparams):
    H = len(dparams["W_h"])
    dparams["W_h"][:, :H] = dparams["W_h"][:, :H].T.copy()


def a_lost_state(dz, dstate, dparams):
    dstate[-1] = 0


@pytest.mark.parametrize(
    ("cell", "change"),
    [
        ("rnn", one_entry_of_z),
        ("rnn", a_transposed_weight),
        ("rnn", a_lost_state),
        ("lstm", a_lost_state),
        ("gru", one_entry_of_z),
    ],
)
def test_a_broken_pullback_of_a_cell_is_found(monkeypatch, cell, change):
    spoil(monkeypatch, cell, change)
    first = next(r for r in check.check_all() if not r.passed)
    assert first.case.startswith(cell)


def test_a_broken_pullback_of_a_layer_is_found(monkeypatch):
    softmax_cross_entropy = layers.softmax_cross_entropy

    def wrong(logits, targets):
        nats, pullback = softmax_cross_entropy(logits, targets)
        return nats, lambda dnats: pullback(dnats) + 1e-4

    monkeypatch.setattr(layers, "softmax_cross_entropy", wrong)
    assert any(not r.passed for r in check.check_all())


def test_errors_are_relative_to_the_largest_entry():
    a, b = np.array([1.0, 2.0, 1e-9]), np.array([1.0, 2.002, 0.0])
    assert check.relative_error(a, b) == pytest.approx(0.001, rel=0.01)
    assert check.relative_error(np.zeros(3), np.zeros(3)) == 0
    assert check.relative_error(np.ones(3), np.zeros(3)) == 1


def test_central_differences_of_a_cubic():
    x = np.array([0.5, -2.0])
    gradient = check.numerical_gradient(lambda: float((x**3).sum()), x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-8)
    assert x.tolist() == [0.5, -2.0]
