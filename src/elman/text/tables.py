"""Tables: the wanted columns of files of rows, or of JSON lines.

`columns` sees from the first rows what separates the columns; `fields` says what quotes mean.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..errors import CorpusError, UsageError, quoted
from . import columns, fields, jsonlines
from .columns import DELIMITERS, HINTS, Wanted
from .read import TextOptions, read_pieces, transform
from .sources import Source

JSON_LINES = (".jsonl", ".ndjson")

JSON_ARRAY = re.compile(r"\s*\[\s*\{")
RULE = re.compile(r"\s*(:?-{3,}:?)?\s*")  # below the header of a table in Markdown
SHOWN = 40  # characters of a field that a note shows


class Tally:
    """What was odd about the rows of all files, each with the first place where it was."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def add(self, what: str, where: str) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        self._first.setdefault(what, where)

    def notes(self) -> list[str]:
        """A line for each."""
        return [f"{what}: {count:,}, {'the first ' * (count > 1)}in {self._first[what]}"
                for what, count in self._counts.items()]  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A file that was recognised as a table.

    Attributes
    ----------
    delimiter : what separates its columns; None: each line is an object of JSON
    places : where in a row the wanted columns are
    header : whether its first row names the columns
    alone : whether it has only one column
    """

    source: Source
    wanted: Wanted
    options: TextOptions
    delimiter: str | None
    places: tuple[int, ...] = ()
    header: bool = True
    alone: bool = False

    @property
    def form(self) -> str:
        """What it is, for people."""
        if self.delimiter is None:
            return "JSON lines"
        without = "" if self.header else " without a header"
        if self.alone:
            return f"a table{without}, of one column"
        separated = DELIMITERS.get(self.delimiter, repr(self.delimiter))
        return f"a table{without}, its columns separated by {separated}"

    @property
    def form_and_column(self) -> str:
        """What it is, and where its text is."""
        column = self.wanted.columns[0]
        if self.delimiter is None:
            return f"{self.form}, key {quoted(column)}"
        return f"{self.form}, column {repr(column) if self.header else column}"

    def first_row(self, values: Sequence[str]) -> Iterator[str]:
        """Without a header the first row counts: shown, so that nobody loses one unawares."""
        if not self.header:
            labelled = f", labelled {values[1][:SHOWN]!r}" if len(values) > 1 else ""
            yield (f"the first row of {self.source.name} is {values[0][:SHOWN]!r}{labelled}; if it "
                   "names the columns, give their names instead of numbers")  # fmt: skip

    def rows(self, tally: Tally) -> Iterator[tuple[str, list[str]]]:
        """Where each row begins (file and line), and its wanted fields; blank rows are no rows.

        Raises
        ------
        CorpusError : a row that is malformed or too short, a file that cannot be read
        """
        name, delimiter = self.source.name, self.delimiter
        if delimiter is None:
            for number, values in jsonlines.rows(name, self._lines(), self.wanted):
                yield f"{name}, line {number}", values
            return
        loose = self.loose_quote(tally)
        quotes = ""
        if loose is not None:
            quotes = f" (quotes stay as they are, since that of line {loose} is never closed)"
        yield from self._chosen(self._divided(self._lines(), loose), quotes, tally)

    def raw_rows(self, tally: Tally) -> Iterator[tuple[int, str, list[str]]]:
        """Every row, the header and blank ones too: its first line, its characters, its fields.

        Raises CorpusError for a row that is malformed, or a file that cannot be read.
        """
        if self.delimiter is None:
            numbered = enumerate(self._lines(), self.source.line)
            yield from ((number, line, []) for number, line in numbered)
            return
        kept: list[str] = []
        lines = _kept(self._lines(), kept)
        for start, _, row in self._divided(lines, self.loose_quote(tally)):
            yield start, "".join(kept), row
            kept.clear()

    def loose_quote(self, tally: Tally) -> int | None:
        """The line of a quote for which all quotes of the table are characters as others are."""
        if self._loose is not None:
            tally.add("unclosed quotes in a field, so all quotes of the table are kept "
                      "as text", f"{self.source.name}, line {self._loose}"
                      )  # fmt: skip
        return self._loose

    @cached_property
    def _loose(self) -> int | None:
        if self.delimiter != "\t":
            return None
        return fields.loose_quote(self.whole._lines(), self.delimiter)

    @property
    def whole(self) -> "Table":
        """The table of whose file this is a part."""
        return self if self.source.within is None else replace(self, source=self.source.whole)

    def _divided(self, lines: Iterator[str], loose: int | None) -> Iterator[fields.Row]:
        assert self.delimiter is not None
        first = self.source.line
        if loose is None:
            return fields.rows(self.source.name, lines, self.delimiter, first)
        return fields.rows_without_quotes(lines, self.delimiter, first)

    def _chosen(
        self, rows: Iterator[fields.Row], quotes: str, tally: Tally
    ) -> Iterator[tuple[str, list[str]]]:
        """The wanted fields of rows; `quotes` says for messages what was made of quotes."""
        first = "the header" if self.header else "the first row"
        width, needed = 0, max(self.places) + 1
        for start, end, row in rows:
            if not fields.any_text(row):
                continue
            if not width:
                width = len(row)
                if self.header:
                    continue
            if self.delimiter == "|" and all(map(RULE.fullmatch, row)):
                continue
            where = f"{self.source.name}, line {start}"
            if len(row) < needed:
                found = columns.count(len(row))
                raise CorpusError(f"{where}: {found}, {first} has {width}{quotes}")
            if fields.any_text(row[width:]):
                tally.add(f"rows with more columns than {first}, of which the surplus is ignored "
                          "(a text that holds the delimiter needs quotes)", where)  # fmt: skip
            if end > start:
                tally.add("rows of several lines, in quotes", where)
            yield where, [row[place] for place in self.places]

    def _lines(self) -> Iterator[str]:
        """The lines of the file with their ends; that in which Excel names a delimiter is blank."""
        rest, first = "", self.delimiter is not None and not self.source.start
        for piece in read_pieces([self.source], as_it_is(self.options)):
            *whole, rest = (rest + str(piece)).split("\n")
            for line in whole:
                yield "\n" if first and columns.EXCEL.fullmatch(f"{line}\n") else f"{line}\n"
                first = False
        if rest:
            yield rest


def _kept(lines: Iterator[str], kept: list[str]) -> Iterator[str]:
    for line in lines:
        kept.append(line)
        yield line


def recognise(source: Source, wanted: Wanted, options: TextOptions) -> Table | None:
    """The table that a file is; None if it is none.

    A file is a table if its name ends in .csv, .tsv, .jsonl or .ndjson, if it is
    standard input, if the user said so, or if its first row names the wanted columns. Where
    the columns are those of other data, the user said it of these.

    Raises
    ------
    CorpusError : a table without the wanted columns
    UsageError : a delimiter for JSON lines
    """
    ending = source.plain.suffix.lower()
    named = ending in HINTS or source.name == "standard input"
    meant = wanted.meant or named
    start = head(source, options)
    keys = None if ending in HINTS else jsonlines.keys(start)
    if ending in JSON_LINES or (keys and (meant or keys.issuperset(wanted.columns))):
        if wanted.delimiter is not None:
            raise UsageError(
                f"{source.name} holds JSON lines, which have no --delimiter; leave it out"
            )
        return Table(source, wanted, options, None)
    if JSON_ARRAY.match(start):
        raise CorpusError(
            f"{source.name} is one JSON array; write its objects as JSON lines, one per line, as "
            f"in jq -c '.[]' {source.name} > {source.plain.stem}.jsonl"
        )
    found = columns.find(source.name, start, ending, wanted)
    if found is None or not (meant or found.header):
        if named or (meant and not wanted.shared):
            raise CorpusError(columns.missing(source.name, start, ending, wanted))
        return None
    return Table(source, wanted, options, found.delimiter, found.places, found.header, found.alone)


def texts(table: Table, tally: Tally) -> Iterator[str]:
    """The texts of a column of a table, row by row, treated as its options say.

    Those that are empty are left out and counted in `tally`.

    Raises
    ------
    CorpusError : see `Table.rows`
    """
    for where, (text, *_) in table.rows(tally):
        if text.strip():
            yield transform(text, table.options)
        else:
            tally.add("rows without a text, left out", where)


def pairs(table: Table, tally: Tally) -> Iterator[tuple[str, str]]:
    """The (text, label) of each row; the label without the white space around it.

    Raises
    ------
    CorpusError : an empty text or label, a label of several lines; see `Table.rows`, too
    """
    for where, (text, label) in table.rows(tally):
        label = label.strip()
        if not text.strip():
            raise CorpusError(f"{where}: the text is empty; leave the row out")
        if not label:
            raise CorpusError(f"{where}: the label is empty; give one, or leave the row out")
        if {"\n", "\r", "\t"} & set(label):
            raise CorpusError(f"{where}: the label {quoted(label)} has a line end or a tab")
        yield text, label


def head(source: Source, options: TextOptions) -> str:
    """The first lines of a file."""
    return str(next(read_pieces([source], as_it_is(options)), ""))


def as_it_is(options: TextOptions) -> TextOptions:
    """How a table is read: what changes texts must not change headers and delimiters."""
    return replace(options, lowercase=False, normalize=None, max_characters=None, raw=False)
