"""Which predictions the batches of an epoch hold, and in which order."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.tasks.language.batches import Batch, fit, plan, streams
from elman.text.parts import Part
from elman.text.vocabulary import BEGIN, END, Vocabulary

STREAM = Vocabulary("char", [chr(0x100 + i) for i in range(1000)])
LINES = Vocabulary("char", [*"abcdefghijklmnopqrstuvwxyz", BEGIN, END])
SIZES = st.integers(1, 12)


def part_of(size: int) -> Part:
    """Symbols that tell their position."""
    return Part(np.arange(size, dtype=np.uint16))


def epoch(part, batching, seq_len, batch_size, number=0, seed=0, vocabulary=STREAM):
    batches = plan(part, vocabulary, batching, seq_len, batch_size, seed, number)
    return [batches[i] for i in range(len(batches))]


def predictions(batches) -> Counter:
    """How often each pair (input, target) is counted."""
    found: Counter = Counter()
    for batch in batches:
        mask = np.ones(batch.inputs.shape, bool) if batch.mask is None else batch.mask
        found.update(zip(batch.inputs[mask].tolist(), batch.targets[mask].tolist(), strict=True))
    return found


# --------------------------------------------------------------------------- consecutive


def anew(share, number=0, slices=None) -> np.ndarray:
    """Which sequences of which batch of an epoch begin from a zero state."""
    part = Part(np.arange(5000, dtype=np.uint16), slices=slices)
    batches = plan(part, STREAM, "consecutive", 5, 8, 0, number, share)
    found = [batches[i] for i in range(len(batches))]
    plain = epoch(part, "consecutive", 5, 8, number)
    for batch, known in zip(found, plain, strict=True):  # the text is the same
        np.testing.assert_array_equal(batch.inputs, known.inputs)
        assert batch.fresh == known.fresh
    return np.array([b.anew if b.anew is not None else np.zeros(8, bool) for b in found])


def test_a_share_of_the_windows_begins_anew_each_epoch_others():
    drawn = anew(0.1)
    assert 0.07 < drawn.mean() < 0.13
    np.testing.assert_array_equal(drawn, anew(0.1))
    assert not np.array_equal(drawn, anew(0.1, number=1))
    assert anew(1.0).all() and not anew(0.0).any()


@pytest.mark.parametrize("slices", [None, np.array([[0, 1500], [1500, 5000]])])
def test_windows_that_begin_a_line_begin_anew_twenty_times_as_often(slices):
    """As prompts and files do; every line here is 0, 1, …, 8 and a newline, 9."""
    letters = Vocabulary("char", [*"abcdefghi", "\n"])
    part = Part((np.arange(5000) % 10).astype(np.uint8), slices=slices)
    begins, drawn = [], []
    for number in range(20):
        carried = plan(part, letters, "consecutive", 7, 8, 0, number)
        batches = plan(part, letters, "consecutive", 7, 8, 0, number, 0.02)
        for i in range(1, len(batches)):  # nothing is before the first
            known = carried[i].anew
            free = np.full(8, True) if known is None else ~known
            begins.extend(carried[i].inputs[0, free] == 0)
            drawn.extend(batches[i].anew[free])
    begins, drawn = np.array(begins), np.array(drawn)
    assert 0.35 < drawn[begins].mean() < 0.45
    assert 0.015 < drawn[~begins].mean() < 0.025


def test_slices_begin_anew_besides():
    slices = np.array([[0, 1000], [1000, 5000]])
    begins, both = anew(0.0, slices=slices), anew(0.1, slices=slices)
    assert begins.any() and both[begins].all()
    assert 0.07 < both[~begins].mean() < 0.13


def gist_positions(length: int, seq_len: int) -> list[int]:
    """Where min-char-rnn's loop stands before each update of one pass."""
    position, found = 0, []
    while position + seq_len + 1 < length:
        found.append(position)
        position += seq_len
    return found


