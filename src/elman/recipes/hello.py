"""The vanilla RNN and its back-propagation: "hello" in numbers, then Tiny Shakespeare."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from ..nn import layers
from .bendersky import CARRIED, FROM_ZERO, MIN_CHAR_RNN, QUICK, carried, held_out
from .lab import Cell, Lab, Recipe, SmoothedLoss, average, mean, start

WORD = "hello"
# What the word is learned with: one window of four steps, again and again.
SETTINGS: dict[str, Any] = {
    "cell": "rnn", "hidden_size": 3, "seq_len": 4, "batch_size": 1, "batching": "random",
    "optimizer": "sgd", "learning_rate": 0.5, "schedule": "constant", "clip_norm": 0.0,
    "validation": 0.0, "dtype": "float64", "engine": "numpy",
}  # fmt: skip
STEPS = 200

CORPUS = "shakespeare"
RECIPE_SETTINGS: dict[str, Any] = MIN_CHAR_RNN | {"seq_len": 25, "validation": 0.1}
ITERATIONS = 50_000
PRIME = "ROMEO:"
OURS: dict[str, Any] = {
    "cell": "rnn", "hidden_size": 100, "batch_size": 1, "seq_len": 25, "optimizer": "adam",
    "learning_rate": 0.002, "loss": "sum", "validation": 0.1, "weight_decay": 0.0, "dropout": 0.0,
    "reset_state": 0.0, "warmup": 0, "calibrate": False, "threads": 1,
}  # fmt: skip


def run(lab: Lab) -> None:
    hello(lab)
    lab.attempt(shakespeare)


def hello(lab: Lab) -> None:
    """Four cross-entropies by hand: with rounded first weights, then after learning."""
    corpus = lab.file("hello.txt", WORD)
    first = lab.train("hello, first weights", corpus, steps=0, **SETTINGS)
    # One decimal, so that every number below can be followed with a pocket calculator. No flag
    # rounds weights, so the parameters themselves are changed.
    first.network.parameters.flat[:] = first.network.parameters.flat.round(1) + 0.0
    first.save(lab.folder / "hello.safetensors")
    learned = lab.train(
        "hello, learned", corpus, steps=STEPS, start_from=lab.folder / "hello.safetensors",
        **{k: v for k, v in SETTINGS.items() if k not in ("cell", "hidden_size")},
    )  # fmt: skip
    for model, when in ((first, "before training"), (learned, f"after {STEPS} updates")):
        section = lab.section(f"“hello” in numbers, {when}")
        rows, losses = by_hand(model)
        section.say(
            f"Symbols in order: {' '.join(model.vocabulary.symbols)}. Four losses, in nats: "
            + " + ".join(f"{loss:.4f}" for loss in losses)
            + f" = {sum(losses):.4f}; their mean {np.mean(losses):.4f}, "
            f"perplexity {np.exp(np.mean(losses)):.3f} (4 would be chance)."
        )
        section.table(
            {"reads": "", "h = tanh(x·W_x + h·W_h + b)": "", "y = h·W_y + b_y": "",
             "p = softmax(y)": "", "to come": "", "−ln p": ".4f"},
            rows,
        )  # fmt: skip
        if model is first:
            section.sample("The weights", weights(model))
        section.sample("Greedy, from h", model.sample(4, "h", greedy=True))
        section.use(
            "training",
            SETTINGS | {"steps": STEPS},
            "from the printed weights, which no flag can set",
        )


def by_hand(model: Any) -> tuple[list[list[Cell]], list[float]]:
    """A row a step: what the network computes while it reads "hell", and its loss on "ello"."""
    ids = model.vocabulary.encode(WORD).astype(np.int32)
    network = model.network
    state = network.zero_state(1)
    rows: list[list[Cell]] = []
    losses = []
    for symbol, target in pairwise(ids):
        logits, state = network.predict(np.array([[symbol]]), state)
        p = layers.softmax(logits)[0, 0]
        losses.append(-float(np.log(p[target])))
        rows.append([
            model.vocabulary.symbols[symbol], numbers(state.ravel()), numbers(logits.ravel()),
            numbers(p), model.vocabulary.symbols[target], losses[-1],
        ])  # fmt: skip
    return rows, losses


def numbers(values: Any) -> str:
    return " ".join(f"{value:.4f}" for value in values)


def weights(model: Any) -> str:
    """The parameters in print, one decimal each."""
    lines = []
    for name, values in model.network.parameters.items():
        rows = np.atleast_2d(values)
        label = name.split(".")[1]
        for number, row in enumerate(rows):
            lines.append(f"{label if not number else '':4}" + "".join(f"{x:6.1f}" for x in row))
    return "\n".join(lines)


def shakespeare(lab: Lab) -> None:
    """50,000 iterations of Tiny Shakespeare; the same with Adam; our defaults for the same time."""
    section = lab.section(
        "Tiny Shakespeare, 50,000 iterations",
        "The recipe; the same network over the same iterations with Adam and a falling rate; and "
        "the result of `elman train` with its defaults in the same number of seconds (only "
        "`--minutes` set). The last tenth of the text is held out. Samples of the first two "
        "continue from the end of training; that of our defaults starts with the prompt “ROMEO:”.",
        FROM_ZERO,
    )
    corpus, iterations = lab.corpus(CORPUS), lab.choose(ITERATIONS, 200)
    text = lab.choose({}, QUICK)
    rows: list[list[Cell]] = []
    curves = {}
    spent = 0.0
    for name, settings in (("the recipe", RECIPE_SETTINGS), ("the same with Adam", OURS)):
        settings = settings | text | {"steps": iterations, "eval_every": iterations}
        models, watches = lab.trainings(
            name, corpus, partial(SmoothedLoss, settings["seq_len"]), **settings
        )
        seconds = mean([model.summary["seconds"] for model in models])
        spent = spent or seconds["mean"]
        loss = mean([watch.values[-1] for watch in watches])
        rows.append([name, "a curve, no figure" if name == "the recipe" else None, loss,
                     held_out(models), carried(watches), seconds])  # fmt: skip
        curves[name] = (range(1, iterations + 1), average([w.values for w in watches]))
        section.use(name, settings)
        section.sample(f"{name}, seed {lab.seeds[0]}", models[0].sample(200, seed=1))
    minutes = {"minutes": lab.choose(float(f"{spent / 60:.2g}"), 0.05)} | text
    name = "our defaults, same time"
    models, _ = lab.trainings(name, corpus, **minutes)
    seconds = mean([model.summary["seconds"] for model in models])
    rows.append([name, None, None, held_out(models), None, seconds])
    section.use(name, minutes)
    section.sample(
        f"{name}, seed {lab.seeds[0]}", models[0].sample(200, start(models[0], PRIME), seed=1)
    )
    columns = {"": "", "published": "", "smoothed loss, nats/character": ".3f",
               "held out, bits/character": ".3f", CARRIED: ".3f", "seconds": ".1f"}  # fmt: skip
    section.table(columns, rows)
    section.curves(
        "hello-shakespeare", "iteration", "smoothed loss, nats per character", curves,
        "Smoothed training loss (0.999/0.001) over the same iterations; mean over seeds.",
    )  # fmt: skip


RECIPE = Recipe(
    title="The vanilla RNN and its back-propagation",
    source="A post on the vanilla RNN and back-propagation through it, with the word “hello” and "
    "Tiny Shakespeare as examples; its author and address are not recorded here; its network is "
    "that of A. Karpathy's min-char-rnn.py (2015)",
    about="The word “hello” with its four predictions, worked through in numbers; then the "
    "network of 100 units and 25 steps, learning rate 0.1, on the plays.",
    run=run,
)
