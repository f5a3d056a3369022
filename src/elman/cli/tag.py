"""`elman tag`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from . import completion, options
from .help import Command, option
from .output import note, print_json

if TYPE_CHECKING:
    from ..tasks.tag.model import Tagger, Tags
    from ..text.tagforms import Tokens

EXAMPLES = """
elman tag names.safetensors "Ada Lovelace lives in London"
elman tag accents.safetensors -f words.txt > tagged.conll
elman tag names.safetensors -f news.conll > labelled.conll
elman tag names.safetensors --json - < sentences.txt
elman tag names.safetensors --evaluate test.conll
"""

NOTES = """
A text, or a line, is split at spaces if the model labels words, else into characters; it
comes out as columns: symbol, label, probability, with tabs between, and a blank line after
each text. Columns (.conll, .tsv and the like, or any file with --token-column) and JSON
lines (.jsonl, or a first line that is an object with the key tokens) come out in their own
form with label and probability added.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model", shell_complete=completion.models)
@click.argument("texts", nargs=-1, callback=options.utf8)
@option("-f", "--file", "files", multiple=True, metavar="FILE", group="Text",
        help="File with one text per line, or in columns; may be repeated; - is standard "
        "input.")  # fmt: skip
@options.errors
@options.encoding
@options.part
@option("--token-column", type=click.IntRange(1), metavar="N", group="Text",
        help="Number of the token column; files are then columns, one token per line.  [default: "
        "as in training, else the first]")  # fmt: skip
@option("--evaluate", metavar="FILE", group="Labelled data",
        help="Evaluate the model on labelled sequences, in any form that training "
        "takes.")  # fmt: skip
@option("--label-column", type=click.IntRange(1), metavar="N", group="Labelled data",
        help="Label column of the --evaluate file.  "
        "[default: as in training, else the last]")  # fmt: skip
@option("--labels", metavar="FILE", group="Labelled data",
        help="The labels of the text of --evaluate, line by line.")  # fmt: skip
@options.as_json("One JSON object per text.")
@options.machine
def tag(
    model: str, texts: tuple[str, ...], files: tuple[str, ...], errors: str, encoding: str,
    part: tuple[int, int] | None, token_column: int | None, evaluate: str | None,
    label_column: int | None, labels: str | None, engine: str, threads: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Label every symbol of TEXTS (or of each line of FILES or stdin) with MODEL."""
    from ..errors import UsageError
    from ..tasks import load
    from ..text.read import TextOptions
    from .sequences import sequences

    if evaluate is None and (label_column or labels):
        flag = "--label-column" if label_column else "--labels"
        raise UsageError(f"{flag} needs --evaluate FILE")
    if evaluate is not None and (texts or files or part):
        raise UsageError("--evaluate FILE takes its texts from the file: leave out texts, -f and "
                         "--part")  # fmt: skip
    if part is not None:
        options.check_part(files, texts, "-f FILE")
    if token_column and texts and "-" not in texts and not files:
        raise UsageError("--token-column applies to files, not to texts on the command line")
    loaded = load(model, engine=engine, threads=threads, task="tag")
    reading = TextOptions(errors, encoding=encoding)
    if evaluate is not None:
        _evaluate(loaded, evaluate, labels, (token_column, label_column), reading, as_json)
        return
    unknown = _Unknown(loaded)
    for batch in sequences(loaded, texts, files, token_column, reading, part):
        found = iter(loaded.tag([s.tokens for s in batch if len(s.tokens)]))
        for sequence in batch:
            tags = next(found) if len(sequence.tokens) else None
            share = unknown.add(sequence.tokens)
            rows = [_object(tags, share)] if as_json else sequence.answered(tags)
            sys.stdout.writelines(f"{row}\n" for row in rows)
        sys.stdout.flush()
    unknown.say()


def _object(tags: Tags | None, unknown: float) -> str:
    """One sequence as JSON."""
    found: dict[str, Any] = {
        "tokens": [] if tags is None else list(tags.tokens),
        "labels": [] if tags is None else tags.labels,
        "probabilities": [] if tags is None else tags.probabilities.tolist(),
        "unknown": unknown,
    }
    return json.dumps(found, ensure_ascii=False)


class _Unknown:
    """Counts the symbols that the model does not know, to say it at the end."""

    def __init__(self, model: Tagger):
        self.model = model
        self.count = self.total = 0
        self.first = ""

    def add(self, tokens: Tokens) -> float:
        """Count the symbols of a sequence; the share of those that are unknown."""
        known, clean = self.model.vocabulary.ids, self.model.clean(tokens)
        missing = [token for token in clean if token not in known]
        self.count, self.total = self.count + len(missing), self.total + len(tokens)
        self.first = self.first or (missing[0] if missing else "")
        return len(missing) / max(1, len(tokens))

    def say(self) -> None:
        if self.count:
            noun = {"char": "characters", "word": "words"}[self.model.config["tokens"]]
            how = "read as <unk>" if self.model.letters is None else "read by their letters alone"
            note(f"{self.count:,} of {self.total:,} {noun} are unknown to the model and {how}; "
                 f"the first is {self.first!r}")  # fmt: skip


def _evaluate(
    model: Tagger, path: str, labels: str | None, columns: tuple[int | None, int | None],
    reading: Any, as_json: bool,
) -> None:  # fmt: skip
    """Show the report of training for labelled sequences."""
    from dataclasses import replace

    from ..tasks.tag.trainer import evaluate
    from ..text.tagforms import TaggedOptions

    treatment = replace(model.treatment, errors=reading.errors, encoding=reading.encoding)
    options = TaggedOptions(*columns, labels, text=treatment)
    found, notes = evaluate(model, [path], options)
    for line in notes:
        note(line)
    if as_json:
        print_json(found.to_dict())
        return
    for line in found.lines():
        click.echo(line)
    click.echo(f"\naccuracy {found.accuracy:.4f}, macro-F1 {found.macro_f1:.4f}, "
               f"{found.nats:.4f} nats a symbol, {found.confusion.sum():,} symbols")  # fmt: skip
