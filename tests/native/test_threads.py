"""Several Python threads on the native engine: no one waits for the interpreter of another."""

import subprocess
import sys
import time
from threading import Barrier, Thread

import numpy as np
import pytest

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

import elman  # noqa: E402
from elman._native import updates  # noqa: E402
from elman.nn import optimizers  # noqa: E402
from elman.nn.engine import select  # noqa: E402
from elman.nn.network import Network, NetworkConfig  # noqa: E402

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


def test_every_thread_of_python_has_a_number_of_threads_of_its_own():
    counts = {}
    meet = Barrier(2)

    def work(wanted):
        with select("native", wanted).limit_threads():
            meet.wait()
            counts[wanted] = _core.threads()
            meet.wait()

    threads = [Thread(target=work, args=(wanted,)) for wanted in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {2: 2, 3: 3}


def test_a_model_writes_and_scores_with_the_threads_that_it_was_loaded_with(tmp_path, monkeypatch):
    corpus, path = tmp_path / "text.txt", tmp_path / "m.safetensors"
    corpus.write_text("the cat sees the dog.\n" * 100)
    elman.train(corpus, output=path, steps=2, hidden_size=8, threads=1)
    seen = []
    for name in ("generate", "score"):
        called = getattr(_core, name)
        monkeypatch.setattr(
            _core, name, lambda *a, called=called: (seen.append(_core.threads()), called(*a))[1]
        )
    before = _core.threads()
    for threads in (1, 3):
        model = elman.load(path, threads=threads)
        model.sample(5)
        model.score("the cat " * 600)
        assert set(seen) == {threads}
        seen.clear()
        model.score(["the cat", "the dog sees"] * 200)  # short texts share the cores out
        assert set(seen) == {1}
        seen.clear()
    assert _core.threads() == before


def test_an_error_in_one_part_is_raised_when_all_have_ended():
    code = """
import os, numpy as np
os.environ["ELMAN_ISA"] = "bad"
from elman._native import _core
_core.set_threads(2)
x = np.zeros(8_000_000, np.float32)
for call in (lambda: _core.activation(0, x, x), lambda: _core.sum_of_squares(x)):
    try:
        call()
    except ValueError as error:
        assert "bad" in str(error)
    else:
        raise SystemExit("no error")
print("alive")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0 and ended.stdout == "alive\n", ended.stderr


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("B", [1, 2, 3, 5, 8])
def test_the_bits_do_not_depend_on_the_number_of_threads(cell, B):
    """Large enough to be divided; no part of a batch may be left with one row."""
    found = []
    for threads in (1, 2, 3, 5):
        engine = select("native", threads)
        config = NetworkConfig(23, cell, 96, 2, 40)
        network = Network(config, np.float32, engine)
        network.parameters.flat[:] = np.random.default_rng(1).normal(
            0, 0.1, network.parameters.flat.size
        )
        inputs, targets, weights, state, _ = batch(config, 64, B, np.float32, 3, False)
        with network.limit_threads():
            loss, states = network.loss_and_gradient(inputs, targets, weights, state)
            nats, _ = network.nats(inputs, targets, state)
        found.append((loss, network.gradient.flat.tobytes(), states[-1].tobytes(), nats.tobytes()))
    assert all(other == found[0] for other in found[1:])
