"""Tables in every dialect: what separates the columns, what quotes mean, what is refused."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CorpusError, UsageError
from elman.text import labelled, tables
from elman.text.columns import Wanted, delimiter_of
from elman.text.labelled import LabelledOptions
from elman.text.read import Source, TextOptions
from elman.text.tables import Tally

PAIR = ("text", "label")
MARKS = st.text(st.sampled_from("ab\",;\t|\n\r 'é\\"), min_size=1, max_size=12)
TEXTS = MARKS | st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
TEXT = TEXTS.filter(str.strip)
LABEL = TEXTS.map(lambda label: " ".join(label.split())).filter(bool)


def source(tmp_path, content, name="data.csv"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return Source(name, path)


def read(tmp_path, content, name="data.csv", columns=PAIR, delimiter=None, meant=False):
    """The pairs of a file, and the notes on it."""
    table = tables.recognise(
        source(tmp_path, content, name), Wanted(columns, delimiter, meant), TextOptions()
    )
    tally = Tally()
    return list(tables.pairs(table, tally)), tally.notes()


def texts(file, column, tally, options=TextOptions()):
    """The texts of one column."""
    table = tables.recognise(file, Wanted((column,), meant=True), options)
    return tables.texts(table, tally)


def refusal(*arguments, **options):
    with pytest.raises((CorpusError, UsageError)) as found:
        read(*arguments, **options)
    return str(found.value)


def one_end(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def written(rows, delimiter, end="\r\n"):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    return file.getvalue()


# --------------------------------------------------------------------------- round trips


@given(
    rows=st.lists(st.tuples(TEXT, LABEL, TEXTS), min_size=1, max_size=6),
    delimiter=st.sampled_from(list(tables.DELIMITERS)),
    name=st.sampled_from(["data.csv", "data.tsv", "data.txt"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read_back(tmp_path, rows, delimiter, name, end):
    header = ("text", "label", "more")
    if end == "\n":  # the writer itself does not quote a lone \r then
        rows = [tuple(map(one_end, row)) for row in rows]
    pairs, _ = read(tmp_path, written([header, *rows], delimiter, end), name)
    assert pairs == [(one_end(text), label) for text, label, _ in rows]


@given(
    rows=st.lists(st.tuples(TEXT, LABEL), min_size=1, max_size=6),
    delimiter=st.sampled_from(list(tables.DELIMITERS)),
)
def test_columns_by_number_are_those_of_a_table_without_a_header(tmp_path, rows, delimiter):
    content = written([(label, text) for text, label in rows], delimiter)
    pairs, _ = read(tmp_path, content, columns=("2", "1"), delimiter=delimiter)
    assert pairs == [(one_end(text), label) for text, label in rows]


@given(
    st.dictionaries(TEXT.map(one_end), LABEL, min_size=2, max_size=8).filter(
        lambda rows: len(set(rows.values())) > 1
    )
)
def test_the_same_pairs_as_json_lines_are_the_same_data(tmp_path, rows):
    objects = [{"label": label, "text": text} for text, label in rows.items()]
    files = {
        "data.csv": written([PAIR, *rows.items()], ","),
        "data.jsonl": "".join(json.dumps(row) + "\n" for row in objects),
        "data.ndjson": "\r\n".join(json.dumps(row, ensure_ascii=False) for row in objects),
    }
    first, *others = (
        labelled.load([str(source(tmp_path, content, name).path)], LabelledOptions())
        for name, content in files.items()
    )
    assert first.texts == list(rows)
    for data in others:
        assert (data.texts, data.classes, data.sha256) == (
            first.texts, first.classes, first.sha256
        )  # fmt: skip
        assert data.labels.tolist() == first.labels.tolist()


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_the_texts_of_one_column_come_row_by_row(tmp_path, values):
    content = written([("id", "body"), *enumerate(values)], ";")
    tally = Tally()
    read = texts(source(tmp_path, content), "body", tally)
    assert list(read) == [one_end(value) for value in values if value.strip()]


# --------------------------------------------------------------------------- delimiters


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.txt", "standard input"])
def test_the_header_shows_what_separates_the_columns(tmp_path, delimiter, name):
    rows = [("id", "label", "text"), ("1", "x", "a, b; c"), ("2", "y", "d | e")]
    content = "\n".join(delimiter.join(row) for row in rows)
    if delimiter == ",":
        content = content.replace("a, b; c", '"a, b; c"')
    if delimiter == ";":
        content = content.replace("a, b; c", '"a, b; c"')
    if delimiter == "|":
        content = content.replace("d | e", '"d | e"')
    assert read(tmp_path, content, name)[0] == [("a, b; c", "x"), ("d | e", "y")]


def test_a_header_may_be_quoted_and_hold_other_delimiters(tmp_path):
    content = '"text";"label";"price, net"\na, b;x;1,5\n'
    assert read(tmp_path, content)[0] == [("a, b", "x")]


def test_any_character_may_be_named_as_delimiter(tmp_path):
    assert read(tmp_path, "text:label\na;b,c:x\n", delimiter=":")[0] == [("a;b,c", "x")]
    assert read(tmp_path, "label text\nx a\n", "data", delimiter=" ")[0] == [("a", "x")]


@pytest.mark.parametrize("given", ["", ";;", '"', "\n", "\\n", "tab"])
def test_a_delimiter_that_is_none(given):
    with pytest.raises(UsageError, match="--delimiter must be one character"):
        delimiter_of(given)
    assert (delimiter_of("\\t"), delimiter_of("\t"), delimiter_of(";")) == (
        "\t", "\t", ";"
    )  # fmt: skip


def test_columns_may_be_called_as_numbers(tmp_path):
    assert read(tmp_path, "2,1\na,x\nb,y\n", columns=("2", "1"))[0] == [("a", "x"), ("b", "y")]


def test_without_a_header_what_divides_all_rows_alike_separates(tmp_path):
    content = "ham\tHello, you\nspam\tWin; now, or never\nham\tNo\n"
    for name in ("SMS", "data.csv", "data.tsv"):
        pairs, _ = read(tmp_path, content, name, columns=("2", "1"), meant=True)
        assert pairs == [("Hello, you", "ham"), ("Win; now, or never", "spam"), ("No", "ham")]


def test_a_file_that_names_no_wanted_column_is_no_table(tmp_path):
    for content in ("Anna\nBert\n", "a, b\n", '{"word": 1}\n', "{not json\n", "", '"open\n'):
        assert (
            tables.recognise(source(tmp_path, content, "A.txt"), Wanted(PAIR), TextOptions())
            is None
        )


# --------------------------------------------------------------------------- quotes


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_loose_quotes_inside_a_field_stay(tmp_path, delimiter):
    rows = [PAIR, ('say "hi"', "x"), ('5" long', "y"), ("it's \"", 'z"')]
    content = "\n".join(delimiter.join(row) for row in rows)
    assert read(tmp_path, content) == (rows[1:], [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_quoted_fields_hold_anything(tmp_path, delimiter):
    content = f'text{delimiter}label\n"a{delimiter} ""b""\n\nc"{delimiter}"x"\n"d"{delimiter}y\n'
    pairs, notes = read(tmp_path, content)
    assert pairs == [(f'a{delimiter} "b"\n\nc', "x"), ("d", "y")]
    assert notes == ["rows of several lines, in quotes: 1, in data.csv, line 2"]


def test_tabs_with_a_quote_that_opens_and_never_closes_have_no_quoted_fields(tmp_path):
    content = 'text\tlabel\n"Yes."\tx\n"tis true\ty\n"So," he said\tx\n'
    pairs, notes = read(tmp_path, content, "data.tsv")
    assert pairs == [('"Yes."', "x"), ('"tis true', "y"), ('"So," he said', "x")]
    assert len(notes) == 1 and "quotes of the table are kept as text" in notes[0]
    assert notes[0].endswith("data.tsv, line 3")


def test_a_row_that_such_a_quote_breaks_says_so(tmp_path):
    content = 'label\ttext\nx\t"a\nb"\ny\t"cut off'
    said = refusal(tmp_path, content, "data.tsv")
    assert said == (
        "data.tsv, line 3: 1 column, the header has 2 (quotes stay as they are, since that of "
        "line 4 is never closed)"
    )


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
@pytest.mark.parametrize(
    ("field", "says"),
    [('"tis true', "does not end"), ('"So?" she said', "continues after its quote")],
)
def test_elsewhere_such_a_quote_is_refused_with_file_and_line(tmp_path, delimiter, field, says):
    content = f"text{delimiter}label\na{delimiter}x\n{field}{delimiter}y\nb{delimiter}z\n"
    said = refusal(tmp_path, content)
    assert said.startswith("data.csv, line 3: not a CSV row") and says in said


def test_the_advice_about_quotes_is_right(tmp_path):
    said = refusal(tmp_path, 'text,label\n"So?" she said,x\n')
    advised = said.split(": ")[-1]
    assert read(tmp_path, f"text,label\n{advised},x\n")[0] == [('"So?" she said', "x")]


# --------------------------------------------------------------------------- rows


def test_blank_lines_and_rows_without_anything_are_left_out(tmp_path):
    content = "\n\ntext;label\n\na;x\n;;;\n  \nb;y\n\n"
    assert read(tmp_path, content)[0] == [("a", "x"), ("b", "y")]


def test_surplus_fields_are_ignored_and_counted(tmp_path):
    pairs, notes = read(tmp_path, "text,label\na,x,,\nb,y,z\nHello, you,ham\n")
    assert pairs == [("a", "x"), ("b", "y"), ("Hello", "you")]
    assert len(notes) == 1 and notes[0].startswith("rows with more columns than the header")
    assert notes[0].endswith(": 2, the first in data.csv, line 3")


def test_a_row_may_lack_columns_that_nobody_wants(tmp_path):
    assert read(tmp_path, "text,label,more\na,x\n")[0] == [("a", "x")]


def test_lines_are_counted_in_the_file_not_in_rows(tmp_path):
    said = refusal(tmp_path, 'label,text\n\nx,"a\nb\nc"\n\ny\n')
    assert said == "data.csv, line 7: 1 column, the header has 2"


def test_line_ends_and_a_byte_order_mark(tmp_path):
    content = '\ufefftext;label\r\n"a\r\nb";x\r\nc;y\r\n'
    assert read(tmp_path, content)[0] == [("a\nb", "x"), ("c", "y")]


def test_a_table_larger_than_a_piece(tmp_path, monkeypatch):
    monkeypatch.setattr("elman.text.read.PIECE", 16)
    rows = [(f"{i}\n{'a' * (i % 40)}", f"c{i % 3}") for i in range(60)]
    for delimiter in tables.DELIMITERS:
        assert read(tmp_path, written([PAIR, *rows], delimiter), "d.txt")[0] == rows


def test_texts_are_treated_after_the_table_is_read(tmp_path):
    table = source(tmp_path, "Body,Kind\nAbC\uff5cD,X\n", "d.csv")
    options = TextOptions(lowercase=True, normalize="NFKC", max_characters=3)
    assert list(texts(table, "Body", Tally(), options)) == ["abc|d"]


def test_rows_without_a_text_are_no_texts_of_a_column(tmp_path):
    tally = Tally()
    table = source(tmp_path, "id,body\n1,a\n2,\n3,b\n4, \n")
    assert list(texts(table, "body", tally)) == ["a", "b"]
    assert tally.notes() == ["rows without a text, left out: 2, the first in data.csv, line 3"]


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("Betreff;Art\na;x\n", {}, ["no column 'text'", "'Betreff', 'Art'", "--text-column",
                                    "--text-column 1 --label-column 2"]),
        ("text,kind\na,x\n", {}, ["no column 'label'", "'text', 'kind'", "--label-column"]),
        ("text:label\na:x\n", {}, ["'text:label'", "--delimiter ':' divides it into them"]),
        ("text!label\na!x\n", {}, ["'text!label'", "say with --delimiter"]),
        ("text;label\na;x\n", {"delimiter": ","}, ["'text;label'", "does ',' separate"]),
        ("a;x\nb;y\n", {"columns": ("1", "3")}, ["no column 3", "2 columns, 'a', 'x'",
                                                 "--delimiter"]),
        ("a,x\nb\n", {"columns": ("1", "2"), "delimiter": ","}, ["column 2", "'a', 'x'"]),
        ("label,text,text\nx,a,b\n", {}, ["2 columns 'text'", "rename", "--text-column"]),
        ("", {}, ["data.csv has no header"]),
        (" \n\n", {}, ["data.csv has no header"]),
        ("text,label\na,\n", {}, ["data.csv, line 2: the label is empty"]),
        ("text,label\n,x\n", {}, ["data.csv, line 2: the text is empty"]),
        ('text,label\na,"x\ty"\n', {}, ["line 2: the label 'x\\ty' has a line end or a tab"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_so_that_it_can_be_mended(tmp_path, content, options, says):
    said = refusal(tmp_path, content, **options)
    for words in says:
        assert words in said


def test_a_long_line_is_not_shown_whole(tmp_path):
    assert len(refusal(tmp_path, "word " * 1000 + "\n" + "a,b\n")) < 300


# --------------------------------------------------------------------------- JSON lines


def test_values_are_strings_or_the_text_of_numbers_and_booleans(tmp_path):
    lines = ['{"text": "a", "label": true}', "", '{"label": 1.50, "text": "b", "other": [1, {}]}',
             '{"text": 4711, "label": -2e3}', '{"text": "c", "label": "x "}']  # fmt: skip
    pairs, _ = read(tmp_path, "\r\n".join(lines), "data.jsonl")
    assert pairs == [("a", "true"), ("b", "1.50"), ("4711", "-2e3"), ("c", "x")]


@pytest.mark.parametrize("name", ["data.ndjson", "data.json", "data", "standard input"])
def test_an_object_on_the_first_line_shows_json_lines(tmp_path, name):
    content = '{"body": "a", "kind": "x"}\n{"body": "b", "kind": "y"}\n'
    assert read(tmp_path, content, name, ("body", "kind"))[0] == [("a", "x"), ("b", "y")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"text": "b", "label": ["x", "y"]}', "'label' is a list"),
        ('{"text": {"en": "b"}, "label": "x"}', "'text' is an object"),
        ('{"text": "b", "label": null}', "the label is empty"),
        ('{"text": null, "label": "x"}', "the text is empty"),
        ('{"text": "b"}', "no key 'label' (the object has 'text'); give it one, as the"),
        ("{}", "no key 'text' (the object has no keys); give it one, as the lines before"),
        ('{"text": "b", "label": "x"', "not JSON (Expecting ',' delimiter, at character"),
        ('["b", "x"]', 'each line must be an object, not ["b", "x"]'),
        ('{"text": "\\ud83d", "label": "x"}', "half of a surrogate pair"),
        ('{"text": "b", "label": "x\\ny"}', "has a line end"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path, line, says):
    said = refusal(tmp_path, f'{{"text": "a", "label": "x"}}\n\n{line}\n', "data.jsonl")
    assert said.startswith("data.jsonl, line 3: ") and says in said


def test_json_lines_have_no_delimiter(tmp_path):
    said = refusal(tmp_path, '{"text": "a", "label": "x"}\n', "data.jsonl", delimiter=",")
    assert said == "data.jsonl holds JSON lines, which have no --delimiter; leave it out"


def test_numbers_are_kept_however_long(tmp_path):
    number = "9" * 5000
    content = f'{{"text": "a", "label": {number}}}\n'
    assert read(tmp_path, content, "data.jsonl")[0] == [("a", number)]
