"""The pages of the site that are made from the code: `python docs/generate.py` writes them.

`verbs.md` has every command of the command line, `settings.md` every setting of a training run,
`reference.md` what Python programs may call. `tests/test_site.py` compares them with the code.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import Field
from math import isfinite
from pathlib import Path

import click

import elman
from elman.cli import VERBS, cli
from elman.errors import flag
from elman.settings import kind_of, rule_of
from elman.tasks import TASKS, all_settings, settings_of
from elman.tasks.described import choices_of

MOST_SHOWN = 10_000  # a larger limit is beyond what anybody wants
HERE = Path(__file__).resolve().parent
MADE = "<!-- Made from the code by `python docs/generate.py`; not written by hand. -->\n\n"
FLAG = re.compile(r"(?<![\w`-])(--[a-z][\w-]*)")
METHODS = {
    "Model": ("sample", "stream", "score", "symbol_nats", "save", "export"),
    "Classifier": ("predict", "predict_proba", "embed", "save", "export"),
    "Tagger": ("predict", "predict_proba", "tag", "save", "export"),
    "Score": ("to_dict", "to_frame"),
}
MODULES = {
    "bulk": ("classify", "score", "embed"),
    "plots": ("overview", "training", "confusion", "gradients", "characters", "states", "trials",
              "untrained", "write"),
    "estimators": ("SequenceClassifier", "SequenceTagger", "LanguageModel", "SequenceVectorizer"),
}  # fmt: skip


def plain(text: str) -> str:
    """Text of the code as Markdown that shows it as it is, with flags as code."""
    for mark in "\\*_<[":
        text = text.replace(mark, "\\" + mark)
    return FLAG.sub(lambda found: f"`{found[1].replace(chr(92), '')}`", text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "".join(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in line)} |\n"
                   for line in lines)  # fmt: skip


def only_with(tasks: Iterable[str]) -> str:
    return " or ".join(f"`--task {task}`" for task in tasks)


# -- verbs --------------------------------------------------------------------------


def verbs() -> str:
    """`docs/verbs.md`: each command with its usage, options, examples and notes."""
    rows = [(f"[`elman {verb}`](#elman-{verb})", plain(said)) for verb, said in VERBS.items()]
    page = (
        f"{MADE}# Verbs\n\nThe command line has one command, `elman`, and a verb for each thing "
        "that it does. `elman VERB --help` prints the same in the terminal.\n\n"
        f"{table(('verb', 'what it does'), rows)}\n"
        "Results go to stdout, progress and messages to stderr. `--json` prints one JSON object "
        "per line. Exit codes: 0 done, 1 failure, 2 wrong usage; 130 after Ctrl-C and 143 after "
        "SIGTERM, which save first.\n"
    )
    context = click.Context(cli, info_name="elman", help_option_names=["-h", "--help"])
    return page + "".join(verb_section(context, verb) for verb in VERBS)


def verb_section(parent: click.Context, verb: str) -> str:
    command = cli.get_command(parent, verb)
    assert command is not None
    context = command.make_context(verb, [], parent=parent, resilient_parsing=True)
    usage = " ".join([f"elman {verb}", *command.collect_usage_pieces(context)])
    parts = [f"## elman {verb}", f"```\n{usage}\n```", described(command.help or "")]
    options = [p for p in command.params if isinstance(p, click.Option)]
    known = [p for p in options if p.name in all_settings() and verb in ("train", "sweep")]
    groups: dict[str, list[click.Option]] = {}
    for option in options:
        if option not in known:
            groups.setdefault(getattr(option, "group", "Options"), []).append(option)
    for group, members in groups.items():
        parts.append(table((group, "what it does", "default"), map(option_row, members)))
    if known:
        flags = ", ".join(f"`{option.opts[0]}`" for option in known)
        parts.append(f"Flags for the [settings of a training](settings.md): {flags}.")
    if examples := getattr(command, "examples", ""):
        parts.append(f"```\n{examples}\n```")
    if notes := getattr(command, "notes", ""):
        parts.append(plain(notes))
    return "".join(f"\n{part.rstrip()}\n" for part in parts)


def described(text: str) -> str:
    """What a command does, as Markdown; what click does not wrap (after a \\b) as code."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        f"```text\n{each.removeprefix(chr(8)).strip(chr(10))}\n```" if each.startswith("\b")
        else plain(each) for each in paragraphs
    )  # fmt: skip


def option_row(option: click.Option) -> tuple[str, str, str]:
    """How an option is written, what it does, what holds without it."""
    names = ", ".join(option.opts) + "".join(f" / {name}" for name in option.secondary_opts)
    if not option.is_flag:
        choices = getattr(option.type, "choices", None)
        names += " " + ("[" + "|".join(choices) + "]" if choices else option.metavar or "TEXT")
    said, _, default = (option.help or "").partition("[default: ")
    default = default.rstrip().removesuffix("]")
    if not default and option.show_default is True and not option.is_flag:
        default = shown(option.default)
    tasks = (getattr(option, "task", None) or "").split()
    task = f" Only with {only_with(tasks)}." if tasks else ""
    return f"`{names}`", plain(said.strip()) + task, plain(default)


# -- settings -----------------------------------------------------------------------


