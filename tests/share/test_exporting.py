"""`elman export` and `model.export`: which form a path means, and what is refused."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import elman
from elman.cli import cli
from elman.cli.export import FORMATS as OFFERED
from elman.errors import ElmanError, UsageError
from elman.share import architecture, exporting

from .conftest import chain, classifier, letters, lm

onnx = pytest.importorskip("onnx")


@pytest.fixture
def saved(tmp_path):
    model = lm("lstm")
    model.training = ({"training.best": np.ones(1000, np.float32)},
                      {"settings": {}, "corpus": {"paths": ["/home/ada/poems.txt"],
                                                  "sha256": ""}})  # fmt: skip
    model.save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="elman")


def test_the_verb_offers_the_forms_that_there_are():
    assert tuple(exporting.FORMATS) == OFFERED


def test_weights_are_the_model_without_its_training(saved, tmp_path):
    assert run("export", saved, "-o", tmp_path / "small.safetensors").exit_code == 0
    data = (tmp_path / "small.safetensors").read_bytes()
    assert len(data) < saved.stat().st_size - 3000
    assert b"/home" not in data
    small = elman.load(tmp_path / "small.safetensors")
    assert small.training is None
    assert small.summary["corpus"] == ["poems.txt"]
    assert small.score("abc").nats == elman.load(saved).score("abc").nats


def test_the_suffix_says_the_form(saved, tmp_path):
    elman.load(saved).export(tmp_path / "m.onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    assert proto.producer_name == "elman"
    assert b"/home" not in (tmp_path / "m.onnx").read_bytes()


def test_the_check_says_how_close_it_is(saved, tmp_path):
    result = run("export", saved, "-o", tmp_path / "m.onnx", "--check")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "the reference evaluator of onnx: the same logits, up to" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-o", "m"], 2, "add --format (weights, onnx, pytorch, html, hub)"),
        (["-o", "m.onnx", "--format", "weights"], 2, "name it m.safetensors"),
        (["-o", "m.pt", "--format", "onnx"], 2, "name it m.onnx"),
        (["-o", "new.safetensors", "--check"], 2, "--check compares ONNX files"),
        (["-o", "m.onnx", "--dtype", "float32"], 2, "--dtype is for the weights in a page"),
        (["-o", "m.htm", "--format", "html"], 2, "name it m.html"),
        (["-o", "m.html", "--dtype", "float64"], 2, "is not one of"),
        (["-o", "no/such/m.onnx"], 1, "the folder no/such does not exist"),
        (["-o", "m.safetensors"], 2, "m.safetensors is the file that is read; name another file"),
        (["-o", "./m.safetensors", "--format", "pytorch"], 2, "is the file that is read"),
        (["-o", ""], 2, "the path of the file to write is empty; name a file"),
        ([], 2, "elman export needs --output FILE"),
        (["-o", "m.onnx", "--format", "pickle"], 2, "is not one of"),
    ],
)
def test_wrong_usage_is_a_sentence_and_leaves_no_file(saved, monkeypatch, arguments, code, said):
    monkeypatch.chdir(saved.parent)
    result = run("export", saved, *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert [path.name for path in saved.parent.iterdir()] == ["m.safetensors"]


def test_a_chain_can_leave_as_weights(tmp_path):
    model = chain()
    model.export(tmp_path / "c.safetensors")
    assert elman.load(tmp_path / "c.safetensors").score("abc").nats == model.score("abc").nats
    with pytest.raises(UsageError, match="a Markov chain is not a network"):
        model.export(tmp_path / "c.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]
    assert exporting.possible(model) == ["weights", "html", "hub"]
    assert exporting.possible(lm()) == list(exporting.FORMATS)


def test_info_says_which_forms_a_model_has(saved):
    facts = json.loads(run("info", saved, "--json").stdout)
    assert facts["exports"] == ["weights", "onnx", "pytorch", "html", "hub"]


def test_a_table_of_ngrams_cannot_leave_for_pytorch():
    model = classifier("gru", letters(4), wide=64)
    assert exporting.possible(model) == ["weights", "onnx", "html", "hub"]
    assert model.facts()["wide part"] == "64 rows of n-grams, 192 numbers, 0.0 MB"


def test_a_model_of_another_task_leaves_as_weights(tmp_path, monkeypatch):
    """What a later task cannot do yet is a sentence."""
    model = lm()
    monkeypatch.setattr(architecture, "CONFIGS", {})
    assert exporting.possible(model) == ["weights"]
    files = {"onnx": "m.onnx", "pytorch": "w.safetensors", "html": "m.html", "hub": "poems"}
    for form, name in files.items():
        with pytest.raises(UsageError, match="export it as weights"):
            model.export(tmp_path / name, form)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ElmanError, match=r"needs the package onnx.*pip install '\.\[onnx\]'"):
        lm().export(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_called_onnx_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "onnx").mkdir()
    there = importlib.machinery.PathFinder.find_spec("onnx", [str(tmp_path)])
    monkeypatch.setitem(sys.modules, "onnx", importlib.util.module_from_spec(there))
    with pytest.raises(ElmanError, match=r"pip install '\.\[onnx\]'"):
        lm().export(tmp_path / "m.onnx")


@pytest.mark.arguments
def test_in_python_a_form_that_there_is_not_is_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="format must be one of weights, onnx"):
        lm().export(tmp_path / "m.onnx", "pickle")
    with pytest.raises(UsageError, match="need format='hub'"):
        lm().export(tmp_path / "m.onnx", license="mit")
    with pytest.raises(UsageError, match="a string or a Path"):
        lm().export(3)
    for given, said in (
        ({"format": []}, "format must be one of weights"),
        ({"format": "hub", "license": 1}, "license must be a string, not 1"),
        ({"format": "hub", "language": [1]}, "language must be a string or a list of strings"),
        ({"format": "hub", "datasets": b"x"}, "datasets must be a string or a list of strings"),
        ({"foo": 1}, "export takes no argument 'foo'; it takes path, format, dtype, license"),
    ):
        with pytest.raises(UsageError, match=said):
            lm().export(tmp_path / "m", **given)
