"""Minibatches of labelled texts, padded and masked; and batches to predict."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...learn.batches import groups_by_length
from ...text.labelled import Encoded, LabelledPart

SYMBOLS = 1024  # of a batch of texts to predict, padding included: its gates stay in the cache
FEW = 32  # texts: in smaller batches the time goes into calls, not into padding


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


def padded(texts: Encoded, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Texts side by side (T, B), and where they are (T, B); None if all are equally long."""
    first, length = texts.offsets[rows], texts.offsets[rows + 1] - texts.offsets[rows]
    steps = np.arange(length.max())[:, None]
    mask = steps < length
    inputs = texts.ids[np.where(mask, first + steps, first)].astype(np.int32)
    return inputs, None if mask.all() else mask


def by_length(texts: Encoded, symbols: int = SYMBOLS) -> Iterator[np.ndarray]:
    """Rows of texts of similar length, so many that a padded batch has at most `symbols`.

    A batch of FEW texts or more ends before one that is a quarter longer than its first.
    """
    order = np.argsort(texts.lengths, kind="stable")
    lengths = texts.lengths[order]
    start = 0
    while start < len(order):
        # The longest text of a batch is its last, so the size is found from both ends.
        size = max(1, symbols // max(1, int(lengths[start])))
        size = max(1, symbols // max(1, int(lengths[min(start + size, len(order)) - 1])))
        similar = int(np.searchsorted(lengths, 1.25 * lengths[start], side="right")) - start
        size = min(size, max(FEW, similar))
        yield order[start : start + size]
        start += size
