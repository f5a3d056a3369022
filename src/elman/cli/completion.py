"""What a shell offers at the Tab key: models, texts and files; click completes verbs and flags.

The shells list files themselves, as they know how to write their names. What is offered besides
replaces that in bash, so it is offered only where it fits better.
"""

import os
from shlex import quote

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from ..files import MODEL_SUFFIX

Items = list[CompletionItem]


@add_completion_class
class Bash(BashComplete):
    """Of bash: files where nothing else is offered, as behind `>`."""

    source_template = BashComplete.source_template.replace("nosort", "nosort -o default")


def files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Any file."""
    return [CompletionItem(incomplete, type="file")]


def models(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The model files that begin so; any file, where there is none or a name needs quotes."""
    found = [name for name in _beginning(incomplete) if name.endswith(MODEL_SUFFIX)]
    if not found or any(quote(name) != name for name in found):
        return files(ctx, parameter, incomplete)
    return [CompletionItem(name) for name in found]


def texts(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Any file, or the corpora whose names begin so where no file does."""
    from ..text.corpora import DESCRIPTIONS

    names = [name for name in DESCRIPTIONS if name.startswith(incomplete)]
    if not names or _beginning(incomplete):
        return files(ctx, parameter, incomplete)
    return [CompletionItem(name, help=DESCRIPTIONS[name]) for name in names]


def recipes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """The recipes of `elman reproduce`."""
    from ..recipes import RECIPES

    return [CompletionItem(name) for name in RECIPES if name.startswith(incomplete)]


def _beginning(incomplete: str) -> list[str]:
    """The paths that begin so, in order; hidden ones only if asked for."""
    folder, start = os.path.split(incomplete)
    try:
        inside = sorted(os.listdir(folder or "."))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in inside
            if name.startswith(start) and (start or not name.startswith("."))]  # fmt: skip
