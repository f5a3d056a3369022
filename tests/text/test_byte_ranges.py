"""Files in parts: what is read of them, one behind the other, is what is read of the whole."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elman.errors import UsageError
from elman.text import conll
from elman.text.answers import Answers
from elman.text.byte_ranges import at_blank_lines, at_lines, at_records, at_rows
from elman.text.columns import Wanted
from elman.text.lines import lines
from elman.text.read import TextOptions
from elman.text.records import arriving
from elman.text.sources import plain_file
from elman.text.tables import Tally, recognise

READ = TextOptions()
COUNTS = st.integers(1, 12)
MARK = st.sampled_from(["", "\ufeff"])


def text_of(pieces, **options):
    return st.lists(st.sampled_from(pieces), **options).map("".join)


@pytest.fixture(scope="module")
def file_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")

    def write(data: str | bytes, name="t.txt"):
        path = folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return plain_file(str(path))

    return write


def each(count):
    return [(number, count) for number in range(1, count + 1)]


def numbered(source, options=READ):
    """The lines of a file or a part of it, with their numbers."""
    return list(enumerate(chain.from_iterable(lines(source, options)), source.line))


@given(MARK, text_of(["a", "é", "\n", "\r\n", "\r", " ", "\ufeff", "BZh91AY&SY"]), COUNTS)
def test_lines(file_of, mark, text, count):
    assume(not (mark + text).startswith("BZ"))
    source = file_of(mark + text)
    parts = [at_lines(source, part, READ) for part in each(count)]
    assert list(chain.from_iterable(map(numbered, parts))) == numbered(source)


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "gb18030"])
def test_lines_of_other_encodings(file_of, encoding):
    options = TextOptions(encoding=encoding)
    source = file_of("ab\nb|\n\nc".encode(encoding) * 5)
    parts = [at_lines(source, part, options) for part in each(4)]
    found = list(chain.from_iterable(numbered(part, options) for part in parts))
    assert found == numbered(source, options)


def test_a_mark_says_the_encoding_of_every_part(file_of):
    options = TextOptions(encoding="cp1252")
    source = file_of("\ufeffäh\nöh\nüh\n")
    parts = [numbered(at_lines(source, part, options), options) for part in each(3)]
    assert parts == [[(1, "äh")], [(2, "öh")], [(3, "üh")]]


@pytest.mark.parametrize("separator", ["\n", "\n\n", "%", "%\n", "\n%%\n", "--", "-\\n"])
@pytest.mark.parametrize("raw", [False, True])
@given(MARK, text_of(["a", "é", "\n", "\n\n", "\r\n", "\r", "%", "-", "\\n"]), COUNTS)
def test_records(file_of, separator, raw, mark, text, count):
    options = TextOptions(raw=raw)
    source = file_of(mark + text)

    def found(source):
        return list(chain.from_iterable(arriving(lines(source, options), separator, source.line)))

    parts = [at_records(source, part, options, separator) for part in each(count)]
    assert list(chain.from_iterable(map(found, parts))) == found(source)


def answered(table, number=1):
    answers = Answers(table, ("label",), Tally())
    written = [answers.answered(row, (row.text,)) for row in answers.rows()]
    return [answers.header] * (number == 1 and answers.header is not None) + written


CELLS = ["a", "é", '"', '"x"', '"x\ny"', '"x\r\n\r\ny,"', '""', '"a""b"', 'a"b', " ", "1"]


@st.composite
def tables(draw, delimiter):
    """A header and rows, some of them blank, with line ends of all kinds."""
    cells = CELLS if delimiter == "\t" else [cell for cell in CELLS if cell != '"']
    rows = draw(st.lists(st.lists(st.sampled_from(cells), min_size=1, max_size=3), max_size=8))
    rows = [draw(st.sampled_from([["", ""], ["", "", ""]])) if draw(st.booleans()) else row
            for row in rows]  # fmt: skip
    lines = [delimiter.join(["text", "more"]), *map(delimiter.join, rows), ""]
    ends = st.sampled_from(["\n", "\r\n", "\n\n", "\r"])
    start = draw(st.sampled_from(["", "\n", "\r\n \n", "\ufeff", f"sep={delimiter}\n"]))
    rest = "".join(line + draw(ends) for line in lines[1:-1])
    return f"{start}{lines[0]}\n{rest}{lines[-1]}"


@pytest.mark.parametrize("delimiter", [",", "\t", "|", "§"])
@given(st.data(), COUNTS)
def test_rows_of_tables(file_of, delimiter, data, count):
    source = file_of(data.draw(tables(delimiter)), "t.tsv" if delimiter == "\t" else "t.csv")
    table = recognise(source, Wanted(("text",), delimiter, meant=True), READ)
    parts = [answered(at_rows(table, part), part[0]) for part in each(count)]
    assert list(chain.from_iterable(parts)) == answered(table)


@given(text_of(['{"text": "a"}', '{"text": "b", "label": 1}', " "], max_size=9), COUNTS)
def test_json_lines(file_of, text, count):
    source = file_of('{"text": "é"}\n' + text.replace("}", "}\n"), "t.jsonl")
    table = recognise(source, Wanted(("text",)), READ)
    parts = [answered(at_rows(table, part), part[0]) for part in each(count)]
    assert list(chain.from_iterable(parts)) == answered(table)


def test_a_bad_row_is_named_by_its_line_in_the_file(file_of):
    source = file_of('text,more\n"a\nb",1\r\nc,2\n"d"e,3\nf,4\n', "t.csv")
    table = recognise(source, Wanted(("text",)), READ)
    with pytest.raises(Exception, match="line 5: not a CSV row"):
        answered(at_rows(table, (2, 2)))


SEQUENCES = ["a\tX\n", "b\tY\r\n", "\n", "\n\n", " \r\n", "\t\n", "# c\n", "-DOCSTART-\tO\n", "c d"]


@given(text_of(SEQUENCES, max_size=14), COUNTS)
def test_sequences_of_columns(file_of, text, count):
    source = file_of(text)
    every = numbered(source)
    known = conll.Reader()
    is_table = known.begin(line for _, line in every)

    def found(source, reader):
        sequences = [ended for _, line in numbered(source) for ended in reader.feed(line)]
        return [*sequences, *reader.end()]

    parts = []
    for part in each(count):
        some = at_blank_lines(source, part, READ, known.blank if is_table else None)
        reader = conll.Reader()
        reader.begin(line for _, line in every)
        reader.go_on(some.line)
        parts += found(some, reader)
    assert parts == found(source, conll.Reader())


@pytest.mark.parametrize(
    ("data", "encoding", "said"),
    [
        (b"\x1f\x8b\x08 and so on", "utf-8", "compressed"),
        (b"BZh91AY&SY", "utf-8", "compressed"),
        ("a\nb\n".encode("utf-16"), "utf-8", "utf-16-le"),
        (b"", "utf-16", "utf-16"),
        (b"", "utf-32-be", "utf-32-be"),
        (b"", "utf-7", "utf-7"),
        (b"", "iso2022_jp", "iso2022_jp"),
        (b"", "cp037", "cp037"),
    ],
)
def test_what_cannot_be_cut_at_line_ends(file_of, data, encoding, said):
    with pytest.raises(UsageError, match=said):
        at_lines(file_of(data), (1, 2), TextOptions(encoding=encoding))


def test_a_separator_that_may_be_half_of_a_character(file_of):
    source = file_of("a|ア|b".encode("shift_jis"))
    with pytest.raises(UsageError, match=r"'\|' in shift_jis"):
        at_records(source, (1, 2), TextOptions(encoding="shift_jis"), "|")
    assert at_records(source, (1, 2), TextOptions(encoding="cp1252"), "|").within.stop == 5


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "gbk", "big5"])
def test_commas_stand_for_themselves_in_every_encoding(file_of, encoding):
    options = TextOptions(encoding=encoding)
    source = file_of('text,more\n山,"1\n2"\n川,3\n'.encode(encoding), "t.csv")
    table = recognise(source, Wanted(("text",)), options)
    parts = [answered(at_rows(table, part), part[0]) for part in each(4)]
    assert list(chain.from_iterable(parts)) == answered(table)
