"""The text of a language model in pieces: of running text, of records, of a column of tables."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from ..errors import CorpusError, counted, quoted
from . import tables
from .columns import Wanted
from .finding import Group
from .read import TextOptions, numbered_pieces, transform
from .records import cleaned
from .sources import Source
from .tables import Table, Tally

BATCH = 4096  # rows of a table that are treated at once

Text = Any  # str, or bytes of a byte model


@dataclass(frozen=True)
class CorpusOptions:
    """What to read and how to cut it into symbols.

    Attributes
    ----------
    tokens : "char", "byte" or "word"
    vocabulary_size : how many characters or words to keep
    separator : what ends a record; None: the text is one stream
    unknown : whether characters get a symbol for what the text does not hold
    column, delimiter : of a table whose rows are the texts
    min_count : how often a character or word must occur to be kept
    """

    tokens: str = "char"
    vocabulary_size: int | None = None
    separator: str | None = None
    unknown: bool = False
    text: TextOptions = field(default_factory=TextOptions)
    column: str | None = None
    delimiter: str | None = None
    min_count: int | None = None

    @property
    def records(self) -> bool:
        """Whether the text is many, each a sequence of its own."""
        return self.separator is not None or self.column is not None


@dataclass(frozen=True)
class Piece:
    """Some text of one file, or some records of it."""

    file: int
    text: Text
    records: Sequence[Text] | None = None


class Pieces:
    """The text of groups of files, which can be read again and again.

    `held_out` of the groups, the last ones, are parts with files of their own.

    Attributes
    ----------
    form : how it was understood, for people
    tally : what was odd about the rows of tables, after a reading
    ended : how many records a separator ended, after a reading

    Raises
    ------
    CorpusError : a table without the wanted column
    """

    def __init__(self, groups: Sequence[Group], options: CorpusOptions, held_out: int = 0):
        self._learned = len(groups) - held_out
        self.options, self.tally, self.ended = options, Tally(), 0
        self._sources = [(i, source) for i, group in enumerate(groups) for source in group.sources]
        self._tables = [] if options.column is None else list(self._recognised(options.column))
        self.form = self._form()

    def __iter__(self) -> Iterator[Piece]:
        """The pieces; with a separator or a column each with the records that end in it."""
        self.tally, self.ended = Tally(), 0
        if self._tables:
            return self._rows()
        if self.options.separator is None:
            return (Piece(file, text) for file, text in self._read(self.options.text))
        return self._records(self.options.separator)

    def first_rows(self) -> Iterator[str]:
        """What to say about the first rows of tables without a header."""
        for _, table in self._tables:
            if not table.header:
                for _, values in islice(table.rows(Tally()), 1):
                    yield from table.first_row(values)

    def _form(self) -> str:
        if self._tables:
            forms = Counter(table.form_and_column for _, table in self._tables)
            several = len(forms) > 1
            return ", and ".join(f"{form} ({counted(n, 'file')})" if several else form
                                 for form, n in forms.items())  # fmt: skip
        if self.options.separator is None:
            return "bytes" if self.options.text.raw else "running text"
        separator = self.options.separator
        return "lines" if separator == "\n" else f"records that end with {quoted(separator)}"

    def _recognised(self, column: str) -> Iterator[tuple[int, Table]]:
        for file, source in self._sources:
            shared = file >= self._learned
            wanted = Wanted((column,), self.options.delimiter, meant=True, shared=shared)
            table = tables.recognise(source, wanted, self.options.text)
            if table is None:
                raise CorpusError(
                    f"{source.name} is not a table with the column {quoted(column)} like the "
                    "training data; make it one"
                )
            yield file, table

    def _rows(self) -> Iterator[Piece]:
        """The texts of a column, row by row."""
        for file, table in self._tables:
            texts = tables.texts(table, self.tally)
            while batch := list(islice(texts, BATCH)):
                yield Piece(file, "".join(f"{text}\n" for text in batch), batch)

    def _read(self, options: TextOptions) -> Iterator[tuple[int, Text]]:
        sources: list[Source] = [source for _, source in self._sources]
        return ((self._sources[i][0], text) for i, text in numbered_pieces(sources, options))

    def _records(self, separator: str) -> Iterator[Piece]:
        """Pieces with the records that end in them; the end of a file ends one, too."""
        options = self.options.text
        end: Text = separator.encode() if options.raw else separator
        # A separator that lower-casing would change is looked for before the text is changed.
        after = TextOptions()
        if not options.raw and transform(separator, options) != separator:
            after = replace(options, max_characters=None)
            options = replace(options, lowercase=False, normalize=None)

        def piece(file: int, text: Text, records: Sequence[Text]) -> Piece:
            records = cleaned(records, end)
            if after != TextOptions():
                text, records = transform(text, after), [transform(r, after) for r in records]
            return Piece(file, text, records)

        last, rest = 0, end[:0]
        for file, text in self._read(options):
            if file != last and rest:
                yield piece(last, end[:0], [rest])
                rest = end[:0]
            *records, rest = (rest + text).split(end)
            last = file
            self.ended += len(records)
            yield piece(file, text, records)
        if rest:
            yield piece(last, end[:0], [rest])
