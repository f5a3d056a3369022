"""What `elman tag` labels: texts as arguments, lines, columns, JSON lines; in their order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from ..errors import CorpusError, UsageError
from ..text import conll, jsonlines
from ..text.byte_ranges import Part, at_blank_lines, at_lines
from ..text.lines import lines
from ..text.read import TextOptions
from ..text.sources import Source, plain_file
from ..text.tagforms import JSON, Tokens, is_json, symbols_of, tokens_of
from .inputs import refuse_files
from .output import field as one_field
from .output import say_waiting

if TYPE_CHECKING:
    from ..tasks.tag.model import Tagger, Tags

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
            yield from (f"{one_field(token)}\t{label}\t{p:.4f}" for token, label, p in rows)
        yield ""


@dataclass
class Columns(Item):
    """A sequence of columns: its lines as they are, blank ones and comments too."""

    raw: conll.Sequence = field(default_factory=list)
    tabs: bool = True

    def answered(self, tags: "Tags | None") -> Iterator[str]:
        found = iter([] if tags is None else zip(tags.labels, tags.probabilities, strict=True))
        between = "\t" if self.tabs else " "
        for line in self.raw:
            if line.fields is None:
                yield line.text
                continue
            label, p = next(found)
            text, end = _apart(line.text)
            yield f"{text}{between}{label}{between}{p:.4f}{end}"


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
        text, end = _apart(self.raw)
        yield f"{text.rstrip()[:-1].rstrip()}{added}}}{end}"


def sequences(
    model: "Tagger", arguments: Sequence[str], files: Sequence[str], column: int | None,
    options: TextOptions, part: Part | None = None,
) -> Iterator[list[Item]]:  # fmt: skip
    """Sequences in batches: the arguments, then the files; without both standard input.

    Parameters
    ----------
    model : says what a symbol is, and which column has the tokens unless `column` does
    arguments : texts, and "-" for standard input
    column : of the tokens, if all files are columns
    part : which part of the file is read, of how many; None: all of it

    Raises
    ------
    UsageError : an argument that is the name of a file, or a column of JSON lines
    CorpusError : what cannot be read or labelled; what comes before a bad line is answered first
    """
    refuse_files(arguments)
    kind = model.config["tokens"]
    given: list[Item | Source | None] = [
        None if text == "-" else Item(symbols_of(text, kind)) for text in arguments
    ]
    given += [None if name == "-" else plain_file(name) for name in files]
    given = given or [None]
    say_waiting("-" for each in given if each is None)
    texts: list[Item] = []
    for each in given:
        if isinstance(each, Item):
            texts.append(each)
            continue
        yield texts
        texts = []
        yield from _batches(_items(each, column, model, options, part))
    yield texts


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
    source: Source | None, column: int | None, model: "Tagger", options: TextOptions,
    part: Part | None,
) -> Iterator[list[Item]]:  # fmt: skip
    """The sequences of a file, in the form that it has."""
    name = "standard input" if source is None else source.name
    ending = "" if source is None else source.plain.suffix
    first, arriving = _with_first(lines(source, options, whole=True))
    objects, reader = is_json(ending, first), None
    if objects and column is not None:
        raise UsageError(f"--token-column is for columns with one token per line; {name} is "
                         f"{JSON}: leave it out")  # fmt: skip
    if not objects and (column is not None or ending.lower() in COLUMNS):
        reader, column = conll.Reader(), column or model.column("token_column") or 1
    if source is not None and part is not None:
        source = _part(source, part, reader, options)
        arriving = lines(source, options, whole=True)
    if objects:
        yield from _objects(name, arriving, model, 1 if source is None else source.line)
    elif reader is not None and column is not None:
        yield from _columns(name, arriving, reader, column, model)
    else:
        for some in arriving:
            yield [Item(symbols_of(_apart(line)[0], model.config["tokens"])) for line in some]


def _part(source: Source, part: Part, reader: conll.Reader | None, options: TextOptions) -> Source:
    """A part of a file; of columns the reader knows what the whole looks like."""
    if reader is None:
        return at_lines(source, part, options)
    every = chain.from_iterable(lines(source, options, whole=True))
    source = at_blank_lines(source, part, options, reader.blank if reader.begin(every) else None)
    reader.go_on(source.line)
    return source


def _with_first(arriving: Iterator[list[str]]) -> tuple[str, Iterator[list[str]]]:
    """The first line with any text, and all lines."""
    held: list[list[str]] = []
    for some in arriving:
        held.append(some)
        first = next((line for line in some if line.strip()), None)
        if first is not None:
            return first, chain(held, arriving)
    return "", iter(held)


def _columns(
    name: str, arriving: Iterator[list[str]], reader: conll.Reader, column: int, model: "Tagger"
) -> Iterator[list[Item]]:
    def item(sequence: conll.Sequence) -> Item:
        tokens: list[str] = []
        for line in sequence:
            if line.fields is None:
                continue
            where = f"{name}, line {line.number}"
            if column > len(line.fields) or not line.fields[column - 1]:
                raise CorpusError(f"{where}: no token in column {column}; --token-column says "
                                  "which it is")  # fmt: skip
            tokens.append(line.fields[column - 1])
            _refuse_misfit(where, tokens[-1:], model)
        return Columns(tokens, sequence, reader.tabs)

    for some in arriving:
        yield [item(ended) for line in some for ended in reader.feed(line)]
    yield list(map(item, reader.end()))


def _objects(
    name: str, arriving: Iterator[list[str]], model: "Tagger", number: int
) -> Iterator[list[Item]]:
    """The objects of lines, the first of which has this number."""
    for some in arriving:
        items: list[Item] = []
        for line in some:
            where = f"{name}, line {number}"
            number += 1
            tokens: Tokens = []
            if line.strip():
                found = jsonlines.parsed(where, line)
                if "tokens" not in found:
                    raise CorpusError(f"{where}: no key 'tokens'; each object needs it")
                tokens = tokens_of(where, found["tokens"])
                if isinstance(tokens, str):
                    tokens = symbols_of(tokens, model.config["tokens"])
                _refuse_misfit(where, tokens, model)
            items.append(Object(tokens, line))
        yield items


def _refuse_misfit(where: str, tokens: Tokens, model: "Tagger") -> None:
    if wrong := model.misfit(tokens):
        raise CorpusError(f"{where}: the token {wrong}")


def _apart(line: str) -> tuple[str, str]:
    """A line, and the \\r that ends it."""
    text = line.removesuffix("\r")
    return text, line[len(text) :]
