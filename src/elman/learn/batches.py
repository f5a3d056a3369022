"""Sequences of unlike length in batches, for any task."""

import numpy as np

POOL = 64  # batches that are sorted by length together, to save padding


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
