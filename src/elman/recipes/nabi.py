"""Nabi: the vanilla RNN in NumPy; softmax, SGD and Adagrad, characters and words, BPTT's cost."""

import time
import tracemalloc
from functools import partial
from typing import Any

import numpy as np

from ..nn import layers
from ..nn.engine import select
from ..nn.network import Network, NetworkConfig, initialise
from ..text.words import split_words
from .bendersky import CARRIED, FROM_ZERO, QUICK, carried, held_out
from .lab import Cell, Lab, Recipe, SmoothedLoss, average, mean, start

CORPUS = "shakespeare"
NETWORK: dict[str, Any] = {
    "cell": "rnn", "hidden_size": 100, "seq_len": 25, "init": "uniform", "loss": "sum",
    "clip_norm": 0.0, "clip_value": 5.0, "schedule": "constant", "validation": 0.1,
}  # fmt: skip
ITERATIONS = 20_000
RATES = {"sgd": (0.001, 0.005, 0.02), "adagrad": (0.02, 0.1, 0.5)}
NAMES = {"sgd": "SGD", "adagrad": "Adagrad"}
SHOWN = ("adagrad", 0.1)
WORDS: dict[str, Any] = {"tokens": "word", "vocabulary_size": 8000}
SEEDS_OF_TEXT = {"char": "ROMEO:", "word": "my lord,"}
PASSES: dict[str, Any] = {"batch_size": 16, "epochs": 2}
LENGTHS = (25, 50, 100, 200, 400, 800, 1600, 3200)


def run(lab: Lab) -> None:
    overflow(lab)
    lab.attempt(optimizers)
    lab.attempt(characters_and_words)
    cost_of_bptt(lab)


def overflow(lab: Lab) -> None:
    """Why the maximum is subtracted: exp(710) is beyond a float64, exp(89) beyond a float32."""
    section = lab.section(
        "Softmax that does not overflow",
        "exp(x) overflows above x = 709.8 in double precision and above 88.7 in single. Softmax "
        "does not change when a constant is subtracted from all of x; with the maximum "
        "subtracted, the largest exponent is 0.",
    )
    rows: list[list[Cell]] = []
    for values, dtype in (
        ([1.0, 2.0, 3.0], "float64"), ([1000.0, 1001.0, 1002.0], "float64"),
        ([-1000.0, -999.0, -998.0], "float64"), ([88.0, 89.0, 90.0], "float32"),
    ):  # fmt: skip
        x = np.array(values, dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            naive = np.exp(x) / np.exp(x).sum()
        rows.append([" ".join(f"{v:g}" for v in values), dtype, numbers(naive),
                     numbers(layers.softmax(x))])  # fmt: skip
    section.table({"x": "", "dtype": "", "exp(x) / Σ exp(x)": "", "`nn.layers.softmax`": ""}, rows)


def numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.4f}" for value in values)


