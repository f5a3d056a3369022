"""The help of a verb: what matters first, options in groups under headings, examples."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import cleandoc
from typing import Any, TypeVar

import click

from . import completion

OPTIONS = "Options"  # the heading of options without a group, such as --help
COLUMN = 27  # characters; a longer option has a line of its own above its help
WIDTH = 100  # a wider terminal would make lines that are hard to read
NO_BREAK = "\u00a0"  # a space at which no line ends; it is printed as any other
NUMBERS = {"integer": "N", "integer range": "N", "float": "X", "float range": "X"}
# What a shell offers for the value of an option, by what help calls that.
COMPLETIONS = {"FILE": completion.files, "SHARE|FILE": completion.files, "PATH": completion.files,
               "MODEL": completion.models}  # fmt: skip

Rows = list[tuple[str, str]]
Function = TypeVar("Function", bound=Callable[..., Any] | click.Command)


class Formatter(click.HelpFormatter):
    """Headings are bold; click takes that out again where nobody sees it, as in a pipe."""

    def write(self, string: str) -> None:
        super().write(string.replace(NO_BREAK, " "))

    def write_heading(self, heading: str) -> None:
        self.write(click.style(f"{heading}:", bold=True) + "\n")

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or click.style("Usage:", bold=True) + " ")


class Context(click.Context):
    """The context of a command whose help this module writes."""

    formatter_class = Formatter

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{"max_content_width": WIDTH} | attributes)
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        if plain and self.color is None:  # click itself does not look at these
            self.color = False


class Option(click.Option):
    """An option in a group.

    Parameters
    ----------
    group : the heading that it is under
    task : the task that it belongs to, if it means nothing to the others; its help shows it

    All else is click's, in any way that click allows: `click.option(..., cls=Option)`,
    `option(...)` below, or `Option(["--hidden-size"], type=int, ...)`.
    """

    def __init__(
        self, *args: Any, group: str = OPTIONS, task: str | None = None, **attributes: Any
    ) -> None:
        complete = COMPLETIONS.get(attributes.get("metavar") or "")
        super().__init__(*args, **{"shell_complete": complete} | attributes)
        self.group = group
        self.task = task
        if self.metavar is None:
            self.metavar = NUMBERS.get(self.type.name)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or self.task is None:
            return record
        return record[0], f"[{self.task}] {record[1]}"

    def get_help_extra(self, ctx: click.Context) -> Any:
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)  # 0<=x<=65535 tells nobody anything: a value outside is refused
        return extra


def option(*declarations: str, **attributes: Any) -> Callable[[Function], Function]:
    """`click.option` with `group` and `task`."""
    return click.option(*declarations, cls=Option, **attributes)


class Command(click.Command):
    """A command whose help has sections; also the first base of a `click.Group`.

    Parameters
    ----------
    examples : lines, each a command, perhaps with a comment after it
    notes : paragraphs below the examples
    essentials : what most people need, such as "--minutes N", each with a few words
    groups : the order of the headings; without it that of the options. Groups that are
        not in it follow, then the options without a group.
    """

    context_class = Context

    def __init__(
        self,
        *args: Any,
        examples: str = "",
        notes: str = "",
        essentials: Mapping[str, str] | None = None,
        groups: Sequence[str] = (),
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self.examples = cleandoc(examples)
        self.notes = cleandoc(notes)
        self.essentials = dict(essentials or {})
        self.groups = tuple(groups)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, Rows] = {name: [] for name in self.groups}
        tasks: dict[str, None] = {}  # a set that keeps its order
        for each in self.get_params(ctx):
            if isinstance(each, click.Option) and (record := each.get_help_record(ctx)):
                sections.setdefault(getattr(each, "group", OPTIONS), []).append(record)
                if task := getattr(each, "task", None):
                    tasks[task] = None
        essentials = list(self.essentials.items())
        rows = sum(sections.values(), essentials)
        column = max((len(term) for term, _ in rows if len(term) <= COLUMN), default=COLUMN)
        if essentials:
            _write(formatter, "What matters first", essentials, column)
        if tasks:
            names = dict.fromkeys(name for task in tasks for name in task.split())
            marks = " or ".join(f"[{name}]" for name in names)
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(f"Marked {marks}: only with that --task.")
        for name in sorted(sections, key=lambda name: name == OPTIONS):  # that is last
            if sections[name]:
                _write(formatter, name, sections[name], column)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_text(f"\b\n{self.examples}")  # \b: as it is, not wrapped
        if self.notes:
            with formatter.section("Notes"):
                formatter.write_text(self.notes)
        super().format_epilog(ctx, formatter)


def _write(formatter: click.HelpFormatter, heading: str, rows: Rows, column: int) -> None:
    """A section of two columns; the second starts at the same place in all of them."""
    kept = [(term.ljust(column), text.replace("default: ", "default:" + NO_BREAK))
            for term, text in rows]  # fmt: skip
    with formatter.section(heading):
        formatter.write_dl(kept, column)
