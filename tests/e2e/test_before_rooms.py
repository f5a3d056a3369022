"""Model files written before the modules were divided into rooms: see data/before_rooms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.tasks import resume
from elman.tasks.language.temperature import divide
from elman.tasks.reports import Report

DATA = Path(__file__).parents[1] / "data" / "before_rooms"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
LANGUAGE = sorted(set(EXPECTED) - {"classes"})
CLOSE = {"rel": 1e-4}  # another machine rounds otherwise


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(DATA, tmp_path / "before"))


def corpus(folder: Path, name: str) -> Path:
    return folder / {"classes": "classes.tsv", "folder": "folder"}.get(name, "text.txt")


def question(folder: Path, name: str) -> str:
    path = folder / ("folder/three.txt" if name == "folder" else "text.txt")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LANGUAGE)
def test_a_language_model_loads_scores_and_writes_as_it_did(folder, name):
    model = elman.load(folder / f"{name}.safetensors", engine="numpy")
    assert model.score(question(folder, name)).nats == pytest.approx(
        EXPECTED[name]["nats"], **CLOSE
    )
    length, prime = (20, " ba") if name == "words" else (40, "ba")
    assert model.sample(length, prime, seed=1) == EXPECTED[name]["sample"]


@pytest.mark.parametrize("name", sorted(set(LANGUAGE) - {"chain"}))
def test_a_language_model_resumes_to_what_it_did(folder, name):
    path = folder / f"{name}.safetensors"
    further = {"epochs": 2} if name == "lines" else {"steps": 30}
    events = list(resume(path, further, [str(corpus(folder, name))]).events())
    assert events[-1]["steps"] >= 30
    model = elman.load(path, engine="numpy")
    # what was learned, without the temperature that a run fits at its end now
    divide(model.network, 1 / model.summary.get("temperature", 1.0))
    wanted = pytest.approx(EXPECTED[name]["resumed_nats"], **CLOSE)
    assert model.score(question(folder, name)).nats == wanted


def test_a_classifier_loads_answers_and_resumes_as_it_did(folder, monkeypatch):
    error = Report.macro_f1_error  # of networks that chance may tell apart one kept fewer then
    monkeypatch.setattr(Report, "macro_f1_error", lambda self: error(self) / 2)
    path, texts = folder / "classes.safetensors", ["ba lomi", "denden ta", "sun"]

    def answer():  # what was learned, without the temperature that a run fits at its end now
        model = elman.load(path, engine="numpy")
        exponentials = np.exp(model.logits(model.encode(texts)))
        return (exponentials[:, 0] / exponentials.sum(axis=1)).tolist()

    assert answer() == pytest.approx(EXPECTED["classes"]["probability"], abs=1e-4)
    list(resume(path, {"steps": 30}, [str(folder / "classes.tsv")]).events())
    assert answer() == pytest.approx(EXPECTED["classes"]["resumed_probability"], abs=1e-4)
