"""`elman info`."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import click

from .help import Command, option
from .output import print_json

if TYPE_CHECKING:
    from ..tasks.classify.model import Classifier
    from ..tasks.language.model import Model

EXAMPLES = """
elman info
elman info shakespeare.safetensors
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("model", required=False)
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
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, _shown(value))
    Console(highlight=False, markup=False).print(table)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(figure)}" for name, figure in value.items())
    return f"{value:,}" if type(value) is int else str(value)


def _machine() -> dict:
    import numpy as np

    from ..nn.engine import available_cores, select
    from ..version import __version__

    engine = select()
    return {
        "elman": __version__,
        "engine": f"{engine.name} ({engine.reason})",
        "threads": available_cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def facts_of(path: str, model: Model | Classifier) -> dict:
    """What there is to say about a model and how it came to be."""
    from ..tasks.classify.model import Classifier

    facts = _classifier(path, model) if isinstance(model, Classifier) else _language(path, model)
    if model.training is None or "state" not in model.training[1]:
        return facts
    state = model.training[1]["state"]
    facts["training"] = "finished" if state["finished"] else f"at step {state['step']:,}"
    if model.training[1]["corpus"]["paths"]:  # there are none of texts in memory
        facts["resume"] = f"elman train --resume {path}"
    return facts


def _language(path: str, m: Model) -> dict:
    from ..nn.network import Network

    c, s = m.config, m.summary
    facts = {"file": path, "cell": c["cell"]}
    if isinstance(m.network, Network):
        facts["layers"] = f"{c['num_layers']} × {c['hidden_size']}"
        facts["parameters"] = m.network.config.num_parameters()
        facts["dtype"] = c["dtype"]
    else:
        facts["order"] = c["order"]
        facts["counts"] = m.network.num_parameters()
    facts["symbols"] = f"{len(m.vocabulary):,} {m.vocabulary.kind}" + (", lines" if m.lines else "")
    facts["trained on"] = ", ".join(s.get("corpus", ["?"]))
    for name, label in (
        ("steps", "steps"),
        ("validation_bits_per_character", "held-out bits per character"),
        ("validation_perplexity", "held-out perplexity"),
        ("test_bits_per_character", "test bits per character"),
        ("command", "command"),
    ):
        if s.get(name) is not None:
            facts[label] = round(s[name], 4) if isinstance(s[name], float) else s[name]
    return facts


def _classifier(path: str, m: Classifier) -> dict:
    c, s = m.config, m.summary
    kind = "bidirectional " * c["bidirectional"]
    facts = {
        "file": path,
        "task": "classify",
        "cell": kind + c["cell"],
        "layers": f"{c['num_layers']} × {c['hidden_size']}, pooling {c['pooling']}",
        "parameters": m.network.config.num_parameters(),
        "dtype": c["dtype"],
        "symbols": f"{len(m.vocabulary):,} {m.vocabulary.kind}",
        "classes": m.classes,
        "trained on": ", ".join(s.get("corpus", ["?"])),
    }
    for name, label in (("texts", "texts"), ("steps", "steps"), ("command", "command")):
        if s.get(name) is not None:
            facts[label] = s[name]
    if s.get("validation_accuracy") is not None:  # of an interrupted training
        facts["validation accuracy"] = round(s["validation_accuracy"], 4)
        facts["validation macro-F1"] = round(s["validation_macro_f1"], 4)
    for part in ("validation", "test"):
        if part in s:
            facts[f"{part} accuracy"] = round(s[part]["accuracy"], 4)
            facts[f"{part} macro-F1"] = round(s[part]["macro_f1"], 4)
    for name, figures in s.get("baselines", {}).items():
        facts[name] = _rounded(figures)
    for name, figures in s.get("test", s.get("validation", {})).get("classes", {}).items():
        facts[f"class {name}"] = _rounded(figures)
    return facts


def _rounded(figures: dict) -> dict:
    return {n: round(x, 4) if isinstance(x, float) else x for n, x in figures.items()}
