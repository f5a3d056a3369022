"""A part of a corpus: what is learned from, or held out."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Part:
    """A part of a corpus: a slice of a stream, several slices, or a choice of records.

    A single slice starts with the symbol before the part, if there is one, so that
    every symbol of the part is predicted: it has `len(ids) - 1` predictions. Of
    several slices nothing is predicted across a cut.

    Attributes
    ----------
    ids : (N,) the slice; of slices and records all of the corpus
    offsets : (records + 1,) where the records begin
    rows : (R,) the records that belong to the part
    slices : (S, 2) begin and end of the slices that belong to the part
    characters : how many characters the predicted symbols have, ends of records included; None:
        one each
    """

    ids: np.ndarray
    offsets: np.ndarray | None = None
    rows: np.ndarray | None = None
    slices: np.ndarray | None = None
    characters: int | None = None

    @property
    def characters_per_symbol(self) -> float:
        """1 for characters and bytes; of words their mean length in this part."""
        if self.characters is None or not self.predictions:
            return 1.0
        return self.characters / self.predictions

    @property
    def symbols(self) -> int:
        """How many symbols of the corpus there are in it."""
        if self.slices is not None:
            return int((self.slices[:, 1] - self.slices[:, 0]).sum())
        if self.offsets is None or self.rows is None:
            return len(self.ids)
        return int((self.offsets[self.rows + 1] - self.offsets[self.rows]).sum())

    @property
    def predictions(self) -> int:
        """How many symbols a model has to predict in it, ends of records included."""
        if self.slices is not None:
            return int(np.maximum(0, self.slices[:, 1] - self.slices[:, 0] - 1).sum())
        if self.offsets is None or self.rows is None:
            return max(0, len(self.ids) - 1)
        return int((self.offsets[self.rows + 1] - self.offsets[self.rows] + 1).sum())
