"""Reading with a model: lines one at a time and in batches, a long text on one thread and on all.

One text is one sequence: each step reads all of W_h once, so a core cannot be faster than W_h can
be brought to it. The floor is how many times per second one core can multiply a vector by such a
matrix with the BLAS of NumPy. Medians over repeats that take turns.
"""

import time
from collections.abc import Callable
from statistics import median

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from elman.nn.engine import available_cores, select
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language import symbols
from elman.text.vocabulary import BEGIN, END, Vocabulary

SIGNS = [chr(i) for i in range(32, 96)]
VOCABULARY = Vocabulary("char", [*SIGNS, BEGIN, END])
SHORTEST, LONGEST, LINES, LONG = 20, 140, 400, 16_000


def network(cell: str, size: int, threads: int) -> Network:
    config = NetworkConfig(len(VOCABULARY), cell, size)
    made = Network(config, np.float32, select("native", threads))
    initialise(made.parameters, config, "uniform", None, np.random.default_rng(0))
    return made


def in_turns(works: list[Callable[[], object]], repeats: int) -> list[float]:
    """The median seconds of each."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 1):
        for work, taken in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [median(taken[1:]) for taken in times]  # the first one warms up


def floor(W: np.ndarray, repeats: int) -> float:
    """Products a second of a vector with W on one core, by the BLAS of NumPy."""
    x, rounds = np.ones(len(W), W.dtype), max(1, 500_000_000 // W.nbytes)
    with threadpool_limits(1):
        return rounds / in_turns([lambda: [x @ W for _ in range(rounds)]], repeats)[0]


@click.command()
@click.option("--repeats", default=5, show_default=True)
def main(repeats: int) -> None:
    """Measure reading on this machine."""
    rng, cores = np.random.default_rng(0), available_cores()
    lengths = rng.integers(SHORTEST, LONGEST, LINES)
    lines = ["".join(rng.choice(SIGNS, n)) for n in lengths]
    text = "".join(rng.choice(SIGNS, LONG))
    columns = ("network", "lines/s one at a time", f"in batches on {cores}", "×",
               "characters/s of one text on 1", f"on {cores}", "×", "floor of 1")  # fmt: skip
    table = Table(*columns)
    for cell, size in (("gru", 256), ("gru", 512), ("lstm", 512)):
        alone, all_cores = network(cell, size, 1), network(cell, size, cores)
        few = lines[: LINES // 8]

        def each(net: Network = alone, few: list[str] = few) -> None:
            for line in few:
                symbols.Stream(net, VOCABULARY).read(line, ends=True)

        one, many, single, divided = in_turns(
            [
                each,
                lambda net=all_cores: symbols.score(net, VOCABULARY, lines),
                lambda net=alone: symbols.score(net, VOCABULARY, [text]),
                lambda net=all_cores: symbols.score(net, VOCABULARY, [text]),
            ],
            repeats,
        )
        one, many = len(few) / one, len(lines) / many
        table.add_row(
            f"{cell} {size}", f"{one:,.0f}", f"{many:,.0f}", f"{many / one:.1f}",
            f"{LONG / single:,.0f}", f"{LONG / divided:,.0f}", f"{single / divided:.2f}",
            f"{floor(alone.parameters['layer0.W_h'], repeats):,.0f}",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
