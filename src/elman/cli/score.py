"""`elman score`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import click

from . import completion, options
from .help import Command, option
from .output import field, json_line, note, note_unknown, one_line, say_waiting

if TYPE_CHECKING:
    from ..tasks.language.model import Model
    from ..tasks.language.scoring import Score
    from ..tasks.language.symbols import Symbols
    from ..text.read import TextOptions
    from ..text.sources import Source
    from ..text.tables import Tally
    from ..text.unknown import Unknown

EXAMPLES = """
elman score english.safetensors chapter.txt
tail -f app.log | elman score log.safetensors --lines
elman score names.safetensors --lines --rank \\
    < candidates.txt | head
elman score english.safetensors --symbols chapter.txt
"""

NOTES = """
With --lines every line is scored separately: a row for each as it arrives, with tabs
between bits per character, perplexity, nats, line number, text. A blank line gets empty
figures; a line with an unknown symbol gets inf. A model of records has rows of records,
numbered by their first lines. --symbols gives rows of line number, position in the line,
symbol, nats. With --adapt the model is reset for every file; its figures are lower for
texts with their own words and style.
"""

Row = tuple[str, ...]  # the pieces of a row, its end included
PIECE = 1 << 20  # characters of a long line that are written at once
FIGURES = ("nats", "characters", "symbols", "unknown", "nats_known", "bits_per_character",
           "perplexity")  # fmt: skip


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model", shell_complete=completion.models)
@click.argument("files", nargs=-1, shell_complete=completion.files)
@option("--lines", is_flag=True, help="Score every line separately.", group="Text")
@options.errors
@options.encoding
@options.part
@option("--rank", is_flag=True, help="Sort the lines at the end, the most likely first.",
        group="Output")  # fmt: skip
@option("--symbols", is_flag=True, help="A row for every symbol.", group="Output")
@option("--adapt", is_flag=True, group="Output",
        help="Learn from each file while it is scored: dynamic evaluation.")  # fmt: skip
@options.as_json("One JSON object per file, line or symbol.")
@options.machine
def score(
    model: str, files: tuple[str, ...], lines: bool, errors: str, encoding: str,
    part: tuple[int, int] | None, rank: bool, symbols: bool, adapt: bool, as_json: bool,
    engine: str, threads: int | None,
) -> None:  # fmt: skip
    """Measure how likely FILES (or stdin) are under MODEL, in nats, bits and perplexity."""
    from ..errors import UsageError
    from ..tasks import load
    from ..text.byte_ranges import at_records
    from ..text.read import TextOptions
    from ..text.sources import plain_file
    from ..text.tables import Tally
    from ..text.unknown import Unknown

    if rank and not lines:
        raise UsageError("--rank needs --lines: it sorts them")
    if rank and symbols:
        raise UsageError("--rank sorts lines and --symbols prints symbols; give one of them")
    if part is not None:
        options.check_part(files, (), "elman score MODEL FILE")
        if adapt:
            raise UsageError("--part knows only a part of what --adapt learns from; leave one out")
        if rank or not (lines or symbols):
            raise UsageError("--part needs --lines or --symbols, whose rows follow each other; "
                             "it does not work with --rank, which sorts them")  # fmt: skip
    loaded = load(model, engine=engine, threads=threads, task="lm")
    reading = TextOptions(errors, raw=options.is_raw(loaded, encoding, errors), encoding=encoding)
    if part is not None and not (lines or loaded.lines):
        raise UsageError("--part needs --lines here: in running text the score of a symbol "
                         "depends on everything before it")  # fmt: skip
    asked = Asked(loaded, reading, Unknown(loaded.vocabulary, skipped=True), Tally(), as_json,
                  adapt)  # fmt: skip
    kept: list[tuple[float, Row]] = []
    say_waiting(files or ("-",))
    sources = [None if name == "-" else plain_file(name) for name in files or ("-",)]
    if part is not None:
        sources = [at_records(s, part, reading, loaded.separator) for s in sources if s]
    for source in sources:
        if adapt:
            asked.model = loaded.adapting()
        if symbols:
            _write(asked.symbols(source, lines))
        elif not lines:
            _write([[(f"{asked.whole(source)}\n",)]])
        elif rank:
            kept += (pair for rows in asked.lines(source) for pair in rows)
        else:
            _write([row for _, row in rows] for rows in asked.lines(source))
    _write([[row for _, row in sorted(kept, key=itemgetter(0))]])
    for line in asked.odd.notes():
        note(line)
    note_unknown(asked.unknown)


def _write(batches: Iterable[Iterable[Row]]) -> None:
    """Rows on stdout, as they come."""
    for rows in batches:
        sys.stdout.writelines(chain.from_iterable(rows))
        sys.stdout.flush()


@dataclass
class Asked:
    """A model, and how it is asked about files: None is standard input."""

    model: Model
    reading: TextOptions
    unknown: Unknown
    odd: Tally
    as_json: bool
    adapt: bool  # whether the model learns from what it scores

    def lines(self, source: Source | None) -> Iterator[list[tuple[float, Row]]]:
        """A row for each line or other record, with the bits by which rows are ranked."""
        for batch in self._records(source):
            scores = iter(self.model.score([text for _, text in batch if _says(text)]))
            yield [self._line(number, text, next(scores) if _says(text) else None)
                   for number, text in batch]  # fmt: skip

    def whole(self, source: Source | None) -> str:
        """The row of a whole file; of one that is empty it has no figures."""
        name = "standard input" if source is None else source.name
        total: Score | None = None
        if self.model.lines:
            for batch in self._records(source):
                for found in self.model.score([text for _, text in batch if _says(text)]):
                    total = found if total is None else total + found
        else:
            for piece, part in self._running(source):
                (found,) = part.scores(self.model.vocabulary, [len(piece)])
                total = found if total is None else total + found
        if self.as_json:
            return json_line({"file": name} | self._figures(total))
        if total is None:
            return f"{name}: empty"
        return _sentence(f"{name}, adapting" if self.adapt else name, total)

    def symbols(self, source: Source | None, lines: bool) -> Iterator[Iterator[Row]]:
        """A row for each symbol, of lines each alone, else of one stream."""
        from ..tasks.language.symbols import each, named

        vocabulary, end = self.model.vocabulary, self.model.separator
        if not lines and not self.model.lines:
            yield self._symbols(1, named(vocabulary, self._running(source), end))
            return
        for batch in self._records(source):
            there = [(number, record) for number, text in batch if _says(text)
                     for record in self.model.records(text)]  # fmt: skip
            read = each(self.model.network, vocabulary, [record for _, record in there])
            for (number, _), parts in zip(there, read, strict=True):
                yield self._symbols(number, named(vocabulary, parts, end))

    def _records(self, source: Source | None) -> Iterator[list[tuple[int, Any]]]:
        """Lines or other records as they arrive, each with the number of its first line."""
        from ..text.lines import lines
        from ..text.records import arriving

        first = 1 if source is None else source.line
        read = lines(source, self.reading, self.odd)
        for batch in arriving(read, self.model.separator, first):
            self.unknown.add_all([self.model.clean(text) for _, text in batch])
            yield batch

    def _running(self, source: Source | None) -> Iterator[tuple[Any, Symbols]]:
        """The pieces of running text, each with its symbols."""
        from ..tasks.language.symbols import Stream, each
        from ..text.read import read_pieces
        from ..text.sources import from_stdin

        treatment = self.model.treatment
        reading = replace(self.reading, lowercase=treatment.lowercase,
                          normalize=treatment.normalize)  # fmt: skip
        read = read_pieces([source or from_stdin()], reading)
        first, second = next(read, ""), next(read, "")
        self.unknown.add_all([first])
        if not second:  # read as any other text of its length is
            for parts in each(self.model.network, self.model.vocabulary, [first] if first else []):
                yield from parts
            return
        stream = Stream(self.model.network, self.model.vocabulary)
        yield first, stream.read(first)
        for piece in chain([second], read):
            self.unknown.add_all([piece])
            yield piece, stream.read(piece)

    def _line(self, number: int, text: Any, s: Score | None) -> tuple[float, Row]:
        """The bits of a line and its row; a blank one has empty figures."""
        shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
        bits = math.inf if s is None else s.bits_per_character
        if self.as_json:
            return bits, (json_line(self._figures(s) | {"line": number, "text": shown}), "\n")
        figures = "\t\t" if s is None else f"{bits:.4f}\t{s.perplexity:.4f}\t{s.nats:.4f}"
        from ..text.words import in_pieces

        pieces = map(one_line, in_pieces(shown, PIECE, words=False))
        return bits, (f"{figures}\t{number}\t", *pieces, "\n")

    def _figures(self, s: Score | None) -> dict[str, Any]:
        names = FIGURES if self.model.vocabulary.counted is None else (*FIGURES, "words")
        figures = {name: None if s is None else getattr(s, name) for name in names}
        return figures | ({"adapted": True} if self.adapt else {})

    def _symbols(self, line: int, found: Iterable[tuple[int, str, float]]) -> Iterator[Row]:
        position = 1
        for _, symbol, nats in found:
            if self.as_json:
                row = {"line": line, "position": position, "symbol": symbol, "nats": nats}
                yield json_line(row), "\n"
            else:
                yield (f"{line}\t{position}\t{field(symbol)}\t{nats:.4f}\n",)
            position += 1
            if symbol == "\n":
                line, position = line + 1, 1


def _says(text: Any) -> bool:
    """Whether a line says anything that a model reads."""
    return bool(text.strip("\r\n" if isinstance(text, str) else b"\r\n"))


def _sentence(name: str, s: Score) -> str:
    each = "" if s.words is None else " per word or mark"
    unknown = f", {s.unknown:,} of {s.symbols:,} symbols unknown" if s.unknown else ""
    if math.isinf(s.nats):
        unknown = (f", {s.unknown:,} symbols unknown and skipped, "
                   f"{s.nats_known:.4f} nats for the {s.symbols:,} others")  # fmt: skip
    return (f"{name}: {s.nats:.4f} nats, {s.characters:,.0f} characters, "
            f"{s.bits_per_character:.4f} bits per character, "
            f"perplexity {s.perplexity:.4f}{each}{unknown}")  # fmt: skip
