"""Time of one character when a model writes: Elman, PyTorch, ONNX Runtime.

One stream, temperature 0.8: read a character, compute the distribution of the next, draw it.
The network is the same everywhere, with the same first parameters. Every system runs in a
process of its own; the processes take turns, and the median is over the turns.
"""

import json
from multiprocessing import get_context
from statistics import median
from typing import Any

import click
import numpy as np
from peers import Work
from rich.console import Console
from rich.table import Table
from train_step import serve

TEMPERATURE = 0.8
WORKS = {
    work.name: work
    for work in (
        Work("rnn-100", "rnn", 65, 100, 1, 1, 1, "sgd", 0.0),
        Work("lstm-2x128", "lstm", 65, 128, 2, 1, 1, "sgd", 0.0),
        Work("lstm-512", "lstm", 65, 512, 1, 1, 1, "sgd", 0.0),
    )
}
# system: (module in peers, its options)
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "elman-native": ("write_elman", {"name": "native", "threads": 1}),
    "elman-native-2": ("write_elman", {"name": "native", "threads": 2}),
    "elman-numpy": ("write_elman", {"name": "numpy", "threads": 1}),
    "pytorch": ("write_pytorch", {"threads": 1}),
    "pytorch-2": ("write_pytorch", {"threads": 2}),
    "onnxruntime": ("write_onnx", {}),
}
CHARACTERS = 200  # that a step writes


def draw(logits: np.ndarray, rng: np.random.Generator) -> int:
    """What a careful user of a library that stops at the logits writes in NumPy."""
    p = np.exp((logits - logits.max()) / TEMPERATURE)
    total = np.cumsum(p)
    return int(np.searchsorted(total, rng.random() * total[-1]))


def measure(name: str, systems: list[str], turns: int, seconds: float) -> list[dict[str, Any]]:
    workers: dict[str, tuple[Any, str]] = {}
    times: dict[str, list[float]] = {}
    for system in systems:
        module, options = SYSTEMS[system]
        here, there = get_context("spawn").Pipe()
        arguments = (there, module, options)
        get_context("spawn").Process(target=serve, args=arguments, daemon=True).start()
        there.close()
        try:
            version = here.recv()
            if isinstance(version, Exception):
                raise version
            here.send(("prepare", WORKS[name]))
            answer = here.recv()
            if isinstance(answer, Exception):
                raise answer
        except (ImportError, RuntimeError, EOFError) as error:
            click.echo(f"{system} skipped: {error or 'its process ended'}", err=True)
            continue
        workers[system], times[system] = (here, version), []
    for _ in range(turns):
        for system, (connection, _) in workers.items():
            connection.send(("run", seconds))
            times[system] += [ms * 1e3 / CHARACTERS for ms in connection.recv()]
    rows = []
    for system, (connection, version) in workers.items():
        rows.append(
            {
                "config": name,
                "system": system,
                "median_us": round(median(times[system]), 3),
                "min_us": round(min(times[system]), 3),
                "version": version,
            }
        )
        connection.close()
    theirs = {row["system"]: row["median_us"] for row in rows}
    eager = min((us for s, us in theirs.items() if s.startswith("pytorch")), default=None)
    for row in rows:
        row["times_pytorch"] = eager and round(eager / row["median_us"], 2)
        onnx = theirs.get("onnxruntime")
        row["times_onnxruntime"] = onnx and round(onnx / row["median_us"], 2)
    return rows


@click.command(help=__doc__)
@click.option("--configs", default=",".join(WORKS), show_default=True)
@click.option("--systems", default=",".join(SYSTEMS), show_default=True)
@click.option("--turns", default=7, show_default=True)
@click.option("--seconds", default=0.3, show_default=True, help="Length of a turn.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, no table.")
def main(configs: str, systems: str, turns: int, seconds: float, as_json: bool) -> None:
    rows = []
    for name in configs.split(","):
        rows += measure(name, systems.split(","), turns, seconds)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    table = Table(title="One character, batch 1 (medians, float32)")
    for heading in ("configuration", "system", "µs", "× PyTorch", "× ONNX Runtime"):
        table.add_column(heading, justify="left" if heading[0] in "cs" else "right")
    for row in rows:
        ratios = (row["times_pytorch"], row["times_onnxruntime"])
        table.add_row(
            row["config"], row["system"], f"{row['median_us']:.2f}",
            *("" if r is None else f"{r:.1f}" for r in ratios),
        )  # fmt: skip
    Console().print(table)
    Console().print(", ".join(dict.fromkeys(row["version"] for row in rows)), highlight=False)


if __name__ == "__main__":
    main()
