"""What is held out: the end of a text, of every file, records by seed, files of one's own."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CorpusError
from elman.text.corpus import Corpus, CorpusOptions, load
from elman.text.splits import SMALL, divide
from elman.text.vocabulary import Vocabulary


def corpus(sizes: list[int]) -> Corpus:
    """Files of so many symbols; every symbol is another one, so that places can be told."""
    ids = np.arange(sum(sizes))
    edges = np.concatenate([[0], np.cumsum(sizes)])
    files = [f"f{i}" for i in range(len(sizes))]
    vocabulary = Vocabulary("char", ["a", "b"])
    return Corpus(vocabulary, ids, None, len(ids), "", ["it"], files=files, edges=edges)


def places(part) -> list[int]:
    if part.slices is None:
        return part.ids.tolist()
    return [int(i) for begin, end in part.slices for i in range(begin, end)]


SIZES = st.lists(st.integers(0, 4000), min_size=2, max_size=12).filter(lambda s: sum(s) > 50)


@given(SIZES, st.floats(0.01, 0.45), st.floats(0, 0.4))
def test_the_parts_are_disjoint_and_cover(sizes, validation, test):
    try:
        parts = divide(corpus(sizes), validation, test, 0).parts
    except ValueError:
        return
    found = [places(part) for part in parts]
    assert sorted(chain(*found)) == list(range(sum(sizes)))


@given(SIZES, st.floats(0.05, 0.4))
def test_of_every_large_file_the_end_is_held_out(sizes, validation):
    division = divide(corpus(sizes), validation, 0.0, 0)
    held_out = set(places(division.parts[1]))
    start = 0
    for size in sizes:
        mine = [i in held_out for i in range(start, start + size)]
        if size >= SMALL:
            assert sum(mine) == pytest.approx(validation * size, abs=1)
            assert mine == sorted(mine), "the end of it"
        else:
            assert len(set(mine)) <= 1, "a small file is on one side"
        start += size
    small = [s for s in sizes if s < SMALL]
    taken = len(held_out) - sum(round(validation * s) for s in sizes if s >= SMALL)
    assert abs(taken - validation * sum(small)) <= max([*small, 1])


def test_small_files_are_drawn_by_their_path_and_not_by_their_place():
    one = corpus([100] * 20)
    other = Corpus(**{**vars(one), "files": one.files[::-1]})
    mine, theirs = (places(divide(c, 0.2, 0.0, 0).parts[1]) for c in (one, other))
    assert {place // 100 for place in mine} == {19 - place // 100 for place in theirs}


def test_a_single_file_is_cut_as_ever_and_so_is_an_older_run():
    parts = divide(corpus([5000]), 0.1, 0.1, 0).parts
    assert [len(part.ids) for part in parts] == [4000, 501, 501]  # with the symbol before
    division = divide(corpus([3000, 2000]), 0.1, 0.1, 0, rule="last")
    assert [len(part.ids) for part in division.parts] == [4000, 501, 501]
    assert division.rule == "last"


def test_the_cap_lowers_the_share_of_all_files_alike():
    division = divide(corpus([4_000_000, 2_000_000]), None, 0.0, 0)
    lengths = np.diff(division.parts[1].slices, axis=1).ravel()
    assert lengths.tolist() == pytest.approx([333_333, 166_667], abs=1)


def test_nothing_held_out_is_one_text():
    division = divide(corpus([100, 2000]), 0.0, 0.0, 0)
    assert division.rule == "last"
    assert places(division.parts[0]) == list(range(2100))
    assert division.held_out == ""


def test_what_is_held_out_is_said():
    said = divide(corpus([2000, 3000, 50, 50, 50]), 0.3, 0.0, 0).held_out
    assert said.startswith("the end of each of 2 files (1,500 symbols) and 1 of the 3 files under")


@pytest.mark.parametrize("separator", [None, "\n"])
def test_parts_of_files_of_ones_own_are_these_and_nothing_else(tmp_path, separator):
    texts = {"train": "abc\nabd\n" * 30, "valid": "abca\nbb\n", "test": "cab\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    own = {"validation": str(tmp_path / "valid.txt"), "test": str(tmp_path / "test.txt")}
    read = load([str(tmp_path / "train.txt")], CorpusOptions(separator=separator), own=own)
    division = divide(read, 0.0, 0.0, 0)
    decode = read.vocabulary.decode
    if separator is None:
        assert [decode(part.ids) for part in division.parts] == list(texts.values())
    else:
        found = [
            [decode(part.ids[a:b]) for a, b in zip(part.offsets[part.rows],
                                                  part.offsets[part.rows + 1], strict=True)]
            for part in division.parts
        ]  # fmt: skip
        assert found == [text.split() for text in texts.values()]
    assert "valid.txt as validation part" in division.held_out


def test_nothing_is_learned_from_a_file_that_is_held_out(tmp_path):
    for name, text in (("a", "abab\n"), ("b", "bcbc\n")):
        (tmp_path / f"{name}.txt").write_text(text * 9, encoding="utf-8")
    own = {"validation": str(tmp_path / "b.txt")}
    read = load([str(tmp_path)], CorpusOptions(), own=own)
    train, validation, _ = divide(read, 0.0, 0.0, 0).parts
    decode = read.vocabulary.decode
    assert (decode(train.ids), decode(validation.ids)) == ("abab\n" * 9, "bcbc\n" * 9)
    assert "excluded from training because they are in a held-out part: b.txt" in read.notes
    with pytest.raises(CorpusError, match="in both the training and the held-out files"):
        load([str(tmp_path / "b.txt")], CorpusOptions(), own=own)
