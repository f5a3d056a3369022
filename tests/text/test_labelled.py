"""Labelled texts: what is read, merged, left out, refused, and how it is divided."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CorpusError
from elman.text import labelled
from elman.text.labelled import LabelledOptions
from elman.text.read import TextOptions


def read(tmp_path, content, name="data.tsv", **options):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return labelled.load([str(path)], LabelledOptions(**options))


def pairs(data):
    return [(text, data.classes[i]) for text, i in zip(data.texts, data.labels, strict=True)]


def test_tsv_takes_loose_quotes_as_they_are(tmp_path):
    data = read(tmp_path, 'id\ttext\tlabel\n1\tsay "hi"\tquote\n2\ta, b\tcomma\n\n')
    assert pairs(data) == [('say "hi"', "quote"), ("a, b", "comma")]


def test_csv_unquotes_as_rfc_4180(tmp_path):
    content = 'label,text\r\nx,"a, ""b"""\r\ny,"two\r\nlines"\r\nx,plain\r\n'
    data = read(tmp_path, content, "data.csv")
    assert pairs(data) == [('a, "b"', "x"), ("two\nlines", "y"), ("plain", "x")]


def test_columns_have_the_names_that_are_given(tmp_path):
    data = read(tmp_path, "w\tk\na\tx\nb\ty\n", text_column="w", label_column="k")
    assert pairs(data) == [("a", "x"), ("b", "y")]


def test_one_file_per_class_and_a_folder_of_them(tmp_path):
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "Greek.txt").write_text("Νίκος\n\n Αθηνά \n", encoding="utf-8")
    (tmp_path / "names" / "Hebrew.txt").write_text("שרה\n", encoding="utf-8")
    expected = [("Νίκος", "Greek"), ("Αθηνά", "Greek"), ("שרה", "Hebrew")]
    assert pairs(labelled.load([str(tmp_path / "names")], LabelledOptions())) == expected
    files = [str(tmp_path / "names" / name) for name in ("Greek.txt", "Hebrew.txt")]
    assert pairs(labelled.load(files, LabelledOptions())) == expected


@pytest.mark.parametrize("content", ["text\tlabel\na\tx\nb\ty\n", "label,text\nx,a\ny,b\n"])
def test_standard_input_is_a_table(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert pairs(labelled.load(["-"], LabelledOptions())) == [("a", "x"), ("b", "y")]


def test_any_file_whose_header_names_both_columns_is_a_table(tmp_path):
    assert pairs(read(tmp_path, "text\tlabel\na\tx\nb\ty\n", "data.txt")) == [
        ("a", "x"),
        ("b", "y"),
    ]


def test_repeated_rows_are_merged_and_conflicts_left_out_and_both_are_said(tmp_path):
    data = read(tmp_path, "text\tlabel\na\tx\na\tx\na\tx\nb\ty\nb\tx\nc\ty\n")
    assert pairs(data) == [("a", "x"), ("c", "y")]
    assert (data.rows, data.repeated, data.conflicting) == (6, 2, 1)
    assert any("2 rows repeat" in note for note in data.notes)
    assert any("left out for conflicting labels: 1 text" in note for note in data.notes)


def test_texts_are_compared_as_they_will_be_read(tmp_path):
    """Lower-cased, two spellings are one text: it must not stand on two sides."""
    content = "text\tlabel\nAbe\tx\nabe\tx\nBO\ty\nbo\tx\nc\ty\n"
    data = read(tmp_path, content, text=TextOptions(lowercase=True))
    assert pairs(data) == [("abe", "x"), ("c", "y")]
    assert (data.repeated, data.conflicting) == (1, 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "data.tsv has no header"),
        ("text\tlabel\n", "no labelled text"),
        ("word\tkind\na\tx\n", "no column 'text' (its first line names 'word', 'kind')"),
        ("text\tkind\na\tx\n", "--label-column"),
        ("text\tlabel\na\tx\nb\n", "data.tsv, line 3: 1 column, the header has 2"),
        ("text\tlabel\na\tx\n\ty\n", "line 3: the text is empty"),
        ("text\tlabel\na\tx\nb\t\n", "line 3: the label is empty"),
        ("text\tlabel\na\tx\n  \ty\n", "line 3: the text is empty"),
        ("text\tlabel\na\tx\nb\t  \n", "line 3: the label is empty"),
        ("  \n", "data.tsv has no header"),
        ("text\tlabel\ttext\na\tx\tb\n", "2 columns 'text'; rename one"),
        ("text\tlabel\tlabel\na\tx\tb\n", "2 columns 'label'; rename one"),
        ("text\tlabel\na\tx\nb\tx\n", "only the class 'x'"),
        ("text\tlabel\na\tx\na\ty\n", "no class, once texts under several labels"),
    ],
)
def test_bad_tables_are_refused_in_a_sentence(tmp_path, content, says):
    with pytest.raises(CorpusError) as refusal:
        read(tmp_path, content)
    assert says in str(refusal.value)


