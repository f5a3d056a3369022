"""Minibatches of a corpus part: an epoch is a plan, a plan is a sequence of batches.

A plan is a function of the part, the settings, the seed and the number of the
epoch alone, so a resumed run finds its place again by two integers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ...learn.batches import columns, groups_by_length
from ...nn.layers import loss_weights
from ...text.parts import Part
from ...text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Batch:
    """T steps of B sequences.

    Attributes
    ----------
    inputs, targets : (T, B) int32; targets are the inputs one step on
    mask : (T, B) bool, False where a sequence is padded; None without padding
    fresh : whether the state before it is zero, not that of the batch before
    anew : (B,) bool, the sequences whose state is zero though others continue; None: none
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None
    fresh: bool
    anew: np.ndarray | None = None

    @property
    def width(self) -> int:
        return self.inputs.shape[1]

    @property
    def predictions(self) -> int:
        return self.inputs.size if self.mask is None else int(self.mask.sum())

    def part(self, rows: slice) -> "Batch":
        """Some of its sequences."""
        anew = None if self.anew is None else self.anew[rows]
        inputs, targets = columns(self.inputs, rows), columns(self.targets, rows)
        mask = None if self.mask is None else columns(self.mask, rows)
        return Batch(inputs, targets, mask, self.fresh, anew)

    def weights(self, loss: str, dtype: np.dtype) -> np.ndarray:
        """The weight (T, B) of every prediction in the loss.

        `mean` averages over time and batch, `sum` sums over time and averages
        over the batch.
        """
        return loss_weights(self.inputs.shape, self.mask, loss, dtype)


