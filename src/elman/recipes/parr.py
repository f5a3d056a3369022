"""Parr: surnames to languages with matrices and nothing else, by his protocol."""

import time
from collections import Counter
from typing import Any

from ..tasks.classify.model import Classifier
from .lab import Cell, Lab, Recipe, Section, mean
from .parr_data import (
    HIS_VALUES,
    PLAIN,
    QUICK,
    REGRESSION,
    SOURCE,
    Parts,
    Rows,
    accuracy,
    beside,
    his_rows,
    his_start,
    surnames,
)

# His runs of 12 epochs: (settings, accuracy on the held-out rows after the last epoch and
# after the best one, seconds on his CPU).
EPOCHS = 12
HIS = {
    "tanh, one record per step": (
        {"activation": "tanh", "batch_size": 1, "optimizer": "adam", "learning_rate": 0.001},
        0.725, 0.744, 189.0),
    "tanh, batches of 32": (
        {"activation": "tanh", "batch_size": 32, "optimizer": "adam", "learning_rate": 0.005},
        0.732, 0.732, 146.0),
    "ReLU, batches of 32, vectorised": (
        {"activation": "relu", "batch_size": 32, "optimizer": "adam", "learning_rate": 0.01},
        0.778, 0.782, 44.9),
}  # fmt: skip


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


def run(lab: Lab) -> None:
    """His three runs and ours, on rows drawn as his were."""
    rows = surnames(lab)
    section = lab.section("Surnames, with his protocol")
    parts = [his_rows(rows, seed) for seed in lab.seeds]
    section.use("his runs", PLAIN | {"epochs": EPOCHS})
    table: list[list[Cell]] = []
    for label, (chosen, last, best, seconds) in HIS.items():
        settings = PLAIN | {"epochs": EPOCHS} | chosen | lab.choose({}, QUICK)
        figures, models = his_run(lab, label, parts, settings, his=True)
        table.append([label, last, figures[0], best, figures[1], seconds, figures[2]])
        section.use(label, chosen, HIS_VALUES)
    label = "… first values in ±1/√H, not N(0, 1)"
    table.append([label, None, *_spaced(his_run(lab, label, parts, settings, his=False)[0])])
    section.use(label, chosen)
    gru = {"task": "classify", "hidden_size": 128, "num_layers": 1, "epochs": 8, "wide": 0,
           "validation": 0.0, "test": 0.0, "threads": 1} | lab.choose({}, QUICK)  # fmt: skip
    label = "GRU, both directions, our defaults otherwise"
    table.append([label, None, *_spaced(his_run(lab, label, parts, gru, his=False)[0])])
    section.use(label, gru)
    section.settings["n-gram logistic regression"] = REGRESSION
    for label, values in beside(lab, parts).items():
        table.append([label, None, mean(values), None, None, None, None])
    columns = {"": "", "last epoch, published": ".3f", "ours": ".4f",
               "best epoch, published": ".3f", "ours, best": ".4f",
               "seconds, published": ".0f", "CPU seconds, ours": ".1f"}  # fmt: skip
    section.table(columns, table)
    _explain(section, rows)
    leaks(lab, rows, parts, models)


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


def _explain(section: Section, rows: Rows) -> None:
    """What the protocol is."""
    commonest, count = Counter(label for _, label in rows).most_common(1)[0]
    section.say(
        f"His file has 13,374 rows; here two thirds of {len(rows):,} rows are drawn for every "
        "seed, spelt as his are, in lower-case ASCII. A random 80 % of them are used for training "
        f"and the rest for evaluation. Of all rows {count / len(rows):.1%} are {commonest}. "
        "W_h starts from the identity, W_x and W_y from N(0, 1) as his do; there are no biases. "
        "His records come in a fixed order, ours are shuffled every epoch; his words are padded "
        "with zeros on the left, ours are masked on the right, which gives the same states. The "
        "best epoch is selected on the evaluation rows, so its accuracy is optimistic. CPU "
        "seconds are for one core; his run of 44.9 seconds of wall time took 244 CPU seconds on "
        "several cores. The GRU was trained for 8 epochs; [classification.md](classification.md) "
        "has one that beats the n-gram regression, on data without leakage."
    )


def leaks(lab: Lab, rows: Rows, parts: Parts, models: list[Classifier]) -> None:
    """How often held-out rows repeat a training text, and what that does."""
    languages = Counter(text for text, _ in set(rows))
    several = {text for text, n in languages.items() if n > 1}
    figures: dict[str, tuple[list[float], list[float]]] = {}
    for (train, held_out), model in zip(parts, models, strict=True):
        known = {text for text, _ in train}
        kinds: dict[str, list[tuple[str, str]]] = {
            "seen in training, one language": [], "seen in training, several languages": [],
            "new": [],
        }  # fmt: skip
        for row in held_out:
            of = "several languages" if row[0] in several else "one language"
            kinds[f"seen in training, {of}" if row[0] in known else "new"].append(row)
        for kind, chosen in kinds.items():
            shares, right = figures.setdefault(kind, ([], []))
            shares.append(len(chosen) / len(held_out))
            right.append(accuracy(model, chosen) if chosen else 0.0)
    section = lab.section(
        "What the random split hides",
        f"The {len(rows):,} rows hold {len(languages):,} different texts, {len(several):,} of "
        "them under several languages. So some held-out rows repeat training texts: those with "
        "one language have been memorized, those with several have no single right answer. "
        "Accuracy of the ReLU network after its last epoch, by type of held-out row:",
    )
    section.table(
        {"the text": "", "share of the rows": ".3f", "accuracy": ".3f"},
        [[kind, mean(shares), mean(right)] for kind, (shares, right) in figures.items()],
    )


RECIPE = Recipe(
    title="Parr: surnames to languages with matrices and nothing else",
    source=SOURCE,
    about="A vanilla RNN of 100 units reads a surname letter by letter and says which of 18 "
    "languages it is from; the steps that lead there are in [ladder.md](ladder.md). This repeats "
    "his three runs with his protocol and shows what the random split hides.",
    run=run,
)