def settings() -> str:
    """`docs/settings.md`: every setting, in the groups of `elman train --help`."""
    tasks = ", ".join(f"[{task}](../src/{module_of(task)})" for task in TASKS)
    page = (
        f"{MADE}# Settings\n\nEvery setting of a training run. On the command line a setting is a "
        "flag of `elman train`. In Python it is an argument of `elman.train`, with underscores: "
        "`--hidden-size 256` is `hidden_size=256`. A switch is `True` or `False` there: `--lines` "
        "is `lines=True`, `--no-bias` is `bias=False`. A value outside its range is rejected with "
        "a message.\n\nA default that depends on the text, the time or the task is worked out at "
        "the start of the run and kept in the model file. The reasons for the defaults are in the "
        f"code: [`settings.py`](../src/elman/settings.py), and a file for each task: {tasks}.\n"
    )
    groups: dict[str, list[tuple[str, ...]]] = {}
    for name, fields in all_settings().items():
        group = rule_of(next(iter(fields.values()))).group
        groups.setdefault(group, []).append(setting_row(name, fields))
    for group, rows in groups.items():
        page += f"\n## {group}\n\n{table(('flag', 'what it is', 'values', 'default'), rows)}"
    return page


def module_of(task: str) -> str:
    return settings_of(task).__module__.replace(".", "/") + ".py"


def setting_row(name: str, fields: dict[str, Field]) -> tuple[str, ...]:
    first = next(iter(fields.values()))
    only = "" if len(fields) == len(TASKS) else f" Only with {only_with(fields)}."
    shown = flag(name)
    if kind_of(first) is bool and first.default is not False and name != "bias":
        shown = f"{flag(name)} / {flag(name, False)}"
    return f"`{shown}`", plain(rule_of(first).help) + only, values(fields), default(fields)


def values(fields: dict[str, Field]) -> str:
    """What a setting may be."""
    first = next(iter(fields.values()))
    rule, kind = rule_of(first), kind_of(first)
    if choices := choices_of(fields):
        return ", ".join(f"`{choice}`" for choice in choices)
    if kind is bool:
        return "on or off"
    if kind is str:
        return "text"
    words = "a whole number" if kind is int else "a number"
    if isfinite(rule.least):
        words += f" {'above' if rule.above else 'from'} {rule.least:g}"
    if rule.most <= MOST_SHOWN:
        words += f" to {rule.most:,}"
    return words + (", or a file" if rule.files else "")


def default(fields: dict[str, Field]) -> str:
    """What holds if a setting is not given, task by task where they differ."""
    if "task" in {field.name for field in fields.values()}:
        return "`lm`"
    found: dict[str, list[str]] = {}
    for task, field in fields.items():
        value = field.default
        words = rule_of(field).shown
        if field.name == "bias":  # its flag leaves them out
            words = "off"
        elif not words and isinstance(value, bool):
            words = "on" if value else "off"
        elif not words and value is not None:
            words = f"`{shown(value)}`"
        found.setdefault(words, []).append(task)
    if len(found) == 1:
        return plain_default(next(iter(found)))
    return "; ".join(f"{', '.join(tasks)}: {plain_default(words) or 'none'}"
                     for words, tasks in found.items())  # fmt: skip


def shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def plain_default(words: str) -> str:
    return words if words.startswith("`") else plain(words)


# -- Python -------------------------------------------------------------------------


def reference() -> str:
    """`docs/reference.md`: signatures and docstrings of what is public."""
    page = (
        f"{MADE}# Python, name by name\n\n[`python.md`](python.md) shows how these are used, with "
        "examples that run. This page lists them, with the text that `help(...)` shows. The other "
        "public modules are named under [what is public](architecture.md#what-is-public).\n"
    )
    for name in ("train", "load", "import_weights", "sweep"):
        page += entry(f"elman.{name}", getattr(elman, name))
    for name, methods in METHODS.items():
        kind = getattr(elman, name)
        page += entry(f"elman.{name}", kind, signature=False)
        page += "".join(entry(f"{name}.{m}", getattr(kind, m), level=3) for m in methods)
    page += entry("elman.ElmanError", elman.ElmanError, signature=False)
    for module, names in MODULES.items():
        room = getattr(elman, module)
        page += f"\n## elman.{module}\n\n```text\n{inspect.getdoc(room)}\n```\n"
        page += "".join(entry(f"elman.{module}.{n}", getattr(room, n), level=3) for n in names)
    return page


def entry(name: str, thing: Callable | type, *, level: int = 2, signature: bool = True) -> str:
    """A heading, how it is called, its docstring."""
    told = inspect.getdoc(thing) or ""
    told, settings_follow, _ = told.partition("\nSettings\n--------\n")
    told = told.rstrip().replace("  # doctest: +SKIP", "")
    call = f"```python\n{name}{called(thing)}\n```\n\n" if signature else ""
    more = "\nThe settings have [a page of their own](settings.md).\n" if settings_follow else ""
    return f"\n{'#' * level} {name}\n\n{call}```text\n{told}\n```\n{more}"


def called(thing: Callable | type) -> str:
    """The arguments, without types: the docstring says what each is."""
    found = []
    star = False
    settings_left_out = False
    for name, p in inspect.signature(thing).parameters.items():
        if name == "self":
            continue
        if thing is elman.train and name in all_settings():
            settings_left_out = True
            continue
        if p.kind is p.KEYWORD_ONLY and not star:
            found.append("*")
        star = star or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        mark = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        found.append(mark + name + ("" if p.default is p.empty else f"={p.default!r}"))
    found += ["**settings"] if settings_left_out else []
    lines = textwrap.wrap(", ".join(found), 80, break_long_words=False, break_on_hyphens=False)
    return f"({', '.join(found)})" if len(lines) < 2 else "(\n    " + "\n    ".join(lines) + "\n)"


PAGES = {"verbs.md": verbs, "settings.md": settings, "reference.md": reference}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
