"""The same command gives the same bits: every kind of run, twice, weights and samples compared.

`python tests/e2e/test_same_bits.py` prints the SHA-256 of every run, to compare before and after
a change that should not change results. The hashes belong to a machine, so none stands here.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

STEPS = ["--steps", "30"]
SMALL = ["--hidden-size", "24", "--seq-len", "16", "--batch-size", "8"]

# name: corpus, flags of the training, flags of going on with it (or none)
RUNS: dict[str, tuple[str, list[str], list[str]]] = {
    "gru, text": ("text", [*SMALL, *STEPS], []),
    "lstm, two layers, text": (
        "text",
        [*SMALL, *STEPS, "--cell", "lstm", "--num-layers", "2", "--dropout", "0.3"],
        [],
    ),
    "rnn relu, random windows, rmsprop": (
        "text",
        [*SMALL, *STEPS, "--cell", "rnn", "--activation", "relu", "--batching", "random",
         "--optimizer", "rmsprop", "--init", "identity"],
        [],
    ),
    "gru, lines, adagrad, epochs": (
        "lines",
        [*SMALL, "--lines", "--optimizer", "adagrad", "--epochs", "2"],
        [],
    ),
    "lstm, words, embedding, sgd": (
        "text",
        [*SMALL, *STEPS, "--cell", "lstm", "--tokens", "word", "--vocabulary-size", "40",
         "--embedding-size", "8", "--optimizer", "sgd", "--momentum", "0.9"],
        [],
    ),
    "gru, bytes, numpy": (
        "text", [*SMALL, *STEPS, "--tokens", "byte", "--engine", "numpy"], []
    ),
    "gru, text, float64": ("text", [*SMALL, *STEPS, "--dtype", "float64"], []),
    "rnn, lines, float64, numpy, bptt": (
        "lines",
        [*SMALL, *STEPS, "--cell", "rnn", "--lines", "--dtype", "float64", "--engine", "numpy",
         "--bptt", "4", "--test", "0.1"],
        [],
    ),
    "gru, text, resumed": ("text", [*SMALL, *STEPS], ["--steps", "60"]),
    "lstm, lines, resumed, long bptt": (
        "text",
        [*SMALL, "--cell", "lstm", "--bptt", "40", "--epochs", "1"],
        ["--epochs", "2"],
    ),
    "gru, text, four shards": ("text", [*SMALL, *STEPS, "--shards", "4", "--dropout", "0.3"], []),
    "markov chain": ("text", ["--cell", "ngram", "--order", "3"], []),
    "defaults of a language model": ("text", ["--steps", "3"], []),
    "gru, classes": ("classes", ["--task", "classify", *SMALL, *STEPS], []),
    "lstm, classes, one direction, mean": (
        "classes",
        ["--task", "classify", *SMALL, "--epochs", "1", "--cell", "lstm", "--no-bidirectional",
         "--pooling", "mean", "--class-weights", "balanced", "--monitor", "loss"],
        [],
    ),
    "rnn, words of a table, float64, numpy": (
        "table",
        ["--task", "classify", *SMALL, *STEPS, "--cell", "rnn", "--tokens", "word", "--dtype",
         "float64", "--engine", "numpy", "--pooling", "max", "--label-column", "kind"],
        [],
    ),
    "gru, classes, bytes, resumed": (
        "classes",
        ["--task", "classify", *SMALL, *STEPS, "--tokens", "byte", "--embedding-size", "6"],
        ["--steps", "60"],
    ),
    "defaults of a classifier": ("classes", ["--task", "classify", "--steps", "3"], []),
    "gru, tags of words, resumed": (
        "tags",
        ["--task", "tag", *SMALL, *STEPS, "--embedding-size", "8", "--letter-size", "4"],
        ["--steps", "60"],
    ),
    "lstm, tags of characters, no chain, numpy": (
        "letters",
        ["--task", "tag", *SMALL, *STEPS, "--cell", "lstm", "--no-transitions", "--engine",
         "numpy"],
        [],
    ),
}  # fmt: skip


def write_corpora(folder: Path) -> None:
    """Small texts with some structure, the same on every machine."""
    rng = random.Random(11)
    syllables = ["ba", "lo", "mi", "ré", "sun", "kta", "or", "ü", "den", "qi"]

    def word(first: int = 0) -> str:
        return "".join(rng.choice(syllables[first:]) for _ in range(rng.randint(1, 3)))

    lines = [" ".join(word() for _ in range(rng.randint(2, 7))) + "." for _ in range(400)]
    (folder / "text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "lines.txt").write_text("\n".join(lines[:200]) + "\n", encoding="utf-8")
    classes = {"north": 0, "south": 3, "west": 5}
    (folder / "classes").mkdir()
    rows = ["text\tkind"]
    for name, first in classes.items():
        texts = [f"{word(first)} {word(first)}" for _ in range(120)]
        (folder / "classes" / f"{name}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        rows += [f"{text}\t{name}" for text in texts]
    (folder / "table.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    tags = "\n\n".join("\n".join(f"{w}\t{w[0]}" for w in line.split()) for line in lines[:150])
    (folder / "tags.tsv").write_text(tags + "\n", encoding="utf-8")
    marked = "\n\n".join("\n".join(f"{c}\t{int(c in 'üré')}" for c in line) for line in lines[:150])
    (folder / "letters.tsv").write_text(marked + "\n", encoding="utf-8")


def elman(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "elman", *arguments],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def hashes(folder: Path, name: str) -> dict[str, str]:
    """SHA-256 of the weights, of the training state without its seconds, and of what it writes."""
    from safetensors.numpy import load_file

    corpus, flags, again = RUNS[name]
    tables = {name: f"{name}.tsv" for name in ("table", "tags", "letters")}
    corpus = ({"classes": "classes"} | tables).get(corpus, f"{corpus}.txt")
    model = folder / "model.safetensors"
    model.unlink(missing_ok=True)
    common = ["--threads", "2", "--json"]
    elman(folder, "train", corpus, *flags, *common, "-o", model.name)
    if again:
        elman(folder, "train", "--resume", model.name, *again, *common)
    tensors = load_file(model)
    found = {}
    for kind in ("weights", "training"):
        sha = hashlib.sha256()
        for key in sorted(tensors):
            if key.startswith("training.") == (kind == "training") and key != "training.history":
                sha.update(f"{key} {tensors[key].dtype} {tensors[key].shape}".encode())
                sha.update(tensors[key].tobytes())
        found[kind] = sha.hexdigest()
    if "classify" in flags:
        texts = ["balo mi", "sunkta or", "ü", "den qi den"]
        written = elman(folder, "classify", model.name, "--json", *texts)
    elif "tag" in flags:
        written = elman(folder, "tag", model.name, "--json", "balo mi", "sunkta or ü")
    else:
        written = elman(folder, "sample", model.name, "--length", "120", "--seed", "3")
        written += elman(folder, "score", model.name, "--json", "lines.txt")
    found["written"] = hashlib.sha256(written.encode()).hexdigest()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_done_twice_gives_the_same_bits(tmp_path, name):
    write_corpora(tmp_path)
    assert hashes(tmp_path, name) == hashes(tmp_path, name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write_corpora(Path(folder))
        print(json.dumps({name: hashes(Path(folder), name) for name in RUNS}, indent=1))
