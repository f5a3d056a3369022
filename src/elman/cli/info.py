"""`elman info`."""

from __future__ import annotations

import platform
import re
import sys
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING

import click

from . import completion
from .help import Command, option
from .output import print_json

if TYPE_CHECKING:
    from ..store.modelfile import SavedModel

EXAMPLES = """
elman info
elman info shakespeare.safetensors
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("model", required=False, shell_complete=completion.models)
@option("--json", "as_json", is_flag=True, help="One JSON object.")
def info(model: str | None, as_json: bool) -> None:
    """Show engine, threads and versions, or what the file MODEL holds."""
    from rich.console import Console
    from rich.table import Table

    from ..tasks import load

    facts = _machine() if model is None else facts_of(model, load(model))
    if as_json:
        print_json(facts)
        return
    if not sys.stdout.isatty():  # for programs: a line each, however long
        width = max(map(len, facts))
        for name, value in facts.items():
            click.echo(f"{name:<{width}}  {_shown(value)}")
        return
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, _shown(value))
    Console(highlight=False, markup=False).print(table)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(figure)}" for name, figure in value.items())
    return f"{value:,}" if type(value) is int else str(value)


def _machine() -> dict:
    import numpy as np

    from ..learn.pace import rates
    from ..learn.ranks import mpi_library
    from ..nn.engine import available_cores, levels, processor, select
    from ..version import __version__

    engine = select()
    return {
        "elman": __version__,
        "engine": f"{engine.name} ({engine.reason})",
        "instruction levels": levels(),
        "threads": available_cores(),
        "GFLOP/s of a core": rates(engine),
        "MPI": mpi_library(),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "numpy": np.__version__,
        "processor": processor(),
        "machine": f"{platform.system()} {platform.machine()}",
        "platform": platform.platform(),
        "packages": _packages(),
    }


def _packages() -> dict[str, str]:
    """The versions of what Elman needs or can use, as far as it is installed; by name."""
    from importlib.metadata import PackageNotFoundError, requires, version

    named: list[str] = []
    with suppress(PackageNotFoundError):  # a checkout that is only on the path
        named = [each for each in requires("elman") or [] if 'extra == "test"' not in each]
    found = {}
    for name in sorted({re.split(r"[^\w.-]", each)[0] for each in named}):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def facts_of(path: str, model: SavedModel) -> dict:
    """What there is to say about a model and how it came to be."""
    from ..share.exporting import possible

    facts = {"file": path, **model.facts(), "exports": possible(model)}
    if model.training is None or "state" not in model.training[1]:
        return facts
    if model.training[1]["settings"].get("precision") == "bf16":
        facts["precision"] = "bf16"
    state = model.training[1]["state"]
    facts["training"] = "finished" if state["finished"] else f"at step {state['step']:,}"
    done = state["finished"] and "seconds" in model.summary
    if model.training[1]["corpus"]["paths"] and not done:  # there are none of texts in memory
        facts["resume"] = f"elman train --resume {quote(path)}"
    return facts
