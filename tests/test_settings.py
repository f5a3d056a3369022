"""Every setting has a range; a value outside is refused with the name of its flag."""

from __future__ import annotations

from dataclasses import fields
from math import inf, isfinite, nan

import pytest

from elman.errors import UsageError, flag
from elman.settings import kind_of, rule_of
from elman.tasks import TASKS, all_settings, make, settings_of

COMPANIONS = {
    "momentum": {"optimizer": "sgd"},
    "validation": {"test": 0.0},
    "shards": {"batch_size": 1024},
}
ALL = [(task, f.name) for task in TASKS for f in fields(settings_of(task))]


def field(task, name):
    return settings_of(task).__dataclass_fields__[name]


def rule(task, name):
    return rule_of(field(task, name))


NUMBERS = [(t, n) for t, n in ALL if kind_of(field(t, n)) in (int, float)]
CHOICES = [(t, n) for t, n in ALL if rule(t, n).choices]


def refused(**given) -> str:
    with pytest.raises(UsageError) as error:
        make(given)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("task", "name"), NUMBERS)
def test_numbers_out_of_range_are_refused_by_flag(task, name):
    known = rule(task, name)
    bad = [known.least - 1, nan, inf, -inf]
    bad += [known.least] * known.above + [known.most * 2] * isfinite(known.most)
    for value in bad:
        assert flag(name) in refused(task=task, **{name: value}), value


@pytest.mark.parametrize(("task", "name"), NUMBERS)
def test_what_is_no_number_is_refused_by_flag(task, name):
    for value in ("7", True, [1], {}):
        assert flag(name) in refused(task=task, **{name: value}), value


@pytest.mark.parametrize(("task", "name"), [n for n in NUMBERS if kind_of(field(*n)) is int])
def test_a_fraction_of_a_count_is_refused_by_flag(task, name):
    assert flag(name) in refused(task=task, **{name: rule(task, name).least + 1.5})


@pytest.mark.parametrize(("task", "name"), NUMBERS)
def test_the_ends_of_a_range_belong_to_it(task, name):
    known, kind = rule(task, name), kind_of(field(task, name))
    good = [1e-9 if known.above else known.least]
    good += [known.most] * isfinite(known.most)
    for value in map(kind, good):
        settings = make({"task": task, name: value, **COMPANIONS.get(name, {})})
        assert getattr(settings, name) == value
        assert type(getattr(settings, name)) is kind


@pytest.mark.parametrize(("task", "name"), [c for c in CHOICES if c[1] != "task"])
def test_unknown_choices_are_refused_with_the_known_ones(task, name):
    message = refused(task=task, **{name: "nonsense"})
    assert flag(name) in message
    for choice in rule(task, name).choices:
        assert choice in message


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 1, "steps": 1}, ["--epochs", "--steps"]),
        ({"minutes": 1, "steps": 1}, ["--minutes"]),
        ({"shards": 3}, ["--shards", "power of two"]),
        ({"shards": 8, "batch_size": 4}, ["--shards 8", "--batch-size 4"]),
        ({"momentum": 0.9}, ["--momentum", "--optimizer sgd", "adam"]),
        ({"tokens": "byte", "vocabulary_size": 10}, ["--vocabulary-size", "--tokens byte"]),
        ({"tokens": "byte", "min_count": 2}, ["--min-count", "--tokens byte"]),
        ({"activation": "relu"}, ["--activation", "--cell rnn"]),
        ({"tokens": "byte", "lowercase": True}, ["--lowercase"]),
        ({"tokens": "byte", "normalize": "NFC"}, ["--normalize"]),
        ({"validation": 0.6, "test": 0.5}, ["--validation", "--test"]),
        ({"validation": "a.txt", "test": "a.txt"}, ["--validation", "--test", "same file"]),
    ],
)
@pytest.mark.parametrize("task", TASKS)
def test_settings_that_contradict_each_other_are_refused(task, given, words):
    if given.get("tokens") == "byte" and task == "tag":
        words = ["--tokens must be one of char, word"]
    message = refused(task=task, **given)
    for word in words:
        assert word in message


@pytest.mark.parametrize("name", list(all_settings()))
@pytest.mark.parametrize("task", TASKS)
def test_a_flag_of_another_task_is_refused_whatever_its_value(task, name):
    """Its default, too: the flag was given, and would mean nothing."""
    tasks = all_settings()[name]
    if task in tasks:
        return
    default = next(iter(tasks.values())).default
    assert f"{flag(name, default)} needs --task" in refused(task=task, **{name: default})


@pytest.mark.parametrize("name", list(all_settings()))
def test_a_setting_that_several_tasks_have_is_of_one_kind_in_all(name):
    """They share a flag, so a heading, a kind of value, and what a help can say of both."""
    fields = list(all_settings()[name].values())
    assert len({(kind_of(f), rule_of(f).group) for f in fields}) == 1
    assert all(rule_of(f).help.endswith(".") for f in fields)


def test_an_unknown_setting_and_an_unknown_task_are_refused():
    assert "'hidden'" in refused(hidden=3)
    assert "--task must be one of lm, classify" in refused(task="sing")


def test_flags_are_names_with_dashes():
    assert flag("hidden_size") == "--hidden-size"
    assert flag("bias") == "--no-bias"
    assert flag("transitions", False) == "--no-transitions"


@pytest.mark.parametrize("task", TASKS)
def test_the_defaults_are_allowed_and_survive_their_json_form(task):
    kind = settings_of(task)
    settings = kind()
    assert kind.from_json(settings.to_json()) == settings
    assert set(settings.to_json()) == {name for t, name in ALL if t == task}


@pytest.mark.parametrize("task", TASKS)
def test_what_older_files_hold_besides_is_left_out_and_nothing_else(task):
    kind = settings_of(task)
    others = dict.fromkeys(kind.FORMER)
    assert kind.from_json(kind().to_json() | others) == kind()
    assert not {name for t, name in ALL if t == task} & set(kind.FORMER)
    with pytest.raises(TypeError):
        kind.from_json({"from_the_future": 1})
