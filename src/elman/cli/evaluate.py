"""`elman classify --evaluate`: the report of a classifier on labelled data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .output import note, print_json

if TYPE_CHECKING:
    from ..tasks.classify.model import Classifier


def evaluate(
    model: Classifier, path: str, label_column: str | None, reading: dict[str, Any], as_json: bool
) -> None:
    """Show the report of training for the labelled texts of a file or folder.

    `reading` holds the flags that say how it is read; columns that were not given are
    those of training.
    """
    import numpy as np

    from ..tasks.classify.trainer import judge
    from ..text import labelled
    from ..text.read import TextOptions

    trained = {} if model.training is None else model.training[1]["settings"]
    given = {"text_column": reading["text_column"], "label_column": label_column}
    columns = [
        value or trained.get(name) or name.removesuffix("_column") for name, value in given.items()
    ]
    treatment = model.treatment
    options = labelled.LabelledOptions(
        columns[0], columns[1],
        TextOptions(reading["errors"], treatment.lowercase, treatment.normalize,
                    encoding=reading["encoding"]),
        reading["delimiter"], shared=not any([*given.values(), reading["delimiter"]]),
    )  # fmt: skip
    pairs, notes = labelled.load_pairs([path], options)
    for line in notes:
        note(line)
    labels = labelled.positions([label for _, label in pairs], model.classes, path)
    part = labelled.LabelledPart(
        model.encode([text for text, _ in pairs]), labels, np.arange(len(pairs))
    )
    found = judge(model, part)
    if as_json:
        print_json(found.to_dict())
        return
    for line in found.lines():
        click.echo(line)
    click.echo(f"\naccuracy {found.accuracy:.4f}, macro-F1 {found.macro_f1:.4f}, "
               f"{found.nats:.4f} nats a text, {len(pairs):,} texts")  # fmt: skip
