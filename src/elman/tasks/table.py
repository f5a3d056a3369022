"""The table of n-grams of a network whose labels are learned: its setting, and how it learns."""

from typing import Any, TypeVar

import numpy as np

from ..learn.loop import Loop
from ..nn.optimizers import RowAdagrad
from ..nn.stack import StackNetwork
from ..settings import Settings
from ..store.checkpoint import Tensors

Array = np.ndarray
N = TypeVar("N", bound=StackNetwork)

RATE = 0.5  # of the table where the rest has its default; Adagrad makes it smaller by itself
STATE = "training.optimizer.wide"

# Symbols of the longest n-gram. Of characters 4, 5 and 6: words of twelve languages by the table
# alone 0.864, 0.870 and 0.871.
LONGEST = {"char": 5, "byte": 5, "word": 2}


class TableLoop(Loop[N]):
    """A training run of a network that may have a table of n-grams."""

    default_rate: float  # of its optimizer

    def __init__(self, network: N, settings: Settings):
        super().__init__(network, settings)
        table = network.parameters.get("wide.W")
        self.table = None if table is None else RowAdagrad(table)

    def _step(self, gradient: Array, rate: float) -> None:
        super()._step(gradient, rate)
        if self.table is not None:
            rate *= RATE / self.default_rate
            self.table.step(self.network.gradient["wide.W"], self.network.touched, rate)

    def tensors(self) -> Tensors:
        found = super().tensors()
        return found if self.table is None else found | {STATE: self.table.sum_squares}

    def restore(self, tensors: Tensors, state: dict[str, Any]) -> None:
        super().restore(tensors, state)
        if self.table is not None:
            self.table.sum_squares[:] = tensors[STATE]


def table_of(rows: int | None, tokens: str | None) -> dict[str, int]:
    """The fields of a `StackConfig` for a table of so many rows over symbols of a kind."""
    return {"wide": rows or 0, "wide_ngrams": LONGEST[tokens or "char"] if rows else 0}
