"""`elman score`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import options
from .help import Command, option
from .output import note_unknown, print_json

if TYPE_CHECKING:
    from ..tasks.language.scoring import Score

EXAMPLES = """
elman score english.safetensors chapter.txt
cat chapter.txt | elman score english.safetensors
elman score names.safetensors --lines < candidates.txt | head
"""

NOTES = """
With --lines every line is scored alone and the likeliest comes first, one row each:
bits per character, perplexity, nats, line number, text.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model")
@click.argument("files", nargs=-1)
@option("--lines", is_flag=True, help="Score every line alone, the likeliest first.", group="Text")
@options.errors
@options.encoding
@options.as_json("One JSON object per file or line.")
def score(
    model: str, files: tuple[str, ...], lines: bool, errors: str, encoding: str, as_json: bool,
) -> None:  # fmt: skip
    """Say how likely FILES (or stdin) are under MODEL: nats, bits per character, perplexity."""
    from ..errors import CorpusError
    from ..tasks import load
    from ..tasks.language.scoring import rank
    from ..text.read import TextOptions, read, split_lines
    from ..text.unknown import Unknown

    loaded = load(model, task="lm")
    reading = TextOptions(errors, raw=options.is_raw(loaded, encoding), encoding=encoding)
    unknown = Unknown(loaded.vocabulary)
    scored: list[tuple[int, str | bytes, Score]] = []
    for name in files or ("-",):
        text = read(name, reading)
        shown = "standard input" if name == "-" else name
        if not lines:
            _report(shown, loaded.score(text, shown), as_json)
            for record in loaded.records(text):
                unknown.add(record)
            continue
        for number, line in enumerate(split_lines(text), 1):
            if line:
                for record in loaded.records(line):
                    unknown.add(record)
                scored.append((number, line, loaded.score(line, f"line {number} of {shown}")))
    if lines and not scored:
        raise CorpusError("there are no lines to score: all are empty")
    for i in rank(s for _, _, s in scored):
        number, line, s = scored[i]
        shown = line if isinstance(line, str) else line.decode("utf-8", "replace")
        if as_json:
            print_json(_figures(s) | {"line": number, "text": shown})
        else:
            click.echo(f"{s.bits_per_character:.4f}\t{s.perplexity:.4f}\t{s.nats:.4f}\t"
                       f"{number}\t{shown}")  # fmt: skip
    note_unknown(unknown)


def _figures(s: Score) -> dict[str, Any]:
    words = {} if s.words is None else {"words": s.words}
    return {"nats": s.nats, "characters": s.characters, "symbols": s.symbols,
            "unknown": s.unknown, "bits_per_character": s.bits_per_character,
            "perplexity": s.perplexity} | words  # fmt: skip


def _report(name: str, s: Score, as_json: bool) -> None:
    if as_json:
        print_json({"file": name} | _figures(s))
        return
    each = "" if s.words is None else " per word or mark"
    unknown = f", {s.unknown:,} of {s.symbols:,} symbols unknown" if s.unknown else ""
    click.echo(f"{name}: {s.nats:.4f} nats, {s.characters:,.0f} characters, "
               f"{s.bits_per_character:.4f} bits per character, "
               f"perplexity {s.perplexity:.4f}{each}{unknown}")  # fmt: skip
