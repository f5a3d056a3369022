"""Lines to rows of fields.

A field in quotes is what RFC 4180 says: it may hold the delimiter, line ends, and
quotes that are doubled. A quote inside a field that does not begin with one is a
character like any other.

Some programs write tabs between fields and never quote. So where a quote opens a
field of a file with tabs, and none closes it at its end, the file is taken to have
no quoted fields at all: each line is a row, and every quote stays. With any other
delimiter such a quote is refused.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice

from ..errors import CorpusError

LONGEST_FIELD = 2**31 - 1  # characters; the most that the csv module takes on every platform

Row = tuple[int, int, list[str]]  # its first and its last line, from 1, and its fields


def rows(name: str, lines: Iterable[str], delimiter: str, first: int = 1) -> Iterator[Row]:
    """The rows of a file with quoted fields; `first` is the number of the first line.

    Raises
    ------
    CorpusError : a quoted field that does not end, or that something follows
    """
    start = first
    try:
        for start, end, fields in _rows(lines, delimiter, first):
            yield start, end, fields
            start = end + 1
    except csv.Error as error:
        what = "does not end" if "end of data" in str(error) else "continues after its quote"
        raise CorpusError(
            f"{name}, line {start}: not a CSV row (a quoted field {what}); put a field that begins "
            'with a quote into quotes and double its own: """So?"" she said"'
        ) from None


def rows_without_quotes(lines: Iterable[str], delimiter: str, first: int = 1) -> Iterator[Row]:
    """The rows of a file in which quotes mean nothing: its lines, the first of which is `first`."""
    for number, line in enumerate(lines, first):
        yield number, number, line.rstrip("\n").split(delimiter)


def loose_quote(lines: Iterable[str], delimiter: str) -> int | None:
    """The first line of the row in which a quote opens a field and does not close it."""
    start = 1
    try:
        for _, end, _ in _rows(lines, delimiter):
            start = end + 1
    except csv.Error:
        return start
    return None


def first_rows(head: str, delimiter: str, count: int) -> list[list[str]]:
    """The fields of the first rows that are not blank; quotes are plain if one is malformed."""

    def first(rows: Iterator[Row]) -> list[list[str]]:
        return list(islice((fields for *_, fields in rows if any_text(fields)), count))

    try:
        return first(_rows(io.StringIO(head, newline="\n"), delimiter))
    except csv.Error:
        return first(rows_without_quotes(io.StringIO(head, newline="\n"), delimiter))


def any_text(fields: list[str]) -> bool:
    """Whether a row says anything."""
    return any(field.strip() for field in fields)


def _rows(lines: Iterable[str], delimiter: str, first: int = 1) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)  # a text may be long
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = first
    for row in reader:
        end = first - 1 + reader.line_num
        yield start, end, row
        start = end + 1
