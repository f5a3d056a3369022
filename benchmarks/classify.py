"""How good and how fast classifiers are, compared with scikit-learn and PyTorch.

Quality: the same texts, split in the same way (20 % for the test, stratified, no text in
two parts), to Elman with its defaults, which are two minutes and validation on up to 1,000
of the other texts, and to a logistic regression on TF-IDF weighted character 1- to 4-grams,
which learns from all of the other texts. Mean and spread over seeds; a seed draws another
split. On a machine with other work `--set epochs=24` counts passes instead of minutes; then
look at the CPU seconds.

Speed: texts per second by Elman and by PyTorch with the same weights, on batches of similar
length. Of predicting with the trained network the answers are compared; of training, from the first
step on and on the same batches, the first losses without dropout.

The data are in the folder that ELMAN_CORPORA names: folders `names` (one file per language of
surnames), `words` (english.txt, french.txt, german.txt) and `words_frequent` (frequent words of
twelve languages; those of more than three letters that occur in one language only), and the texts
tinyshakespeare.txt, sherlock_complete_cnus.txt and timemachine.txt, whose lines of 40 characters
and more are to be told apart. The lines of eleven packages of Python's standard library need no
folder; another version of Python has other lines.
"""

import json
import os
import sysconfig
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, median, pstdev
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import click
import numpy as np
from rich.console import Console
from rich.table import Table

import elman
from elman.nn.engine import select
from elman.tasks import begin
from elman.tasks.reports import Report, report
from elman.text import labelled
from elman.text.labelled import LabelledOptions
from elman.text.read import TextOptions

# data: (folder, the files of it, whether in lower case: German nouns would give themselves away)
DATA: dict[str, tuple[str, str, bool]] = {
    "surnames, 18 languages": ("names", "", False),
    "words, 3 languages": ("words", "", True),
    "words, 12 languages": ("words_frequent", "", True),
    "words, nb da": ("words_frequent", "nb da", True),
    "words, cs sl": ("words_frequent", "cs sl", True),
    "words, cs sl sh": ("words_frequent", "cs sl sh", True),
    "lines of 3 books": (".", "tinyshakespeare sherlock_complete_cnus timemachine", False),
    "lines of 11 packages": (
        "stdlib",
        "asyncio email http idlelib importlib logging multiprocessing tkinter unittest urllib xml",
        False,
    ),
}
LETTERS = 4  # the least of a frequent word
LINE = 40  # characters, the least of a line
PAUSE = 0.4  # seconds
STEPS = 50  # of training in a turn
SHARE = 0.2  # of the texts that both are tested on
REGULARISATION = (1.0, 10.0, 100.0)  # C of the logistic regression: its best on the test part


def prepared(corpora: Path, name: str, made: Path) -> Path:
    """The folder of a file per class; one that is made of others' files lies in `made`."""
    folder, files, lowercase = DATA[name]
    if folder in ("names", "words"):
        return corpora / folder
    names = files.split() or sorted(p.stem for p in (corpora / folder).glob("*.txt"))
    texts = {}
    for stem in names:
        whole = package(stem) if folder == "stdlib" else read(corpora / folder / f"{stem}.txt")
        least = LETTERS if lowercase else LINE
        kept = (line.strip() for line in whole.splitlines())
        kept = (line.lower() if lowercase else line for line in kept)
        texts[stem] = list(dict.fromkeys(line for line in kept if len(line) >= least))
    common = Counter(text for rows in texts.values() for text in rows)
    place = made / name
    place.mkdir()
    for stem, rows in texts.items():
        own = "".join(f"{row}\n" for row in rows if common[row] == 1)
        (place / f"{stem}.txt").write_text(own, "utf-8")
    return place


def package(name: str) -> str:
    """The source of a package of Python's standard library, without its tests."""
    files = sorted((Path(sysconfig.get_path("stdlib")) / name).rglob("*.py"))
    return "\n".join(read(path) for path in files if "test" not in path.parts)


def read(path: Path) -> str:
    return path.read_text("utf-8")


