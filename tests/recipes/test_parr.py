"""Parr's recipe on made-up languages, and the softmax that it warns of."""

from __future__ import annotations

import re

import numpy as np
import pytest

import elman
from elman.errors import CorpusError, DivergedError
from elman.nn import layers
from elman.recipes import find, lab
from elman.recipes.lab import SEEDS, Lab
from elman.recipes.parr import HIS
from elman.recipes.parr_data import PLAIN, his_rows, his_start, read
from elman.recipes.parr_exploding import CASES, so_far, softmax_unfused, unfused
from elman.recipes.parr_languages import VARIANTS, WORDS


@pytest.fixture
def labbook(languages, capsys):
    made = Lab("parr", quick=True, corpus=languages)
    yield made
    made.close()


def section(report, title):
    return next(s for s in report["sections"] if s["title"].startswith(title))


def test_rows_are_read_as_he_spelt_them(tmp_path):
    (tmp_path / "Czech.txt").write_text("Dvořák\n\n O'Neill \nDvořák\n北\n", encoding="utf-8")
    (tmp_path / "Irish.txt").write_text("O'Neill\n", encoding="utf-8")
    assert read(tmp_path) == [
        ("dvorak", "Czech"), ("o'neill", "Czech"), ("dvorak", "Czech"), ("o'neill", "Irish"),
    ]  # fmt: skip


def test_rows_that_are_no_utf8_and_a_folder_without_texts_are_a_sentence(tmp_path):
    with pytest.raises(CorpusError, match="holds no texts"):
        read(tmp_path)
    (tmp_path / "Czech.txt").write_bytes(b"Dvo\xf8\xe1k\n")
    with pytest.raises(CorpusError, match=r"Czech\.txt is not UTF-8"):
        read(tmp_path)


def test_his_rows_are_two_thirds_of_all_and_on_one_side_each():
    rows = [(str(i), "x") for i in range(300)]
    train, held_out = his_rows(rows, 0)
    assert (len(train), len(held_out)) == (160, 40)
    assert len({*train, *held_out}) == 200
    assert his_rows(rows, 1)[0] != train


def test_his_first_values_are_what_training_starts_from(labbook):
    rows = [("ab", "x"), ("ba", "y"), ("aab", "x")]
    settings = PLAIN | {"hidden_size": 60, "activation": "relu", "epochs": 1}
    path = his_start(labbook, rows, 3, **settings)
    start = elman.load(path).network.parameters
    np.testing.assert_array_equal(start["layer0.W_h"], np.eye(60))
    assert np.std(start["readout.W_y"]) == pytest.approx(1, abs=0.15)
    tiny = settings | {"epochs": None, "steps": 1, "learning_rate": 1e-8}
    trained = elman.train(rows, start_from=path, **tiny).network.parameters
    np.testing.assert_allclose(trained["layer0.W_x"], start["layer0.W_x"], atol=1e-6)


# --------------------------------------------------------------------------- softmax


def test_the_unfused_softmax_is_the_fused_one_while_numbers_are_small(rng):
    logits, targets = rng.normal(size=(3, 4, 5)), rng.integers(0, 5, (3, 4))
    weights = rng.random((3, 4))
    nats, pullback = unfused(logits, targets)
    expected, expected_pullback = layers.softmax_cross_entropy(logits, targets)
    np.testing.assert_allclose(nats, expected, rtol=1e-12)
    np.testing.assert_allclose(pullback(weights), expected_pullback(weights), atol=1e-14)


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 88.7), (np.float64, 709.7)])
def test_the_unfused_softmax_overflows_where_the_fused_one_does_not(dtype, most):
    for logit, ends in ((most - 1, False), (most + 1, True)):
        logits = np.array([[[logit, 0.0]]], dtype)
        nats, pullback = unfused(logits, np.array([[0]]))
        finite = np.isfinite(nats).all() and np.isfinite(pullback(np.ones((1, 1), dtype))).all()
        assert finite != ends, f"logit {logit} in {dtype.__name__}"
        nats, pullback = layers.softmax_cross_entropy(logits, np.array([[0]]))
        assert np.isfinite(nats).all()
        assert np.isfinite(pullback(np.ones((1, 1), dtype))).all()