@given(st.integers(3, 300), SIZES, SIZES)
def test_consecutive_windows_follow_the_rule_of_the_gist(size, seq_len, batch_size):
    batches = epoch(part_of(size), "consecutive", seq_len, batch_size)
    stream = size // batch_size
    assert len(batches) == len(gist_positions(stream, seq_len))
    for number, (batch, position) in enumerate(
        zip(batches, gist_positions(stream, seq_len), strict=True)
    ):
        assert batch.mask is None
        assert batch.fresh == (number == 0)
        assert batch.inputs.shape == (seq_len, batch_size)
        for b in range(batch_size):
            first = b * stream + position
            assert batch.inputs[:, b].tolist() == list(range(first, first + seq_len))
        np.testing.assert_array_equal(batch.targets, batch.inputs + 1)


@given(st.integers(3, 300), SIZES, SIZES)
def test_consecutive_covers_each_prediction_at_most_once_and_leaves_only_ends_out(
    size, seq_len, batch_size
):
    """Of each stream at most T + 1 symbols are not reached, as the docstring says."""
    batches = epoch(part_of(size), "consecutive", seq_len, batch_size)
    found = predictions(batches)
    assert set(found.values()) <= {1}
    stream = size // batch_size
    for b in range(batch_size):
        reached = [target for _, target in found if b * stream < target < (b + 1) * stream]
        last = max(reached, default=b * stream)
        assert (b + 1) * stream - 1 - last <= seq_len + 1
        assert sorted(reached) == list(range(b * stream + 1, last + 1)), "no gap before the end"


# --------------------------------------------------------------------------- random


@given(st.integers(2, 300), SIZES, SIZES, st.integers(0, 3))
def test_random_covers_every_prediction_exactly_once_an_epoch(size, seq_len, batch_size, number):
    batches = epoch(part_of(size), "random", seq_len, batch_size, number)
    assert predictions(batches) == Counter({(i, i + 1): 1 for i in range(size - 1)})
    assert sum(batch.predictions for batch in batches) == size - 1
    assert all(batch.fresh for batch in batches)
    assert all(batch.inputs.shape[1] == batch_size for batch in batches[:-1])
    assert 1 <= batches[-1].inputs.shape[1] <= batch_size


def test_random_windows_keep_their_order_inside():
    for batch in epoch(part_of(101), "random", 10, 3):
        assert (np.diff(batch.inputs, axis=0) == 1).all()


@pytest.mark.parametrize("lines", [False, True])
def test_epochs_and_seeds_shuffle_anew_and_repeat(lines):
    part, vocabulary = part_of(500), STREAM
    if lines:
        part, vocabulary = lines_part(["ab" * (1 + i % 5) for i in range(40)]), LINES

    def order(**at):
        batches = epoch(part, "random", 5, 4, vocabulary=vocabulary, **at)
        return [(len(batch.inputs), batch.inputs[-1].tolist()) for batch in batches]

    assert order(number=0) == order(number=0)
    assert order(number=0) != order(number=1)
    assert order(seed=0) != order(seed=1)


# --------------------------------------------------------------------------- lines


def lines_part(lines, rows=None) -> Part:
    ids = np.concatenate([LINES.encode(line) for line in lines])
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    return Part(ids, offsets, np.arange(len(lines)) if rows is None else np.asarray(rows))


def read_lines(batches) -> list[str]:
    """The lines that the batches spell, joined over windows that carry the state."""
    found: list[str] = []
    open_lines: list[list[int]] = []
    for batch in batches:
        width = batch.inputs.shape[1]
        if batch.fresh:
            found += [spell(ids) for ids in open_lines]
            open_lines = [[] for _ in range(width)]
            assert (batch.inputs[0] == LINES.begin).all()
        assert len(open_lines) == width
        mask = np.ones(batch.inputs.shape, bool) if batch.mask is None else batch.mask
        for b in range(width):
            inputs, targets = batch.inputs[mask[:, b], b], batch.targets[mask[:, b], b]
            if len(inputs):
                before = open_lines[b][-1:] or [LINES.begin]
                assert inputs.tolist() == [*before, *targets[:-1].tolist()]
            open_lines[b] += targets.tolist()
    return found + [spell(ids) for ids in open_lines]


