"""What models make of the text that their training held out, in bits per character.

    python benchmarks/held_out.py shakespeare.safetensors names.safetensors

A file that a training can resume from names its text; the part that was held out to choose the
best parameters is read once more. Of running text: all of it in one stream, as the run ended; a
hundred passages of 2,000 characters, spread evenly, each from a zero state, the median and the
worst; its first 60,000 characters as `elman score` reads them, without and with `--adapt`. Of
lines: in random order, as `elman score --lines` reads them, without and with `--adapt`.
"""

import random
from math import log
from pathlib import Path
from statistics import median

import click
import numpy as np
from rich.console import Console
from rich.table import Table

import elman
from elman.tasks import resume
from elman.tasks.language.run import LanguageRun
from elman.text.parts import Part
from elman.text.vocabulary import Vocabulary

PASSAGES, LENGTH = 100, 2_000
ADAPTED = 60_000  # characters
HEADINGS = ("whole", "passages, median", "worst", "start, or lines", "--adapt", "gain")


def held_out(path: Path) -> tuple[float, list[str], bool]:
    """Bits per character of the whole part, its texts, and whether they are lines."""
    run = resume(path, {})
    if not isinstance(run, LanguageRun) or not run.validation.predictions:
        raise click.ClickException(f"{path} is no language model with a held-out part")
    found = texts(run.validation, run.data.vocabulary)
    return run.summary["validation_bits_per_character"], found, run.validation.rows is not None


def texts(part: Part, vocabulary: Vocabulary) -> list[str]:
    """The records of a part in random order, or its one text."""

    def decoded(begin: int, end: int) -> str:
        return vocabulary.decode(part.ids[begin:end].tolist())

    if part.rows is None or part.offsets is None:
        slices = [(0, len(part.ids))] if part.slices is None else part.slices
        return ["".join(decoded(begin, end) for begin, end in slices)]
    records = [decoded(part.offsets[row], part.offsets[row + 1]) for row in part.rows]
    random.Random(1).shuffle(records)
    return records


def figures(path: Path) -> list[float | None]:
    """The figures of HEADINGS; None: not of lines."""
    bits, found, lines = held_out(path)
    model = elman.load(path)
    passages: list[float] = []
    if not lines:
        starts = np.linspace(0, max(0, len(found[0]) - LENGTH), PASSAGES).astype(int)
        passages = [model.score(found[0][s : s + LENGTH]).bits_per_character for s in starts]
        found = [found[0][:ADAPTED]]
    symbols = sum(len(text) + lines for text in found)  # the end of a line is one too
    plain, adapted = (
        sum(reader.score(text).nats for text in found) / log(2) / symbols
        for reader in (model, model.adapting())
    )
    seen = [median(passages), max(passages)] if passages else [None, None]
    return [bits, *seen, plain, adapted, plain - adapted]


@click.command(help=__doc__)
@click.argument("models", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(models: tuple[Path, ...]) -> None:
    """Print a row for every model."""
    table = Table()
    table.add_column("model", overflow="fold")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for path in models:
        try:
            row = figures(path)
        except elman.ElmanError as error:
            raise click.ClickException(str(error)) from None
        table.add_row(path.stem, *("" if value is None else f"{value:.3f}" for value in row))
    Console().print(table)


if __name__ == "__main__":
    main()
