"""Taggers compared with a conditional random field (python-crfsuite) with its usual features.

    python benchmarks/tagging.py accents FOLDER             words of several languages, a file each
    python benchmarks/tagging.py punctuation BOOK.txt       marks and capitals of a book
    python benchmarks/tagging.py speech FOLDER              the Brown corpus, its files c[a-r]NN

Each prints figures on the same tenth of the sequences, which neither reads before: Elman with its
defaults, means and spread over the seeds, and CRFsuite (L-BFGS, c1 = c2 = 0.1), which is the same
every time. `--minutes` is what a run of Elman may take; CRFsuite takes what it needs, on one core.

    accents       symbols are characters without their marks, a label is the mark that stood there
    punctuation   words in lower case; a label says whether it had a capital, and what followed it
    speech        words; a label is the part of speech, of a compound tag its first part
"""

import argparse
import json
import random
import re
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import elman
from elman.tasks.tag.report import tag_report

Row = tuple[list[str], list[str]]  # symbols and their labels

MARKS = re.compile(r"[A-Za-z']+|[0-9]+|[.,;:!?]")
HELD_OUT = 0.1


def accents(folder: str) -> Iterator[Row]:
    """Every word that differs, its letters without marks."""
    words = {w for f in sorted(Path(folder).glob("*.txt")) for w in f.read_text("utf-8").split()}
    for word in sorted(words):
        parts = [unicodedata.normalize("NFD", letter) for letter in word]
        yield [part[0] for part in parts], [part[1:] or "-" for part in parts]


def punctuation(book: str) -> Iterator[Row]:
    """Every paragraph, its words in lower case."""
    for paragraph in re.split(r"\n\s*\n", Path(book).read_text("utf-8")):
        words: list[str] = []
        labels: list[str] = []
        for word in MARKS.findall(paragraph):
            if not word[0].isalnum():
                if words and word in ".,;:!?":
                    labels[-1] = labels[-1][0] + word
                continue
            words.append(word.lower())
            labels.append("A" if word[0].isupper() else "a")
        if len(words) > 1:
            yield words, labels


def speech(folder: str) -> Iterator[Row]:
    """Every sentence of the Brown corpus."""
    for path in sorted(Path(folder).glob("c[a-r][0-9][0-9]")):
        for line in path.read_text("utf-8").splitlines():
            pairs = [word.rsplit("/", 1) for word in line.split()]
            if len(pairs) > 1:
                labels = [re.split(r"[-+*$]", tag)[0] or tag for _, tag in pairs]
                yield [word for word, _ in pairs], labels


TASKS: dict[str, Callable[[str], Iterator[Row]]] = {
    "accents": accents, "punctuation": punctuation, "speech": speech,
}  # fmt: skip


def features(symbols: list[str], words: bool) -> list[list[str]]:
    """What CRFsuite sees of each symbol, as is usual for words, and n-grams for characters."""
    found = []
    for i, symbol in enumerate(symbols):
        at = {j: symbols[i + j] if 0 <= i + j < len(symbols) else "|" for j in range(-4, 5)}
        if not words:
            row = [f"{j}={at[j]}" for j in at]
            row += [f"{j}..{j + n}={''.join(at[k] for k in range(j, j + n + 1))}"
                    for n in (1, 2, 3) for j in range(-n - 1, 2)]  # fmt: skip
        else:
            row = ["bias", f"-3={symbol[-3:]}", f"-2={symbol[-2:]}", f"+3={symbol[:3]}",
                   f"title={symbol.istitle()}", f"upper={symbol.isupper()}",
                   f"digit={symbol.isdigit()}"]  # fmt: skip
            row += [f"{j}={at[j].lower()}" for j in range(-2, 3)]
            row += [f"{j}/{j + 1}={at[j].lower()} {at[j + 1].lower()}" for j in (-1, 0)]
        found.append(row)
    return found


def crf(train: list[Row], test: list[Row], words: bool, iterations: int) -> list[list[str]]:
    """The labels of the test sequences by CRFsuite."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    for symbols, labels in train:
        trainer.append(features(symbols, words), labels)
    trainer.set_params({"c1": 0.1, "c2": 0.1, "max_iterations": iterations,
                        "feature.possible_transitions": True})  # fmt: skip
    path = Path("crf.model")
    trainer.train(str(path))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(path))
    predicted = [tagger.tag(features(symbols, words)) for symbols, _ in test]
    path.unlink()
    return predicted


def judged(test: list[Row], predicted: list[list[str]]) -> dict[str, float]:
    """Accuracy of symbols and of sequences, and macro-F1."""
    import numpy as np

    classes = sorted(
        {label for _, row in test for label in row} | {x for r in predicted for x in r}
    )
    index = {label: i for i, label in enumerate(classes)}
    rows = [[np.array([index[x] for x in row]) for row in part]
            for part in ([labels for _, labels in test], predicted)]  # fmt: skip
    report = tag_report(classes, *rows)
    return {"accuracy": report.accuracy, "macro_f1": report.macro_f1,
            "sequences": report.sequence_accuracy}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--sequences", type=int, help="at most so many, at random")
    parser.add_argument("--iterations", type=int, default=100, help="of CRFsuite; 0: leave it out")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE",
                        help="settings of Elman, as JSON values")  # fmt: skip
    given = parser.parse_args()
    rows = list(TASKS[given.task](given.data))
    random.Random(0).shuffle(rows)
    rows = rows[: given.sequences]
    cut = round(HELD_OUT * len(rows))
    test, train = rows[:cut], rows[cut:]
    words = given.task != "accents"
    print(f"{given.task}: {len(train):,} sequences to learn from, {len(test):,} to judge by, "
          f"{len({label for _, row in rows for label in row})} labels")  # fmt: skip
    settings = {k: json.loads(v) for k, v in (item.split("=", 1) for item in given.set)}
    runs = []
    for seed in range(1, given.seeds + 1):
        start = time.perf_counter()
        model = elman.train(
            train, task="tag", tokens="word" if words else "char", test=0.0, seed=seed,
            **({"minutes": given.minutes} | settings),
        )  # fmt: skip
        runs.append(judged(test, model.predict([symbols for symbols, _ in test])))
        print(f"  elman, seed {seed}: {runs[-1]}  {time.perf_counter() - start:.0f} s, "
              f"{model.summary['steps']:,} steps", flush=True)  # fmt: skip
    if given.iterations:
        start = time.perf_counter()
        found = judged(test, crf(train, test, words, given.iterations))
        print(f"  CRFsuite: {found}  {time.perf_counter() - start:.0f} s", flush=True)
    for name in runs[0] if runs else ():
        values = [run[name] for run in runs]
        print(f"  elman {name}: {statistics.mean(values):.4f}, "
              f"{min(values):.4f} to {max(values):.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
