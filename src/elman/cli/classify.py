"""`elman classify`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from . import completion, options
from .help import Command, option
from .output import field, note

if TYPE_CHECKING:
    from ..tasks.classify.answer import Answer
    from .inputs import Batch
    from .odd import Odd

EXAMPLES = """
elman classify names.safetensors Müller Rossi
elman classify names.safetensors -f names.txt \\
    > labelled.tsv
elman classify mails.safetensors -f new.csv \\
    --threshold 0.8 > labelled.csv
elman classify names.safetensors --all Martin
elman classify names.safetensors \\
    --among French,German Martin
elman classify names.safetensors --evaluate test.tsv
elman classify names.safetensors -f names.txt \\
    --part 1/4 > labelled.1
"""

NOTES = """
One row per text, in order: text, label, probability, with tabs between; a blank line
has an empty label. --all gives a row for every class, the most probable first. A
table (.csv, .tsv, .jsonl, or any file with --text-column) keeps its own form
with the columns label and probability added. Standard input is read line by line and
answered as it arrives.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model", shell_complete=completion.models)
@click.argument("texts", nargs=-1, callback=options.utf8)
@options.files
@options.errors
@options.encoding
@options.text_column
@options.delimiter
@options.part
@option("--evaluate", metavar="FILE", group="Labelled data",
        help="Evaluate the model on labelled texts, in any form that training takes.")  # fmt: skip
@option("--label-column", metavar="NAME", group="Labelled data",
        help="Label column of the --evaluate table.  [default: as in training]")  # fmt: skip
@option("--threshold", type=float, default=0.0, metavar="P", group="Output",
        help="No label below this probability.  [default: 0]")  # fmt: skip
@option("--among", metavar="A,B", multiple=True, group="Output",
        help="Consider only these classes.")  # fmt: skip
@option("--all", "show_all", is_flag=True, help="Every class with its probability.", group="Output")
@options.as_json("One JSON object per text.")
@options.machine
def classify(
    model: str, texts: tuple[str, ...], show_all: bool, threshold: float, among: tuple[str, ...],
    engine: str, threads: int | None, as_json: bool, evaluate: str | None,
    label_column: str | None, **reading: Any,
) -> None:  # fmt: skip
    """Classify each of TEXTS (or each line of FILES or stdin) with MODEL."""
    from ..errors import UsageError
    from ..tasks import load
    from ..tasks.classify.answer import Answering
    from . import inputs
    from .evaluate import evaluate as judge
    from .odd import Odd

    if label_column and evaluate is None:
        raise UsageError("--label-column needs --evaluate FILE")
    if show_all and threshold and not as_json:
        raise UsageError("--threshold has no effect with --all, which gives every class")
    idle = (texts, reading["files"], show_all, threshold, among, reading["part"])
    if evaluate is not None and any(idle):
        raise UsageError("--evaluate FILE takes its texts from the file and shows its own report: "
                         "leave out texts, -f, --all, --threshold, --among and --part"
                         )  # fmt: skip
    loaded = load(model, engine=engine, threads=threads, task="classify")
    if evaluate is not None:
        judge(loaded, evaluate, label_column, reading, as_json)
        return
    ask = Answering(loaded, [name for given in among for name in _names(given)], threshold)
    added = () if as_json else ("label", "probability")
    wanted = options.reading(loaded, reading, texts, added)
    odd, header = Odd(loaded), False
    for batch in inputs.batches(texts, reading["files"], wanted):
        if show_all and not as_json and batch.table is not None:
            raise UsageError("--all gives several rows for a text, which a table has no place for; "
                             "add --json, or leave it out")  # fmt: skip
        answers = ask(batch.texts)
        odd.add(batch.texts)
        if batch.table is not None and batch.table.header is not None and added and not header:
            header = True
            if wanted.part is None or wanted.part[0] == 1:
                sys.stdout.write(f"{batch.table.header}\n")
        if as_json:
            rows = _json(batch, answers, odd, ask.classes if show_all else None)
        else:
            rows = _all(batch, answers, ask.classes) if show_all else _rows(batch, answers)
        sys.stdout.writelines(f"{row}\n" for row in rows)
        sys.stdout.flush()
    for line in wanted.tally.notes():
        note(line)
    odd.say()


def _names(given: str) -> list[str]:
    """The names in --among, with commas between; one that has a comma is in quotes."""
    from ..errors import UsageError

    try:
        names = next(csv.reader([given], strict=True, skipinitialspace=True), [])
    except csv.Error:
        names = []
    if not names or not all(names):
        raise UsageError(f"--among takes names of classes, with commas between, not {given!r}")
    return names


def _rows(batch: Batch, answers: list[Answer]) -> Iterator[str]:
    """A row for each text; of a table the row itself with the answer."""
    if batch.table is not None:
        for row, answer in zip(batch.rows, answers, strict=True):
            yield batch.table.answered(row, (answer.label, answer.probability))
        return
    for text, answer in zip(batch.texts, answers, strict=True):
        label = "" if answer.label is None else field(answer.label)
        probability = "" if answer.probability is None else f"{answer.probability:.4f}"
        yield f"{field(text)}\t{label}\t{probability}"


def _all(batch: Batch, answers: list[Answer], classes: list[str]) -> Iterator[str]:
    """A row for each text and class, the most probable first; one for a blank text."""
    for text, answer in zip(batch.texts, answers, strict=True):
        p = answer.probabilities
        if p is None:
            yield f"{field(text)}\t\t"
            continue
        for i in (-p).argsort(kind="stable"):
            yield f"{field(text)}\t{field(classes[i])}\t{p[i]:.4f}"


def _json(
    batch: Batch, answers: list[Answer], odd: Odd, classes: list[str] | None
) -> Iterator[str]:
    """An object for each text, with all probabilities if the classes are given."""
    for text, answer in zip(batch.texts, answers, strict=True):
        found: dict[str, Any] = {
            "text": text, "label": answer.label, "probability": answer.probability,
            **odd.about(text),
        }  # fmt: skip
        if classes is not None:
            p = answer.probabilities
            every = None if p is None else dict(zip(classes, p.tolist(), strict=True))
            found["probabilities"] = every
        yield json.dumps(found, ensure_ascii=False)