def test_malformed_csv_is_named_by_file_and_line(tmp_path):
    with pytest.raises(CorpusError, match=r"data\.csv, line 3: not a CSV row"):
        read(tmp_path, 'text,label\na,x\n"b"b,y\n', "data.csv")
    with pytest.raises(CorpusError, match=r"data\.csv, line 4: 1 column"):
        read(tmp_path, 'text,label\n"a\nb",x\nc\n', "data.csv")


def test_a_quote_that_is_never_closed_is_named_by_the_line_where_it_opens(tmp_path):
    with pytest.raises(CorpusError, match=r"data\.csv, line 3: .*a quoted field does not end"):
        read(tmp_path, 'text,label\na,x\n"b,y\nc,y\n', "data.csv")


def test_a_label_is_one_line(tmp_path):
    with pytest.raises(CorpusError, match=r"data\.csv, line 3: the label 'y\\nz' has a line end"):
        read(tmp_path, 'text,label\na,x\nb,"y\nz"\n', "data.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write_is_read(tmp_path, end):
    """A byte order mark, their line ends, spaces around names and labels, very long fields."""
    long = "a" * 200_000
    rows = ["text, label", f"{long},x ", '"b, ""c""",  y', "d,x"]
    (tmp_path / "data.csv").write_bytes(b"\xef\xbb\xbf" + end.join(rows).encode())
    data = labelled.load([str(tmp_path / "data.csv")], LabelledOptions())
    assert pairs(data) == [(long, "x"), ('b, "c"', "y"), ("d", "x")]


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "data.tsv").write_bytes(b"text\tlabel\na\tx\n\xff\ty\n")
    with pytest.raises(CorpusError, match=r"data\.tsv is not UTF-8.* in line 3"):
        labelled.load([str(tmp_path / "data.tsv")], LabelledOptions())


def test_a_class_with_one_example_is_named(tmp_path):
    data = read(tmp_path, "text\tlabel\na\tx\nb\tx\nc\trare\n")
    assert any("classes with a single example: 'rare'" in note for note in data.notes)
    train, _, _ = labelled.split(data.labels, 0.3, 0.3, 0)
    assert 2 in train


@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    validation=st.floats(0, 0.45),
    test=st.floats(0, 0.45),
    seed=st.integers(0, 5),
)
def test_a_split_is_a_stratified_partition(counts, validation, test, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = labelled.split(labels, validation, test, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for label, n in enumerate(counts):
        train, valid, tests = (int((labels[part] == label).sum()) for part in parts)
        assert train >= 1
        if n >= 10:
            assert abs(tests - test * n) <= 1 and abs(valid - validation * n) <= 1.5


def test_the_split_depends_on_the_seed_and_on_nothing_else():
    labels = np.repeat([0, 1], 30)
    first, again, other = (labelled.split(labels, 0.2, 0.2, seed) for seed in (0, 0, 1))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[2], other[2])
