"""Where in a table the wanted columns are, and its delimiter, by its first rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import CorpusError, UsageError, listed, quoted
from . import fields

DELIMITERS = {"\t": "tabs", "|": "bars", ";": "semicolons", ",": "commas"}
RARE = ":/~^#&*= "  # what may separate columns if it is named
HINTS = {".csv": ",", ".tsv": "\t"}  # what is tried first

NUMBER = re.compile(r"[1-9][0-9]{0,5}")  # of a column
VALUE = re.compile(r"\s*[-+]?[0-9]+([.,][0-9]+)*\s*")  # a number in a row
EXCEL = re.compile(r'"?sep=(.)"?\n')  # a first line that names the delimiter
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
    shared : whether they are asked for because other data have them; then these may be of any form
    """

    columns: tuple[str, ...]
    delimiter: str | None = None
    meant: bool = False
    shared: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """What the user names the columns with."""
        return ("--text-column", "--label-column")[: len(self.columns)]

    @property
    def numbers(self) -> list[int]:
        """The columns as numbers; empty if one of them is a name."""
        numbered = all(NUMBER.fullmatch(column) for column in self.columns)
        return [int(column) for column in self.columns] if numbered else []


@dataclass(frozen=True)
class Columns:
    """Where the wanted columns are.

    Attributes
    ----------
    delimiter : what separates the columns
    places : where in a row the wanted ones are
    header : whether the first row names the columns
    alone : whether there is only one
    """

    delimiter: str
    places: tuple[int, ...]
    header: bool = True
    alone: bool = False


def find(name: str, head: str, ending: str, wanted: Wanted) -> Columns | None:
    """The wanted columns of a table, by its first rows; None if these do not have them.

    A first row with the wanted names is a header. A number is such a name only if the rows
    below hold no numbers there; else it counts the columns of a table without a header.

    Raises CorpusError for a column that is there twice.
    """
    said = EXCEL.match(head)
    head = head[said.end() :] if said else head
    candidates = _candidates(ending, wanted, said[1] if said else None)
    for delimiter in candidates:
        header = _first(head, delimiter)
        if set(wanted.columns) <= set(header):
            places = _places(name, header, wanted)
            rows = fields.first_rows(head, delimiter, TRIED)
            if not wanted.numbers or _names_columns(rows, places[0]):
                return Columns(delimiter, places, alone=len(header) == 1)
    return _by_number(head, candidates, HINTS.get(ending), wanted)


def missing(name: str, head: str, ending: str, wanted: Wanted) -> str:
    """What to say about a table that does not have the wanted columns."""
    headers = [_first(head, delimiter) for delimiter in _candidates(ending, wanted)]
    header = max(headers, key=len)
    flags, needed = wanted.flags, len(wanted.columns)
    shown = listed([column[:LONGEST_NAME] for column in header])
    if not header:
        return f"{name} has no header: its first line must name the columns"
    if wanted.numbers:
        found = f"its first row has {count(len(header))}, {shown}"
        problem = f"{name} has no column {max(wanted.numbers)} ({found})"
        needed = max(wanted.numbers)
    else:
        lacking = next(column for column in wanted.columns if column not in header)
        problem = f"{name} has no column {quoted(lacking)} (its first line names {shown})"
    if rare := rare_delimiter(head, wanted):
        return f"{problem}; --delimiter {quoted(rare)} divides it into them"
    if wanted.shared:
        names = " and ".join(map(repr, wanted.columns))
        return f"{problem}; name {names} in its first line, as the other data do"
    if len(header) < needed and wanted.delimiter is None:
        return f"{problem}; say with --delimiter what separates its columns"
    if len(header) < needed:
        return (
            f"{problem}; does {quoted(wanted.delimiter)} separate its columns, as --delimiter says?"
        )
    numbered = " ".join(f"{flag} {number}" for number, flag in enumerate(flags, 1))
    return (
        f"{problem}; name one with {' and '.join(flags)}, or give numbers where the table has no "
        f"header, as in {numbered}"
    )


def excel(head: str) -> str:
    """The first line with which Excel names the delimiter; "" if there is none."""
    said = EXCEL.match(head)
    return said[0].rstrip("\n") if said else ""


def rare_delimiter(head: str, wanted: Wanted) -> str | None:
    """What divides the first line into names that hold the wanted ones, though it seldom does."""
    if wanted.delimiter is not None or wanted.numbers:
        return None
    return next((d for d in RARE if set(wanted.columns) <= set(_first(head, d))), None)


def count(columns: int) -> str:
    """So many columns, in words."""
    return f"{columns} column" if columns == 1 else f"{columns} columns"


def _candidates(ending: str, wanted: Wanted, said: str | None = None) -> list[str]:
    """What may separate the columns, the most likely first."""
    if wanted.delimiter is not None and not wanted.shared:
        return [wanted.delimiter]
    likely = [wanted.delimiter, said, HINTS.get(ending), *DELIMITERS]
    return list(dict.fromkeys(filter(None, likely)))


def _first(head: str, delimiter: str) -> list[str]:
    rows = fields.first_rows(head, delimiter, 1)
    return [name.strip() for name in rows[0]] if rows else []


def _names_columns(rows: Sequence[list[str]], place: int) -> bool:
    """Whether a number in the first row is the name of its column: few others are below it."""
    below = [row[place] for row in rows[1:] if place < len(row)]
    return sum(bool(VALUE.fullmatch(value)) for value in below) < 0.5 * len(below)


def _places(name: str, header: list[str], wanted: Wanted) -> tuple[int, ...]:
    for column, flag in zip(wanted.columns, wanted.flags, strict=True):
        if header.count(column) > 1:
            raise CorpusError(
                f"{name} has {header.count(column)} columns {quoted(column)}; rename one, or name "
                f"another with {flag}"
            )
    return tuple(map(header.index, wanted.columns))


def _by_number(
    head: str, candidates: list[str], hint: str | None, wanted: Wanted
) -> Columns | None:
    """The columns with the wanted numbers of a table without a header.

    What separates them divides the first rows into as many fields, two or more; a character
    of the texts divides some rows more often than others. A file that nothing divides has
    one column.
    """
    numbers = wanted.numbers
    if not numbers:
        return None
    widths = {d: [len(row) for row in fields.first_rows(head, d, TRIED)] for d in candidates}
    sure = (hint, wanted.delimiter)
    fitting = [
        d for d, found in widths.items()
        if max(found, default=0) > 1 and min(found) >= max(*numbers, 1 if d in sure else 2)
    ]  # fmt: skip
    places = tuple(number - 1 for number in numbers)
    if fitting:
        best = min(fitting, key=lambda delimiter: len(set(widths[delimiter])))
        return Columns(best, places, header=False)
    single = next((d for d, found in widths.items() if set(found) == {1}), None)
    if max(numbers) > 1 or single is None:
        return None
    return Columns(single, places, header=False, alone=True)


def delimiter_of(given: str) -> str:
    """The character that `--delimiter` names; UsageError if it names none."""
    character = "\t" if given == "\\t" else given
    if len(character) != 1 or character in '"\n\r\0':
        raise UsageError(
            f"--delimiter must be one character, such as ';', or \\t for a tab, not {quoted(given)}"
        )
    return character