class Plan(Protocol):
    """The batches of an epoch, made when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Batch: ...


class ConsecutivePlan:
    """Windows of B parallel streams, one after the other, the state carried along.

    The streams start at b·(N // B). As in min-char-rnn a new pass begins when
    `position + T + 1 >= N`, N being the length of the shortest stream, so up to
    T + 1 symbols at the end of each stream are not reached.
    """

    def __init__(self, ids: np.ndarray, seq_len: int, batch_size: int):
        self.ids, self.seq_len = ids, seq_len
        stream = len(ids) // batch_size
        self.starts = np.arange(batch_size) * stream
        self.windows = max(0, -(-(stream - seq_len - 1) // seq_len))

    def __len__(self) -> int:
        return self.windows

    def __getitem__(self, index: int) -> Batch:
        places = self.starts + index * self.seq_len + np.arange(self.seq_len + 1)[:, None]
        window = self.ids[places].astype(np.int32)
        return Batch(window[:-1], window[1:], None, fresh=index == 0)

    def before(self, index: int) -> np.ndarray:
        """The symbols (B,) before a batch; where there is none, another."""
        return self.ids[self.starts + index * self.seq_len - 1]


class Windows:
    """Every prediction of the slices of a part, in windows of at most T that end with a slice."""

    def __init__(self, part: Part, seq_len: int):
        self.ids, self.seq_len = part.ids, seq_len
        slices = np.array([[0, len(part.ids)]]) if part.slices is None else part.slices
        self.begins, self.ends = slices[:, 0], slices[:, 1]
        counts = -(-np.maximum(0, self.ends - self.begins - 1) // seq_len)
        self.first = np.concatenate([[0], np.cumsum(counts)])  # window of each slice

    def __len__(self) -> int:
        return int(self.first[-1])

    def _places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The slices (B,) of windows, and their numbers within these."""
        known = np.minimum(numbers, len(self) - 1)
        of = np.searchsorted(self.first, known, side="right") - 1
        return of, known - self.first[of]

    def first_places(self, numbers: np.ndarray) -> np.ndarray:
        """Where in the part windows (B,) begin."""
        of, within = self._places(numbers)
        return self.begins[of] + within * self.seq_len

    def batch(self, numbers: np.ndarray, fresh: bool) -> Batch:
        """A batch of windows; those beyond the last are padding."""
        of, within = self._places(numbers)
        places = self.begins[of] + within * self.seq_len + np.arange(self.seq_len + 1)[:, None]
        last = self.ends[of] - 1
        mask = (places[1:] <= last) & (numbers < len(self))
        window = self.ids[np.minimum(places, last)].astype(np.int32)
        return Batch(window[:-1], window[1:], None if mask.all() else mask, fresh, within == 0)


class RandomPlan:
    """All windows of T predictions in random order, each from a zero state.

    The last window of a slice is padded, so every prediction comes exactly once an epoch.
    """

    def __init__(self, part: Part, seq_len: int, batch_size: int, rng: np.random.Generator):
        self.windows, self.batch_size = Windows(part, seq_len), batch_size
        self.order = rng.permutation(len(self.windows))

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        numbers = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.windows.batch(numbers, fresh=True)


class SlicesPlan:
    """Windows of several slices in B parallel streams, the state carried within a slice."""

    def __init__(self, part: Part, seq_len: int, batch_size: int):
        self.windows = Windows(part, seq_len)
        self.each = -(-len(self.windows) // batch_size)
        self.starts = np.arange(batch_size) * self.each

    def __len__(self) -> int:
        return self.each

    def __getitem__(self, index: int) -> Batch:
        return self.windows.batch(self.starts + index, fresh=index == 0)

    def before(self, index: int) -> np.ndarray:
        """The symbols (B,) before a batch; where there is none, another."""
        return self.windows.ids[self.windows.first_places(self.starts + index) - 1]


class ResetPlan:
    """The batches of another plan, of which each sequence may begin from a zero state.

    A network that has always carried a state does not know the zero state that writing and
    scoring begin from (Melis, Dyer and Blunsom 2018). Prompts and files begin where lines do.

    Parameters
    ----------
    share : of the sequences, drawn by `key` and the number of the batch
    newline : windows that begin behind it are drawn `LINES` times as often; None: there is none
    """

    LINES = 20

    def __init__(
        self,
        plan: ConsecutivePlan | SlicesPlan,
        share: float,
        key: Sequence[int],
        newline: int | None = None,
    ):
        self.plan, self.share, self.key, self.newline = plan, share, key, newline

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> Batch:
        batch = self.plan[index]
        lines = False if self.newline is None else self.plan.before(index) == self.newline
        shares = self.share * np.where(lines, self.LINES, 1)
        drawn = np.random.default_rng([*self.key, index]).random(batch.width) < shares
        return replace(batch, anew=drawn if batch.anew is None else drawn | batch.anew)


class LinesPlan:
    """Lines in random order, each a sequence `<begin> line <end>`, padded and masked.

    Lines of similar length are put together. A batch whose lines exceed the
    window is cut into several, which carry the state like consecutive batches.
    """

    def __init__(
        self,
        part: Part,
        vocabulary: Vocabulary,
        seq_len: int,
        batch_size: int,
        rng: np.random.Generator | None,
    ):
        assert part.offsets is not None and part.rows is not None
        assert vocabulary.begin is not None and vocabulary.end is not None
        self.part, self.seq_len = part, seq_len
        self.begin, self.end = vocabulary.begin, vocabulary.end
        lengths = part.offsets[part.rows + 1] - part.offsets[part.rows]
        groups = groups_by_length(lengths, batch_size, rng)
        # every entry: the rows of a batch, and the first step of the window
        self.windows = [
            (part.rows[group], start)
            for group in groups
            for start in range(0, int(lengths[group].max()) + 1, seq_len)
        ]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Batch:
        rows, start = self.windows[index]
        offsets = self.part.offsets
        assert offsets is not None
        first, length = offsets[rows], offsets[rows + 1] - offsets[rows]
        end = min(start + self.seq_len, int(length.max()) + 1)
        steps = np.arange(start, end + 1)[:, None]  # step 0 is <begin>, step length+1 is <end>
        inside = (steps >= 1) & (steps <= length)
        places = np.where(inside, first + steps - 1, 0)
        window = np.where(inside, self.part.ids[places].astype(np.int32), np.int32(self.end))
        window[np.broadcast_to(steps == 0, window.shape)] = self.begin
        mask = steps[1:] <= length + 1
        return Batch(window[:-1], window[1:], None if mask.all() else mask, fresh=start == 0)


def plan(
    part: Part,
    vocabulary: Vocabulary,
    batching: str,
    seq_len: int,
    batch_size: int,
    seed: int,
    epoch: int,
    reset: float = 0.0,
) -> Plan:
    """The batches of one epoch; a share `reset` of their windows begins from a zero state."""
    if part.offsets is None and batching == "consecutive":
        if part.slices is not None:
            carried: ConsecutivePlan | SlicesPlan = SlicesPlan(part, seq_len, batch_size)
        else:
            carried = ConsecutivePlan(part.ids, seq_len, batch_size)
        newline = vocabulary.opening
        return ResetPlan(carried, reset, [seed, 4, epoch], newline) if reset else carried
    rng = np.random.default_rng([seed, 1, epoch])
    if part.offsets is not None:
        return LinesPlan(part, vocabulary, seq_len, batch_size, rng)
    return RandomPlan(part, seq_len, batch_size, rng)


def fit(part: Part, batching: str, seq_len: int, batch_size: int) -> tuple[int, int]:
    """Window and batch size, shrunk where the part is too small to fill one batch."""
    if part.rows is not None:
        return seq_len, min(batch_size, len(part.rows))
    if part.slices is not None:
        seq_len = min(seq_len, int(np.diff(part.slices, axis=1).max()) - 1)
        return seq_len, min(batch_size, len(Windows(part, seq_len)))
    if batching == "random":
        seq_len = min(seq_len, len(part.ids) - 1)
        return seq_len, min(batch_size, -(-(len(part.ids) - 1) // seq_len))
    seq_len = min(seq_len, len(part.ids) - 2)
    return seq_len, max(1, min(batch_size, len(part.ids) // (seq_len + 2)))


def streams(part: Part, vocabulary: Vocabulary, seq_len: int, batch_size: int) -> Iterator[Batch]:
    """Every prediction of a part exactly once, in order, for evaluation.

    A stream is cut into `batch_size` equal streams that are read in parallel.
    """
    if part.offsets is not None:
        plan = LinesPlan(part, vocabulary, seq_len, batch_size, None)
        yield from (plan[i] for i in range(len(plan)))
        return
    if part.slices is not None:
        slices = SlicesPlan(part, seq_len, batch_size)
        yield from (slices[i] for i in range(len(slices)))
        return
    predictions = len(part.ids) - 1
    each = -(-predictions // batch_size)
    starts = np.arange(batch_size) * each
    for start in range(0, each, seq_len):
        steps = np.arange(start, min(start + seq_len, each) + 1)[:, None]
        places = starts + steps
        mask = (places[1:] <= predictions) & (steps[1:] <= each)
        window = part.ids[np.minimum(places, predictions)].astype(np.int32)
        yield Batch(window[:-1], window[1:], None if mask.all() else mask, fresh=start == 0)
