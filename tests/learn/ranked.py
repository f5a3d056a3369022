"""Many small trainings, one after the other, on as many ranks as run this: for `test_ranks`.

mpiexec -n 2 python -m tests.learn.ranked FOLDER
"""

from __future__ import annotations

import random
import sys
from functools import partial
from pathlib import Path

from elman.files import OutputFile
from elman.learn.ranks import connect
from elman.nn.engine import select
from elman.tasks import begin, resume

SMALL = {"hidden_size": 12, "seq_len": 12, "batch_size": 6, "shards": 4, "threads": 1,
         "eval_every": 5, "save_every": 6}  # fmt: skip
STEPS = SMALL | {"steps": 14}
EPOCH = SMALL | {"epochs": 1.0}
# Without a test part there is nothing to compare a network with, which takes its time.
CLASSIFY, TAG = ({"task": task, "test": 0.0, "validation": 0.2} for task in ("classify", "tag"))
LM = {"sample_every": 1_000_000}

# name: corpus, settings, settings with which it is resumed (or none)
RUNS: dict[str, tuple[str, dict, dict]] = {
    "text": ("text", STEPS, {}),
    "text, dropout, lstm, two layers": (
        "text", LM | STEPS | {"cell": "lstm", "num_layers": 2, "dropout": 0.3}, {}),
    "text, resumed": ("text", LM | STEPS | {"dropout": 0.2}, {"steps": 24}),
    "text, gradients beyond the window, rmsprop": (
        "text", LM | STEPS | {"bptt": 20, "optimizer": "rmsprop"}, {"steps": 20}),
    "text, gradients within the window, plateau": (
        "text", LM | STEPS | {"bptt": 5, "schedule": "plateau", "weight_decay": 0.1}, {}),
    "words, sum, sgd": (
        "text", LM | STEPS | {"tokens": "word", "loss": "sum", "optimizer": "sgd", "momentum": 0.9,
                         "embedding_size": 5}, {}),
    "slices of two files": (["text", "lines"], LM | STEPS | {"patience": 1}, {}),
    "lines, one epoch, adagrad": (
        "lines", LM | EPOCH | {"lines": True, "optimizer": "adagrad", "seq_len": 8},
        {"epochs": 2.0}),
    "random windows, one epoch": ("text", LM | EPOCH | {"batching": "random", "dropout": 0.5}, {}),
    "fewer sequences than shards": ("short", LM | STEPS | {"seq_len": 8}, {}),
    "classes": ("classes.tsv", STEPS | CLASSIFY | {"wide": 0}, {"steps": 20}),
    "classes, with a wide part": ("classes.tsv", STEPS | CLASSIFY | {"wide": 64}, {"steps": 20}),
    "classes, one epoch, one direction": (
        "classes.tsv", EPOCH | CLASSIFY | {"bidirectional": False, "pooling": "mean",
                                           "class_weights": "balanced", "monitor": "loss"}, {}),
    "tags": (
        "tags.tsv", STEPS | TAG | {"wide": 64, "embedding_size": 6, "letter_size": 3},
        {"steps": 20}),
    "tags, no chain": (
        "tags.tsv", EPOCH | TAG | {"wide": 0, "transitions": False, "letter_size": 0}, {}),
}  # fmt: skip
ENGINES = sorted({"numpy", select().name})
HERE = [f"{name}, {engine}" for name in RUNS for engine in ENGINES]


def write_corpora(folder: Path) -> None:
    rng = random.Random(3)
    words = ["ba", "lo", "mira", "tu", "sunka", "den", "qi", "orval", "üst", "renata"]

    def text(count: int) -> str:
        return " ".join(rng.choice(words) for _ in range(count))

    (folder / "text").write_text(text(500), encoding="utf-8")
    (folder / "short").write_text(text(8), encoding="utf-8")
    lines = [text(rng.randint(1, 5)) for _ in range(60)]
    (folder / "lines").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [f"{text(2)} {n}\t{'xyz'[rng.randrange(3)]}" for n in range(80)]
    (folder / "classes.tsv").write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    tagged = ["\n".join(f"{word}\t{word[0]}" for word in line.split()) for line in lines]
    (folder / "tags.tsv").write_text("\n\n".join(tagged) + "\n", encoding="utf-8")


def train_all(folder: Path, models: Path) -> None:
    ranks = connect()

    def done(run):
        if ranks.rank:
            run.follow()
        else:
            list(run.events())

    for name in HERE:
        corpus, given, again = RUNS[name.rsplit(", ", 1)[0]]
        names = [str(folder / one) for one in ([corpus] if isinstance(corpus, str) else corpus)]
        path, given = str(models / f"{name}.safetensors"), given | {"engine": name.split(", ")[-1]}
        file = ranks.by_the_first(partial(OutputFile, path))
        done(begin(names, given, file, ranks=ranks))
        if again:
            ranks.figure(0)  # the file is there for all
            done(resume(path, again, ranks=ranks))
    ranks.leave()


if __name__ == "__main__":
    train_all(Path(sys.argv[1]), Path(sys.argv[2]))
