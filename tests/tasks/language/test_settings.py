"""What is filled in for a language model, from the size of the text and of the time."""

from __future__ import annotations

import pytest

from elman.errors import UsageError
from elman.settings import LEARNING_RATES
from elman.tasks.language.settings import SIZES, LanguageSettings

FAST = {(1, units): 1e6 for units, _, _ in SIZES}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lines": True, "bptt": 100, "seq_len": 50}, ["--bptt", "--lines"]),
        ({"batching": "random", "bptt": 100, "seq_len": 50}, ["--bptt", "--batching"]),
        ({"lines": True, "reset_state": 0.1}, ["--reset-state", "--lines"]),
        ({"batching": "random", "reset_state": 0.1}, ["--reset-state", "--batching random"]),
        ({"bptt": 99, "reset_state": 0.1}, ["--reset-state", "--bptt"]),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, words):
    with pytest.raises(UsageError) as error:
        LanguageSettings(**given)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("symbols", "minutes", "pace", "size"),
    [(10**6, 10, 1e6, 512), (10**6, 1, 2e4, 128), (10**5, 10, 1e6, 256), (10**6, 1, 1e3, 128),
     (10**4, 10, 1e6, 128)],
)  # fmt: skip
def test_the_hidden_size_is_what_the_text_can_feed_and_the_time_can_train(
    symbols, minutes, pace, size
):
    settings = LanguageSettings(minutes=minutes)
    paces = dict.fromkeys(settings.to_measure(symbols), pace)
    assert settings.resolved(symbols, paces).hidden_size == size


def test_only_a_run_by_the_clock_asks_how_fast_the_machine_is():
    assert LanguageSettings(steps=10).to_measure(10**6) == []
    assert LanguageSettings(epochs=1).to_measure(10**6) == []
    assert LanguageSettings(cell="ngram").to_measure(10**6) == []
    assert LanguageSettings().to_measure(10**5) == [(1, 256), (1, 128)]
    assert LanguageSettings(num_layers=2, hidden_size=9).to_measure(1) == [(2, 9)]
    assert LanguageSettings(steps=10).resolved(10**6, {}).hidden_size == 512


@pytest.mark.parametrize("symbols", [10, 100_000, 1_000_000])
@pytest.mark.parametrize("optimizer", list(LEARNING_RATES))
def test_resolving_fills_everything_in_that_training_needs(symbols, optimizer):
    settings = LanguageSettings(optimizer=optimizer, steps=5).resolved(symbols, {})
    for name in ("hidden_size", "num_layers", "dropout", "learning_rate", "weight_decay",
                 "patience"):  # fmt: skip
        assert getattr(settings, name) is not None, name
    assert settings.steps == 5
    assert settings.minutes is None
    assert LanguageSettings().resolved(symbols, FAST).minutes == 3


@pytest.mark.parametrize(
    ("given", "warmup"),
    [({}, None), ({"optimizer": "sgd"}, 0), ({"warmup": 0}, 0), ({"schedule": "constant"}, 0)],
)  # fmt: skip
def test_with_adam_and_a_cosine_there_is_the_usual_warmup(given, warmup):
    settings = LanguageSettings(**given).resolved(10**6, dict.fromkeys(FAST, 1e6))
    assert settings.warmup == warmup


@pytest.mark.parametrize(
    ("given", "rate"),
    [({"hidden_size": 256}, 0.016), ({"hidden_size": 512}, 0.012),
     ({"hidden_size": 256, "schedule": "constant"}, 0.006), ({"optimizer": "sgd"}, 1.0)],
)  # fmt: skip
def test_a_cosine_that_ends_low_begins_high(given, rate):
    assert LanguageSettings(steps=9, **given).resolved(10**6, {}).learning_rate == rate


def test_resolving_keeps_what_was_given():
    given = {"hidden_size": 7, "learning_rate": 0.5, "patience": 0, "clip_norm": 0.0, "warmup": 3}
    settings = LanguageSettings(**given, epochs=2).resolved(1000, {})
    for name, value in given.items():
        assert getattr(settings, name) == value


def test_a_clipping_flag_replaces_the_default_clipping():
    assert LanguageSettings().resolved(100, FAST).clip_norm == 1.0
    by_value = LanguageSettings(clip_value=5.0).resolved(100, FAST)
    assert (by_value.clip_value, by_value.clip_norm) == (5.0, None)
    off = LanguageSettings(clip_norm=0.0).resolved(100, FAST)
    assert (off.clip_norm, off.clip_value) == (0.0, None)


@pytest.mark.parametrize(
    ("given", "dropout"),
    [({"epochs": 1}, 0.0), ({"epochs": 5}, 0.5), ({"steps": 10}, 0.0), ({"steps": 10**5}, 0.5),
     ({"minutes": 1}, 0.5), ({"epochs": 5, "optimizer": "sgd"}, 0.0)],
)  # fmt: skip
def test_text_that_is_read_once_needs_no_dropout(given, dropout):
    settings = LanguageSettings(hidden_size=512, **given)
    assert settings.resolved(10**6, FAST).dropout == dropout


@pytest.mark.parametrize(
    ("given", "share"),
    [({}, 0.01), ({"reset_state": 0.2}, 0.2), ({"reset_state": 0.0}, 0.0), ({"lines": True}, 0.0),
     ({"batching": "random"}, 0.0), ({"bptt": 99}, 0.0), ({"bptt": 9}, 0.01),
     ({"optimizer": "adagrad"}, 0.0)],
)  # fmt: skip
def test_running_text_now_and_then_begins_from_a_zero_state(given, share):
    assert LanguageSettings(steps=1, **given).resolved(10, {}).reset_state == share
    stored = {"steps": 1, "batching": "consecutive"}  # of a file from before
    assert LanguageSettings.from_json(stored).resolved(10, {}).reset_state == 0
