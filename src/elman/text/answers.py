"""Tables that come out as they came in, with columns added: what a model says of each row.

A row keeps the very characters that it had; only one with more fields than the first row
is written anew, because what is added comes before the surplus.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import fields, jsonlines
from .columns import excel
from .tables import Table, Tally, head


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes
    ----------
    text : its text; "" if it has none
    raw : the line as in the file, without its end
    fields : its fields; [] of JSON
    """

    text: str
    raw: str
    fields: list[str]

    @property
    def blank(self) -> bool:
        """Whether its line is empty; it comes out as it is."""
        return not self.raw.strip(" \n")


class Answers:
    """A table that gets columns with answers.

    Parameters
    ----------
    table : whose text is in its first wanted column
    names : of the columns that are added; one that the table has is called predicted_...
    tally : gets what was odd about the rows

    Attributes
    ----------
    header : the line that names the columns, None without one; a part of a table has that of all
    shape : what two tables must have in common for their answers to follow each other

    Raises
    ------
    CorpusError : a row that is malformed, or a file that cannot be read
    """

    def __init__(self, table: Table, names: Sequence[str], tally: Tally):
        self._table, self._tally = table, tally
        self.header: str | None = None
        whole = table.whole
        self._loose = whole.loose_quote(Tally()) is not None
        self._width, taken = 0, set[str]()
        found: list[str] = []
        self._first = 0  # the number of the row that names the columns
        for self._first, raw, found in whole.raw_rows(Tally()):
            if table.delimiter is None:
                if "\\" in raw or any(name in raw for name in names):  # else it has none of them
                    taken |= jsonlines.keys(raw) or set()
            elif fields.any_text(found):
                self._width = len(found)
                taken = {name.strip() for name in found} if table.header else set()
                break
        self.names = [_free(name, taken) for name in names]
        if table.delimiter is not None and table.header:
            self.header = self._extended(Row("", raw.removesuffix("\n"), found), self.names)
        self._excel = excel(head(whole.source, table.options))  # a line that names the delimiter
        if self._excel and self.header is not None:
            self.header = f"{self._excel}\n{self.header}"
        self.shape = (table.form, self._width, self.header, tuple(self.names))

    def rows(self) -> Iterator[Row]:
        """Every row behind the header, blank ones too."""
        table = self._table
        seen = table.source.line > 1
        for number, raw, found in table.raw_rows(self._tally):
            if number == 1 and self._excel:
                continue
            if number == self._first and self.header is not None:
                continue
            row = Row(self._text(number, raw, found, seen), raw.removesuffix("\n"), found)
            seen = seen or not row.blank
            where = f"{table.source.name}, line {number}"
            if not row.blank and not row.text.strip():
                self._tally.add("rows without a text, and so without an answer", where)
            if self._width and fields.any_text(found[self._width :]):
                self._tally.add("rows with more columns than the first row, where the answer "
                                "comes before the surplus", where)  # fmt: skip
            yield row

    def answered(self, row: Row, values: Sequence[Any]) -> str:
        """The row with the values of the new columns, None for no value, as it is written."""
        if row.blank:
            return row.raw
        if self._table.delimiter is None:
            added = "".join(
                f", {json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
                for name, value in zip(self.names, values, strict=True)
            )
            return f"{row.raw.rstrip()[:-1].rstrip()}{added}}}"
        return self._extended(row, ["" if v is None else _plain(v) for v in values])

    def _text(self, number: int, raw: str, found: list[str], seen: bool) -> str:
        table = self._table
        if table.delimiter is not None:
            place = table.places[0]
            return found[place] if place < len(found) else ""
        if not raw.strip():
            return ""
        ((_, (text,)),) = jsonlines.rows(table.source.name, [raw], table.wanted, number, seen)
        return text

    def _extended(self, row: Row, values: Sequence[str]) -> str:
        missing = [""] * (self._width - len(row.fields))
        if len(row.fields) <= self._width:
            return row.raw + self._line(["", *missing, *values])
        return self._line([*row.fields[: self._width], *values, *row.fields[self._width :]])

    def _line(self, values: Sequence[str]) -> str:
        """Fields as one row, without its end."""
        delimiter = self._table.delimiter
        assert delimiter is not None
        if self._loose:
            return delimiter.join(values)
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(values)
        return out.getvalue().removesuffix("\n")


def _plain(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"predicted_{name}"
    return name