def test_training_with_the_unfused_softmax_ends_where_the_fused_goes_on(labbook):
    """From first values with which every logit of the first text is beyond 88."""
    rows = [("ab", "x"), ("ba", "y")]
    settings = PLAIN | {"hidden_size": 4, "batch_size": 1, "engine": "numpy", "steps": 3}
    model = elman.train(rows, **settings | {"steps": 0})
    model.network.parameters["readout.W_y"][...] = 400
    model.network.parameters["layer0.W_x"][...] = 1
    path = labbook.folder / "large.safetensors"
    model.save(path)
    elman.train(rows, start_from=path, **settings)
    with softmax_unfused(), pytest.raises(DivergedError, match="at step 1"):
        elman.train(rows, start_from=path, **settings)
    assert layers.softmax_cross_entropy is not unfused


def test_the_largest_norm_so_far_never_falls():
    assert so_far([1.0, 3.0, 2.0, 5.0]) == ([1, 2, 3, 4], [1.0, 3.0, 3.0, 5.0])


# --------------------------------------------------------------------------- the report


def test_published_figures_stand_beside_ours(quick):
    table = section(quick("parr"), "Surnames, with his protocol")
    rows = {row[0]: row for row in table["rows"]}
    assert [rows[label][1] for label in HIS] == [0.725, 0.732, 0.778]
    assert [rows[label][3] for label in HIS] == [0.744, 0.732, 0.782]
    for label in HIS:
        assert 0 <= rows[label][2]["mean"] <= rows[label][4]["mean"] <= 1
    assert 0.3 < rows["majority class"][2]["mean"] < 0.6
    hidden = section(quick("parr"), "What the random split hides")["rows"]
    assert sum(row[1]["mean"] for row in hidden) == pytest.approx(1)
    assert hidden[0][1]["mean"] > 0  # rows repeat, and some fall on both sides


def test_every_case_of_the_explosion_has_a_row_and_some_a_curve(quick):
    exploding = section(quick("parr-exploding"), "When training diverges")
    assert [row[0] for row in exploding["rows"]] == list(CASES)
    for row in exploding["rows"]:
        assert len(row[1].split(", ")) == len(row[3].split(", ")) == len(SEEDS)
    states = {row[0]: [float(h) for h in row[3].split(", ")] for row in exploding["rows"]}
    assert max(states["… tanh"]) <= 1 < max(states["… fused, float32 (as all below)"])
    assert set(exploding["picture"]["series"]) == {"ReLU", "tanh", "ReLU, clipped",
                                                   "ReLU, rate 0.01"}  # fmt: skip


@pytest.mark.parametrize(("title", "variants"), [("Surnames", list(VARIANTS)), ("Words", WORDS)])
def test_honest_data_have_every_variant_baselines_and_forests(quick, title, variants):
    report = quick("parr-languages")
    table = section(report, f"{title}, no text in two parts")
    labels = [row[0] for row in table["rows"]]
    assert labels[: len(variants)] == list(variants)
    assert "majority class" in labels
    assert "1 texts under several were left out" in table["text"][0]  # "Both"
    pytest.importorskip("sklearn")
    assert "n-gram logistic regression" in labels
    forest = section(report, f"{title}: the vectors in a random forest")
    assert len(forest["rows"]) == 6


def test_trainings_that_diverge_are_said_in_the_place_of_their_figures(languages, monkeypatch):
    """The variant with a rate at which nothing stays finite."""
    label = "one record per step by SGD, W_h = I, no bias"
    monkeypatch.setitem(VARIANTS, label, VARIANTS[label] | {"learning_rate": 1e4})
    report = lab.run("parr-languages", find("parr-languages"), True, languages, None)
    rows = {row[0]: row for row in section(report, "Surnames, no text")["rows"]}
    assert re.fullmatch("diverged, [123] of 3 seeds", rows[label][3])
    assert isinstance(rows["batches of 32 by Adam, W_h = I, no bias"][3], dict)


def test_what_is_not_there_is_left_out_and_said(languages, tmp_path, capsys):
    (tmp_path / "words").symlink_to(f"{languages}/words")
    report = lab.run("parr-languages", find("parr-languages"), True, str(tmp_path), None)
    assert all(s["title"].startswith("Words") for s in report["sections"])
    assert "names is not there: left out" in capsys.readouterr().err
    with pytest.raises(CorpusError, match="needs a folder names"):
        lab.run("parr", find("parr"), True, str(tmp_path), None)
    with pytest.raises(CorpusError, match="needs a folder names or words"):
        lab.run("parr-languages", find("parr-languages"), True, str(tmp_path / "nowhere"), None)
