"""Tables come out as they came in, with as many rows, and with what was added in its place."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from elman.text.answers import Answers
from elman.text.read import TextOptions
from elman.text.sources import Source
from elman.text.tables import Tally, Wanted, recognise

FIELD = st.text("ab,;\t \"'\né", max_size=6)


def answers(tmp_path_factory, content, name="t.csv", column="text", delimiter=None):
    path = tmp_path_factory.mktemp("tables") / name
    path.write_text(content, encoding="utf-8", newline="")
    wanted = Wanted((column,), delimiter, meant=True)
    table = recognise(Source(str(path), path), wanted, TextOptions())
    return Answers(table, ("label", "probability"), Tally())


def written(found):
    lines = [] if found.header is None else [found.header]
    lines += [found.answered(row, (f"<{row.text[:2]}>", 0.25)) for row in found.rows()]
    return "".join(f"{line}\n" for line in lines)


@given(st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=6), st.sampled_from(",;|"))
def test_any_table_keeps_its_rows_and_its_fields(tmp_path_factory, rows, delimiter):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([("a", "text", "b"), *rows])
    content = out.getvalue().replace("\r\n", "\n")
    found = list(csv.reader(io.StringIO(written(answers(tmp_path_factory, content))),
                            delimiter=delimiter, strict=True))  # fmt: skip
    before = list(csv.reader(io.StringIO(content), delimiter=delimiter, strict=True))
    assert len(found) == len(before)
    assert found[0] == ["a", "text", "b", "label", "probability"]
    for row, old in zip(found[1:], before[1:], strict=True):
        if not any(field.strip() for field in old) and "".join(old) == "":
            assert row[:3] == old or row == old
        assert row[: len(old)] == old
        if len(row) == 5:
            assert row[3:] == [f"<{old[1][:2]}>", "0.2500"]


def test_rows_of_unlike_width_keep_the_answer_in_its_column(tmp_path_factory):
    found = written(answers(tmp_path_factory, "text,n\none,1\ntwo\n\nthree,3,more\n"))
    assert found == (
        "text,n,label,probability\none,1,<on>,0.2500\ntwo,,<tw>,0.2500\n\n"
        "three,3,<th>,0.2500,more\n"
    )


def test_the_characters_of_a_row_stay(tmp_path_factory):
    content = '"text";n\n"quoted";"1"\n"two\nlines; "" so";2\n'
    assert written(answers(tmp_path_factory, content)) == (
        '"text";n;label;probability\n"quoted";"1";<qu>;0.2500\n"two\nlines; "" so";2;<tw>;0.2500\n'
    )


def test_tabs_with_loose_quotes(tmp_path_factory):
    found = answers(tmp_path_factory, 'text\tn\n"never closed\t1\n', "t.tsv")
    assert written(found) == 'text\tn\tlabel\tprobability\n"never closed\t1\t<"n>\t0.2500\n'


def test_a_table_without_a_header(tmp_path_factory):
    assert written(answers(tmp_path_factory, "1,one\n2,two\n", column="2")) == (
        "1,one,<on>,0.2500\n2,two,<tw>,0.2500\n"
    )


def test_names_that_are_taken(tmp_path_factory):
    found = answers(tmp_path_factory, "text,label,predicted_label\na,b,c\n")
    assert found.names == ["predicted_predicted_label", "probability"]
    assert found.header == "text,label,predicted_label,predicted_predicted_label,probability"


def test_objects_keep_what_they_say(tmp_path_factory):
    content = '{"text": "one", "n": 1.50}\n\n{"text": null, "deep": {"a": [1]}, "label": "x"} \n'
    found = answers(tmp_path_factory, content, "t.jsonl")
    lines = written(found).splitlines()
    assert lines[0] == '{"text": "one", "n": 1.50, "predicted_label": "<on>", "probability": 0.25}'
    assert lines[1] == ""
    assert json.loads(lines[2]) == {
        "text": None, "deep": {"a": [1]}, "label": "x", "predicted_label": "<>", "probability": 0.25
    }  # fmt: skip
