"""Training time per character against the size of the corpus and the length of the window: flat.

    python benchmarks/flat.py [--json]

What grows is one of the two; the rest is an LSTM of 128 units on batches of 32, read as `elman
train` reads them, forward, backward, clipping and update included. Medians of turns in which all
sizes take part, microseconds of one core (CPU time) per character.
"""

import json
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from elman.nn import engine, optimizers
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language.batches import ConsecutivePlan

CORPORA = (100_000, 1_000_000, 10_000_000, 100_000_000)
WINDOWS = (16, 64, 256, 1024)
BATCH, VOCABULARY, HIDDEN = 32, 65, 128
CHARACTERS = 32 * 1024 * 2  # of a turn
TURNS = 7


def trainer(ids: np.ndarray, seq_len: int) -> Callable[[], float]:
    """A function that trains on the next CHARACTERS of a corpus and returns the seconds."""
    runner = engine.select("native", 1)
    network = Network(NetworkConfig(VOCABULARY, "lstm", HIDDEN), np.float32, runner)
    initialise(network.parameters, network.config, "uniform", None, np.random.default_rng(0))
    optimizer = optimizers.make("adam", network.parameters.flat, 0.0, 0.0)
    optimizer.fused = runner.updates["adam"]
    plan, state, at = ConsecutivePlan(ids, seq_len, BATCH), network.zero_state(BATCH), 0

    def turn() -> float:
        nonlocal state, at
        start = time.process_time()
        for _ in range(CHARACTERS // (seq_len * BATCH)):
            batch = plan[at]
            at = (at + 1) % len(plan)
            weights = batch.weights("mean", network.dtype)
            _, states = network.loss_and_gradient(batch.inputs, batch.targets, weights, state)
            state = states[-1]
            runner.clip(network.gradient.flat, 1.0, 0.0)
            optimizer.step(network.gradient.flat, 2e-3)
        return time.process_time() - start

    return turn


def main() -> None:
    rng = np.random.default_rng(0)
    corpus = rng.integers(0, VOCABULARY, max(CORPORA), np.uint8)
    kinds = {
        "corpus": {size: trainer(corpus[:size], 64) for size in CORPORA},
        "window": {steps: trainer(corpus[: 10**7], steps) for steps in WINDOWS},
    }
    with engine.select("native", 1).limit_threads():
        for kind, turns in kinds.items():
            times: dict[int, list[float]] = {size: [] for size in turns}
            for turn in range(TURNS + 1):
                for size, run in turns.items():
                    seconds = run()
                    if turn:  # the first one warms up
                        times[size].append(1e6 * seconds / CHARACTERS)
            for size, values in times.items():
                row = {kind: size, "microseconds_per_character": round(median(values), 3)}
                print(
                    json.dumps(row)
                    if "--json" in sys.argv
                    else f"{kind} {size:>11,} {median(values):8.3f} µs"
                )


if __name__ == "__main__":
    main()
