"""What all recipes share: figures over seeds, corpora, settings as flags, curves."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from elman.errors import CorpusError, UsageError
from elman.recipes import RECIPES, find
from elman.recipes.lab import SEEDS, Lab, Recipe, as_flags, mean, run, show, thin


def test_a_figure_is_a_mean_with_the_sample_deviation_of_at_least_three_seeds():
    assert len(set(SEEDS)) >= 3
    figure = mean([1.0, 2.0, 4.0])
    assert figure["mean"] == pytest.approx(7 / 3)
    assert figure["spread"] == pytest.approx(math.sqrt(7 / 3))
    assert figure["values"] == [1.0, 2.0, 4.0]
    assert show(figure, ".2f") == "2.33 ± 1.53"
    assert show(None, ".2f") == "–"
    assert show("text", "") == "text"


def test_settings_are_shown_as_flags_of_train():
    settings = {"hidden_size": 5, "lowercase": True, "bias": False, "clip_norm": None}
    assert as_flags(settings) == "--hidden-size 5 --lowercase --no-bias"


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    x, y = thin(range(10_001), [n / 7 for n in range(10_001)])
    assert len(x) == len(y) <= 120
    assert (x[0], x[-1]) == (0, 10_000)
    assert y[-1] == pytest.approx(10_000 / 7, rel=1e-3)
    assert thin([1, 2], [3, 4]) == [[1, 2], [3, 4]]


def test_a_corpus_can_be_replaced_and_a_missing_one_is_a_sentence(book):
    assert Lab("x", corpus=book).read("time-machine") == Path(book).read_text(encoding="utf-8")
    with pytest.raises(CorpusError, match=r"no file 'nowhere.txt'"):
        Lab("x", corpus="nowhere.txt").read("time-machine")


def test_the_folder_of_a_run_is_gone_after_it_even_after_a_failure():
    places = []

    def fail(lab: Lab) -> None:
        places.append(Path(lab.file("a.txt", "text")))
        assert places[0].read_text() == "text"
        raise CorpusError("no such text")

    with pytest.raises(CorpusError):
        run("x", Recipe("", "", "", fail), False, None, None)
    assert not places[0].parent.exists()


def test_every_recipe_of_the_table_is_there():
    for name in RECIPES:
        recipe = find(name)
        assert recipe.title and recipe.source and recipe.about
    with pytest.raises(UsageError, match="no recipe 'dance'; they are bendersky"):
        find("dance")


def test_a_part_whose_corpus_is_missing_is_left_out_and_the_rest_stays():
    def part(lab: Lab) -> None:
        lab.section("begun")
        raise CorpusError("no such text")

    lab = Lab("x")
    lab.section("without a corpus")
    lab.attempt(part)
    assert [section.title for section in lab.sections] == ["without a corpus"]
    assert lab.left_out == ["no such text"]


def test_a_training_of_no_steps_has_its_seconds(book):
    """As a recipe's training by the clock has on a machine that is too busy for one step."""
    model = Lab("x").train("nothing", book, cell="rnn", hidden_size=4, steps=0)
    assert model.summary["steps"] == 0
    assert model.summary["seconds"] > 0
