"""The settings in the words of Python: for `help(elman.train)`, its signature and its types."""

import textwrap
from collections.abc import Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any, Literal

from ..errors import as_arguments
from ..settings import kind_of, rule_of
from . import TASKS, all_settings

WIDTH = 84  # characters of a line of a docstring
Fields = Mapping[str, Field]  # the field of a setting in every task that has it


def choices_of(fields: Fields) -> list[str]:
    """What the setting may be in any of its tasks; nothing where all is allowed."""
    return list(dict.fromkeys(c for field in fields.values() for c in rule_of(field).choices))


def annotation(fields: Fields) -> Any:
    """The type of a setting, for a signature."""
    first = next(iter(fields.values()))
    choices = choices_of(fields)
    kind: Any = Literal[tuple(choices)] if choices else kind_of(first)
    if rule_of(first).files:
        kind = float | str | Path
    return kind if default(fields) is not None else kind | None


def default(fields: Fields) -> Any:
    """The value that is its default in all its tasks; None: they differ, or it is worked out."""
    if "lm" in fields and fields["lm"].name == "task":
        return "lm"
    values = {field.default for field in fields.values()}
    return values.pop() if len(values) == 1 else None


def meaning(fields: Fields) -> str:
    """What a setting is, and what it is where it was not given."""
    first = next(iter(fields.values()))
    said = "False leaves all biases out." if first.name == "bias" else rule_of(first).help
    words = _default_words(fields)
    tasks = "" if len(fields) == len(TASKS) else f" With task={' or '.join(map(repr, fields))}."
    return as_arguments(f"{said}{f' Default: {words}.' if words else ''}{tasks}")


def _default_words(fields: Fields) -> str:
    if default(fields) is not None:
        return repr(default(fields))
    shown = rule_of(next(iter(fields.values()))).shown
    if shown:
        return shown
    found: dict[str, list[str]] = {}
    for task, field in fields.items():
        words = rule_of(field).shown or ("" if field.default is None else repr(field.default))
        found.setdefault(words, []).append(task)
    return "; ".join(
        f"{words} with task={' or '.join(map(repr, tasks))}"
        for words, tasks in found.items()
        if words
    )


def all_described() -> str:
    """All settings, each with its choices, its meaning and its default, in their order."""
    return "\n".join(_described(name, fields) for name, fields in all_settings().items())


def _described(name: str, fields: Fields) -> str:
    choices = choices_of(fields)
    first = next(iter(fields.values()))
    kind = " | ".join(map(repr, choices)) if choices else kind_of(first).__name__
    if rule_of(first).files:
        kind = "float | str | Path"
    told = textwrap.fill(meaning(fields), WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"{name} : {kind}\n{told}"
