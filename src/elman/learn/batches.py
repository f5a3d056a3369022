"""Sequences of unlike length in batches, for any task."""

from collections.abc import Callable, Iterator

import numpy as np

from ..nn.engine import Engine
from ..text.encoded import Encoded

POOL = 64  # batches that are sorted by length together, to save padding
SYMBOLS = 1024  # of a batch that is only read, padding included: its gates stay in the cache
FEW = 32  # texts: in smaller batches the time goes into calls, not into padding


def groups_by_length(
    lengths: np.ndarray, batch_size: int, rng: np.random.Generator | None
) -> list[np.ndarray]:
    """Batches of row numbers, of similar length within pools; shuffled if `rng` is given.

    Parameters
    ----------
    lengths : (n,) of every row
    """
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    groups = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        groups += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    if rng is not None:
        groups = [groups[i] for i in rng.permutation(len(groups))]
    return groups


def padded(texts: Encoded, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """A batch of texts (T, B), and where they are (T, B); None if all are equally long."""
    first, length = texts.offsets[rows], texts.offsets[rows + 1] - texts.offsets[rows]
    steps = np.arange(length.max())[:, None]
    mask = steps < length
    inputs = texts.ids[np.where(mask, first + steps, first)].astype(np.int32)
    return inputs, None if mask.all() else mask


def columns(array: np.ndarray, rows: slice) -> np.ndarray:
    """Some sequences of an array (T, B); all of them are no copy."""
    return np.ascontiguousarray(array[:, rows])


def there(
    inputs: np.ndarray, mask: np.ndarray | None, rows: slice
) -> tuple[np.ndarray, np.ndarray | None]:
    """Some texts of a padded batch (T, B) without the steps that none of them has."""
    if mask is None:
        return columns(inputs, rows), None
    steps = int(mask[:, rows].sum(axis=0).max())
    inputs, mask = (np.ascontiguousarray(of[:steps, rows]) for of in (inputs, mask))
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


def side_by_side(
    texts: Encoded,
    engine: Engine | None,
    work: Callable[[np.ndarray, np.ndarray, np.ndarray | None], None],
    symbols: int = SYMBOLS,
) -> None:
    """`work` (rows, ids (T, B), mask) for all texts, in batches of similar length.

    With an engine every core runs batches of its own, so none waits for another. A batch has
    two texts at least, the only one twice: the native engine adds up a single row in another
    order than several, and what is said of a text must not depend on its neighbours. So B may
    be more than there are `rows`.
    """

    def padded_work(rows: np.ndarray) -> None:
        work(rows, *padded(texts, rows if len(rows) > 1 else rows.repeat(2)))

    # The longest go first, so that no core has much to do while the others are idle.
    batches = list(by_length(texts, symbols))[::-1]
    if engine is not None:
        engine.on_each_core(padded_work, batches)
        return
    for rows in batches:
        padded_work(rows)
