"""What is filled in for a classifier, from the size of the data and of the time."""

from __future__ import annotations

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
    ("given", "pace", "network"),
    [({"minutes": 1}, 2.7e4, (2, 192)), ({"minutes": 1}, 2.6e4, (1, 256)),
     ({"minutes": 4}, 2e3, (1, 128)), ({"epochs": 1}, 0, (2, 192)),
     ({"minutes": 1, "hidden_size": 7}, 0, (2, 7)), ({"epochs": 1, "num_layers": 1}, 0, (1, 256)),
     ({"minutes": 1, "num_layers": 3}, 0, (3, 192))],
)  # fmt: skip
def test_a_classifier_is_as_large_as_can_read_the_texts_often_enough(given, pace, network):
    settings = ClassifySettings(**given)
    known = {(2, 192): pace, (1, 256): 2 * pace}
    paces = {size: known[size] for size in settings.to_measure(100_000)}
    resolved = settings.resolved(100_000, paces)
    assert (resolved.num_layers, resolved.hidden_size) == network


def test_only_a_run_by_the_clock_asks_how_fast_the_machine_is():
    assert ClassifySettings(steps=10).to_measure(10**6) == []
    assert ClassifySettings(hidden_size=8).to_measure(10**6) == []
    assert ClassifySettings().to_measure(10**6) == [(2, 192), (1, 256)]


def test_resolving_fills_everything_in_that_training_needs_and_keeps_what_was_given():
    settings = ClassifySettings(steps=5, dropout=0.1).resolved(100, {})
    for name in ("hidden_size", "num_layers", "symbol_dropout", "label_smoothing", "learning_rate",
                 "weight_decay", "warmup", "patience", "clip_norm"):  # fmt: skip
        assert getattr(settings, name) is not None, name
    assert (settings.dropout, settings.minutes) == (0.1, None)
    assert ClassifySettings(tokens="byte", steps=1).resolved(1, {}).symbol_dropout == 0
