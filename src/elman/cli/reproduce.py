"""`elman reproduce`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from . import completion, options
from .help import Command, option
from .output import print_json

EXAMPLES = """
elman reproduce --list
elman reproduce dive
elman reproduce --all -o docs     writes the page, too
elman reproduce dive --quick      to see that it runs
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("name", required=False, shell_complete=completion.recipes)
@option("--list", "listing", is_flag=True, help="List the recipes.", group="Recipes")
@option("--all", "everything", is_flag=True, help="Run them all, one after the other.",
        group="Recipes")  # fmt: skip
@option("--quick", is_flag=True, help="A tiny version in seconds; its figures mean nothing.",
        group="Recipes")  # fmt: skip
@option("--corpus", metavar="PATH", help="Use this text instead of the recipe's own.",
        group="Recipes")  # fmt: skip
@option("--unseen", metavar="FILE",
        help="Book for recipes that score an unseen text, such as The War of the Worlds.",
        group="Recipes")  # fmt: skip
@option("-o", "--output", metavar="FOLDER",
        help="Write the figures as JSON, the pictures, and a page with all of them.",
        group="Output")  # fmt: skip
@options.as_json("One JSON object per recipe.")
def reproduce(
    name: str | None, listing: bool, everything: bool, quick: bool, corpus: str | None,
    unseen: str | None, output: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Reproduce the published results of the recipe NAME and compare.

    A recipe runs its trainings with several seeds and prints the published figures next
    to those of this machine: mean and spread, exact settings, seconds.
    """
    from ..errors import ElmanError, UsageError
    from ..recipes import RECIPES, find, lab, page, pictures

    if listing:
        _list(RECIPES, as_json)
        return
    if everything == (name is not None):
        raise UsageError("name one recipe, or give --all (elman reproduce --list shows the names)")
    recipes = {each: find(each) for each in (RECIPES if name is None else [name])}
    if output is not None:  # what would fail in the end fails before the trainings
        if not Path(output).is_dir():
            raise UsageError(f"the folder {output} does not exist; create it first")
        pictures.require()
        page.check(Path(output))
    if unseen is not None:
        lab.read_text(unseen)
    skipped: list[str] = []
    for each, recipe in recipes.items():
        try:
            report = lab.run(each, recipe, quick, corpus, unseen)
        except ElmanError as error:
            if name is not None:
                raise
            click.echo(f"skipped {each}: {error}", err=True)
            skipped.append(each)
            continue
        skipped += [f"a part of {each}"] * bool(report["left_out"])
        if as_json:
            print_json(report)
        else:
            _show(report)
        if output is not None:
            for path in page.save(Path(output), report):
                click.echo(f"wrote {path}", err=True)
    if skipped:
        raise ElmanError(f"not everything was run; what is missing: {', '.join(skipped)}")


def _list(recipes: dict[str, tuple[str, str]], as_json: bool) -> None:
    if as_json:
        for name, (_, what) in recipes.items():
            print_json({"name": name, "description": what})
        return
    # A terminal wraps the descriptions; another program gets a recipe a line.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
    formatter = click.HelpFormatter(width=width)
    formatter.write_dl([(name, what) for name, (_, what) in recipes.items()])
    click.echo(formatter.getvalue(), nl=False)


def _show(report: dict[str, Any]) -> None:
    """A report on the terminal: every section's text, table, settings and samples."""
    from rich.console import Console
    from rich.table import Table

    from ..recipes.lab import show

    console = Console(highlight=False, markup=False)
    click.echo(report["title"] + "\n" + "=" * len(report["title"]))
    click.echo(report["source"])
    for section in report["sections"]:
        click.echo("\n" + section["title"] + "\n" + "-" * len(section["title"]))
        for paragraph in section["text"]:
            click.echo(paragraph)
        if section["rows"]:
            table = Table(header_style="bold", box=None)
            for column, form in section["columns"].items():
                table.add_column(column, justify="right" if form else "left")
            for row in section["rows"]:
                forms = section["columns"].values()
                table.add_row(*(show(c, form) for c, form in zip(row, forms, strict=True)))
            console.print(table)
        for label, flags in section["settings"].items():
            click.echo(f"settings of {label}: {flags}")
        for label, written in section["samples"]:
            click.echo(f"{label}:\n" + "\n".join("    " + x for x in written.strip().split("\n")))
    seeds = ", ".join(map(str, report["seeds"]))
    click.echo(f"\n{report['seconds']:,.0f} seconds in all, seeds {seeds}; {report['machine']}")
    if report["quick"]:
        click.echo("a quick run: its figures mean nothing")
