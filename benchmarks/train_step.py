"""Time of one training step: Elman, PyTorch, JAX and the plain loops of min-char-rnn.

A step is the same work everywhere: forward, backward, clipping, update of the
parameters, from the same first parameters on the same symbols (the first losses
are compared). Every system with every number of threads runs in a process of its
own. The processes take turns, so that noise of the machine affects all equally; each
turn begins with steps that are not counted, and the median is over all others.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from statistics import median, quantiles
from typing import Any

import click
from peers import WORKS, Work
from rich.console import Console
from rich.table import Table

# system: (module in peers, its options, whether it is told the threads, configurations)
SYSTEMS: dict[str, tuple[str, dict[str, str], bool, tuple[str, ...]]] = {
    "elman-native": ("elman", {"name": "native"}, True, tuple(WORKS)),
    "elman-bf16": ("elman", {"name": "native", "precision": "bf16"}, True, tuple(WORKS)),
    "elman-numpy": ("elman", {"name": "numpy"}, True, tuple(WORKS)),
    "pytorch": ("pytorch", {}, True, tuple(WORKS)),
    "pytorch-bf16": ("pytorch", {"precision": "bf16"}, True, tuple(WORKS)),
    "jax": ("jax", {}, False, tuple(WORKS)),
    "gist": ("gist", {}, False, ("rnn-100-b1",)),
    "gist-float32": ("gist", {"dtype": "float32"}, False, ("rnn-100-b1",)),
}
OTHERS = ("pytorch", "pytorch-bf16", "jax", "gist")
YARDSTICK = ("matmul", {}, False, tuple(WORKS))
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
COLD = 0.01  # seconds of steps at the beginning of a turn that are not counted
LONG = 0.1  # seconds: so long a step needs no others before it
TOLERANCE = 1e-3  # between the first losses of two systems, relative


# -- in the process of a system -------------------------------------------------


def serve(connection: Any, module: str, options: dict[str, Any]) -> None:
    """Answer ("prepare", work) and ("run", seconds) until the other end closes."""
    try:
        peer = import_module(f"peers.{module}")
        connection.send(peer.version())
        step, last = None, 0.0
        while True:
            command, argument = connection.recv()
            if command == "prepare":
                step, last = None, 0.0  # frees the memory of the one before
                step = peer.prepare(argument, **options)
                connection.send(step())
            else:
                assert step is not None
                times = measure(step, argument, cold=COLD if last < LONG else 0.0)
                last = times[-1] / 1e3
                connection.send(times)
    except EOFError:
        return
    except Exception as error:  # absent, or unable: the other end says so
        connection.send(error if isinstance(error, ImportError) else RuntimeError(str(error)))


def measure(step: Any, seconds: float, cold: float) -> list[float]:
    """Milliseconds of every step of one turn; at least one step."""
    start = time.perf_counter()
    while time.perf_counter() - start < cold:
        step()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return times


# -- in the process that compares -----------------------------------------------


@dataclass
class Worker:
    """The process of one system with one number of threads."""

    system: str
    threads: int
    process: Any
    connection: Any
    version: str = ""
    loss: float = 0.0
    times: list[float] = field(default_factory=list)

    def ask(self, command: str, argument: Any) -> Any:
        self.connection.send((command, argument))
        return self.answer()

    def answer(self) -> Any:
        answer = self.connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        self.connection.close()
        self.process.join(10)


def start(system: str, threads: int) -> Worker:
    """A worker, its libraries imported with so many threads."""
    module, options, told, _ = SYSTEMS.get(system, YARDSTICK)
    here, there = get_context("spawn").Pipe()
    arguments = (there, module, options | {"threads": threads} if told else options)
    process = get_context("spawn").Process(target=serve, args=arguments, daemon=True)
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    os.environ["JAX_PLATFORMS"] = "cpu"
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    try:
        process.start()
    finally:
        os.environ.clear()
        os.environ.update(before)
    there.close()
    return Worker(system, threads, process, here)


@contextlib.contextmanager
def started(systems: list[str], threads: list[int]) -> Iterator[list[Worker]]:
    """Workers of all systems that are installed; says which are not."""
    workers = [start(system, n) for system in (*systems, "matmul") for n in threads]
    able = []
    for worker in workers:
        try:
            worker.version = worker.answer()
            able.append(worker)
        except (ImportError, EOFError) as error:
            if worker.threads == threads[0]:
                say(f"{worker.system} skipped: {error or 'its process ended'}")
    try:
        yield able
    finally:
        for worker in workers:
            worker.stop()


def compare(work: Work, workers: list[Worker], repeats: int, seconds: float) -> list[Worker]:
    """Measure one configuration on all systems that have it, turn by turn."""
    ready = []
    for worker in list(workers):
        if work.name not in SYSTEMS.get(worker.system, YARDSTICK)[3]:
            continue
        worker.times = []
        try:
            worker.loss = worker.ask("prepare", work)
            ready.append(worker)
        except (RuntimeError, EOFError, BrokenPipeError) as error:
            say(f"{worker.system} ({worker.threads} threads) skipped: {error}")
            workers.remove(worker)
    losses = [w.loss for w in ready if w.system != "matmul"]
    if losses and max(losses) - min(losses) > TOLERANCE * max(losses):
        say(
            f"{work.name}: the systems disagree about the first loss: "
            + ", ".join(f"{w.system} {w.loss:.5g}" for w in ready if w.system != "matmul")
        )
    for repeat in range(repeats):
        say(f"{work.name}: turn {repeat + 1} of {repeats}", end="\r")
        for worker in ready[:: -1 if repeat % 2 else 1]:
            time.sleep(0.05)  # idle threads of the one before may still spin
            worker.times += worker.ask("run", seconds)
    return ready


def results(work: Work, measured: list[Worker]) -> list[dict[str, Any]]:
    """What is printed: one dict per system and number of threads."""
    from peers.matmul import GFLOP

    rate = {w.threads: GFLOP / median(w.times) * 1e3 for w in measured if w.system == "matmul"}
    best: dict[str, float] = {}
    for worker in measured:
        name = worker.system.removesuffix("-float32")
        best[name] = min(best.get(name, float("inf")), median(worker.times))
    rows = []
    for worker in measured:
        if worker.system == "matmul":
            continue
        ms = median(worker.times)
        low, _, high = quantiles(worker.times) if len(worker.times) > 1 else [ms] * 3
        gflops = work.gflop / ms * 1e3
        row = {
            "config": work.name,
            "system": worker.system,
            "threads": worker.threads,
            "median_ms": round(ms, 4),
            "min_ms": round(min(worker.times), 4),
            "characters_per_second": round(work.characters / ms * 1e3),
            "gflops": round(gflops, 2),
            "share_of_matmul": round(gflops / rate[worker.threads], 4),
            "matmul_gflops": round(rate[worker.threads], 1),
            "quartiles_ms": [round(low, 4), round(high, 4)],
            "steps": len(worker.times),
            "version": worker.version,
        }
        for other in OTHERS:
            row[f"times_{other.replace('-', '_')}"] = (
                round(best[other] / ms, 3) if other in best else None
            )
        rows.append(row)
    return rows


# -- what is seen ---------------------------------------------------------------


def say(message: str, end: str = "\n") -> None:
    if end != "\r" or sys.stderr.isatty():
        print(f"{message:<78}", end=end, file=sys.stderr, flush=True)


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(title="One training step: forward, backward, clip, update (medians)")
    table.add_column("configuration", no_wrap=True)
    table.add_column("system", no_wrap=True)
    for heading in ("threads", "ms", "characters/s", "GFLOP/s", "of matmul",
                    "× PyTorch", "× its bf16", "× JAX", "× gist"):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for i, row in enumerate(rows):
        new = i == 0 or rows[i - 1]["config"] != row["config"]
        if new and i:
            table.add_section()
        ratios = [row[f"times_{other.replace('-', '_')}"] for other in OTHERS]
        table.add_row(
            row["config"] if new else "", row["system"], str(row["threads"]),
            f"{row['median_ms']:.3g}" if row["median_ms"] < 100 else f"{row['median_ms']:.0f}",
            f"{row['characters_per_second']:,}", f"{row['gflops']:.1f}",
            f"{row['share_of_matmul']:.0%}",
            *("" if r is None else f"{r:.2f}" for r in ratios),
        )  # fmt: skip
    console = Console()
    console.width = max(console.width, 132)
    console.print(table)
    rates = {row["threads"]: row["matmul_gflops"] for row in rows}
    yardstick = ", ".join(f"{threads}: {rate} GFLOP/s" for threads, rate in rates.items())
    versions = dict.fromkeys(row["version"] for row in rows)
    console.print(
        "float32 (gist: float64; bf16: products of operands rounded to bfloat16). GFLOP/s count "
        "the products of the recurrence, of upper layers and of the readout, forward and backward. "
        f"“of matmul”: share of a 2048³ float32 product by NumPy with as many threads ({yardstick},"
        " in the last configuration). “× PyTorch”: how many times as fast as PyTorch with the "
        "better number of threads; likewise PyTorch under bf16 autocast, JAX, and the better of "
        "both gists.",
        highlight=False,
    )
    console.print(", ".join(versions), highlight=False)


def names(allowed: dict[str, Any]) -> Any:
    """A click callback: a comma-separated list, each one of `allowed`; none means all."""

    def parse(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
        chosen = [name.strip() for name in value.split(",")] if value else list(allowed)
        for name in chosen:
            if name not in allowed:
                raise click.BadParameter(f"{name!r} is not one of {', '.join(allowed)}")
        return [name for name in allowed if name in chosen]  # in the table's order

    return parse


def counts(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    try:
        numbers = sorted({int(n) for n in value.split(",")})
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers") from None
    if numbers[0] < 1:
        raise click.BadParameter("a system needs at least one thread")
    return numbers


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"""Time one training step of Elman and of other libraries, alternating.

    \b
    Configurations: {", ".join(list(WORKS)[:3])},
                    {", ".join(list(WORKS)[3:])}
    Systems:        {", ".join(SYSTEMS)}

    A system that is not installed is skipped, with a line that says so.

    \b
    Examples:
      python benchmarks/train_step.py
      python benchmarks/train_step.py --configs rnn-100-b1 --systems elman-numpy,gist
      python benchmarks/train_step.py --configs lstm-512-b32 --threads 1,2,4 --repeats 15
      python benchmarks/train_step.py --json > train_step.jsonl
    """,
)
@click.option("--configs", callback=names(WORKS), help="Comma-separated; default: all.")
@click.option("--systems", callback=names(SYSTEMS), help="Comma-separated; default: all.")
@click.option("--threads", default="1,2", callback=counts, show_default=True,
              help="Numbers of threads, each measured.")  # fmt: skip
@click.option("--repeats", default=7, type=click.IntRange(1), show_default=True,
              help="Turns that every system has.")  # fmt: skip
@click.option("--seconds", default=0.3, type=click.FloatRange(0), show_default=True,
              help="Length of a turn; at least one step.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, no table.")
def main(
    configs: list[str],
    systems: list[str],
    threads: list[int],
    repeats: int,
    seconds: float,
    as_json: bool,
) -> None:
    rows = []
    with started(systems, threads) as workers:
        for name in configs:
            new = results(WORKS[name], compare(WORKS[name], workers, repeats, seconds))
            rows += new
            if as_json:
                for row in new:
                    print(json.dumps(row), flush=True)
    if not as_json and rows:
        show(rows)


if __name__ == "__main__":
    main()
