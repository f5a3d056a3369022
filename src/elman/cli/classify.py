"""`elman classify`."""

import json
import sys

import click

from . import options
from .help import Command, option
from .output import note_unknown

EXAMPLES = """
elman classify names.safetensors Müller Rossi
elman classify names.safetensors - < names.txt > labelled.tsv
elman classify names.safetensors --all Martin
elman classify names.safetensors --evaluate test.tsv
"""

NOTES = """
One row per text, in order: text, label, probability, with tabs between. --all gives
a row for every class, the most probable first. Standard input is read line by line
and answered as it arrives.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model")
@click.argument("texts", nargs=-1)
@options.errors
@options.encoding
@option("--evaluate", metavar="FILE", group="Labelled data",
        help="Judge the model by labelled texts, in any form that training takes.")  # fmt: skip
@option("--text-column", metavar="NAME", group="Labelled data",
        help="Of a table or JSON lines.  [default: as in training]")  # fmt: skip
@option("--label-column", metavar="NAME", group="Labelled data",
        help="The same of the labels.  [default: as in training]")  # fmt: skip
@option("--delimiter", metavar="STR", group="Labelled data",
        help="Character between the columns of a table.")  # fmt: skip
@option("--all", "show_all", is_flag=True, help="Every class with its probability.", group="Output")
@options.as_json("One JSON object per text.")
@options.machine
def classify(
    model: str, texts: tuple[str, ...], show_all: bool, errors: str, encoding: str, engine: str,
    threads: int | None, as_json: bool, evaluate: str | None, **columns: str | None,
) -> None:  # fmt: skip
    """Say which class each of TEXTS (or each line of stdin) belongs to, by MODEL."""
    from ..errors import UsageError
    from ..tasks import load
    from ..text.read import transform
    from ..text.unknown import Unknown
    from . import inputs
    from .evaluate import evaluate as judge

    if evaluate is None and any(columns.values()):
        given = next(name for name, value in columns.items() if value)
        raise UsageError(f"--{given.replace('_', '-')} goes with --evaluate FILE")
    if evaluate is not None and (texts or show_all):
        raise UsageError("--evaluate FILE takes its texts from the file: leave TEXT and --all out")
    loaded = load(model, engine=engine, threads=threads, task="classify")
    if evaluate is not None:
        judge(loaded, evaluate, {"errors": errors, "encoding": encoding, **columns}, as_json)
        return
    classes = loaded.classes if as_json else list(map(inputs.field, loaded.classes))
    unknown = Unknown(loaded.vocabulary)
    for batch in inputs.texts(texts, errors, encoding):
        encoded = loaded.encode(batch)
        p = loaded.probabilities(encoded)
        for text in batch:
            unknown.add(transform(text, loaded.treatment), loaded.config["seq_len"])
        rows = []
        for text, row, best in zip(batch, p, p.argmax(axis=1).tolist(), strict=True):
            if as_json:
                found = {"text": text, "label": classes[best], "probability": float(row[best])}
                if show_all:
                    found["probabilities"] = dict(zip(classes, row.tolist(), strict=True))
                rows.append(json.dumps(found, ensure_ascii=False))
            elif show_all:
                text = inputs.field(text)
                for i in (-row).argsort(kind="stable"):
                    rows.append(f"{text}\t{classes[i]}\t{row[i]:.4f}")
            else:
                rows.append(f"{inputs.field(text)}\t{classes[best]}\t{row[best]:.4f}")
        sys.stdout.write("\n".join(rows) + "\n")
        sys.stdout.flush()
    note_unknown(unknown)
