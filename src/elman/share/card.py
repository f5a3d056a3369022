"""The card of a model, README.md in a hub folder: made of its summary, in plain words."""

import re
from shlex import quote
from typing import Any

from ..errors import counted
from ..store.modelfile import SavedModel
from ..tasks.language.model import Model
from ..tasks.language.ngram import NGram
from ..tasks.reports import MATRIX_CLASSES, Report
from .front import LEVELS, METRICS, Told, baselines, figures, front_matter, kind_of, plain, yaml

SAMPLE = 300  # symbols
LINES = 10  # samples of a model of lines
WEAK = 0.5  # an F1 below which a class is said to be unreliable
PARTS = {"validation": "held-out part", "test": "test part"}


def card(model: SavedModel, name: str, told: Told, curve: bool) -> str:
    """The text of the card.

    Parameters
    ----------
    model : as it leaves: without its training state, and its sample can be drawn again
    name : of the folder
    told : what the summary of the model does not say
    curve : whether there is a curve.svg next to it
    """
    sections = [
        f"# {plain(name)}\n\n{_about(model)}",
        _use(model, name),
        _figures(model),
        _training(model, curve),
        _sample(model) if model.classes is None else _confusion(model.report),
        f"## Limits\n\n{_bullets(_limits(model))}",
    ]
    body = "\n".join(section for section in sections if section)
    return f"---\n{yaml(front_matter(model, name, told))}---\n\n{body}"


def _about(model: SavedModel) -> str:
    level = LEVELS[model.vocabulary.kind]
    if isinstance(model.network, NGram):
        what = f"A {level} Markov chain of order {model.config['order']}"
        return f"{what}, which counts which symbol follows which; made with Elman.\n"
    config = model.network.config
    kind = "bidirectional " * model.config.get("bidirectional", False) + config.cell.upper()
    what = kind_of(model).what
    size = f"{config.num_layers} × {config.hidden_size} units"
    return (f"A {level} {kind} {what} ({size}, {config.num_parameters():,} parameters), "
            "trained with Elman.\n")  # fmt: skip


def _use(model: SavedModel, name: str) -> str:
    kind = kind_of(model)
    return (
        "## How to load it\n\nWith Elman installed, in the folder above this one:\n\n"
        f'```python\nimport elman\n\nmodel = elman.load({name!r})\n{kind.call}\n```\n\n'
        "From the hub it is `elman.load(\"hf://user/name\")`. On the command line: "
        f"`elman {kind.verb} {quote(plain(name))}`.\n"
    )  # fmt: skip


def _figures(model: SavedModel) -> str:
    part, mine = figures(model)
    if not mine:
        return ""
    names = list(mine)
    rows = [["this model", *(f"{mine[n]:.3f}" for n in names)]]
    for other, theirs in baselines(model).items():
        rows.append([other, *(f"{theirs[n]:.3f}" if n in theirs else "" for n in names)])
    head = [f"on the {PARTS[part]}", *(METRICS[n][1] for n in names)]
    return f"## How good it is\n\n{_table(head, rows)}"


def _training(model: SavedModel, curve: bool) -> str:
    summary = model.summary
    rows = [
        ("Command", f"`{summary['command']}`" if summary.get("command") else ""),
        ("Learned from", ", ".join(summary.get("corpus", []))),
        ("SHA-256 of the text", f"`{summary['sha256']}`" if summary.get("sha256") else ""),
        ("Steps", f"{summary['steps']:,}" if summary.get("steps") else ""),
        ("Versions", ", ".join(f"{n} {v}" for n, v in summary.get("versions", {}).items())),
    ]
    lines = [f"{name}: {plain(value)}" for name, value in rows if value]
    picture = "![Loss over the steps](curve.svg)\n" if curve else ""
    if not lines and not picture:
        return ""
    return "## How it was trained\n\n" + "\n".join(filter(None, [_bullets(lines), picture]))


def _confusion(report: Report | None) -> str:
    """The confusion matrix, of few classes, else what each class is worth."""
    if report is None:
        return ""
    names = [plain(name) for name in report.classes]
    if len(names) <= MATRIX_CLASSES:
        rows = [[f"**{name}**", *map(str, row)]
                for name, row in zip(names, report.confusion.tolist(), strict=True)]  # fmt: skip
        return (f"## Confusion matrix\n\nRows are true classes, columns predicted ones.\n\n"
                f"{_table(['', *names], rows)}")  # fmt: skip
    rows = [[name, f"{f1:.3f}", f"{n:,}"]
            for name, f1, n in zip(names, report.f1, report.support, strict=True)]  # fmt: skip
    return f"## F1 by class\n\n{_table(['class', 'F1', f'{report.ITEM}s'], rows)}"


def _sample(model: Any) -> str:
    assert isinstance(model, Model)
    if model.lines:
        text = "\n".join(model.sample(SAMPLE, n=LINES, temperature=0.8, seed=1))
    else:
        text = model.sample(SAMPLE, temperature=0.8, seed=1)
    shown = "\n".join(map(plain, text.split("\n")))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"## A sample\n\nAt temperature 0.8, seed 1:\n\n{fence}text\n{shown}\n{fence}\n"


def _limits(model: SavedModel) -> list[str]:
    vocabulary = model.vocabulary
    size = len(vocabulary) - len(vocabulary.special)
    noun = {"char": "character", "byte": "byte", "word": "word"}[vocabulary.kind]
    unknown = "are read as one unknown symbol" if vocabulary.unknown is not None else "are refused"
    unknown = "are read by their letters alone" if "letters" in model.told() else unknown
    limits = [f"Its vocabulary has {counted(size, noun)}; others {unknown}."]
    if model.classes is not None:
        limits += _limits_of_labels(model)
    else:
        limits += [
            "It writes text that resembles its training text. What it writes has no intended "
            "meaning; it may be false, offensive, or copied from the training text.",
            "It has seen only its training text: its figures hold for text of the same kind.",
        ]  # fmt: skip
    _, mine = figures(model)
    for name, theirs in baselines(model).items():
        for figure in ("bits_per_character", "accuracy"):
            if figure in mine and figure in theirs:
                sign = 1 if figure == "accuracy" else -1
                if sign * theirs[figure] > sign * mine[figure]:
                    limits.append(f"By {METRICS[figure][1]} it is worse than the baseline: {name}.")
    return limits


def _limits_of_labels(model: SavedModel) -> list[str]:
    longest = counted(model.config["seq_len"], "symbol")
    if model.config["task"] == "tag":
        limits = ["It gives every symbol one of its labels, even if none fits.",
                  f"Longer sequences than {longest} are read in windows."]  # fmt: skip
    else:
        limits = ["It gives every text one of its classes, even if the text belongs to none.",
                  f"Of a text it reads the first {longest}."]  # fmt: skip
    if "temperature" in model.config:
        limits.append(
            "Its probabilities were calibrated on the validation part with a temperature."
        )
    else:
        limits.append("Its probabilities were not calibrated: they may be overconfident.")
    report = model.report
    if report is None:
        return [*limits, "Its accuracy has not been measured."]
    weak = [plain(c) for c, f1 in zip(report.classes, report.f1, strict=True) if f1 < WEAK]
    if weak:
        limits.append(f"It is unreliable for {', '.join(weak)}: an F1 below {WEAK}.")
    return limits


def _bullets(lines: list[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown; the first column is text, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in line)} |\n"
                   for line in lines)  # fmt: skip
