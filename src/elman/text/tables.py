"""Tables: the wanted columns of files of rows, or of JSON lines.

What separates the columns is seen from the first row; `fields` says what quotes mean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..errors import CorpusError, UsageError, listed
from . import fields, jsonlines
from .read import TextOptions, read_pieces, transform
from .sources import Source

DELIMITERS = {"\t": "tabs", "|": "bars", ";": "semicolons", ",": "commas"}
HINTS = {".csv": ",", ".tsv": "\t"}  # what is tried first
JSON_LINES = (".jsonl", ".ndjson")

NUMBER = re.compile(r"[1-9][0-9]{0,5}")  # of a column
TRIED = 20  # rows that show what separates the columns of a table without a header
LONGEST_NAME = 40  # characters of the name of a column in a message


@dataclass(frozen=True)
class Wanted:
    """The columns that are asked for.

    Attributes
    ----------
    columns : their names, or their numbers from 1; the text comes first, then the label
    delimiter : what separates the columns, one character; None: the first row shows it
    meant : whether the user said that the files are tables, whatever they are called
    """

    columns: tuple[str, ...]
    delimiter: str | None = None
    meant: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """What the user names the columns with."""
        return ("--text-column", "--label-column")[: len(self.columns)]

    @property
    def numbers(self) -> list[int]:
        """The columns as numbers; empty if one of them is a name."""
        numbered = all(NUMBER.fullmatch(column) for column in self.columns)
        return [int(column) for column in self.columns] if numbered else []


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
    places : where in a row the wanted columns stand
    header : whether its first row names the columns
    """

    source: Source
    wanted: Wanted
    options: TextOptions
    delimiter: str | None
    places: tuple[int, ...] = ()
    header: bool = True

    @property
    def form(self) -> str:
        """What it is, for people."""
        if self.delimiter is None:
            return "JSON lines"
        without = "" if self.header else " without a header"
        separated = DELIMITERS.get(self.delimiter, repr(self.delimiter))
        return f"a table{without}, its columns separated by {separated}"

    def rows(self, tally: Tally) -> Iterator[tuple[str, list[str]]]:
        """Where each row begins (file and line), and its wanted fields; blank rows are no rows.

        Raises
        ------
        CorpusError : a row that is malformed or too short, a file that cannot be read
        """
        name, delimiter = self.source.name, self.delimiter
        if delimiter is None:
            wanted, flags = self.wanted.columns, self.wanted.flags
            for number, values in jsonlines.rows(name, self._lines(), wanted, flags):
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
            yield from ((n, line, []) for n, line in enumerate(self._lines(), 1))
            return
        kept: list[str] = []
        lines = _kept(self._lines(), kept)
        for start, _, row in self._divided(lines, self.loose_quote(tally)):
            yield start, "".join(kept), row
            kept.clear()

    def loose_quote(self, tally: Tally) -> int | None:
        """The line of a quote for which all quotes of the table are characters as others are."""
        if self.delimiter != "\t":
            return None
        loose = fields.loose_quote(self._lines(), self.delimiter)
        if loose is not None:
            tally.add("quotes that open a field and do not close it, so that all quotes of the "
                      "table stay as they are", f"{self.source.name}, line {loose}")  # fmt: skip
        return loose

    def _divided(self, lines: Iterator[str], loose: int | None) -> Iterator[fields.Row]:
        assert self.delimiter is not None
        if loose is None:
            return fields.rows(self.source.name, lines, self.delimiter)
        return fields.rows_without_quotes(lines, self.delimiter)

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
            where = f"{self.source.name}, line {start}"
            if len(row) < needed:
                raise CorpusError(f"{where}: {_columns(len(row))}, {first} has {width}{quotes}")
            if fields.any_text(row[width:]):
                tally.add(f"rows with more columns than {first}, of which the surplus is ignored "
                          "(a text that holds the delimiter needs quotes)", where)  # fmt: skip
            if end > start:
                tally.add("rows of several lines, in quotes", where)
            yield where, [row[place] for place in self.places]

    def _lines(self) -> Iterator[str]:
        """The lines of the file with their ends."""
        rest = ""
        for piece in read_pieces([self.source], as_it_is(self.options)):
            *whole, rest = (rest + str(piece)).split("\n")
            for line in whole:
                yield f"{line}\n"
        if rest:
            yield rest


def _kept(lines: Iterator[str], kept: list[str]) -> Iterator[str]:
    for line in lines:
        kept.append(line)
        yield line


