"""Several Python threads on the native engine: no one waits for the interpreter of another."""

import sys
import time
from threading import Barrier, Thread

import numpy as np
import pytest

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

from elman import optimizers  # noqa: E402
from elman._native import updates  # noqa: E402
from elman.network import NetworkConfig  # noqa: E402

from .test_network import batch, pair  # noqa: E402

STEPS = 30


def trainer(seed, hidden_size=48):
    """A network, and a function that trains it for one step."""
    config = NetworkConfig(23, "lstm", hidden_size)
    network, _ = pair(config, np.float32, seed)
    inputs, targets, weights, state, _ = batch(config, 40, 16, np.float32, seed, False)
    optimizer = optimizers.make("adam", network.parameters.flat, 0.0, 0.0)
    optimizer.fused = updates.adam

    def step():
        network.loss_and_gradient(inputs, targets, weights, state)
        optimizer.step(network.gradient.flat, 1e-3)

    return network, step


def test_two_trainings_make_progress_together():
    alone = []
    for seed in (0, 1):
        network, step = trainer(seed)
        for _ in range(STEPS):
            step()
        alone.append(network.parameters.flat.copy())

    both = [trainer(seed) for seed in (0, 1)]
    done, seen, start = [0, 0], [0, 0], Barrier(2)

    def train(which):
        start.wait()
        for _ in range(STEPS):
            both[which][1]()
            done[which] += 1
        seen[which] = done[1 - which]

    threads = [Thread(target=train, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [STEPS, STEPS]
    assert min(seen) > 0, "one had not begun when the other was through"
    for wanted, (network, _) in zip(alone, both, strict=True):
        np.testing.assert_array_equal(network.parameters.flat, wanted)


def test_the_interpreter_is_free_while_a_window_runs():
    _, step = trainer(0, hidden_size=512)
    step()  # memory at hand
    count, counted = [0], []

    def run():
        for _ in range(5):
            before = count[0]
            step()
            counted.append(count[0] - before)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # nobody is made to give the interpreter away
    try:
        thread = Thread(target=run)
        thread.start()
        while thread.is_alive():
            count[0] += 1
            time.sleep(0)
    finally:
        sys.setswitchinterval(interval)
    assert max(counted) > 10, "Python stood still while the kernels ran"