def split(path: Path, lowercase: bool, seed: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """The labelled texts of a folder, and which are learned from and tested on."""
    data = labelled.load([str(path)], LabelledOptions(text=TextOptions(lowercase=lowercase)))
    train, _, test = labelled.split(data.labels, 0.0, SHARE, seed)
    return data, train, test


def network(path: Path, settings: dict[str, Any], seed: int) -> tuple[Any, dict[str, float]]:
    """A classifier, and its figures on the test part."""
    wall, cpu = time.perf_counter(), time.process_time()
    # The regression is measured by itself, below.
    with patch("elman.tasks.classify.baselines._regression", lambda: None):
        model = elman.train(
            path, task="classify", test=SHARE, seed=seed, progress=False, **settings
        )
    figures = {
        "accuracy": model.summary["test"]["accuracy"],
        "macro_f1": model.summary["test"]["macro_f1"],
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "epochs": model.summary["epochs"],
    }
    return model, figures


def regression(path: Path, lowercase: bool, seed: int) -> dict[str, float]:
    """The figures of scikit-learn's pipeline with the C that is best on the test part."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    data, train, test = split(path, lowercase, seed)
    texts = np.array(data.texts, object)
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), lowercase=lowercase)
    features, tested = vectorizer.fit_transform(texts[train]), vectorizer.transform(texts[test])
    found: list[Report] = []
    for C in REGULARISATION:
        fitted = LogisticRegression(C=C, max_iter=2000).fit(features, data.labels[train])
        found.append(report(data.classes, data.labels[test], fitted.predict(tested)))
    return {
        "accuracy": max(r.accuracy for r in found),
        "macro_f1": max(r.macro_f1 for r in found),
    }


# -- speed ----------------------------------------------------------------------------


def speed(
    model: Any, path: Path, lowercase: bool, threads: int, turns: int
) -> dict[str, tuple[float, float]]:
    """Texts per second and per CPU second; medians over turns taken one after the other.

    From texts to probabilities. On a machine with other work the CPU second says more. Between
    turns there is a pause, since PyTorch's threads spin for a while when their work is done.
    """
    from peers.pytorch_classifier import predicting

    data, _, _ = split(path, lowercase, 0)
    texts = data.texts[:16_000]
    model.network.engine = select("auto", threads)
    other = predicting(model, threads)
    ways: dict[str, Callable[[], np.ndarray]] = {"elman": lambda: model.predict_proba(texts)}
    for size in (64, 256, 1024):
        ways[f"pytorch, batches of {size}"] = lambda size=size: other(texts, size)
    answers = {name: way() for name, way in ways.items()}
    worst = max(float(np.abs(answers["elman"] - a).max()) for a in answers.values())
    assert worst < 1e-4, f"the answers differ by {worst}"
    return per_second(ways, len(texts), turns)


def training_speed(
    path: Path, settings: dict[str, Any], threads: int, turns: int
) -> dict[str, tuple[float, float]]:
    """As `speed`, of training steps."""
    from peers.pytorch_classifier import training

    def trainer(**more: Any) -> Any:
        given = settings | {"task": "classify", "test": SHARE, "threads": threads} | more
        return begin([str(path)], given).learner

    plain = {"dropout": 0.0, "symbol_dropout": 0.0}
    first, theirs = trainer(**plain)._update()["loss"], training(trainer(**plain), threads)()
    assert abs(first - theirs) < 1e-4 * first, f"the first losses are {first} and {theirs}"
    ours = trainer()
    other = training(ours, threads)

    def several(step: Callable[[], Any]) -> None:
        for _ in range(STEPS):
            step()

    ways = {"elman": partial(several, ours._update), "pytorch": partial(several, other)}
    for way in ways.values():
        way()
    return per_second(ways, STEPS * ours.settings.batch_size, turns)


def per_second(
    ways: dict[str, Callable[[], Any]], texts: int, turns: int
) -> dict[str, tuple[float, float]]:
    """Texts per second and per CPU second of ways that are tried in turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            time.sleep(PAUSE)
            start, used = time.perf_counter(), time.process_time()
            way()
            times[name].append((time.perf_counter() - start, time.process_time() - used))
    return {
        name: (texts / median(t[0] for t in taken), texts / median(t[1] for t in taken))
        for name, taken in times.items()
    }


@click.command()
@click.option("--corpora", default=lambda: os.environ.get("ELMAN_CORPORA"), metavar="FOLDER")
@click.option("--only", type=click.Choice(list(DATA)), multiple=True, help="Only these data.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--threads", type=int, help="[default: elman's]")
@click.option("--set", "extra", multiple=True, metavar="NAME=VALUE", help="Another setting.")
@click.option("--speed/--no-speed", "with_speed", default=True, show_default=True)
@click.option("--turns", default=7, show_default=True, help="Of the measurement of speed.")
@click.option("--json", "json_path", metavar="FILE", help="Write the figures.")
def main(
    corpora: str | None, only: tuple[str, ...], seeds: int, threads: int | None,
    extra: tuple[str, ...], with_speed: bool, turns: int, json_path: str | None,
) -> None:  # fmt: skip
    """Print tables of quality and speed."""
    if corpora is None and any(DATA[name][0] != "stdlib" for name in only or DATA):
        raise click.UsageError("name the folder of the data with --corpora")
    console, results, context = Console(), {}, click.get_current_context()
    given = {k: json.loads(v) for k, v in (pair.split("=", 1) for pair in extra)}
    if threads is not None:
        given["threads"] = threads
    quality = Table("data", "model", "accuracy", "macro-F1", "seconds", "CPU seconds")
    made = Path(context.with_resource(TemporaryDirectory()))
    for name in only or DATA:
        lowercase = DATA[name][2]
        path = prepared(Path(corpora or "."), name, made)
        ours, theirs = [], []
        for seed in range(seeds):
            model, figures = network(path, {"lowercase": lowercase} | given, seed)
            ours.append(figures)
            theirs.append(regression(path, lowercase, seed))
            console.print(name, seed, figures, theirs[-1])
        results[name] = {"elman": ours, "n-gram regression": theirs}
        for label, rows in results[name].items():
            spread = [
                f"{mean(r[key] for r in rows):.4f} ± {pstdev(r[key] for r in rows):.4f}"
                for key in ("accuracy", "macro_f1")
            ]
            times = [f"{mean(r[k] for r in rows):.0f}" if k in rows[0] else ""
                     for k in ("seconds", "cpu_seconds")]  # fmt: skip
            quality.add_row(name, label, *spread, *times)
        if with_speed:
            results[name]["texts_per_second"] = {
                str(n): speed(model, path, lowercase, n, turns)
                | {f"training, {system}": found for system, found in training_speed(
                    path, {"lowercase": lowercase} | given, n, turns).items()}
                for n in (1, 2)
            }  # fmt: skip
    console.print(quality)
    if with_speed:
        table = Table("data", "system", "texts/s, 1 thread", "2 threads", "per CPU second, 1", "2")
        for name, found in results.items():
            for system in found["texts_per_second"]["1"]:
                by_threads = found["texts_per_second"]
                figures = [f"{by_threads[n][system][i]:,.0f}" for i in (0, 1) for n in ("1", "2")]
                table.add_row(name, system, *figures)
        console.print(table)
    if json_path:
        Path(json_path).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