def recognise(source: Source, wanted: Wanted, options: TextOptions) -> Table | None:
    """The table that a file is; None if it is none.

    What separates its columns is what splits the first row into names among which are
    the wanted ones. Numbers are names, too, if the first row holds them; else they say
    that it has no header, and what separates is what gives the first rows enough columns.

    A file is a table if its name ends in .csv, .tsv, .jsonl or .ndjson, if it is
    standard input, if the user said so, or if its first row names the wanted columns.

    Raises
    ------
    CorpusError : a table without the wanted columns
    UsageError : a delimiter for JSON lines
    """
    ending = source.plain.suffix.lower()
    meant = wanted.meant or ending in HINTS or source.name == "standard input"
    start = head(source, options)
    keys = None if ending in HINTS else jsonlines.keys(start)
    if ending in JSON_LINES or (keys and (meant or keys.issuperset(wanted.columns))):
        if wanted.delimiter is not None:
            raise UsageError(
                f"{source.name} holds JSON lines, which have no --delimiter; leave it out"
            )
        return Table(source, wanted, options, None)
    headers = {d: _names(start, d) for d in _candidates(ending, wanted)}
    for delimiter, header in headers.items():
        if set(wanted.columns) <= set(header):
            places = _places(source.name, header, wanted)
            return Table(source, wanted, options, delimiter, places)
    if not meant:
        return None
    fitting = _without_header(start, list(headers), wanted.numbers)
    if fitting is None:
        raise CorpusError(_missing(source.name, max(headers.values(), key=len), wanted))
    places = tuple(number - 1 for number in wanted.numbers)
    return Table(source, wanted, options, fitting, places, header=False)


def texts(
    source: Source, column: str, delimiter: str | None, options: TextOptions, tally: Tally
) -> Iterator[str]:
    """The texts of one column of a table, row by row, treated as `options` say.

    Parameters
    ----------
    column : its name, its key in JSON lines, or its number in a table without a header
    delimiter : see `Wanted`
    tally : gets what was odd about rows; those without a text are left out

    Raises
    ------
    CorpusError, UsageError : see `recognise` and `Table.rows`
    """
    table = recognise(source, Wanted((column,), delimiter, meant=True), options)
    assert table is not None  # it was meant to be one
    for where, (text,) in table.rows(tally):
        if text.strip():
            yield transform(text, options)
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
            raise CorpusError(f"{where}: the label {label!r} has a line end or a tab")
        yield text, label


def delimiter_of(given: str) -> str:
    """The character that `--delimiter` names; UsageError if it names none."""
    character = "\t" if given == "\\t" else given
    if len(character) != 1 or character in '"\n\r\0':
        raise UsageError(
            f"--delimiter must be one character, such as ';', or \\t for a tab, not {given!r}"
        )
    return character


def head(source: Source, options: TextOptions) -> str:
    """The first lines of a file."""
    return str(next(read_pieces([source], as_it_is(options)), ""))


def as_it_is(options: TextOptions) -> TextOptions:
    """How a table is read: what changes texts must not change headers and delimiters."""
    return replace(options, lowercase=False, normalize=None, max_characters=None, raw=False)


# -- the first row ------------------------------------------------------------------


def _candidates(ending: str, wanted: Wanted) -> list[str]:
    """What may separate the columns, the most likely first."""
    if wanted.delimiter is not None:
        return [wanted.delimiter]
    return list(dict.fromkeys([*filter(None, [HINTS.get(ending)]), *DELIMITERS]))


def _names(head: str, delimiter: str) -> list[str]:
    first = fields.first_rows(head, delimiter, 1)
    return [name.strip() for name in first[0]] if first else []


def _places(name: str, header: list[str], wanted: Wanted) -> tuple[int, ...]:
    for column, flag in zip(wanted.columns, wanted.flags, strict=True):
        if header.count(column) > 1:
            raise CorpusError(
                f"{name} has {header.count(column)} columns {column!r}; rename one, or name "
                f"another with {flag}"
            )
    return tuple(map(header.index, wanted.columns))


def _without_header(head: str, candidates: list[str], numbers: list[int]) -> str | None:
    """What separates the columns where these are numbers: it gives every row enough of them."""
    if not numbers:
        return None
    fitting = {}
    for delimiter in candidates:
        widths = [len(row) for row in fields.first_rows(head, delimiter, TRIED)]
        if widths and min(widths) >= max(numbers):
            fitting[delimiter] = len(set(widths))
    # A character of the texts divides some rows more often than others.
    return min(fitting, key=lambda delimiter: fitting[delimiter], default=None)


def _missing(name: str, header: list[str], wanted: Wanted) -> str:
    """What to say about a table that does not have the wanted columns."""
    flags, needed = wanted.flags, len(wanted.columns)
    shown = listed([column[:LONGEST_NAME] for column in header])
    if not header:
        return f"{name} has no header: its first line must name the columns"
    if wanted.numbers:
        found = f"its first row has {_columns(len(header))}, {shown}"
        problem = f"{name} has no column {max(wanted.numbers)} ({found})"
        needed = max(wanted.numbers)
    else:
        missing = next(column for column in wanted.columns if column not in header)
        problem = f"{name} has no column {missing!r} (its first line names {shown})"
    if len(header) < needed and wanted.delimiter is None:
        return f"{problem}; say with --delimiter what separates its columns"
    if len(header) < needed:
        return f"{problem}; does {wanted.delimiter!r} separate its columns, as --delimiter says?"
    numbered = " ".join(f"{flag} {number}" for number, flag in enumerate(flags, 1))
    return (
        f"{problem}; name one with {' and '.join(flags)}, or give numbers where the table has no "
        f"header, as in {numbered}"
    )


def _columns(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"
