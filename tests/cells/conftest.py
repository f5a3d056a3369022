"""Random cells to compare with other implementations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from elman.cells import CELLS

T, B, H = 5, 3, 4


@dataclass
class Case:
    """A cell with everything that its forward function takes, and gradients for its pullback."""

    cell: str
    params: dict[str, np.ndarray]
    z: np.ndarray
    state: np.ndarray
    dh: np.ndarray
    dstate: np.ndarray
    options: dict = field(default_factory=dict)

    def forward(self, mask=None):
        return CELLS[self.cell].forward(self.params, self.z, self.state, mask, **self.options)

    def as_type(self, dtype):
        arrays = (self.z, self.state, self.dh, self.dstate)
        params = {name: value.astype(dtype) for name, value in self.params.items()}
        return Case(self.cell, params, *(a.astype(dtype) for a in arrays), self.options)


def make_case(name: str, steps: int = T, batch: int = B, hidden: int = H) -> Case:
    """`name` is "rnn tanh", "rnn relu", "lstm", "gru" or "gru without c_n"."""
    rng = np.random.default_rng(3)
    cell = name.split()[0]
    gates, states = CELLS[cell].GATES, CELLS[cell].STATES
    params = {"W_h": rng.normal(0, 0.6, (hidden, gates * hidden))}
    if name == "gru":
        params["c_n"] = rng.normal(0, 0.5, hidden)
    return Case(
        cell,
        params,
        rng.normal(0, 1, (steps, batch, gates * hidden)),
        rng.normal(0, 0.7, (states, batch, hidden)),
        rng.normal(0, 1, (steps, batch, hidden)),
        rng.normal(0, 1, (states, batch, hidden)),
        {"activation": name.split()[1]} if cell == "rnn" else {},
    )


NAMES = ["rnn tanh", "rnn relu", "lstm", "gru", "gru without c_n"]


@pytest.fixture(params=NAMES)
def case(request) -> Case:
    return make_case(request.param)
