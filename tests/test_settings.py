"""Every setting has a range; a value outside is refused with the name of its flag."""

from __future__ import annotations

from math import inf, isfinite, nan

import pytest

from elman.errors import UsageError
from elman.settings import CHOICES, NAMES, RANGES, Settings, flag, make, resolve, resolve_classifier

COMPANIONS = {
    "symbol_dropout": {"task": "classify"},
    "label_smoothing": {"task": "classify"},
    "vocabulary_size": {"tokens": "word"},
    "momentum": {"optimizer": "sgd"},
}
FRACTIONS = {
    "validation", "test", "dropout", "symbol_dropout", "label_smoothing", "init_scale",
    "epochs", "minutes", "learning_rate",
    "momentum", "weight_decay", "clip_norm", "clip_value",
}  # fmt: skip


def refused(**given) -> str:
    with pytest.raises(UsageError) as error:
        Settings(**given)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", list(RANGES))
def test_numbers_out_of_range_are_refused_by_flag(name):
    least, greatest, inclusive = RANGES[name]
    bad = [least - 1, nan, inf, -inf]
    bad += [least] * (not inclusive) + [greatest * 2] * isfinite(greatest)
    for value in bad:
        assert flag(name) in refused(**{name: value}), value


@pytest.mark.parametrize("name", list(RANGES))
def test_what_is_no_number_is_refused_by_flag(name):
    for value in ("7", True, [1], {}):
        assert flag(name) in refused(**{name: value}), value


@pytest.mark.parametrize("name", sorted(set(RANGES) - FRACTIONS))
def test_a_fraction_of_a_count_is_refused_by_flag(name):
    assert flag(name) in refused(**{name: RANGES[name][0] + 1.5})


@pytest.mark.parametrize("name", list(RANGES))
def test_the_ends_of_a_range_belong_to_it(name):
    least, greatest, inclusive = RANGES[name]
    good = [least] if inclusive else [1e-9]
    if isfinite(greatest):
        good.append(greatest if name in FRACTIONS else int(greatest))
    for value in good:
        settings = Settings(**{name: value}, **COMPANIONS.get(name, {}))
        assert getattr(settings, name) == value


@pytest.mark.parametrize("name", list(CHOICES))
def test_unknown_choices_are_refused_with_the_known_ones(name):
    message = refused(**{name: "nonsense"})
    assert flag(name) in message
    for choice in CHOICES[name]:
        assert choice in message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 1, "steps": 1}, ["--epochs", "--steps"]),
        ({"minutes": 1, "steps": 1}, ["--minutes"]),
        ({"momentum": 0.9}, ["--momentum", "--optimizer sgd", "adam"]),
        ({"vocabulary_size": 10}, ["--vocabulary-size", "--tokens word"]),
        ({"activation": "relu"}, ["--activation", "--cell rnn"]),
        ({"tokens": "byte", "lowercase": True}, ["--lowercase"]),
        ({"tokens": "byte", "normalize": "NFC"}, ["--normalize"]),
        ({"validation": 0.6, "test": 0.5}, ["--validation", "--test"]),
        ({"lines": True, "bptt": 100, "seq_len": 50}, ["--bptt", "--lines"]),
        ({"batching": "random", "bptt": 100, "seq_len": 50}, ["--bptt", "--batching"]),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, words):
    message = refused(**given)
    for word in words:
        assert word in message


def test_flags_are_names_with_dashes():
    assert flag("hidden_size") == "--hidden-size"
    assert flag("bias") == "--no-bias"


def test_the_defaults_are_allowed_and_survive_their_json_form():
    settings = Settings()
    assert Settings(**settings.to_json()) == settings
    assert set(settings.to_json()) == set(NAMES)


def fast(hidden_size):
    return 1e6


@pytest.mark.parametrize(
    ("symbols", "minutes", "pace", "size"),
    [(10**6, 10, 1e6, 512), (10**6, 1, 2e4, 256), (10**5, 10, 1e6, 256), (10**6, 1, 1e3, 128),
     (10**4, 10, 1e6, 128)],
)  # fmt: skip
def test_the_hidden_size_is_what_the_text_can_feed_and_the_time_can_train(
    symbols, minutes, pace, size
):
    assert resolve(Settings(minutes=minutes), symbols, lambda _: pace).hidden_size == size


def test_a_run_counted_in_steps_does_not_ask_how_fast_the_machine_is():
    def pace(hidden_size):
        raise AssertionError("asked for the pace")

    assert resolve(Settings(steps=10), 10**6, pace).hidden_size == 512


@pytest.mark.parametrize("symbols", [10, 100_000, 1_000_000])
@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
def test_resolving_fills_everything_in_that_training_needs(symbols, optimizer):
    settings = resolve(Settings(optimizer=optimizer, steps=5), symbols, fast)
    for name in ("hidden_size", "dropout", "learning_rate", "weight_decay", "warmup", "patience"):
        assert getattr(settings, name) is not None, name
    assert settings.steps == 5
    assert settings.minutes is None
    assert resolve(Settings(), symbols, fast).minutes > 0


@pytest.mark.parametrize(
    ("given", "pace", "network"),
    [({"minutes": 1}, 2.7e4, (2, 192)), ({"minutes": 1}, 2.6e4, (1, 256)),
     ({"minutes": 4}, 2e3, (1, 128)), ({"epochs": 1}, 0, (2, 192)),
     ({"minutes": 1, "hidden_size": 7}, 0, (2, 7)), ({"epochs": 1, "num_layers": 1}, 0, (1, 256)),
     ({"minutes": 1, "num_layers": 3}, 0, (3, 192))],
)  # fmt: skip
def test_a_classifier_is_as_large_as_can_read_the_texts_often_enough(given, pace, network):
    settings = make({"task": "classify"} | given)
    paces = {(2, 192): pace, (1, 256): 2 * pace}
    resolved = resolve_classifier(settings, 100_000, lambda *asked: paces[asked])
    assert (resolved.num_layers, resolved.hidden_size) == network


def test_resolving_keeps_what_was_given():
    given = {"hidden_size": 7, "learning_rate": 0.5, "patience": 0, "clip_norm": 0.0, "warmup": 3}
    settings = resolve(Settings(**given, epochs=2), 1000, fast)
    for name, value in given.items():
        assert getattr(settings, name) == value


def test_a_clipping_flag_replaces_the_default_clipping():
    assert resolve(Settings(), 100, fast).clip_norm == 1.0
    by_value = resolve(Settings(clip_value=5.0), 100, fast)
    assert (by_value.clip_value, by_value.clip_norm) == (5.0, None)
    off = resolve(Settings(clip_norm=0.0), 100, fast)
    assert (off.clip_norm, off.clip_value) == (0.0, None)


@pytest.mark.parametrize(
    ("given", "dropout"),
    [({"epochs": 1}, 0.0), ({"epochs": 5}, 0.5), ({"steps": 10}, 0.0), ({"steps": 10**5}, 0.5),
     ({"minutes": 1}, 0.5), ({"epochs": 5, "optimizer": "sgd"}, 0.0)],
)  # fmt: skip
def test_text_that_is_read_once_needs_no_dropout(given, dropout):
    assert resolve(Settings(hidden_size=512, **given), 10**6, fast).dropout == dropout
