"""The rows that Parr's recipe reads, drawn as his were, and his first values."""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError
from ..tasks import training
from ..tasks.classify.baselines import baselines
from ..tasks.classify.model import Classifier
from ..text import read as text
from ..text.corpora import FOLDER_VARIABLE
from ..text.sources import Source
from .lab import Lab

SOURCE = (
    "Terence Parr, Explaining RNNs without neural networks, explained.ai/rnn, 2020, with the "
    "settings and figures of its notebooks"
)

Rows = Sequence[tuple[str, str]]
Parts = Sequence[tuple[Rows, Rows]]  # of every seed: for training, and for evaluation

PLAIN: dict[str, Any] = {
    "task": "classify", "cell": "rnn", "hidden_size": 100, "num_layers": 1, "bidirectional": False,
    "bias": False, "init": "identity", "schedule": "constant", "dropout": 0.0,
    "symbol_dropout": 0.0, "label_smoothing": 0.0, "wide": 0, "clip_norm": 0.0, "validation": 0.0,
    "test": 0.0, "threads": 1,  # so small a network has nothing to share out
}  # fmt: skip
QUICK: dict[str, Any] = {"hidden_size": 8, "epochs": 1}
HIS_VALUES = "first values of W_x and W_y from N(0, 1), which no flag can set"
REGRESSION = (  # of scikit-learn, as `elman.tasks.classify.baselines` has it
    'TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), lowercase=False), '
    "LogisticRegression(C=10, max_iter=1000)"
)
FEW = 300  # rows of a quick run
HIS_ROWS = 2 / 3  # of all rows: 13,374 of the 20,050 here
HIS_SHARE = 0.8  # of them for training


def folder(lab: Lab, name: str) -> Path | None:
    """The folder of a corpus; without it, None, and it is said."""
    place = Path(lab.corpus(os.environ.get(FOLDER_VARIABLE, "."))) / name
    if place.is_dir():
        return place
    lab.progress(f"{place} is not there: left out")
    return None


def missing(name: str) -> CorpusError:
    """What to say without a corpus."""
    return CorpusError(
        f"this recipe needs {name} (one file of texts per language), which Elman cannot download: "
        f"put it into the folder that {FOLDER_VARIABLE} or --corpus names"
    )


def surnames(lab: Lab) -> Rows:
    """The rows of the surnames. Raises CorpusError without them."""
    place = folder(lab, "names")
    if place is None:
        raise missing("a folder names")
    return few(lab, read(place))


def read(place: Path) -> list[tuple[str, str]]:
    """All rows of a folder, repeated ones too, spelt as in his file: lower-case, plain letters.

    Raises
    ------
    CorpusError : a file that is not UTF-8, or no texts at all
    """
    found = []
    for path in sorted(place.glob("*.txt")):
        pieces = text.read_pieces([Source(str(path), path)], text.TextOptions())
        for line in "".join(map(str, pieces)).split("\n"):
            decomposed = unicodedata.normalize("NFD", line.strip().lower())
            name = "".join(c for c in decomposed if "a" <= c <= "z" or c in " '")
            if name:
                found.append((name, path.stem))
    if not found:
        raise CorpusError(
            f"{place} holds no texts: it needs files like Czech.txt with one text per line"
        )
    return found


def his_rows(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """Rows drawn at random, for training and for evaluation, repeated texts included."""
    drawn = np.random.default_rng([seed, 0]).permutation(len(rows))[: round(HIS_ROWS * len(rows))]
    cut = round(HIS_SHARE * len(drawn))
    return [rows[i] for i in drawn[:cut]], [rows[i] for i in drawn[cut:]]


def his_start(lab: Lab, rows: Rows, seed: int, **settings: Any) -> Path:
    """A model file with his first values: W_h the identity, W_x and W_y from N(0, 1).

    `--init` has no such mixture, so the parameters of a model are written over.
    """
    steps = {"steps": 0, "epochs": None}
    model = training.train(rows, seed=seed, progress=False, **settings | steps)
    rng = np.random.default_rng([seed, 1])
    for name in ("layer0.W_x", "readout.W_y"):
        weights = model.network.parameters[name]
        weights[...] = rng.normal(size=weights.shape)
    path = lab.folder / "start.safetensors"
    model.save(path, weights_only=True)
    return path


def accuracy(model: Classifier, rows: Rows) -> float:
    """Share of rows whose label is the most probable one."""
    predicted = model.predict([text for text, _ in rows])
    return sum(p == label for p, (_, label) in zip(predicted, rows, strict=True)) / len(rows)


def few(lab: Lab, rows: Rows) -> Rows:
    """All rows, or in a quick run some of all languages."""
    return rows if not lab.quick else rows[:: -(-len(rows) // FEW)]


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
