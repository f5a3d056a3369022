"""What a verb answers: texts as arguments, lines, tables; row by row, in their order."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from shlex import quote

from ..errors import CorpusError, UsageError
from ..text import tables
from ..text.answers import Answers, Row
from ..text.byte_ranges import Part, at_lines, at_rows
from ..text.columns import HINTS, Wanted
from ..text.lines import lines
from ..text.read import TextOptions
from ..text.sources import Source, plain_file, read_twice
from ..text.tables import Tally
from .output import say_waiting

BATCH = 1 << 16  # characters of a table that are answered at once


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes
    ----------
    column : where the text of a table is
    meant : whether all files are tables, whatever they are called
    delimiter : of the columns; None: the first row shows it
    added : names of the columns that come to a table; () if it does not come out as one
    tally : gets what was odd about the rows of tables
    part : which part of the file is read, of how many; None: all of it
    """

    options: TextOptions
    column: str = "text"
    meant: bool = False
    delimiter: str | None = None
    added: tuple[str, ...] = ()
    tally: Tally = field(default_factory=Tally)
    part: Part | None = None


@dataclass
class Batch:
    """Texts that are answered together, "" for a blank row; of a table with its rows."""

    texts: list[str]
    rows: list[Row] = field(default_factory=list)
    table: Answers | None = None


def batches(arguments: Sequence[str], files: Sequence[str], reading: Reading) -> Iterator[Batch]:
    """The texts in batches: the arguments, then the files; without both standard input.

    "-" is standard input too, which is answered line by line as it arrives.

    Raises
    ------
    UsageError : an argument that is the name of a file, tables that cannot follow each other
    CorpusError : what cannot be read; what comes before a bad row is answered first
    """
    refuse_files(arguments)
    names = [name for name in arguments if name == "-"] + list(files)
    if not arguments and not files:
        names = ["-"]
    say_waiting(names)
    opened = [_open(name, reading) for name in names]
    found = [table for _, table in opened]
    texts = [text for text in arguments if text != "-"]
    if reading.added:
        if texts and any(found):
            raise UsageError("texts and tables cannot be answered in one output; run them "
                             "separately, or with --json")  # fmt: skip
        _refuse_different(names, found)
    yield Batch(texts)
    for source, table in opened:
        if table is not None:
            yield from _rows(table)
            continue
        for some in lines(source, reading.options):
            yield Batch(some)


def refuse_files(arguments: Sequence[str]) -> None:
    """Raise UsageError for a text that is the name of a file."""
    for argument in arguments:
        if os.path.isfile(argument):
            raise UsageError(
                f"{argument} is a file; use -f {quote(argument)} to read its lines (to use the "
                "word itself, pass it on standard input with -)"
            )


def _open(name: str, reading: Reading) -> tuple[Source | None, Answers | None]:
    """A file, None for standard input as it arrives; and what it is, if it is a table."""
    source = None if name == "-" else plain_file(name)
    ending = "" if source is None else source.plain.suffix.lower()
    if not reading.meant and ending not in (*HINTS, *tables.JSON_LINES):
        if source is not None and reading.part is not None:
            source = at_lines(source, reading.part, reading.options)
        return source, None
    wanted = Wanted((reading.column,), reading.delimiter, meant=True)
    table = tables.recognise(read_twice(source), wanted, reading.options)
    assert table is not None  # it was meant to be one
    if reading.part is not None:
        table = at_rows(table, reading.part)
    return source, Answers(table, reading.added, reading.tally)


def _refuse_different(names: Sequence[str], found: Sequence[Answers | None]) -> None:
    """Files whose answers follow each other must be lines, or tables with one header."""
    forms = [None if table is None else table.shape for table in found]
    for name, form in zip(names, forms, strict=True):
        if form != forms[0]:
            raise UsageError(
                f"{names[0]} and {name} do not have the same form or the same columns, so they "
                "cannot be answered in one output; run them separately, or with --json"
            )


def _rows(table: Answers) -> Iterator[Batch]:
    batch, size = Batch([], table=table), 0
    try:
        for row in table.rows():
            batch.texts.append(row.text)
            batch.rows.append(row)
            size += len(row.text) + 1
            if size > BATCH:
                yield batch
                batch, size = Batch([], table=table), 0
    except CorpusError:
        yield batch
        raise
    yield batch
