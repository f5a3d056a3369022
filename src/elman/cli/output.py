"""Results for other programs on stdout, notes on stderr."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..text.unknown import Unknown


def json_line(values: dict[str, Any]) -> str:
    """One object on one line; what is infinite or no number becomes null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        return None if isinstance(value, float) and not isfinite(value) else value

    return json.dumps(plain(values), ensure_ascii=False, allow_nan=False)


def print_json(values: dict[str, Any]) -> None:
    """One object on one line of stdout."""
    click.echo(json_line(values))


def say(text: str) -> None:
    """A sentence on stderr; in a terminal its lines end between words."""
    if sys.stderr.isatty():
        text = textwrap.fill(text, shutil.get_terminal_size().columns, break_long_words=False,
                             break_on_hyphens=False, replace_whitespace=False)  # fmt: skip
    click.echo(text, err=True)


def note(text: str) -> None:
    """Something that the user should know, on stderr."""
    say(f"note: {text}")


def say_waiting(names: Iterable[str | None]) -> None:
    """Say that standard input is read, if it is among the names and somebody has to type it."""
    if "-" in names and sys.stdin.isatty():
        note("reading standard input; Ctrl-D ends it")


def field(text: str) -> str:
    """A text as one field of a TSV row: its tabs and line ends as \\t and \\n."""
    return one_line(text).replace("\t", "\\t")


def one_line(text: str) -> str:
    """A text as the last field of a row: its line ends as \\n."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def note_unknown(unknown: "Unknown") -> None:
    """Say on stderr which symbols of the texts were read as <unk>, if any were."""
    if text := unknown.note():
        note(text)