def spell(ids: list[int]) -> str:
    assert ids.count(LINES.end) == 1
    assert ids[-1] == LINES.end
    return LINES.decode(ids)


TEXTS = st.lists(st.text("abcdefghij", min_size=1, max_size=20), min_size=1, max_size=30)


@given(TEXTS, SIZES, SIZES, st.integers(0, 2))
def test_lines_cover_every_symbol_and_every_end_exactly_once(lines, seq_len, batch_size, number):
    part = lines_part(lines)
    batches = epoch(part, "consecutive", seq_len, batch_size, number, vocabulary=LINES)
    assert sorted(read_lines(batches)) == sorted(lines)
    assert sum(batch.predictions for batch in batches) == part.predictions
    assert all(len(batch.inputs) <= seq_len for batch in batches)


def test_lines_of_another_part_do_not_appear():
    lines = ["a", "bb", "ccc", "dddd", "eeeee"]
    part = lines_part(lines, rows=[1, 3])
    batches = epoch(part, "random", 8, 2, vocabulary=LINES)
    assert sorted(read_lines(batches)) == ["bb", "dddd"]


def test_lines_of_similar_length_share_a_batch():
    """Little padding: of 400 lines with 1 to 40 letters less than a tenth."""
    lines = ["a" * (1 + i * 17 % 40) for i in range(400)]
    batches = epoch(lines_part(lines), "random", 64, 8, vocabulary=LINES)
    cells = sum(batch.inputs.size for batch in batches)
    assert sum(batch.predictions for batch in batches) / cells > 0.9


# --------------------------------------------------------------------------- fitting


@given(st.integers(3, 400), st.integers(1, 500), st.integers(1, 100))
@pytest.mark.parametrize("batching", ["consecutive", "random"])
def test_any_three_symbols_fill_a_batch(batching, size, seq_len, batch_size):
    part = part_of(size)
    fitted = fit(part, batching, seq_len, batch_size)
    assert 1 <= fitted[0] <= seq_len
    assert 1 <= fitted[1] <= batch_size
    batches = epoch(part, batching, *fitted)
    assert batches
    assert batches[0].inputs.shape == fitted
    assert batches[0].predictions >= 1


@given(st.integers(3, 400), SIZES, SIZES)
def test_what_fits_is_not_shrunk(size, seq_len, batch_size):
    fitted = fit(part_of(size), "consecutive", seq_len, batch_size)
    if size // batch_size >= seq_len + 2:
        assert fitted == (seq_len, batch_size)


@given(TEXTS, SIZES, SIZES)
def test_any_line_fills_a_batch(lines, seq_len, batch_size):
    part = lines_part(lines)
    fitted = fit(part, "consecutive", seq_len, batch_size)
    assert epoch(part, "consecutive", *fitted, vocabulary=LINES)


# --------------------------------------------------------------------------- evaluation


@given(st.integers(2, 300), SIZES, st.integers(1, 20))
def test_streams_cover_every_prediction_exactly_once_in_order(size, seq_len, batch_size):
    batches = list(streams(part_of(size), STREAM, seq_len, batch_size))
    assert predictions(batches) == Counter({(i, i + 1): 1 for i in range(size - 1)})
    assert [batch.fresh for batch in batches] == [True] + [False] * (len(batches) - 1)
    for b in range(batch_size):
        columns = [
            batch.inputs[:, b] if batch.mask is None else batch.inputs[batch.mask[:, b], b]
            for batch in batches
        ]
        assert (np.diff(np.concatenate(columns).astype(int)) == 1).all()


