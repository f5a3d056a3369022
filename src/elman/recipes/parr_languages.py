"""After Parr: languages without leakage, one change at a time, and random forests."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DivergedError
from ..nn.engine import available_cores
from ..tasks.classify.model import Classifier
from ..text import labelled
from ..text.read import TextOptions
from .lab import Cell, Lab, Recipe, mean
from .parr_data import (
    PLAIN,
    QUICK,
    REGRESSION,
    SOURCE,
    Parts,
    Rows,
    accuracy,
    beside,
    few,
    folder,
    missing,
)

# What is changed, one at a time, with a clean split.
BATCHES = {"batch_size": 32, "optimizer": "adam", "learning_rate": 0.005}
ONE_BY_ONE = {"batch_size": 1, "optimizer": "sgd", "learning_rate": 0.01}
COMBINED = "… biases, clipping, decay, a fifth of the letters dropped, cosine"
VARIANTS: dict[str, dict[str, Any]] = {
    "batches of 32 by Adam, W_h = I, no bias": BATCHES,
    "… W_h uniform in ±1/√H": BATCHES | {"init": "uniform"},
    "… with biases": BATCHES | {"bias": True},
    "… gradient norm clipped to 1": BATCHES | {"clip_norm": 1.0},
    "… weight decay 0.1": BATCHES | {"weight_decay": 0.1},
    COMBINED:
        BATCHES | {"bias": True, "clip_norm": 1.0, "weight_decay": 0.1, "symbol_dropout": 0.2,
                   "schedule": "cosine", "warmup": 0},
    "one record per step by SGD, W_h = I, no bias": ONE_BY_ONE,
    "… one record per step, gradient norm clipped to 1": ONE_BY_ONE | {"clip_norm": 1.0},
}  # fmt: skip
WORDS = ("batches of 32 by Adam, W_h = I, no bias", COMBINED,
         "one record per step by SGD, W_h = I, no bias",
         "… one record per step, gradient norm clipped to 1")  # fmt: skip
ACTIVATIONS = ("tanh", "relu")
TEST = 0.2
TREES = 30


def run(lab: Lab) -> None:
    names, words = folder(lab, "names"), folder(lab, "words")
    if not names and not words:
        raise missing("a folder names or words")
    if names:
        honest(lab, names, "Surnames", list(VARIANTS), lab.choose(8, 1), lowercase=False)
    if words:
        honest(lab, words, "Words", WORDS, lab.choose(4, 1), lowercase=True)


def honest(
    lab: Lab, place: Path, title: str, variants: Sequence[str], epochs: int, lowercase: bool
) -> None:
    """Different texts, each in one part and with one label."""
    options = labelled.LabelledOptions(text=TextOptions(lowercase=lowercase))
    data = labelled.load([str(place)], options)
    pairs = zip(data.texts, (data.classes[i] for i in data.labels), strict=True)
    rows = few(lab, list(pairs))
    kinds = np.array([data.classes.index(label) for _, label in rows])
    parts: list[tuple[Rows, Rows]] = []
    for seed in lab.seeds:
        learned, _, tested = labelled.split(kinds, 0.0, TEST, seed)
        parts.append(([rows[i] for i in learned], [rows[i] for i in tested]))
    section = lab.section(
        f"{title}, no text in two parts",
        f"{len(rows):,} different texts in {len(data.classes)} languages"
        + (", lower-case" if lowercase else "")
        + f"; {data.conflicting:,} texts under several were left out. Each seed draws a different "
        f"test set of {TEST:.0%}, stratified by language. {epochs} epochs; 1 for the rows that "
        "update after every record. Accuracy is on the held-out texts, with the last parameters.",
    )
    section.use("all", PLAIN)
    table: list[list[Cell]] = []
    models: dict[str, list[Classifier]] = {}
    for label in variants:
        variant = VARIANTS[label]
        row: list[Cell] = []
        for activation in ACTIVATIONS:
            settings = PLAIN | variant | lab.choose({}, QUICK) | {
                "activation": activation, "epochs": _epochs(variant, epochs),
            }  # fmt: skip
            seconds: list[float] = []
            made, diverged = [], 0
            for seed, (train, _) in zip(lab.seeds, parts, strict=True):
                started = time.process_time()
                try:
                    name = f"{title}: {label}, {activation}"
                    made.append(lab.train(name, train, seed, **settings))
                except DivergedError:
                    diverged += 1
                seconds.append(time.process_time() - started)
            row.append(_accuracies(made, parts) if not diverged else lost(diverged, lab))
            row.append(mean(seconds))
            models.setdefault(activation, made)
        bias = "without --no-bias" if variant.get("bias") else ""
        section.use(label, variant | {"epochs": _epochs(variant, epochs)}, bias)
        table.append([label, *row])
    for label, values in beside(lab, parts).items():
        table.append([label, mean(values), None, None, None])
    section.settings["n-gram logistic regression"] = REGRESSION
    columns = {"": "", "tanh": ".4f", "CPU seconds, tanh": ".1f", "ReLU": ".4f",
               "CPU seconds, ReLU": ".1f"}  # fmt: skip
    section.table(columns, table)
    if all(len(made) == len(parts) for made in models.values()):
        forest(lab, title, parts, models)


def _epochs(variant: dict[str, Any], epochs: int) -> int:
    """One record per step makes many more steps of an epoch."""
    return 1 if variant["batch_size"] == 1 else epochs


def forest(lab: Lab, title: str, parts: Parts, models: dict[str, list[Classifier]]) -> None:
    """The vectors of words as features of a random forest, as he proposes."""
    try:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.feature_extraction.text import CountVectorizer
    except ImportError:
        lab.progress("scikit-learn is not installed: no random forest")
        return

    def grow(
        label: str, train: Rows, held_out: Rows, features: Any, tested: Any, seed: int
    ) -> None:
        started = time.process_time()
        trees = RandomForestClassifier(
            lab.choose(TREES, 5), n_jobs=available_cores(), random_state=seed
        )
        trees.fit(features, [label for _, label in train])
        right = trees.predict(tested) == [label for _, label in held_out]
        seconds.setdefault(label, []).append(time.process_time() - started)
        rows.setdefault(label, []).append(float(np.mean(right)))

    rows: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for i, (seed, (train, held_out)) in enumerate(zip(lab.seeds, parts, strict=True)):
        lab.progress(f"{title}: random forests, seed {seed}")
        texts = [[text for text, _ in part] for part in (train, held_out)]
        bag = CountVectorizer(analyzer="char", lowercase=False)
        counts = bag.fit_transform(texts[0]), bag.transform(texts[1])
        grow("forest on counts of letters", train, held_out, *counts, seed)
        readers = {
            "of the RNN before training, ReLU": lab.train(
                "without training", train, seed, **PLAIN | {"steps": 0, "activation": "relu"}
            ),
            "of the trained RNN, tanh": models["tanh"][i],
            "of the trained RNN, ReLU": models["relu"][i],
        }
        for label, model in readers.items():
            features, tested = (model.embed(part) for part in texts)
            grow(f"forest on vectors {label}", train, held_out, features, tested, seed)
        for label, activation in (("tanh", "tanh"), ("ReLU", "relu")):
            found = accuracy(models[activation][i], held_out)
            rows.setdefault(f"the trained RNN's own readout, {label}", []).append(found)
    section = lab.section(
        f"{title}: the vectors in a random forest",
        "`Classifier.embed` gives every text the state after its last letter. A random forest of "
        f"{TREES} trees (scikit-learn) learns from the vectors of the first row above; it is "
        "compared with the same forest on vectors of the untrained network and on letter counts. "
        "Accuracy is on the same held-out texts; CPU seconds are for fitting the forest and "
        "predicting with it.",
    )
    section.use("the RNN before training", PLAIN | {"steps": 0, "activation": "relu"})
    section.settings["forest"] = f"RandomForestClassifier({TREES}, random_state=seed)"
    section.table(
        {"": "", "accuracy": ".4f", "CPU seconds": ".1f"},
        [[label, mean(values), mean(seconds[label]) if label in seconds else None]
         for label, values in rows.items()],
    )  # fmt: skip


def lost(diverged: int, lab: Lab) -> str:
    """The entry instead of an accuracy where trainings diverged."""
    return f"diverged, {diverged} of {len(lab.seeds)} seeds"


def _accuracies(models: list[Classifier], parts: Parts) -> dict[str, Any]:
    return mean([accuracy(m, held_out) for m, (_, held_out) in zip(models, parts, strict=True)])


RECIPE = Recipe(
    title="After Parr: surnames and words without leakage",
    source=SOURCE,
    about="The same network with a clean split: surnames of 18 languages and words of three; each "
    "text occurs once, in one part and under one language. One setting is changed at a time; the "
    "baselines are the majority class and a logistic regression on TF-IDF weighted character 1- "
    "to 4-grams. [classification.md](classification.md) has the results of our own default, a "
    "GRU, on the same texts. Then the vectors are given to a random forest, as he proposes.",
    run=run,
)
