"""Optimizers against PyTorch's, where the formulas are the same."""

from __future__ import annotations

import numpy as np
import pytest

from elman.nn.optimizers import make

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("name", "theirs", "decay", "momentum", "options"),
    [
        ("sgd", "SGD", 0.0, 0.0, {}),
        ("sgd", "SGD", 0.0, 0.9, {"momentum": 0.9}),
        ("rmsprop", "RMSprop", 0.0, 0.0, {}),
        ("adam", "Adam", 0.0, 0.0, {}),
        ("adam", "AdamW", 0.2, 0.0, {"weight_decay": 0.2}),
    ],
)
def test_steps_equal_pytorchs(rng, name, theirs, decay, momentum, options):
    start, gradients = rng.normal(size=30), rng.normal(size=(10, 30))
    p = start.copy()
    ours = make(name, p, decay, momentum)
    parameter = torch.nn.Parameter(torch.from_numpy(start.copy()))
    other = getattr(torch.optim, theirs)([parameter], lr=0.05, **options)
    for gradient in gradients:
        ours.step(gradient, 0.05)
        parameter.grad = torch.from_numpy(gradient.copy())
        other.step()
        np.testing.assert_allclose(p, parameter.detach().numpy(), rtol=1e-9)


def test_adagrad_is_the_other_published_form(rng):
    """PyTorch adds ε to the root: the same where gradients are large, not where they are small."""
    start = np.zeros(2)
    p = start.copy()
    make("adagrad", p, 0.0, 0.0).step(np.array([1.0, 1e-6]), 0.1)
    parameter = torch.nn.Parameter(torch.from_numpy(start))
    other = torch.optim.Adagrad([parameter], lr=0.1, eps=1e-8)
    parameter.grad = torch.tensor([1.0, 1e-6], dtype=torch.float64)
    other.step()
    large, small = parameter.detach().numpy()
    assert p[0] == pytest.approx(large, rel=1e-6)
    assert abs(p[1]) < 0.02 * abs(small)