@given(TEXTS, SIZES, SIZES)
def test_streams_of_lines_cover_every_line_exactly_once(lines, seq_len, batch_size):
    batches = list(streams(lines_part(lines), LINES, seq_len, batch_size))
    assert sorted(read_lines(batches)) == sorted(lines)


# --------------------------------------------------------------------------- weights


def batch_with(mask) -> Batch:
    shape = (4, 2) if mask is None else mask.shape
    return Batch(np.zeros(shape, np.int32), np.zeros(shape, np.int32), mask, True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_averages_over_time_and_batch_and_sum_over_the_batch_alone(dtype):
    batch = batch_with(None)
    mean, summed = (batch.weights(loss, np.dtype(dtype)) for loss in ("mean", "sum"))
    assert mean.dtype == summed.dtype == dtype
    np.testing.assert_allclose(mean, 1 / 8)
    np.testing.assert_allclose(summed, 1 / 2)


def test_padding_weighs_nothing_and_does_not_count_in_the_mean():
    mask = np.array([[True, True], [True, False], [True, False]])
    batch = batch_with(mask)
    assert batch.predictions == 4
    np.testing.assert_allclose(batch.weights("mean", np.dtype(float)), mask / 4)
    np.testing.assert_allclose(batch.weights("sum", np.dtype(float)), mask / 2)


# --------------------------------------------------------------------------- slices


SLICES = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30)), min_size=2, max_size=8)


def sliced(gaps_and_lengths) -> Part:
    place, slices = 0, []
    for gap, length in gaps_and_lengths:
        place += gap
        slices.append((place, place + length))
        place += length
    return Part(np.arange(place), slices=np.array(slices))


def predictions_of(batches) -> list[tuple[int, int]]:
    """All (input, target) pairs that count."""
    found = []
    for batch in batches:
        mask = np.ones(batch.inputs.shape, bool) if batch.mask is None else batch.mask
        found += zip(batch.inputs[mask].tolist(), batch.targets[mask].tolist(), strict=True)
    return found


@given(SLICES, st.integers(1, 7), st.integers(1, 5))
def test_every_prediction_of_slices_comes_once_and_none_crosses_a_cut(slices, seq_len, batch_size):
    part = sliced(slices)
    wanted = [(i, i + 1) for a, b in part.slices.tolist() for i in range(a, b - 1)]
    if not wanted:
        return
    vocabulary = Vocabulary("char", ["a", "b"])
    seq_len, batch_size = fit(part, "consecutive", seq_len, batch_size)
    for batching in ("consecutive", "random"):
        epoch = plan(part, vocabulary, batching, seq_len, batch_size, 0, 0)
        assert sorted(predictions_of(epoch[i] for i in range(len(epoch)))) == wanted
    assert sorted(predictions_of(streams(part, vocabulary, seq_len, batch_size))) == wanted
    assert part.predictions == len(wanted)


@given(SLICES, st.integers(1, 7), st.integers(1, 5))
def test_the_state_goes_on_within_a_slice_and_nowhere_else(slices, seq_len, batch_size):
    part = sliced(slices)
    if not part.predictions:
        return
    seq_len, batch_size = fit(part, "consecutive", seq_len, batch_size)
    begins = set(part.slices[:, 0].tolist())
    epoch = plan(part, Vocabulary("char", ["a"]), "consecutive", seq_len, batch_size, 0, 0)
    last: dict[int, int] = {}
    for index in range(len(epoch)):
        batch = epoch[index]
        assert batch.fresh == (index == 0)
        for row in range(batch.inputs.shape[1]):
            valid = batch.mask is None or batch.mask[0, row]
            if not valid:
                continue
            first = int(batch.inputs[0, row])
            if not batch.fresh:
                assert batch.anew[row] == (first in begins)
                assert batch.anew[row] or first == last[row]
            steps = seq_len if batch.mask is None else int(batch.mask[:, row].sum())
            last[row] = int(batch.targets[steps - 1, row])
