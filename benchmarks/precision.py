"""Held-out loss after equal steps with float32 products and with bf16: what rounding costs."""

from pathlib import Path
from statistics import mean
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import elman

# name: what it learns from, settings, figure of the summary
RUNS: dict[str, tuple[str, dict[str, Any], str]] = {
    "GRU 512, running text": (
        "tinyshakespeare.txt", {"hidden_size": 512, "steps": 1500},
        "validation_bits_per_character",
    ),
    "LSTM 32, first names": (
        "makemore_names.txt", {"lines": True, "cell": "lstm", "hidden_size": 32, "steps": 3000},
        "validation_bits_per_character",
    ),
    "RNN 100, Adagrad at 0.1": (  # the recipe of min-char-rnn
        "tinyshakespeare.txt",
        {"cell": "rnn", "hidden_size": 100, "seq_len": 25, "batch_size": 1, "loss": "sum",
         "optimizer": "adagrad", "learning_rate": 0.1, "init": "normal", "clip_value": 5.0,
         "steps": 20_000},
        "validation_bits_per_character",
    ),
    "classifier, surnames": ("names", {"task": "classify", "epochs": 30}, "macro_f1"),
}  # fmt: skip


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", type=click.Choice(list(RUNS)), help="One of the runs; default: all.")
@click.option("--seeds", default=3, type=click.IntRange(1), show_default=True)
@click.option("--threads", default=None, type=click.IntRange(1))
def main(data: Path, only: str | None, seeds: int, threads: int | None) -> None:
    """Train on the corpora of the folder DATA with both precisions and several seeds."""
    table = Table(title=f"the same steps, seeds 0 to {seeds - 1}, then their mean")
    for heading in ("run", "figure", "float32", "bf16"):
        table.add_column(heading)
    for name, (corpus, settings, figure) in RUNS.items():
        if only in (None, name):
            cells = []
            for precision in ("float32", "bf16"):
                found = []
                for seed in range(seeds):
                    summary = elman.train(
                        str(data / corpus), seed=seed, precision=precision, threads=threads,
                        progress=False, **settings,
                    ).summary  # fmt: skip
                    report = summary.get("validation", {})  # of a classifier
                    found.append(report[figure] if figure in report else summary[figure])
                cells.append(f"{', '.join(f'{x:.4f}' for x in found)}: {mean(found):.4f}")
            table.add_row(name, figure.removeprefix("validation_").replace("_", " "), *cells)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