def optimizers(lab: Lab) -> None:
    """SGD against Adagrad, each with three learning rates, as curves."""
    iterations = lab.choose(ITERATIONS, 200)
    section = lab.section(
        "SGD against Adagrad",
        f"He asks to “check and compare both”: {iterations:,} iterations of one window of 25 "
        "characters of Tiny Shakespeare, three learning rates each.",
        FROM_ZERO,
    )
    rows: list[list[Cell]] = []
    curves = {}
    shown: list[Any] = []
    for optimizer, rates in RATES.items():
        for rate in rates:
            settings = NETWORK | {"optimizer": optimizer, "learning_rate": rate}
            settings |= {
                "batch_size": 1,
                "steps": iterations,
                "eval_every": iterations,
                "threads": 1,
            }
            settings |= lab.choose({}, QUICK)
            name = f"{optimizer} {rate}"
            models, watches = lab.trainings(
                name, lab.corpus(CORPUS), partial(SmoothedLoss, settings["seq_len"]), **settings
            )
            loss = mean([watch.values[-1] for watch in watches])
            seconds = mean([model.summary["seconds"] for model in models])
            shown = models if (optimizer, rate) == SHOWN else shown
            rows.append([optimizer, rate, loss, held_out(models), carried(watches), seconds])
            curves[name] = (range(1, iterations + 1), average([w.values for w in watches]))
            section.use(name, settings)
    section.table(
        {"optimizer": "", "learning rate": "g", "smoothed loss, nats/character": ".3f",
         "held out, bits/character": ".3f", CARRIED: ".3f", "seconds": ".1f"},
        rows,
    )  # fmt: skip
    section.say(verdict(rows))
    text = lab.read(CORPUS)[: settings.get("max_characters")]
    held = text[-(len(text) // 10) :]
    section.say(
        f"How much the zero state matters: with {NAMES[SHOWN[0]]} at {SHOWN[1]}, the seeds give "
        f"{', '.join(f'{bits:.2f}' for bits in held_out(shown)['values'])} bits per held-out "
        "character when reading starts from the zero state, and "
        f"{', '.join(f'{model.score(held).bits_per_character:.2f}' for model in shown)} when a "
        "newline is read first."
    )
    section.curves(
        "nabi-optimizers", "iteration", "smoothed loss, nats per character", curves,
        "SGD and Adagrad with three learning rates each; mean over seeds.",
    )  # fmt: skip


def verdict(rows: list[list[Any]]) -> str:
    """Which optimizer won, by the loss in training and by text held out, each at its best rate."""
    parts = []
    for column, what in ((2, "smoothed loss"), (4, "held-out text read from the training state")):
        best = {
            name: min((row for row in rows if row[0] == name), key=lambda row: row[column]["mean"])
            for name in RATES
        }
        winner, loser = sorted(best, key=lambda name: best[name][column]["mean"])
        first, second = (best[name][column]["mean"] for name in (winner, loser))
        parts.append(
            f"by {what}, {NAMES[winner]} at {best[winner][1]:g} is ahead of {NAMES[loser]} at "
            f"{best[loser][1]:g} ({first:.3f} against {second:.3f})"
        )
    too_large = " and ".join(
        f"{NAMES[name]} at {rate:g} ends at {loss['mean']:.1f} nats"
        for name, rate, loss, *_ in rows
        if rate == max(RATES[name])
    )
    return (
        f"Compared {'; '.join(parts)}. Adagrad divides the step of every parameter by the root of "
        "the sum of its squared gradients, so its steps shrink during training, and parameters "
        "that rarely get a gradient (those of rare characters) keep the largest steps. Both fail "
        f"at a rate that is too large: {too_large}."
    )


def characters_and_words(lab: Lab) -> None:
    """The same network over characters and over the 8,000 most common words."""
    section = lab.section(
        "Characters and words",
        "Adagrad, batches of 16 windows of 25 symbols, two epochs. All but the 8,000 most common "
        "words are `<unk>`, and the spelling of `<unk>` is not predicted. White space is a symbol "
        "of its own, and the perplexity of words is per word or mark. The text after the prompt "
        "is drawn at temperature 0.8.",
    )
    rows: list[list[Cell]] = []
    for tokens, first in SEEDS_OF_TEXT.items():
        settings = NETWORK | {"optimizer": "adagrad", "learning_rate": 0.1}
        settings |= {"loss": "mean", "clip_value": 0.0, "clip_norm": 1.0} | PASSES
        settings |= WORDS if tokens == "word" else {}
        settings |= lab.choose({}, QUICK | {"epochs": 1, "hidden_size": 12})
        name = "characters" if tokens == "char" else "words"
        models, _ = lab.trainings(name, lab.corpus(CORPUS), **settings)
        bits = held_out(models)
        perplexity = mean([model.summary["validation_perplexity"] for model in models])
        rows.append([name, len(models[0].vocabulary), models[0].network.config.num_parameters(),
                     bits, perplexity,
                     mean([model.summary["seconds"] for model in models])])  # fmt: skip
        section.use(name, settings)
        if tokens == "word":
            section.say(unspelled(models[0], lab.read(CORPUS)[: settings.get("max_characters")]))
        length = 200 if tokens == "char" else 40
        prime = start(models[0], first)
        section.sample(
            f"{name}, prompt “{prime}”",
            models[0].sample(length, prime, temperature=0.8, seed=1),
        )
    section.table(
        {"symbols": "", "vocabulary": ",.0f", "parameters": ",.0f",
         "held out, bits/character": ".3f", "perplexity": ".2f", "seconds": ".1f"},
        rows,
    )  # fmt: skip


def unspelled(model: Any, text: str) -> str:
    """How much of the held-out tenth is `<unk>`: what the bits of words leave out."""
    held = text[-(len(text) // 10) :]
    words = [word for word in split_words(held) if not word.isspace()]
    unknown = [word for word in words if word not in model.vocabulary.ids]
    characters = sum(map(len, unknown)) / max(1, len(held))
    return (
        f"Of the held-out words and marks {len(unknown) / max(1, len(words)):.1%} are `<unk>`, "
        f"and they hold {characters:.1%} of the held-out characters. The bits of the word model "
        "do not count the spelling of these, so they cannot be compared with the bits of the "
        "characters, only with those of other word models with this vocabulary."
    )


def cost_of_bptt(lab: Lab) -> None:
    """Time and memory of one forward and backward pass over windows of growing length."""
    section = lab.section(
        "Back-propagation through time costs in proportion to the window",
        "One forward and backward pass of the network of 100 units (65 symbols, one sequence) "
        "over windows of T steps: the fastest of several passes on the current engine, and the "
        "peak memory of the NumPy engine without parameters and gradient, counted by "
        "`tracemalloc`. Both are fitted by a + b·T.",
    )
    rows: list[list[Cell]] = []
    lengths = lab.choose(LENGTHS, LENGTHS[:4])
    figures = []
    for length in lengths:
        lab.progress(f"BPTT over {length} steps")
        seconds, size = bptt_seconds(length), bptt_bytes(length)
        figures.append((seconds * 1e3, size / 1e6))
        rows.append([length, seconds * 1e3, seconds * 1e6 / length, size / 1e6, size / length])
    section.table(
        {"T": ".0f", "milliseconds": ".3f", "microseconds per step": ".2f", "MB": ".3f",
         "bytes per step": ",.0f"},
        rows,
    )  # fmt: skip
    for (a, b, r2), what in zip(map(line, [lengths] * 2, zip(*figures, strict=True)),
                                ("milliseconds", "MB"), strict=True):  # fmt: skip
        section.say(f"{what} = {a:.3g} + {b:.3g}·T, R² = {r2:.5f}.")
    times, sizes = zip(*figures, strict=True)
    section.curves(
        "nabi-bptt", "window T, steps", "milliseconds, and MB",
        {"time, milliseconds": (lengths, times), "memory, MB": (lengths, sizes)},
        "Time and memory of one pass of back-propagation through time.",
    )  # fmt: skip


def line(x: Any, y: Any) -> tuple[float, float, float]:
    """The straight line a + b·x by least squares, and the share of the variance it explains."""
    b, a = np.polyfit(x, y, 1)
    rest = np.array(y) - (a + b * np.array(x))
    return float(a), float(b), float(1 - rest.var() / np.var(y))


def bptt_pass(length: int, engine: str) -> Any:
    """A function that does one forward and backward pass over a window.

    A training does more than one pass, so this goes to the network itself.
    """
    config = NetworkConfig(65, "rnn", 100)
    network = Network(config, np.float32, select(engine))
    initialise(network.parameters, config, "uniform", None, np.random.default_rng(0))
    window = np.random.default_rng(1).integers(0, 65, (length + 1, 1)).astype(np.int32)
    weights, zero = np.ones((length, 1), np.float32), network.zero_state(1)
    return lambda: network.loss_and_gradient(window[:-1], window[1:], weights, zero)


def bptt_seconds(length: int) -> float:
    once, least = bptt_pass(length, "auto"), np.inf
    for _ in range(max(100, 20_000 // length)):
        start = time.perf_counter()
        once()
        least = min(least, time.perf_counter() - start)
    return float(least)


def bptt_bytes(length: int) -> int:
    once = bptt_pass(length, "numpy")
    once()
    tracemalloc.start()
    once()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


RECIPE = Recipe(
    title="Nabi: a vanilla RNN in NumPy",
    source="Javaid Nabi, Recurrent Neural Networks (RNNs), Towards Data Science (2019), "
    "towardsdatascience.com/recurrent-neural-networks-rnns-3f06d7653a85: the network with U, V, W, "
    "b and c of Goodfellow, Bengio and Courville; here W_x, W_y, W_h, b and b_y",
    about="A network of 100 units whose weights start in ±1/√H, H the hidden size. His start in "
    "±1/√n, n the fan-in, which for U is the size of the vocabulary; ours use H for U too, and "
    "random biases where his are 0. He publishes no figures. The experiments that he suggests are "
    "run here.",
    run=run,
)
