"""Model files with a right digest and nonsense inside: one sentence of ours, nothing else."""

from __future__ import annotations

import copy
import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import elman
from elman import tasks
from elman.cli.info import facts_of
from elman.errors import ElmanError
from elman.store import checkpoint

DATA = Path(__file__).parents[1] / "data" / "before_rooms"
KINDS = ("text", "lines", "words", "bytes", "chain", "classes", "tags")
NONSENSE = (
    None, True, False, 0, -1, 1, 3, 10**30, -(10**30), 2**63, 0.5, -0.5, 1e308, float("inf"),
    float("-inf"), float("nan"), "", "x", "gru", "lm", "classify", "\ud800", "word" * 50, [], [1],
    ["a", "a"], [[]], [None], {}, {"a": 1}, {"x": {"y": None}},
)  # fmt: skip


def places(value, way=()):
    """The way to every value inside a JSON value; of a long list to some items."""
    if way:
        yield way
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*way, name))
    elif isinstance(value, list):
        for i in range(min(3, len(value))):
            yield from places(value[i], (*way, i))


def spoil(rng: random.Random, tensors: dict, metadata: dict) -> list:
    """One to three changes: a value replaced, removed or added, an array of another form."""
    changes: list = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if rng.random() < 0.15:
            changes.append(spoil_array(rng, tensors))
            continue
        way = rng.choice(list(places(metadata)))
        inside = metadata
        for step in way[:-1]:
            inside = inside[step]
        kind, nonsense = rng.random(), copy.deepcopy(rng.choice(NONSENSE))
        changes.append((way, kind, nonsense))
        if kind < 0.7:
            inside[way[-1]] = nonsense
        elif kind < 0.85:
            del inside[way[-1]]
        elif isinstance(inside, dict):
            inside[rng.choice(("seq_len", "dtype", "x", "pooling"))] = nonsense
        else:
            inside.append(nonsense)
    return changes


def spoil_array(rng: random.Random, tensors: dict) -> tuple | None:
    if not tensors:
        return None
    name, kind = rng.choice(sorted(tensors)), rng.randrange(6)
    array = tensors.pop(name)
    match kind:
        case 0:
            tensors[name] = array.reshape(-1)[: array.size // 2]
        case 1:
            tensors[name] = array.astype(rng.choice((np.float64, np.int32, np.uint8, np.float16)))
        case 2:
            tensors[name] = np.full_like(array, 255 if array.dtype.kind in "iu" else np.nan)
        case 3:
            tensors[name] = array.reshape(array.shape[::-1])
        case 4:
            tensors[f"{name}.more"] = array
    return name, kind


def use(path: Path) -> str:
    """What a user does first with a model file; what stopped it, if anything."""
    try:
        model = tasks.load(path, engine="numpy")
        facts_of(str(path), model)
        if model.training is not None and "state" in model.training[1]:
            unit = model.training[1]["state"]["limit"][0]
            further = {unit: model.training[1]["state"]["step"] + 2} if unit == "steps" else {}
            kind = model.config.get("task", "lm")
            corpus = {"classify": DATA / "classes.tsv", "tag": path.with_name("tags.conll")}.get(
                kind, DATA / "text.txt")  # fmt: skip
            run = tasks.resume(path, further, [str(corpus)], path.with_name("resumed.safetensors"))
            list(islice(run.events(), 3))
        if model.classes is not None:
            model.predict(["ba lomi"])
        else:
            model.sample(2, seed=1)
    except ElmanError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def trained_tagger(folder: Path) -> Path:
    """A tagger of words that it reads by their letters, with a chain of labels."""
    rows = "".join(f"{word}\tB-X\n{word[1:]}\tI-X\nlomi\tO\n\n" for word in ("bal", "omi", "kta"))
    (folder / "tags.conll").write_text(rows * 8)
    elman.train(
        folder / "tags.conll", task="tag", hidden_size=4, num_layers=1, letter_size=2,
        embedding_size=3, steps=4, threads=1, output=folder / "tags.safetensors",
    )  # fmt: skip
    return folder / "tags.safetensors"


def fuzz(tmp_path: Path, name: str, rounds: int, seed: int) -> set[str]:
    stored = trained_tagger(tmp_path) if name == "tags" else DATA / f"{name}.safetensors"
    whole = checkpoint.unpack(stored)
    rng, path, outcomes = random.Random(seed), tmp_path / "m.safetensors", set()
    for number in range(rounds):
        tensors, metadata = dict(whole[0]), copy.deepcopy(whole[1])
        changes = spoil(rng, tensors, metadata)
        path.write_bytes(checkpoint.pack(tensors, metadata))
        try:
            outcome = use(path)
        except Exception as error:
            error.add_note(f"round {number} of seed {seed}: {changes}"[:500])
            raise
        assert "\n" not in outcome, f"round {number} of seed {seed}: {changes}"
        outcomes.add(outcome.partition(":")[0])
    return outcomes


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", KINDS)
def test_a_spoiled_file_is_refused_in_one_sentence_or_works(tmp_path, name):
    assert fuzz(tmp_path, name, rounds=150, seed=1) >= {"", "ModelFileError"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", KINDS)
def test_many_spoiled_files(tmp_path, name):
    fuzz(tmp_path, name, rounds=750, seed=2)
