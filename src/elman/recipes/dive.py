"""Dive into Deep Learning 8.5: a vanilla RNN from scratch on The Time Machine."""

import math
import re
from functools import partial
from typing import Any

from .lab import Cell, Lab, Recipe, average, mean

CORPUS = "time-machine"
CHARACTERS = 10_000
SETTINGS: dict[str, Any] = {
    "cell": "rnn", "hidden_size": 512, "batch_size": 32, "seq_len": 64, "optimizer": "sgd",
    "learning_rate": 1.0, "schedule": "constant", "clip_norm": 1.0, "init": "normal",
    "init_scale": 0.01, "epochs": 500, "validation": 0.0, "unknown": True,
}  # fmt: skip
QUICK: dict[str, Any] = {"hidden_size": 24, "batch_size": 16, "seq_len": 16, "epochs": 10}

# Training perplexity after 500 epochs, and seconds a run on a GPU of 2018 (0.2 an epoch).
PUBLISHED = {"random": 1.42, "consecutive": 1.07}
PUBLISHED_SECONDS = 100.0
PRIMES = ("traveller", "time traveller")


def letters(text: str) -> str:
    """The chapter's text: of every line the letters, lower-case, all else one space."""
    lines = (re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in text.split("\n"))
    return "".join(lines)


class Watch:
    """Follows a training: the perplexity of every epoch, greedy continuations of some.

    The perplexity is measured as the chapter does: exp of the mean loss of an epoch's
    batches, each before its update.
    """

    def __init__(self, every: int = 0, goal: float = 0.0):
        self.every = every  # epochs between continuations; 0 for none
        self.goal, self.reached = goal, math.inf  # a perplexity, and the second it was reached
        self.took = 0.0  # seconds until the last step
        self.losses: list[float] = []
        self.perplexities: list[float] = []
        self.written: list[tuple[int, str]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] != "step":
            return
        self.took = event["seconds"]
        self.losses.append(event["loss"])
        if event["epoch"] % 1:
            return
        self.perplexities.append(math.exp(min(700, sum(self.losses) / len(self.losses))))
        self.losses.clear()
        if self.perplexities[-1] <= self.goal:
            self.reached = min(self.reached, event["seconds"])
        if self.every and len(self.perplexities) % self.every == 0:
            model = event["snapshot"]()
            text = "\n".join(model.sample(50, prime, greedy=True) for prime in PRIMES)
            self.written.append((len(self.perplexities), text))


def run(lab: Lab) -> None:
    """500 epochs with random and with consecutive batches."""
    text = lab.read(CORPUS)
    corpus = lab.file("letters.txt", letters(text)[:CHARACTERS])
    section = lab.section("Training perplexity")
    settings = SETTINGS | lab.choose({}, QUICK)
    epochs = settings["epochs"]
    rows: list[list[Cell]] = []
    curves, every = {}, {}
    for batching, published in PUBLISHED.items():
        watch = partial(Watch, epochs // 5, published)
        models, watches = lab.trainings(batching, corpus, watch, batching=batching, **settings)
        seconds = [model.summary["seconds"] for model in models]
        perplexities = [watch.perplexities for watch in watches]
        last = mean([each[-1] for each in perplexities])
        reached = [watch.reached for watch in watches]
        until = mean(reached) if max(reached) < math.inf else "not by all"
        rows.append([batching, published, last, PUBLISHED_SECONDS, mean(seconds), until])
        curves[batching] = (range(1, epochs + 1), average(perplexities))
        every[batching] = [mean([p[n - 1] for p in perplexities]) for n in marks(epochs)]
        section.use(batching, {"batching": batching} | settings)
        for epoch, written in watches[0].written:
            section.sample(f"{batching}, epoch {epoch}, greedy, seed {lab.seeds[0]}", written)
    section.say(
        f"The first {CHARACTERS:,} characters, {len(models[0].vocabulary)} symbols with `<unk>`; "
        "the perplexity of the training text in the last epoch, as the chapter measures it."
    )
    columns = {"batches": "", "perplexity, published": ".2f", "ours": ".3f",
               "seconds, published (GPU)": ".0f", "ours (CPU)": ".1f",
               "ours, until the published perplexity": ".1f"}  # fmt: skip
    section.table(columns, rows)
    section.curves(
        "dive-perplexity", "epoch", "training perplexity", curves,
        "Training perplexity; mean over seeds. Dotted: published values.", log="y",
        levels={f"{batching}, published": value for batching, value in PUBLISHED.items()},
    )  # fmt: skip
    steps = lab.section(f"The same every {epochs // 10} epochs")
    steps.table(
        {"epoch": ".0f"} | dict.fromkeys(every, ".3f"),
        [[epoch, *figures] for epoch, *figures in zip(marks(epochs), *every.values(), strict=True)],
    )


def marks(epochs: int) -> range:
    """Ten epochs of a run, evenly spaced."""
    return range(epochs // 10, epochs + 1, epochs // 10)


RECIPE = Recipe(
    title="Dive into Deep Learning: a vanilla RNN from scratch",
    source="A. Zhang, Z. Lipton, M. Li and A. Smola, Dive into Deep Learning, section 8.5, "
    "with figures of its first version (2018)",
    about="A vanilla RNN of 512 units memorizes the beginning of The Time Machine, with windows "
    "drawn at random (the state starts at zero) or in order (the state is carried). The text is "
    "preprocessed as in the chapter: only letters and spaces remain.",
    run=run,
)
