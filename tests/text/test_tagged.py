"""Sequences with labels from every form, and what is wrong with some."""

from __future__ import annotations

import json

import pytest

from elman.errors import CorpusError, UsageError
from elman.text.read import TextOptions
from elman.text.tagforms import TaggedOptions, refuse_idle
from elman.text.tagged import from_rows, load

ROWS = [(["Ada", "lives", "here"], ["B-PER", "O", "O"]), (["Otto"], ["B-PER"])]


def conll(rows) -> str:
    return "\n".join("".join(f"{t}\t{y}\n" for t, y in zip(*row, strict=True)) for row in rows)


@pytest.fixture
def write(tmp_path):
    def written(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def rows_of(data):
    flat = [data.classes[i] for i in data.labels]
    bounds = data.offsets
    return [(list(tokens), flat[bounds[i] : bounds[i + 1]]) for i, tokens in enumerate(data.tokens)]


def test_every_form_gives_the_same(write):
    columns = load([write("a.conll", conll(ROWS))], TaggedOptions())
    spaces = load([write("b.txt", conll(ROWS).replace("\t", " "))], TaggedOptions())
    objects = [json.dumps({"tokens": t, "labels": y}) for t, y in ROWS]
    jsonl = load([write("c.jsonl", "\n".join(objects))], TaggedOptions())
    text = write("d.txt", "\n".join(" ".join(t) for t, _ in ROWS) + "\n")
    labels = write("d.labels", "\n".join(" ".join(y) for _, y in ROWS) + "\n")
    parallel = load([text], TaggedOptions(labels=labels))
    memory = from_rows(ROWS, TaggedOptions())
    for data in (columns, spaces, jsonl, parallel, memory):
        assert rows_of(data) == ROWS
        assert (data.kind, data.scheme, data.classes) == ("word", "BIO", ["B-PER", "O"])
        assert data.sha256 == columns.sha256
    assert columns.notes[0] == (
        "read as columns, a token a line: 2 sequences of 4 words, 2 labels, spans written as BIO"
    )


def test_one_character_tokens_are_characters(write):
    data = load([write("a.tsv", "a\tA\nb\tB\n\n \tA\n")], TaggedOptions())
    assert data.kind == "char" and data.tokens == ["ab", " "]
    asked = load([write("a.tsv", "a\tA\nb\tB\n")], TaggedOptions(tokens="word"))
    assert asked.kind == "word" and asked.tokens == [["a", "b"]]


def test_parallel_characters_are_recognised_by_their_number(write):
    options = TaggedOptions(labels=write("l.txt", "A B\n\nA A A\n"))
    data = load([write("t.txt", "ab\n\na b\n")], options)
    assert data.kind == "char" and data.tokens == ["ab", "a b"]


def test_columns_are_chosen_by_number(write):
    path = write("a.conll", "1\tAda\tNNP\tx\n2\truns\tVBZ\ty\n")
    data = load([path], TaggedOptions(token_column=2, label_column=3))
    assert rows_of(data) == [(["Ada", "runs"], ["NNP", "VBZ"])]


def test_comments_and_documents_are_left_out(write):
    text = "-DOCSTART- O\n\n# text = Ada runs\nAda B-PER\nruns O\n"
    data = load([write("a.conll", text)], TaggedOptions())
    assert rows_of(data) == [(["Ada", "runs"], ["B-PER", "O"])]
    assert any("1 comment" in note for note in data.notes)
    assert any("-DOCSTART-" in note for note in data.notes)


def test_each_token_keeps_its_label_when_it_is_treated(write):
    options = TaggedOptions(text=TextOptions(lowercase=True))
    data = from_rows([("İA", ["x", "y"])], options)  # İ lower-cased is two characters
    assert data.tokens == ["İa"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada\n", "line 1: one column only ('Ada')"),
        ("Ada\tB-PER\nruns\n", "line 2: one column only"),
        ("Ada\tO\n\tO\n", "line 2: the token, column 1, is empty"),
        ("Ada\tO\nx\t\n", "line 2: the label, column 2, is empty"),
        ("Ada\tO\nx\tO\n", "has the one label 'O'"),
        ("Ada\tB-PER\nx\tO\ny\tI-PER\n", "I-PER stands behind O"),
        ("", "holds no labelled sequence"),
        ("\n\n", "holds no labelled sequence"),
    ],
)
def test_bad_columns_are_refused_with_their_line(write, text, words):
    with pytest.raises(CorpusError) as caught:
        load([write("a.conll", text)], TaggedOptions())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"tokens": ["a", "b"], "labels": ["x"]}, "2 tokens and 1 label"),
        ({"tokens": ["a"]}, "no key 'labels'"),
        ({"tokens": ["a"], "labels": "x"}, "labels must be a list of strings"),
        ({"tokens": ["a", None], "labels": ["x", "y"]}, "number 2 of the tokens"),
        ({"tokens": ["a", ""], "labels": ["x", "y"]}, "number 2 of the tokens is empty"),
        ({"tokens": [], "labels": []}, "no tokens"),
    ],
)
def test_bad_objects_are_refused_with_their_line(write, row, words):
    good = json.dumps({"tokens": ["a", "b"], "labels": ["x", "y"]})
    with pytest.raises(CorpusError) as caught:
        load([write("a.jsonl", f"{good}\n{json.dumps(row)}\n")], TaggedOptions())
    assert words in str(caught.value) and "line 2" in str(caught.value)


def test_parallel_files_of_other_lengths_are_refused(write):
    text = write("t.txt", "a b\nc d\n")
    with pytest.raises(CorpusError, match=r"has 2 lines and .* 1; they must have as many"):
        load([text], TaggedOptions(labels=write("l.txt", "x y\n")))
    with pytest.raises(CorpusError, match=r"line 2: 2 words, but line 2 of .* has 1 label"):
        load([text], TaggedOptions(labels=write("l.txt", "x y\nx\n")))


def test_a_text_is_not_its_own_labels(write):
    path = write("t.txt", "a b\n")
    with pytest.raises(UsageError, match="--labels names the text itself"):
        load([path], TaggedOptions(labels=path))


def test_columns_of_what_has_none_are_refused(write):
    path = write("a.jsonl", json.dumps({"tokens": ["a", "b"], "labels": ["x", "y"]}))
    options = TaggedOptions(token_column=2)
    with pytest.raises(UsageError, match=r"--token-column is for columns.*read as JSON lines"):
        refuse_idle(options, load([path], options).forms)


def test_longer_tokens_are_no_characters(write):
    with pytest.raises(UsageError, match="no single character"):
        load([write("a.conll", conll(ROWS))], TaggedOptions(tokens="char"))
