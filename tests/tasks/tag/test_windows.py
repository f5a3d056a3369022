"""Windows count every symbol once, and what they give does not depend on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.tasks.tag.windows import encoded, whole, windows
from elman.text.vocabulary import Vocabulary


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(1, 20))
def test_every_symbol_counts_once(lengths, seq_len):
    offsets = np.cumsum([0, *lengths])
    ranges = np.stack([offsets[:-1], offsets[1:]], axis=1)
    found = windows(ranges, seq_len)
    assert (np.bincount(found.places[found.counts], minlength=offsets[-1]) == 1).all()
    assert (np.diff(found.offsets) <= seq_len).all()
    assert found.begin.sum() == found.end.sum() == len(lengths)
    for i in range(len(found)):
        part = slice(found.offsets[i], found.offsets[i + 1])
        assert (np.diff(found.places[part]) == 1).all()  # a window is one stretch
        (where,) = np.nonzero(found.counts[part])
        assert (np.diff(where) == 1).all()  # and so is what counts of it


def test_the_edges_of_a_window_are_seen_but_not_counted():
    found = windows(np.array([[0, 20]]), 8)
    assert found.places[:8].tolist() == list(range(8))
    assert found.counts[:8].tolist() == [True] * 6 + [False] * 2
    second = found.places[8:16].tolist(), found.counts[8:16].tolist()
    assert second == (list(range(4, 12)), [False] * 2 + [True] * 4 + [False] * 2)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=150))
def test_whole_sequences_stand_side_by_side(lengths):
    offsets = np.cumsum([0, *lengths])
    seen = np.zeros(offsets[-1], int)
    for places, mask in whole(np.stack([offsets[:-1], offsets[1:]], axis=1)):
        seen[places[mask]] += 1
    assert (seen == 1).all()


def test_unknown_words_keep_their_letters():
    words = Vocabulary("word", ["sea", "<unk>"])
    letters = Vocabulary("char", ["a", "e", "s", "<unk>"])
    found = encoded([["sea", "ase"], ["xa", "sea"]], words, letters)
    assert found.ids.tolist() == [0, 1, 1, 0]
    assert found.words is not None and found.words.tolist() == [0, 1, 2, 0]
    assert found.letters is not None and found.letters.ids.tolist() == [2, 1, 0, 0, 2, 1, 3, 0]
    ids, spelt = found.batch(np.array([[0, 3], [2, 1]]))
    assert ids.tolist() == [[0, 0], [1, 1]]
    assert spelt is not None and spelt.places.tolist() == [[0, 0], [2, 1]]


@pytest.mark.parametrize("seq_len", [1, 2, 3, 5])
def test_short_windows_end(seq_len):
    assert windows(np.array([[3, 50]]), seq_len).counts.sum() == 47
