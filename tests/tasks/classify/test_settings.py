"""What is filled in for a classifier, from the size of the data and of the time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from elman.errors import UsageError
from elman.tasks.classify.settings import ClassifySettings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"text_column": "a", "label_column": "a"}, ["--text-column", "--label-column"]),
        ({"delimiter": ";;"}, ["--delimiter", "one character", "';;'"]),
        ({"tokens": "byte", "symbol_dropout": 0.1}, ["--symbol-dropout", "--tokens byte"]),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, words):
    with pytest.raises(UsageError) as error:
        ClassifySettings(**given)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("given", "network"),
    [({}, (1, 128)), ({"epochs": 1}, (1, 128)), ({"hidden_size": 7}, (1, 7)),
     ({"epochs": 1, "num_layers": 3}, (3, 128))],
)  # fmt: skip
def test_a_classifier_has_one_layer_of_128_units(given, network):
    settings = ClassifySettings(**given)
    paces = dict.fromkeys(settings.to_measure(100_000), 1e4)
    resolved = settings.resolved(100_000, paces)
    assert (resolved.num_layers, resolved.hidden_size) == network


@pytest.mark.parametrize(
    ("given", "symbols", "pace", "end"),
    [({}, 100_000, 1e4, ("minutes", 2)), ({}, 100_000, 2.1e4, ("epochs", 16)),
     ({"minutes": 10}, 100_000, 1e4, ("epochs", 16)), ({}, 1000, 1.3e4, ("epochs", 250)),
     ({"epochs": 40}, 100_000, 0, ("epochs", 40)), ({"steps": 40}, 100_000, 0, ("steps", 40))],
)  # fmt: skip
def test_training_ends_after_the_minutes_or_enough_passes(given, symbols, pace, end):
    """A quarter of a million symbols at least: few texts are read more often."""
    settings = ClassifySettings(**given)
    paces = dict.fromkeys(settings.to_measure(symbols), pace)
    assert settings.resolved(symbols, paces).end == end


def test_only_a_run_by_the_clock_asks_how_fast_the_machine_is():
    assert ClassifySettings(steps=10).to_measure(10**6) == []
    assert ClassifySettings(hidden_size=8).to_measure(10**6) == [(1, 8)]
    assert ClassifySettings().to_measure(10**6) == [(1, 128)]


def test_resolving_fills_everything_in_that_training_needs_and_keeps_what_was_given():
    settings = ClassifySettings(steps=5, dropout=0.1).resolved(100, {})
    for name in ("hidden_size", "num_layers", "symbol_dropout", "label_smoothing", "learning_rate",
                 "weight_decay", "patience", "clip_norm"):  # fmt: skip
        assert getattr(settings, name) is not None, name
    assert settings.warmup is None  # the usual one
    assert replace(settings, schedule="constant").resolved(100, {}).warmup == 0
    assert (settings.dropout, settings.minutes) == (0.1, None)
    assert ClassifySettings(tokens="byte", steps=1).resolved(1, {}).symbol_dropout == 0
