"""Where the wanted columns stand, and what separates them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.text.columns import Columns, Wanted, find, missing, rare_delimiter

ENDINGS = [".csv", ".tsv", ".txt", ""]
WORD = st.text("abc 1", min_size=1).filter(str.strip)


def found(head: str, *columns: str, ending: str = ".txt", **wanted) -> Columns | None:
    return find("file", head, ending, Wanted(columns, **wanted))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@given(rows=st.lists(st.tuples(WORD, WORD), min_size=1, max_size=30))
def test_what_divides_all_rows_alike_separates_whatever_the_file_is_called(ending, delimiter, rows):
    head = "".join(f"x{a}{delimiter}y{b}\n" for a, b in rows)
    for number in ("1", "2"):
        place = int(number) - 1
        expected = Columns(delimiter, (place,), header=False)
        assert found(head, number, ending=ending) == expected


def test_a_number_among_the_values_of_a_column_is_no_header():
    ratings = "".join(f"{1 + i % 5},fine\n" for i in (1, 2, 3, 4, 5))
    assert found(ratings, "2") == Columns(",", (1,), header=False)
    assert found(ratings, "1") == Columns(",", (0,), header=False)
    assert found("2,1\nsea,a\nwave,b\n", "2", "1") == Columns(",", (0, 1))
    assert found("2,text\n", "2") is None or not found("2,text\n", "2").header


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_nothing_divides_has_one_column(ending):
    column = found("hello\nyou there\n", "1", ending=ending)
    assert (column.places, column.header, column.alone) == ((0,), False, True)
    assert found("hello\nyou there\n", "2", ending=ending) is None


def test_texts_with_commas_are_not_cut_at_them():
    column = found("hello, you\nthere\nso, well, no\n", "1")
    assert column.alone and column.delimiter != ","


def test_excel_may_name_the_delimiter_in_a_first_line():
    for line in ("sep=:\n", '"sep=:"\n'):
        assert found(f"{line}text:label\na;b,c:x\n", "text", "label") == Columns(":", (0, 1))


def test_an_uncommon_delimiter_is_found_where_it_gives_the_names():
    wanted = Wanted(("text", "label"))
    assert rare_delimiter("id:text:label\n", wanted) == ":"
    assert rare_delimiter("text label\n", wanted) == " "
    assert rare_delimiter("a:b\n", wanted) is None
    assert "--delimiter '~'" in missing("file", "text~label\n", ".csv", wanted)


def test_columns_of_other_data_are_to_be_called_like_these():
    wanted = Wanted(("review", "label"), meant=True, shared=True)
    said = missing("te.csv", "text,label\n", ".csv", wanted)
    assert said.endswith("; name 'review' and 'label' in its first line, as the other data do")
    assert "--" not in said, "no flag would mend it"
