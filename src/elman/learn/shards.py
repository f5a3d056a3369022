"""A batch in groups of neighbouring rows, whose gradients are added in one fixed order.

A shard is a part of the work that does not depend on who does it. The gradient of each is
computed alone, with random numbers of its own, and all are added as a binary tree:

    shard 0 ──┐
    shard 1 ──┴──┐
    shard 2 ──┐  ├── the gradient of the batch
    shard 3 ──┴──┘

So the bits of a training depend on the number of shards, never on the number of processes that
share them (EasyScale, Li et al. 2023). A rank adds the subtrees that are its own; the ranks
exchange the rest by columns, and each adds those of its columns.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from zlib import crc32

import numpy as np

from ..errors import ElmanError, UsageError
from .ranks import Alone

Array = np.ndarray
TOGETHER = 8  # shards in one pass: each needs memory for a gradient

Compute = Callable[[range, list[int], Array], Array | float]
Node = tuple[int, int]  # the first shard of a subtree, and how many it has


class Shards:
    """The shards of every batch, and the ranks that share them.

    Raises UsageError for more ranks than shards.
    """

    def __init__(self, count: int = 1, ranks: Alone | None = None):
        self.count, self.ranks = count, ranks or Alone()
        if self.ranks.size > count:
            least = 1 << (self.ranks.size - 1).bit_length()
            raise UsageError(
                f"{self.ranks.size} ranks cannot share {count} shard{'s' * (count > 1)}: give "
                f"--shards {least}, or start at most {count}"
            )
        self.shares = borders(count, self.ranks.size)
        self.nodes = [subtrees(*share) for share in pairwise(self.shares)]
        self.own = range(self.shares[self.ranks.rank], self.shares[self.ranks.rank + 1])
        self._kept: dict[int, Array] = {}  # unfinished sums by their place; -1: several gradients

    def rows(self, width: int) -> list[int]:
        """Where the rows of every shard begin in a batch of `width`, and `width`: (S + 1,)."""
        return borders(width, self.count)

    def mine(self, width: int) -> Iterator[tuple[int, slice]]:
        """The shards of this rank that have rows, of so many, and which."""
        rows = self.rows(width)
        for shard in self.own:
            if rows[shard] < rows[shard + 1]:
                yield shard, slice(rows[shard], rows[shard + 1])

    def gradient(self, flat: Array, width: int, compute: Compute, together: int = 1) -> float:
        """The gradient of a batch, in `flat`, and its loss.

        Parameters
        ----------
        flat : (P,) where `compute` leaves a gradient
        width : rows of the batch
        compute : (shards, where their rows begin and end, gradients) -> their losses. Loss and
            gradient have the weights of the whole batch. The gradient of one shard is left in
            `flat`, those of several in `gradients` (shards, P)
        together : how many shards `compute` takes at once, at most
        """
        losses, rows = np.zeros(self.count), self.rows(width)
        done: list[tuple[Node, Array]] = []
        for first, size in subtrees(self.own.start, self.own.stop, together):
            shards = range(first, first + size)
            gradients = flat[None] if size == 1 else self._memory(-1, (size, len(flat)), flat.dtype)
            if rows[first] == rows[shards.stop]:  # fewer rows than shards
                flat[:] = 0
            else:
                mine = rows[first : shards.stop + 1]
                losses[first : shards.stop] = compute(shards, mine, gradients)
            for shard, gradient in zip(shards, [flat] if size == 1 else gradients, strict=True):
                _add(done, (shard, 1), gradient)
            if shards.stop != self.own.stop:  # the next ones need the memory
                node, total = done[-1]
                kept = self._memory(len(done) - 1, flat.shape, flat.dtype)
                kept[:] = total
                done[-1] = node, kept
        self._combine(flat, [array for _, array in done])
        return self.total(losses)

    def total(self, values: Array) -> float:
        """The sum of one number (S,) of every shard, those of this rank filled in."""
        self.ranks.gather(values, self.shares)
        level = values.tolist()
        while len(level) > 1:
            level = [a + b for a, b in zip(level[::2], level[1::2], strict=True)]
        return level[0]

    def gather(self, whole: Array, rows: list[int]) -> None:
        """Fill in, in place, what other ranks have computed.

        Parameters
        ----------
        whole : (n, ...) C-contiguous
        rows : where those of every shard begin, see `rows`
        """
        self.ranks.gather(whole, [rows[shard] for shard in self.shares])

    def refuse_drift(self, parameters: Array) -> None:
        """Raise ElmanError if the parameters of a rank differ from those of rank 0."""
        sums = self.ranks.figure(crc32(parameters.data))
        if set(sums) != {sums[0]}:
            raise ElmanError(
                "the ranks compute different bits: their processors or NumPy differ; use machines "
                "of the same kind, or --engine native"
            )

    def _combine(self, flat: Array, parts: list[Array]) -> None:
        """The sum of the subtrees of all ranks, in `flat`."""
        ranks, columns = self.ranks, borders(len(flat), self.ranks.size)
        pieces = ranks.exchange(parts, [len(nodes) for nodes in self.nodes], columns)
        done: list[tuple[Node, Array]] = []
        for node, piece in zip((n for nodes in self.nodes for n in nodes), pieces, strict=True):
            _add(done, node, piece)
        ((_, total),) = done
        if total is not flat:
            flat[columns[ranks.rank] : columns[ranks.rank + 1]] = total
        ranks.gather(flat, columns)

    def _memory(self, place: int, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """An array that is allocated again only for another shape."""
        kept = self._kept.get(place)
        if kept is None or (kept.shape, kept.dtype) != (shape, dtype):
            kept = self._kept[place] = np.empty(shape, dtype)
        return kept


def _add(done: list[tuple[Node, Array]], node: Node, array: Array) -> None:
    """Append a subtree to the finished ones; with its left sister it is a larger one, and so on.

    The sum is in `array`.
    """
    first, size = node
    while done and done[-1][0] == (first - size, size) and first // size % 2:
        (first, _), sister = done.pop()
        np.add(sister, array, out=array)
        size *= 2
    done.append(((first, size), array))


def borders(items: int, groups: int) -> list[int]:
    """Where each of some groups of neighbours begins, and the end of the last: (groups + 1,).

    Sizes differ by at most one, the larger first.

    Example
    -------
    >>> borders(10, 4)
    [0, 3, 6, 8, 10]
    """
    each, more = divmod(items, groups)
    return [each * group + min(group, more) for group in range(groups + 1)]


def subtrees(first: int, end: int, largest: int | None = None) -> list[Node]:
    """The fewest subtrees of the binary tree that neighbouring shards are, left to right.

    `largest`, a power of two, is the most shards of one.

    Example
    -------
    >>> subtrees(3, 8)
    [(3, 1), (4, 4)]
    """
    found = []
    while first < end:
        size = first & -first or 1 << (end.bit_length() - 1)  # the largest that begins here
        while first + size > end or size > (largest or size):
            size //= 2
        found.append((first, size))
        first += size
    return found
