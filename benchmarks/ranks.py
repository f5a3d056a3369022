"""Time of a training step in shards and on ranks, and what more machines would be worth.

    python benchmarks/ranks.py shards     one process: what shards cost, by their rows
    python benchmarks/ranks.py ranks      1 and 2 ranks of one thread, and 1 rank of two threads
    python benchmarks/ranks.py network    computed from the last: 2 to 64 hosts, three networks

A step is the work of `train_step.py` on the native engine: forward, backward, clipping, update.
Every case runs in processes of its own, which take turns; the median is over all steps of all
turns. The exchange alone is timed with gradients that are there already.
"""

import json
import subprocess
import sys
import time
from math import ceil, log2
from pathlib import Path
from statistics import median
from typing import Any

import click
from peers import WORKS, Work
from peers.elman import prepare
from rich.console import Console
from rich.table import Table

from elman.learn.ranks import Alone, Word, connect
from elman.learn.shards import Shards
from elman.nn.arena import Arena

CONFIGS = [name for name, work in WORKS.items() if work.batch > 1]
WARM = 3  # steps that are not counted
MESSAGE = 50e-6  # seconds that a message takes, however short
NETWORKS = (1, 10, 25)  # Gbit/s
HOSTS = (2, 4, 8, 16, 32, 64)
SMALL = 3  # exchanges of a few numbers a step: two agreements, the loss


# -- in the processes that are timed ---------------------------------------------


def measured(work: Work, threads: int, count: int, seconds: float) -> dict[str, Any]:
    """Milliseconds of every step of a turn, and of the exchange alone; the same work on all."""
    ranks = connect()
    shards = Shards(count, ranks)
    step = prepare(work, threads, "native", shards)
    flat = Arena({"all": (parameters(work),)}).flat

    def exchange() -> None:
        for _ in range(2):
            ranks.agree(Word(0.0, 0.0, 1.0, False))
        shards.gradient(flat, work.batch, lambda shards, borders, gradients: 0.0)

    result = {"steps": timed(step, seconds, ranks), "exchange": timed(exchange, seconds / 4, ranks)}
    return result | {"rank": ranks.rank}


def timed(do: Any, seconds: float, ranks: Alone) -> list[float]:
    """Milliseconds of each of as many steps as rank 0 does in the time."""
    start = time.perf_counter()
    for _ in range(WARM):
        do()
    each = (time.perf_counter() - start) / WARM
    times = []
    for _ in range(max(3, ceil(ranks.figure(seconds / each)[0]))):
        start = time.perf_counter()
        do()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def parameters(work: Work) -> int:
    return sum(values.size for values in work.parameters().values())


# -- in the process that compares ------------------------------------------------


def run(name: str, ranks: int, threads: int, shards: int, seconds: float) -> dict[str, Any]:
    """One turn of a case, in processes of its own."""
    beside = Path(sys.executable).parent / "mpiexec"
    start = [str(beside if beside.exists() else "mpiexec"), "-n", str(ranks)] if ranks > 1 else []
    case = [name, str(threads), str(shards), str(seconds)]
    done = subprocess.run(
        [*start, sys.executable, __file__, "turn", *case],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def compare(name: str, cases: list[dict[str, int]], repeats: int, seconds: float) -> list[Any]:
    """The medians (step, exchange) in milliseconds of every case, turn by turn."""
    found: list[dict[str, list[float]]] = [{"steps": [], "exchange": []} for _ in cases]
    for repeat in range(repeats):
        if sys.stderr.isatty():
            print(f"{name}: turn {repeat + 1} of {repeats}", end="\r", file=sys.stderr)
        for case, times in zip(cases, found, strict=True):
            turn = run(name, seconds=seconds, **case)
            for what in times:
                times[what] += turn[what]
    return [(median(times["steps"]), median(times["exchange"])) for times in found]


def show(title: str, headings: list[str], rows: list[list[str]]) -> None:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "configuration" else "right")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.width = max(console.width, 100)
    console.print(table)


def chosen(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names = value.split(",") if value else CONFIGS
    for name in names:
        if name not in CONFIGS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(CONFIGS)}")
    return names


