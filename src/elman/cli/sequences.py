"""What `elman tag` labels: texts as arguments, lines, columns, JSON lines; in their order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import CorpusError
from ..text import jsonlines
from ..text.lines import lines
from ..text.read import TextOptions
from ..text.sources import Source, plain_file
from ..text.tables import JSON_LINES
from ..text.tagforms import Tokens, fields_of, left_out, strings, symbols_of
from .inputs import refuse_files

if TYPE_CHECKING:
    from ..tasks.tag.model import Tags

COLUMNS = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".bioes", ".col", ".tsv")
BATCH = 1 << 14  # symbols that are labelled at once


@dataclass
class Item:
    """One sequence, and how it comes out: as columns with a blank line behind it.

    `tokens` are empty for a line without a symbol.
    """

    tokens: Tokens

    def answered(self, tags: "Tags | None") -> Iterator[str]:
        """The lines that are written for it."""
        if tags is not None:
            rows = zip(tags.tokens, tags.labels, tags.probabilities, strict=True)
            yield from (f"{token}\t{label}\t{p:.4f}" for token, label, p in rows)
        yield ""


@dataclass
class Columns(Item):
    """A sequence of columns: its lines as they are, blank ones and comments too."""

    raw: list[str] = field(default_factory=list)
    tabs: bool = True

    def answered(self, tags: "Tags | None") -> Iterator[str]:
        found = iter([] if tags is None else zip(tags.labels, tags.probabilities, strict=True))
        between = "\t" if self.tabs else " "
        for line in self.raw:
            if left_out(line) or not line.strip(" "):
                yield line
                continue
            label, p = next(found)
            yield f"{line}{between}{label}{between}{p:.4f}"


@dataclass
class Object(Item):
    """A line of JSON: the object with the keys labels and probabilities added."""

    raw: str = ""

    def answered(self, tags: "Tags | None") -> Iterator[str]:
        if not self.raw.strip():
            yield self.raw
            return
        labels = [] if tags is None else tags.labels
        p = [] if tags is None else [round(float(x), 4) for x in tags.probabilities]
        taken = jsonlines.keys(self.raw) or set()
        added = ""
        for name, values in (("labels", labels), ("probabilities", p)):
            while name in taken:
                name = f"predicted_{name}"
            added += f", {json.dumps(name)}: {json.dumps(values, ensure_ascii=False)}"
        yield f"{self.raw.rstrip()[:-1].rstrip()}{added}}}"


def sequences(
    arguments: Sequence[str], files: Sequence[str], column: int | None, kind: str,
    options: TextOptions,
) -> Iterator[list[Item]]:  # fmt: skip
    """Sequences in batches: the arguments, then the files; without both standard input.

    Parameters
    ----------
    column : of the tokens, if all files are columns
    kind : what a symbol is, char or word

    Raises
    ------
    UsageError : an argument that is the name of a file
    CorpusError : what cannot be read; what stands before a bad line comes first
    """
    refuse_files(arguments)
    names = [name for name in arguments if name == "-"] + list(files)
    if not arguments and not files:
        names = ["-"]
    texts = [text for text in arguments if text != "-"]
    sources = [None if name == "-" else plain_file(name) for name in names]
    if texts:
        yield [Item(symbols_of(text, kind)) for text in texts]
    for source in sources:
        yield from _batches(_items(source, column, kind, options))


def _batches(found: Iterator[list[Item]]) -> Iterator[list[Item]]:
    """As many at a time as have arrived, but no more than BATCH symbols."""
    for items in found:
        batch: list[Item] = []
        size = 0
        for item in items:
            batch.append(item)
            size += len(item.tokens) + 1
            if size > BATCH:
                yield batch
                batch, size = [], 0
        yield batch


def _items(
    source: Source | None, column: int | None, kind: str, options: TextOptions
) -> Iterator[list[Item]]:
    """The sequences of a file, in the form that it has by its name."""
    ending = "" if source is None else source.plain.suffix.lower()
    arriving = lines(source, options)
    if column is None and ending in JSON_LINES:
        yield from _objects(source, arriving, kind)
    elif column is not None or ending in COLUMNS:
        yield from _columns(source, arriving, (column or 1) - 1)
    else:
        for some in arriving:
            yield [Item(symbols_of(line, kind)) for line in some]


def _columns(
    source: Source | None, arriving: Iterator[list[str]], place: int
) -> Iterator[list[Item]]:
    name = "standard input" if source is None else source.name
    number, tabs = 0, None
    tokens: list[str] = []
    raw: list[str] = []
    for some in arriving:
        items: list[Item] = []
        for line in some:
            number += 1
            raw.append(line)
            if left_out(line):
                continue
            if not line.strip(" "):
                items.append(Columns(tokens, raw, bool(tabs)))
                tokens, raw = [], []
                continue
            if tabs is None:  # one column alone gets the others behind tabs
                tabs = "\t" in line or len(line.split()) == 1
            found = fields_of(line, tabs)
            if place >= len(found) or not found[place]:
                raise CorpusError(f"{name}, line {number}: no token in column {place + 1}; "
                                  "--token-column says which it is")  # fmt: skip
            tokens.append(found[place])
        yield items
    if raw:
        yield [Columns(tokens, raw, bool(tabs))]


def _objects(
    source: Source | None, arriving: Iterator[list[str]], kind: str
) -> Iterator[list[Item]]:
    name = "standard input" if source is None else source.name
    number = 0
    for some in arriving:
        items: list[Item] = []
        for line in some:
            number += 1
            where = f"{name}, line {number}"
            tokens: Tokens = []
            if line.strip():
                found = jsonlines.parsed(where, line)
                if "tokens" not in found:
                    raise CorpusError(f"{where}: no key 'tokens'; each object needs it")
                value = found["tokens"]
                plain = isinstance(value, str)
                tokens = symbols_of(value, kind) if plain else strings(where, "tokens", value)
            items.append(Object(tokens, line))
        yield items
