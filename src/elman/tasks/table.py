"""The table of n-grams of a network whose labels are learned: its setting, and how it learns."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..learn.loop import Loop
from ..nn.optimizers import RowAdagrad
from ..nn.stack import StackNetwork
from ..nn.wide import Ngrams
from ..settings import Settings
from ..store.checkpoint import Tensors

Array = np.ndarray
N = TypeVar("N", bound=StackNetwork)

RATE = 0.5  # of the table where the rest has its default; Adagrad makes it smaller by itself
# Of a table that has learned before: the sums that made its rate smaller are gone.
GOING_ON = 0.05
STATE = "training.optimizer.wide"

# Symbols of the longest n-gram. Of characters 4, 5 and 6: words of twelve languages by the table
# alone 0.864, 0.870 and 0.871.
LONGEST = {"char": 5, "byte": 5, "word": 2}


class TableLoop(Loop[N]):
    """A training run of a network that may have a table of n-grams.

    Attributes
    ----------
    default_rate : of its optimizer
    ngrams : which of a batch are read: `nn.wide.ngrams`, or `ngrams_around`
    """

    default_rate: float
    ngrams: Callable[[Array, Array | None, int, int], Ngrams]

    def __init__(self, network: N, settings: Settings):
        super().__init__(network, settings)
        table = network.parameters.get("wide.W")
        self.table = None if table is None else RowAdagrad(table)
        self.table_rate = GOING_ON if table is not None and table.any() else RATE

    def _loss(self, batch: Any) -> float:
        """The gradients of shards are added without the rows of the table that none reads."""
        if self.table is None or self.shards.count == 1:
            return super()._loss(batch)
        network, c = self.network, self.network.config
        dense, gradient = network.gradient.flat[: network.dense], network.gradient["wide.W"]
        found = self.ngrams(batch.inputs, batch.mask, c.wide, c.wide_ngrams)
        read, classes = np.unique(found.rows[found.there]), gradient.shape[1]
        flat = np.empty(len(dense) + len(read) * classes, network.dtype)
        rows = flat[len(dense) :].reshape(len(read), classes)

        def compute(shards: range, borders: list[int], _: Array) -> float:
            loss = self._gradient(batch, shards.start, slice(*borders))
            flat[: len(dense)], rows[...] = dense, gradient[read]
            return loss

        loss = self.shards.gradient(flat, batch.width, compute)
        network.clear_gradient()
        dense[:], gradient[read], network.touched = flat[: len(dense)], rows, read
        return loss

    def _step(self, gradient: Array, rate: float) -> None:
        super()._step(gradient, rate)
        if self.table is not None:
            rate *= self.table_rate / self.default_rate
            self.table.step(self.network.gradient["wide.W"], self.network.touched, rate)

    def tensors(self) -> Tensors:
        found = super().tensors()
        return found if self.table is None else found | {STATE: self.table.sum_squares}

    def scalars(self) -> dict[str, Any]:
        return super().scalars() | {"table_rate": self.table_rate}

    def restore(self, tensors: Tensors, state: dict[str, Any]) -> None:
        super().restore(tensors, state)
        if self.table is not None:
            self.table.sum_squares[:] = tensors[STATE]
            self.table_rate = state["table_rate"]


def table_of(rows: int | None, tokens: str | None) -> dict[str, int]:
    """The fields of a `StackConfig` for a table with this number of rows over symbols of a kind."""
    return {"wide": rows or 0, "wide_ngrams": LONGEST[tokens or "char"] if rows else 0}