def common(command: Any) -> Any:
    command = click.option("--seconds", default=1.0, help="Length of a turn.")(command)
    command = click.option("--repeats", default=5, help="Turns of every case.")(command)
    return click.option("--configs", callback=chosen, help="Comma-separated.")(command)


@click.group(help=__doc__.split("\n")[0])
def main() -> None:
    pass


@main.command(hidden=True)
@click.argument("name")
@click.argument("threads", type=int)
@click.argument("shards", type=int)
@click.argument("seconds", type=float)
def turn(name: str, threads: int, shards: int, seconds: float) -> None:
    result = measured(WORKS[name], threads, shards, seconds)
    if result["rank"] == 0:
        print(json.dumps(result))


@main.command()
@common
@click.option("--threads", default=2)
@click.option("--counts", default="1,2,4", help="Numbers of shards.")
def shards(configs: list[str], repeats: int, seconds: float, threads: int, counts: str) -> None:
    """What shards cost in one process."""
    numbers, rows = [int(n) for n in counts.split(",")], []
    for name in configs:
        cases = [{"ranks": 1, "threads": threads, "shards": n} for n in numbers]
        times = [step for step, _ in compare(name, cases, repeats, seconds)]
        for number, ms in zip(numbers, times, strict=True):
            each = f"{WORKS[name].batch / number:g}"
            rows.append([name, str(number), each, f"{ms:.2f}", f"{ms / times[0] - 1:+.1%}"])
    show(f"A step in shards, one process, threads: {threads} (medians)",
         ["configuration", "shards", "rows of one", "ms", "more time"], rows)  # fmt: skip


PAIRS = [{"ranks": 1, "threads": 1, "shards": 2}, {"ranks": 2, "threads": 1, "shards": 2},
         {"ranks": 1, "threads": 2, "shards": 2}]  # fmt: skip


@main.command()
@common
def ranks(configs: list[str], repeats: int, seconds: float) -> None:
    """Two ranks on this host compared with one with two threads."""
    rows = []
    for name in configs:
        times = compare(name, PAIRS, repeats, seconds)
        for case, (ms, exchange) in zip(PAIRS, times, strict=True):
            pace = f"{WORKS[name].characters / ms * 1e3:,.0f}"
            rows.append([name, str(case["ranks"]), str(case["threads"]), f"{ms:.2f}", pace,
                         f"{exchange:.3f}" if case["ranks"] > 1 else "",
                         f"{ms / times[2][0] - 1:+.1%}"])  # fmt: skip
    show("A step on ranks of one host, 2 shards (medians)",
         ["configuration", "ranks", "threads each", "ms", "characters/s", "exchange alone, ms",
          "against two threads"], rows)  # fmt: skip


@main.command()
@common
@click.option("--threads", default=2, help="Of each host.")
def network(configs: list[str], repeats: int, seconds: float, threads: int) -> None:
    """Computed: hosts with the batch of the configuration each, on three networks."""
    rows = []
    for name in configs:
        case = {"ranks": 1, "threads": threads, "shards": 1}
        ((ms, _),) = compare(name, [case], repeats, seconds)
        for hosts in HOSTS:
            times = [
                ms / 1e3 + exchanged(parameters(WORKS[name]), hosts, gbit) for gbit in NETWORKS
            ]
            rows.append([name, str(hosts), f"{ms:.1f}",
                         *(f"{hosts * ms / 1e3 / seconds:.1f}" for seconds in times)])  # fmt: skip
    show("COMPUTED, not measured: how many times the characters a second of one host",
         ["configuration", "hosts", "ms of a step alone",
          *(f"{gbit} Gbit/s" for gbit in NETWORKS)], rows)  # fmt: skip


def exchanged(count: int, hosts: int, gbit: float) -> float:
    """Seconds that exchanging so many float32 takes, by volume and number of messages."""
    volume = 2 * count * 4 * (hosts - 1) / hosts
    messages = 2 * (hosts - 1) + SMALL * ceil(log2(hosts))
    return volume * 8 / (gbit * 1e9) + messages * MESSAGE


if __name__ == "__main__":
    main()
