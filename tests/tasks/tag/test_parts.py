"""What is held out of labelled sequences, how much of it, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import CorpusError, UsageError
from elman.tasks.tag.parts import CHOOSE_BY


def begun(rows, **settings):
    return elman.tasks.begin(rows, {"task": "tag", "steps": 1, **settings})


def row(words, label="x"):
    return words, [label, *"y" * (len(words) - 1)]


def unlike(n, length):
    return [row([f"w{i}", *["b"] * (length - 1)]) for i in range(n)]


def conll(rows):
    return "\n".join("".join(f"{t}\t{y}\n" for t, y in zip(*row, strict=True)) for row in rows)


def test_no_more_symbols_than_enough_choose_the_parameters():
    rows = [row([f"w{i}", *["b"] * (50 + 1000 * (i % 3))]) for i in range(400)]
    for seed in (0, 1):
        run = begun(rows, seed=seed)
        assert 0.8 * CHOOSE_BY < run.validation.count <= CHOOSE_BY
        # A run that goes on divides by the share that was worked out.
        again = begun(rows, seed=seed, validation=run.settings.validation)
        np.testing.assert_array_equal(again.validation.ranges, run.validation.ranges)
    assert len(begun(unlike(12, 30_000)).validation) == 1  # one at least


@pytest.mark.parametrize(
    ("kinds", "given", "way"),
    [
        (2, {}, "give --validation 0 or --test 0"),
        (1, {}, "give --validation 0 and --test 0"),
        (1, {"test": 0}, "give --validation 0"),
        (3, {"validation": 0.5, "test": 0.4}, "lower --validation or --test"),
    ],
)
def test_advice_that_leaves_something_to_train_on(kinds, given, way):
    rows = unlike(kinds, 3) * 12
    with pytest.raises(CorpusError) as caught:
        begun(rows, **given)
    with_flags = Exception.__str__(caught.value)
    assert with_flags.endswith(f", and equal ones are held out together; {way}")
    if "lower" not in way:
        zeros = {f"{name}": 0 for name in ("validation", "test") if f"--{name} 0" in way}
        first = dict([*zeros.items()][: 1 if " or " in way else 2])
        assert len(begun(rows, **given | first).train)


def test_few_short_sequences_are_not_cut_and_that_is_said():
    run = begun(unlike(9, 12))
    assert not len(run.validation) and not len(run.test)
    assert any("9 sequences only, too short to hold out the end of any (that takes 20 symbols)"
               in note for note in run.data.source.notes)  # fmt: skip
    long = begun(unlike(9, 40))
    assert any("of each that has 20 symbols the end is held out" in note
               for note in long.data.source.notes)  # fmt: skip


def test_sequences_in_both_files_of_held_out_parts_are_noted(tmp_path):
    rows = unlike(20, 3)
    for name, some in (("v", rows[:3]), ("t", rows[2:5])):
        (tmp_path / f"{name}.conll").write_text("# a comment\n" + conll(some))
    own = {"validation": str(tmp_path / "v.conll"), "test": str(tmp_path / "t.conll")}
    notes = begun(rows, **own).data.source.notes
    assert any(note.startswith("in the files of both held-out parts: 1 sequence;")
               for note in notes)  # fmt: skip
    assert any(note.startswith("validation part: ") and "1 comment" in note for note in notes)


def test_numbers_of_columns_are_for_the_files_that_have_any(tmp_path):
    rows = unlike(20, 3)
    (tmp_path / "v.tsv").write_text("1\tw0\tx\n2\tb\ty\n")
    run = begun(rows, validation=str(tmp_path / "v.tsv"), token_column=2)  # a number, as in Python
    assert run.validation.count == 2
    for given in ({"token_column": 7}, {"label_column": "3"}):
        with pytest.raises(UsageError, match=r"is for columns.*rows in memory"):
            begun(rows, **given)
    with pytest.raises(UsageError, match="rows in memory already have their labels"):
        begun(rows, labels="zzz")


def test_windows_are_those_of_the_sequences_of_the_file():
    notes = begun(unlike(3, 200), seq_len=50).notes
    assert any(note.startswith("3 of the 3 sequences have more than 50 symbols") for note in notes)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (((["a", "b"], ["X", "Y"]), (["c", "d"], ["Y", "X"])), "a tuple of two pairs may be"),
        ({"a": ["x"]}, "a tagger learns from files"),
        (5, "a tagger learns from files"),
    ],
)
def test_data_in_memory_that_are_none(data, says):
    with pytest.raises(UsageError, match=says):
        elman.train(data, task="tag", steps=1)


def test_text_is_no_data_for_a_tagger():
    with pytest.raises(UsageError, match=r"a tagger learns from a tuple \(sequences, labels\)"):
        elman.train(text="a b", task="tag")
