"""Lines per second of `elman classify` and of `elman score --lines`: one process or two.

    python benchmarks/bulk.py

Two processes are `--part 1/2` and `--part 2/2` at the same time, with a thread each,
compared with one process with one thread, and one with two. Each is the real command on a
file of made-up lines, its output thrown away, from its start to its end: what a process
needs to begin counts. The models are untrained, since only their size matters. What is
printed is the median of the repeats, which take turns, and what two processes do for one of
one thread; their aim is 1.8 times.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import elman

WAYS = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes": (2, 1)}
CALLS = {
    "classify": ("classify", "classifier.safetensors", "-f", "lines.txt"),
    "score --lines": ("score", "language.safetensors", "--lines", "lines.txt"),
}
WORDS = "the quiet river under old trees and stones runs to a sea of boats".split()  # noqa: SIM905


def prepare(folder: Path, lines: int, hidden_size: int) -> None:
    """A file of lines of 10 to 70 characters, and two models for it."""
    draw = random.Random(1)
    made = [" ".join(draw.choices(WORDS, k=draw.randint(3, 14))) for _ in range(lines)]
    (folder / "lines.txt").write_text("".join(f"{line}\n" for line in made), encoding="utf-8")
    some = {"hidden_size": hidden_size, "steps": 0, "cell": "gru", "progress": False}
    pairs = [(line, str(number % 5)) for number, line in enumerate(made[:2000])]
    elman.train(pairs, task="classify", **some).save(folder / "classifier.safetensors")
    text = "".join(f"{line}\n" for line in made[:2000])
    elman.train(text=text, lines=True, **some).save(folder / "language.safetensors")


def seconds(folder: Path, call: tuple[str, ...], processes: int, threads: int) -> float:
    """How long so many processes take for all parts of the file."""
    command = [sys.executable, "-m", "elman", *call, "--threads", str(threads)]
    start = time.perf_counter()
    running = []
    for part in range(1, processes + 1):
        parted = [*command, "--part", f"{part}/{processes}"]
        running.append(subprocess.Popen(parted, cwd=folder, stdout=subprocess.DEVNULL))
    ended = [process.wait() for process in running]
    if any(ended):
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--verb", choices=CALLS, help="only this one")
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, given.lines, given.hidden_size)
        for verb, call in CALLS.items():
            if given.verb not in (None, verb):
                continue
            taken: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(given.repeats):
                for way, (processes, threads) in WAYS.items():
                    taken[way].append(seconds(folder, call, processes, threads))
            rates = {way: given.lines / statistics.median(each) for way, each in taken.items()}
            times = rates["2 processes"] / rates["1 process, 1 thread"]
            if given.json:
                print(json.dumps({"verb": verb, "lines_per_second": rates, "times": times}))
                continue
            print(verb)
            for way, rate in rates.items():
                print(f"  {way:22} {rate:10,.0f} lines/s")
            print(f"  two processes for one  {times:10.2f} times")


if __name__ == "__main__":
    main()
