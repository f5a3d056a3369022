"""Minibatches of labelled texts, padded and masked."""

from dataclasses import dataclass

import numpy as np

from ...learn.batches import groups_by_length, padded
from ...text.labelled import LabelledPart


@dataclass(frozen=True)
class LabelledBatch:
    """B whole texts with their labels.

    Attributes
    ----------
    inputs : (T, B) int32, T the length of the longest
    labels : (B,)
    mask : (T, B) bool, False behind the end of a text; None without padding
    """

    inputs: np.ndarray
    labels: np.ndarray
    mask: np.ndarray | None

    @property
    def width(self) -> int:
        return len(self.labels)


class LabelledPlan:
    """Texts in random order, those of similar length together, padded and masked."""

    def __init__(self, part: LabelledPart, batch_size: int, rng: np.random.Generator):
        self.part = part
        groups = groups_by_length(part.texts.lengths[part.rows], batch_size, rng)
        self.groups = [part.rows[group] for group in groups]

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, index: int) -> LabelledBatch:
        rows = self.groups[index]
        inputs, mask = padded(self.part.texts, rows)
        return LabelledBatch(inputs, self.part.labels[rows], mask)
