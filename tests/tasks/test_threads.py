"""Several Python threads: what docs/python.md calls safe gives the same answers as one thread."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import elman
from elman.inside.embedding import embed
from elman.nn.engine import select

pytestmark = pytest.mark.arguments

SMALL = {"hidden_size": 24, "steps": 8, "threads": 2}
WORDS = [f"{stem}{end}" for stem in ("ka", "lo", "mi", "tu", "se") for end in ("ov", "ini")]
TEXTS = ["the river", "under old trees", "sings", "to sea and"] * 8
THREADS, ROUNDS = 8, 4


def train(poem, seed, engine):
    return elman.train(text=poem, seed=seed, engine=engine, **SMALL)


@pytest.mark.parametrize("engine", sorted({"numpy", select().name}))
def test_one_model_answers_many_threads(poem, engine):
    model = train(poem, 0, engine)
    rows = WORDS * 5, ["Ov", "Ini"] * 25
    classifier = elman.train(rows, task="classify", engine=engine, **SMALL)

    def answers(seed):
        return (
            model.sample(60, seed=seed),
            model.sample(9, prime="the ", n=3, seed=seed),
            "".join(model.stream(40, seed=seed)),
            [score.nats for score in model.score(TEXTS)],
            embed(model, TEXTS).tolist(),
            classifier.predict_proba(WORDS).tolist(),
            classifier.predict(WORDS),
        )

    alone = [answers(seed) for seed in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(ROUNDS):
            assert list(pool.map(answers, range(THREADS))) == alone


@pytest.mark.parametrize("engine", sorted({"numpy", select().name}))
def test_trainings_at_once_are_those_one_after_the_other(poem, engine):
    alone = [train(poem, seed, engine).network.parameters.flat for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda seed: train(poem, seed, engine), range(3)))
    for one, other in zip(alone, together, strict=True):
        # A product of NumPy has as many threads as its library has at that moment.
        closeness = 0 if engine == "native" else 1e-5
        np.testing.assert_allclose(one, other.network.parameters.flat, atol=closeness, rtol=0)


def test_a_model_answers_while_another_one_is_trained(poem):
    model = train(poem, 0, "auto")
    expected = model.sample(30, seed=1)
    with ThreadPoolExecutor(2) as pool:
        training = pool.submit(train, poem, 1, "auto")
        while not training.done():
            assert model.sample(30, seed=1) == expected


PROGRAM = """
import threading, time
import elman

def work():
    {work}

model = elman.train(text="to be or not to be " * 500, hidden_size=64, steps=1, threads=2)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
print("the end")
"""


@pytest.mark.parametrize(
    "work",
    [
        "elman.train(text='to be or not to be ' * 8000, hidden_size=64, steps=10**6, threads=2)",
        "model.sample(10_000_000)",
        "model.sample(10_000_000, n=2)",
    ],
    ids=["training", "one text", "samples"],
)
def test_a_program_may_end_while_a_thread_computes(work):
    """CPython ends such threads by unwinding them, which must not abort the process."""
    command = [sys.executable, "-c", PROGRAM.format(work=work)]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")
