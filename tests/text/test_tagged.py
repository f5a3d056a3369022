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
        "read as columns, one token per line: 2 sequences of 4 words, 2 labels, spans written "
        "as BIO"
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
    assert any("1 comment, a line that begins with #" in note for note in data.notes)
    assert any("1 line that begins with -DOCSTART-" in note for note in data.notes)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("# SYM\nx N\n\n# SYM\ny V\n", [["#", "x"], ["#", "y"]]),  # in the form of a row
        ("# a comment\n\nx N\ny V\n", [["x", "y"]]),  # before the first row
        ("x N\n# y z\ny V\n", [["x", "#", "y"]]),  # behind the first token of its sequence
        ("# one two\nx\tN\ny\tV\n", [["x", "y"]]),
        ("#\tN\nx\tV\n", [["#", "x"]]),
        ("-DOCSTART-x N\ny V\n", [["-DOCSTART-x", "y"]]),
        ("10\u00a0000 N\nx\u3000 V\n", [["10\u00a0000", "x\u3000"]]),  # no spaces, no columns
        ("{\tP\nx\tN\n", [["{", "x"]]),
    ],
)
def test_no_row_is_taken_for_something_else(write, text, tokens):
    data = load([write("a.txt", text)], TaggedOptions(tokens="word"))
    assert data.tokens == tokens


def conllu(*rows):
    return "".join("\t".join([number, word, *"_" * 8]).replace("_", tag, 1) + "\n"
                   for number, word, tag in rows)  # fmt: skip


def test_ranges_and_empty_nodes_of_conllu_are_left_out(write):
    rows = [("1-2", "du", "_"), ("1", "de", "ADP"), ("2", "le", "DET"), ("2.1", "x", "VERB")]
    options = TaggedOptions(token_column=2, label_column=3)
    data = load([write("a.conllu", conllu(*rows))], options)
    assert rows_of(data) == [(["de", "le"], ["ADP", "DET"])]
    assert any("2 lines of CoNLL-U" in note for note in data.notes)
    verses = conllu(("2.1", "In", "ADP"), ("2.2", "the", "DET"))  # all rows are so: no CoNLL-U
    assert rows_of(load([write("b.tsv", verses)], options)) == [(["In", "the"], ["ADP", "DET"])]


def test_other_white_space_is_part_of_a_word(write):
    options = TaggedOptions(labels=write("l.txt", "O NUM O\n"))
    data = load([write("t.txt", "costs 10\u00a0000 euros\n")], options)
    assert data.tokens == [["costs", "10\u00a0000", "euros"]]


@pytest.mark.parametrize("tokens", [None, "word"])
@pytest.mark.parametrize("form", ["json", "memory", "parallel"])
def test_a_string_is_cut_alike_everywhere(write, form, tokens):
    texts, labels = ["Ada lived", "a b"], [["P", "O"], ["O", "P"]]
    options = TaggedOptions(tokens=tokens)
    if form == "memory":
        data = from_rows(list(zip(texts, labels, strict=True)), options)
    elif form == "json":
        rows = [json.dumps({"tokens": t, "labels": y}) for t, y in zip(texts, labels, strict=True)]
        data = load([write("a.txt", "\n".join(rows))], options)  # recognised by its content
    else:
        options = TaggedOptions(tokens=tokens, labels=write("l.txt", "P O\nO P\n"))
        data = load([write("a.txt", "\n".join(texts))], options)
    assert (data.kind, data.tokens) == ("word", [["Ada", "lived"], ["a", "b"]])


def test_a_string_of_characters_has_a_label_for_each():
    data = from_rows([("a b", ["x", "y", "x"]), ("c", ["x"])], TaggedOptions())
    assert (data.kind, data.tokens) == ("char", ["a b", "c"])


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
        ("Ada\tO\nx\tO\n", "has only the label 'O'"),
        ("Ada\tB-PER\nx\tO\ny\tI-PER\n", "a.conll, line 3: I-PER is after O"),
        ("# c\n-DOCSTART-\tO\nAda\tB-PER\n\ny\tI-PER\n", "line 5: I-PER is at the"),
        ("Ada\tO\nx\t \n", "line 2: the label, column 2, is empty"),
        ('[\n{"tokens": ["a"]}]\n', "is one JSON document; give JSON lines"),
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
        (
            {"tokens": ["a", "b"], "labels": ["x", None]},
            "number 2 of the labels is not a string but",
        ),
        ({"tokens": ["a", "b"], "labels": [False, "x"]}, "is not a string but False"),
        ({"tokens": {"a": 1}, "labels": ["x"]}, "tokens must be a list of strings"),
        ({"tokens": ["a\ud83d", "b"], "labels": ["x", "y"]}, "half of a surrogate pair"),
        ({"tokens": "a\ud83d", "labels": ["x", "y"]}, "half of a surrogate pair"),
        ({"tokens": ["a", "b"], "labels": ["x", "\ud83d"]}, "labels holds half"),
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
    with pytest.raises(CorpusError, match=r"has 2 lines and .* 1; they must have the same number"):
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
    path = write("a.conll", "a\tO\nAda\tO\n\nb\tB\n")
    with pytest.raises(
        UsageError, match=r"--tokens char: .*line 2 is not a single .* leave --tokens"
    ):
        load([path], TaggedOptions(tokens="char"))
    with pytest.raises(CorpusError, match="the symbols of the model are characters, but") as caught:
        load([path], TaggedOptions(tokens="char", whose="the model"))
    assert "--tokens" not in str(caught.value)
