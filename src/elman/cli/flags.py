"""The flags of `elman train`, made from the settings of all tasks."""

from collections.abc import Callable
from dataclasses import Field
from typing import Any

import click

from ..errors import flag
from ..settings import kind_of, rule_of
from ..tasks import TASKS, all_settings
from .help import Option
from .options import unescaped


def setting_options(command: Callable) -> Callable:
    """A decorator: an option for every setting.

    Its value is None where it was not given, so that the task or a checkpoint decides.
    """
    for name, fields in reversed(all_settings().items()):
        command = click.option(*_declarations(name, fields), cls=Option, **_kind(fields))(command)
    return command


def _declarations(name: str, fields: dict[str, Field]) -> tuple[str, ...]:
    """The flag; of a switch that is on by default the one that turns it off, too."""
    field = next(iter(fields.values()))
    both = kind_of(field) is bool and field.default is True and name != "bias"
    return (f"{flag(name)}/--no-{flag(name)[2:]}" if both else flag(name), name)


def _kind(fields: dict[str, Field]) -> dict[str, Any]:
    """What click is told about an option."""
    field = next(iter(fields.values()))
    rule, kind = rule_of(field), kind_of(field)
    choices = dict.fromkeys(c for f in fields.values() for c in rule_of(f).choices)
    told: dict[str, Any] = {
        "default": None, "group": rule.group, "help": f"{rule.help}{_default(fields)}",
        "task": None if len(fields) == len(TASKS) else " ".join(fields), "metavar": rule.metavar,
    }  # fmt: skip
    if kind is bool:
        if field.default is False or field.name == "bias":
            told |= {"is_flag": True, "flag_value": not field.default}
    else:
        told["type"] = click.Choice(list(choices)) if choices else str if rule.files else kind
        if rule.escapes:
            told["callback"] = unescaped
    return told


def _default(fields: dict[str, Field]) -> str:
    """The default in words, with those of the tasks that have another one."""
    first = next(iter(fields.values()))
    shown = rule_of(first).shown
    if not shown and not isinstance(first.default, bool):
        known = [] if first.default is None else [_plain(first.default)]
        for task, field in list(fields.items())[1:]:
            if field.name != "task" and field.default not in (None, first.default):
                known.append(f"with --task {task} {_plain(field.default)}")
        shown = ", ".join(known)
    return f"  [default: {shown}]" if shown else ""


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
