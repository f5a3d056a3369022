"""Parr: surnames and words to languages, with a vanilla RNN and nothing else."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import labelled
from ..classifier import Classifier
from ..corpora import FOLDER_VARIABLE
from ..engine import available_cores
from ..errors import CorpusError
from ..report import baselines
from ..text import TextOptions
from .lab import Cell, Lab, Recipe, Section, mean
from .parr_data import (
    PLAIN,
    Parts,
    Rows,
    accuracy,
    few,
    folder,
    his_rows,
    his_start,
    read,
)
from .parr_exploding import exploding

QUICK: dict[str, Any] = {"hidden_size": 8, "epochs": 1}

# His runs of 12 epochs: (settings, accuracy on the held-out rows after the last epoch and
# after the best one, seconds on his CPU).
EPOCHS = 12
HIS = {
    "tanh, one record a step": (
        {"activation": "tanh", "batch_size": 1, "optimizer": "adam", "learning_rate": 0.001},
        0.725, 0.744, 189.0),
    "tanh, batches of 32": (
        {"activation": "tanh", "batch_size": 32, "optimizer": "adam", "learning_rate": 0.005},
        0.732, 0.732, 146.0),
    "ReLU, batches of 32, vectorised": (
        {"activation": "relu", "batch_size": 32, "optimizer": "adam", "learning_rate": 0.01},
        0.778, 0.782, 44.9),
}  # fmt: skip
# What is changed, one at a time, with honest data.
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
                   "schedule": "cosine"},
    "one record a step by SGD, W_h = I, no bias": ONE_BY_ONE,
    "… one record a step, gradient norm clipped to 1": ONE_BY_ONE | {"clip_norm": 1.0},
}  # fmt: skip
WORDS = ("batches of 32 by Adam, W_h = I, no bias", COMBINED,
         "one record a step by SGD, W_h = I, no bias")  # fmt: skip
ACTIVATIONS = ("tanh", "relu")
TEST = 0.2
TREES = 30


def run(lab: Lab) -> None:
    names, words = folder(lab, "names"), folder(lab, "words")
    if not names and not words:
        raise CorpusError(
            "the recipe parr needs labelled texts that have no address to be downloaded from: a "
            "folder with names/ (a file of surnames per language) or words/ (one of words), named "
            f"by {FOLDER_VARIABLE} or --corpus"
        )
    if names:
        rows = few(lab, read(names))
        protocol(lab, rows)
        exploding(lab, [his_rows(rows, seed) for seed in lab.seeds])
        honest(lab, names, "Surnames", list(VARIANTS), lab.choose(8, 1), lowercase=False)
    if words:
        honest(lab, words, "Words", WORDS, lab.choose(4, 1), lowercase=True)


# -- his protocol --------------------------------------------------------------------


class Watch:
    """Follows a training: the accuracy on rows held out, after every epoch."""

    def __init__(self, rows: Rows):
        self.rows = rows
        self.accuracies: list[float] = []
        self.seconds = 0.0  # of the processor, that the judging took

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["epoch"] % 1 == 0:
            started = time.process_time()
            self.accuracies.append(accuracy(event["snapshot"](), self.rows))
            self.seconds += time.process_time() - started


def protocol(lab: Lab, rows: Rows) -> None:
    """His three runs, ours beside them, on rows drawn as his were."""
    section = lab.section("Surnames, by his protocol")
    parts = [his_rows(rows, seed) for seed in lab.seeds]
    section.use("his runs", PLAIN | {"epochs": EPOCHS})
    table: list[list[Cell]] = []
    for label, (chosen, last, best, seconds) in HIS.items():
        settings = PLAIN | {"epochs": EPOCHS} | chosen | lab.choose({}, QUICK)
        figures, models = his_run(lab, label, parts, settings, his=True)
        table.append([label, last, figures[0], best, figures[1], seconds, figures[2]])
        section.use(label, chosen)
    label = "… first values in ±1/√H, not N(0, 1)"
    table.append([label, None, *_spaced(his_run(lab, label, parts, settings, his=False)[0])])
    gru = {"task": "classify", "hidden_size": 128, "num_layers": 1, "epochs": 8,
           "validation": 0.0, "test": 0.0, "threads": 1} | lab.choose({}, QUICK)  # fmt: skip
    label = "GRU, both directions, our defaults otherwise"
    table.append([label, None, *_spaced(his_run(lab, label, parts, gru, his=False)[0])])
    section.use(label, gru)
    for label, values in beside(lab, parts).items():
        table.append([label, None, mean(values), None, None, None, None])
    columns = {"": "", "last epoch, published": ".3f", "ours": ".4f",
               "best epoch, published": ".3f", "ours, best": ".4f",
               "seconds, published": ".0f", "CPU seconds, ours": ".1f"}  # fmt: skip
    section.table(columns, table)
    _explain(section, rows, parts, models)


def his_run(
    lab: Lab, label: str, parts: Parts, settings: dict[str, Any], his: bool
) -> tuple[list[Cell], list[Classifier]]:
    """Accuracy after the last and the best epoch, and CPU seconds; the models of all seeds."""
    watches, models, seconds = [], [], []
    for seed, (train, held_out) in zip(lab.seeds, parts, strict=True):
        start = his_start(lab, train, seed, **settings) if his else None
        watch = Watch(held_out)
        epoch = -(-len(train) // settings.get("batch_size", 64))
        started = time.process_time()
        models.append(
            lab.train(label, train, seed, start_from=start, on_event=watch, log_every=epoch,
                      **settings)
        )  # fmt: skip
        watches.append(watch)
        seconds.append(time.process_time() - started - watch.seconds)
    last = mean([watch.accuracies[-1] for watch in watches])
    best = mean([max(watch.accuracies) for watch in watches])
    return [last, best, mean(seconds)], models


def _spaced(figures: list[Cell]) -> list[Cell]:
    """Figures between columns for which nothing was published."""
    last, best, seconds = figures
    return [last, None, best, None, seconds]


def _explain(section: Section, rows: Rows, parts: Parts, models: list[Classifier]) -> None:
    """What the protocol is, and how the rows held out leak."""
    leaked, on_leaked, on_fresh = [], [], []
    for (train, held_out), model in zip(parts, models, strict=True):
        known = {text for text, _ in train}
        seen = [row for row in held_out if row[0] in known]
        fresh = [row for row in held_out if row[0] not in known]
        leaked.append(len(seen) / len(held_out))
        on_leaked.append(accuracy(model, seen) if seen else 0.0)
        on_fresh.append(accuracy(model, fresh) if fresh else 0.0)
    commonest, count = Counter(label for _, label in rows).most_common(1)[0]
    texts = Counter(text for text, _ in rows)
    several = Counter(text for text, _ in set(rows))
    section.say(
        f"His file has 13,374 rows; here two thirds of {len(rows):,} rows are drawn for every "
        "seed, spelt as his are, in lower-case ASCII. 80 % of them, drawn at random, are learned "
        f"from and the rest are judged by. Of all rows {count / len(rows):.1%} are {commonest}. "
        "W_h starts from the identity, W_x and W_y from N(0, 1) as his do; there are no biases. "
        "His records come in one order, ours are shuffled anew every epoch; his words are padded "
        "with zeros on the left, ours are masked on the right, which gives the same states. "
        "CPU seconds are those of one core; his 44.9 by the clock took 244 of several."
    )
    section.say(
        f"The rows hold {len(texts):,} different texts, {sum(n > 1 for n in several.values()):,} "
        f"of them under several languages. {np.mean(leaked):.1%} of the rows held out repeat a "
        f"text that was learned from. The ReLU network is right on {np.mean(on_leaked):.1%} of "
        f"these and on {np.mean(on_fresh):.1%} of the others: what leaks is partly known by heart, "
        "and partly the very names that no network can decide. The best epoch is chosen by the "
        "rows that are judged by, so it flatters."
    )


# -- honest data ---------------------------------------------------------------------


def honest(
    lab: Lab, place: Path, title: str, variants: Sequence[str], epochs: int, lowercase: bool
) -> None:
    """Texts that differ, none on two sides and each with one label."""
    options = labelled.LabelledOptions(text=TextOptions(lowercase=lowercase))
    data = labelled.load([str(place)], options)
    pairs = zip(data.texts, (data.classes[i] for i in data.labels), strict=True)
    rows = few(lab, list(pairs))
    kinds = np.array([data.classes.index(label) for _, label in rows])
    parts: list[tuple[Rows, Rows]] = []
    for seed in lab.seeds:
        train, _, test = labelled.split(kinds, 0.0, TEST, seed)
        parts.append(([rows[i] for i in train], [rows[i] for i in test]))
    section = lab.section(
        f"{title}, no text on two sides",
        f"{len(rows):,} different texts in {len(data.classes)} languages"
        + (", lower-case" if lowercase else "")
        + f"; {data.conflicting:,} texts under several were left out. Every seed draws another "
        f"{TEST:.0%} that nothing looks at before the end, alike in every language. "
        f"{epochs} epochs, one where every record is a step. Accuracy on the held-out texts, with "
        "the last parameters.",
    )
    section.use("all", PLAIN)
    table: list[list[Cell]] = []
    models: dict[str, list[Classifier]] = {}
    for label in variants:
        variant = VARIANTS[label]
        row, seconds = [], []
        for activation in ACTIVATIONS:
            settings = PLAIN | variant | lab.choose({}, QUICK) | {
                "activation": activation, "epochs": _epochs(variant, epochs),
            }  # fmt: skip
            started = time.process_time()
            made = [lab.train(f"{title}: {label}, {activation}", train, seed, **settings)
                    for seed, (train, _) in zip(lab.seeds, parts, strict=True)]  # fmt: skip
            seconds.append((time.process_time() - started) / len(made))
            row.append(_accuracies(made, parts))
            models.setdefault(activation, made)
        section.use(label, variant | {"epochs": _epochs(variant, epochs)})
        table.append([label, *row, sum(seconds) / len(seconds)])
    for label, values in beside(lab, parts).items():
        table.append([label, mean(values), None, None])
    section.table({"": "", "tanh": ".4f", "ReLU": ".4f", "CPU seconds": ".1f"}, table)
    forest(lab, title, parts, models)


def _epochs(variant: dict[str, Any], epochs: int) -> int:
    """One record a step makes many more steps of an epoch."""
    return 1 if variant["batch_size"] == 1 else epochs


def beside(lab: Lab, parts: Parts) -> dict[str, list[float]]:
    """Accuracies of the majority class and of the n-gram regression (where scikit-learn is)."""
    found: dict[str, list[float]] = {}
    for seed, (train, held_out) in zip(lab.seeds, parts, strict=True):
        lab.progress(f"what a network has to beat, seed {seed}")
        classes = sorted({label for part in (train, held_out) for _, label in part})
        places = {label: i for i, label in enumerate(classes)}
        texts, labels = zip(*(([t for t, _ in part], np.array([places[c] for _, c in part]))
                              for part in (train, held_out)), strict=True)  # fmt: skip
        judged = baselines(classes, (texts[0], labels[0]), (texts[1], labels[1]))
        for label, report in judged.items():
            found.setdefault(label, []).append(report.accuracy)
    return found


def forest(lab: Lab, title: str, parts: Parts, models: dict[str, list[Classifier]]) -> None:
    """The vectors of words as features of a random forest, as he proposes."""
    try:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.feature_extraction.text import CountVectorizer
    except ImportError:
        lab.progress("scikit-learn is not installed: no random forest")
        return

    def grow(train: Rows, held_out: Rows, features: Any, tested: Any, seed: int) -> float:
        trees = RandomForestClassifier(
            lab.choose(TREES, 5), n_jobs=available_cores(), random_state=seed
        )
        trees.fit(features, [label for _, label in train])
        return float(np.mean(trees.predict(tested) == [label for _, label in held_out]))

    rows: dict[str, list[float]] = {}
    for i, (seed, (train, held_out)) in enumerate(zip(lab.seeds, parts, strict=True)):
        lab.progress(f"{title}: random forests, seed {seed}")
        texts = [[text for text, _ in part] for part in (train, held_out)]
        bag = CountVectorizer(analyzer="char", lowercase=False)
        found = grow(train, held_out, bag.fit_transform(texts[0]), bag.transform(texts[1]), seed)
        rows.setdefault("forest on counts of letters", []).append(found)
        readers = {
            "of the RNN before training, ReLU": lab.train(
                "without training", train, seed, **PLAIN | {"steps": 0, "activation": "relu"}
            ),
            "of the trained RNN, tanh": models["tanh"][i],
            "of the trained RNN, ReLU": models["relu"][i],
        }
        for label, model in readers.items():
            features, tested = (model.embed(part) for part in texts)
            found = grow(train, held_out, features, tested, seed)
            rows.setdefault(f"forest on vectors {label}", []).append(found)
        for label, activation in (("tanh", "tanh"), ("ReLU", "relu")):
            found = accuracy(models[activation][i], held_out)
            rows.setdefault(f"the trained RNN's own readout, {label}", []).append(found)
    section = lab.section(
        f"{title}: the vectors in a random forest",
        f"`Classifier.embed` gives every text the state after its last letter. A random forest of "
        f"{TREES} trees (scikit-learn) learns from the vectors of the first row "
        "above; beside it the same forest on vectors of the network as it was before training, "
        "and on a bag of letters. Accuracy on the same held-out texts.",
    )
    section.table(
        {"": "", "accuracy": ".4f"}, [[label, mean(values)] for label, values in rows.items()]
    )


def _accuracies(models: list[Classifier], parts: Parts) -> dict[str, Any]:
    return mean([accuracy(m, held_out) for m, (_, held_out) in zip(models, parts, strict=True)])


RECIPE = Recipe(
    title="Parr: surnames to languages with matrices and nothing else",
    source="Terence Parr, Explaining RNNs without neural networks, explained.ai/rnn, 2020, with "
    "the settings and figures of its notebooks",
    about="A vanilla RNN of 100 units reads a surname letter by letter and says which of 18 "
    "languages it is from; the steps that lead there are in [ladder.md](ladder.md). First his "
    "three runs by his protocol; then why ReLU explodes and what cures it; then the same with "
    "data of which nothing leaks, surnames and words of three languages, one thing changed at a "
    "time; last his proposal to give the vectors to a random forest. The corpora have no address "
    "to be downloaded from: the recipe takes the folders `names` and `words` of the folder that "
    "ELMAN_CORPORA or `--corpus` names, and leaves out what is not there.",
    run=run,
)
