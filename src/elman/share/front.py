"""The front matter of a card: what the Hugging Face hub reads of it, in YAML."""

import json
import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ..errors import UsageError
from ..store.modelfile import SavedModel
from ..tasks.reports import REPORTS
from ..tasks.tag.report import ALL

LEVELS = {"char": "character-level", "byte": "byte-level", "word": "word-level"}
# What a figure of ours is called there, and here; the first is a metric that the hub knows.
METRICS = {
    "bits_per_character": ("bits_per_character", "bits per character"),
    "perplexity": ("perplexity", "perplexity"),
    "accuracy": ("accuracy", "accuracy"),
    "macro_f1": ("f1", "macro-F1"),
    "span_f1": ("f1", "spans F1"),
}


@dataclass(frozen=True)
class Kind:
    """What a card calls the models of a task.

    Attributes
    ----------
    what : they are
    verb : that takes them, and `call` of a model in Python
    pipeline : what the hub calls what they do
    """

    what: str
    verb: str
    call: str
    pipeline: str


KINDS = {
    "lm": Kind("language model", "sample", "print(model.sample(200, seed=1))", "text-generation"),
    "classify": Kind("classifier of short texts", "classify",
                     'print(model.predict(["a text", "another"]))', "text-classification"),
    "tag": Kind("tagger", "tag", 'print(model.predict("a text"))', "token-classification"),
}  # fmt: skip


def kind_of(model: SavedModel) -> Kind:
    """What a card calls such a model."""
    return KINDS[model.config.get("task", "lm")]


@dataclass(frozen=True)
class Told:
    """What only people can say of a model.

    Attributes
    ----------
    license : an identifier of the hub, such as "mit"; None: nothing is said
    language : codes such as "en"
    datasets : names of data sets on the hub
    """

    license: str | None = None
    language: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.license is not None and not re.fullmatch(r"[a-z][a-z0-9.-]*", self.license):
            raise UsageError(f"--license must be an identifier of the hub, such as mit or "
                             f"cc-by-4.0, not {self.license!r}")  # fmt: skip
        for code in self.language:
            if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*|multilingual|code", code):
                raise UsageError(f"--language must be a code such as en or de, not {code!r}")
        for name in self.datasets:
            if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
                raise UsageError(f"--datasets must be names of the hub, such as user/name, not "
                                 f"{name!r}")  # fmt: skip


def front_matter(model: SavedModel, name: str, told: Told) -> dict[str, Any]:
    """What comes before a card, as the hub wants it."""
    task = kind_of(model).pipeline
    cell = model.config["cell"]
    tags = ["elman", "markov-chain" if cell == "ngram" else "recurrent-neural-network", cell]
    matter: dict[str, Any] = {"library_name": "elman", "pipeline_tag": task}
    if told.license:
        matter["license"] = told.license
    if told.language:
        matter["language"] = list(told.language)
    if told.datasets:
        matter["datasets"] = list(told.datasets)
    matter["tags"] = [*tags, LEVELS[model.vocabulary.kind]]
    results = _results(model, task, told)
    if results:
        matter["model-index"] = [{"name": name, "results": results}]
    return matter


def figures(model: SavedModel) -> tuple[str, dict[str, float]]:
    """The part that the figures of a model are about, and the figures; "" without any."""
    if model.classes is not None:
        for part in REPORTS:
            if part in model.summary:
                found = model.summary[part]
                return part, _known(found | _spans(found))
        return "", {}
    for part in ("validation", "test"):
        found = {n: model.summary.get(f"{part}_{n}") for n in ("bits_per_character", "perplexity")}
        if _known(found):
            return part, _known(found)
    return "", {}


def _spans(report: dict[str, Any]) -> dict[str, float]:
    return {"span_f1": report["spans"][ALL]["f1"]} if report.get("spans") else {}


def baselines(model: SavedModel) -> dict[str, dict[str, float]]:
    """The figures of what the model is compared with, by name."""
    found = {name: _known(values) for name, values in model.summary.get("baselines", {}).items()}
    return {name: values for name, values in found.items() if values}


def _known(values: dict[str, Any]) -> dict[str, float]:
    return {n: values[n] for n in METRICS if values.get(n) is not None and isfinite(values[n])}


def _results(model: SavedModel, task: str, told: Told) -> list[dict[str, Any]]:
    part, mine = figures(model)
    if not mine:
        return []
    title = ", ".join(model.summary.get("corpus", [])) or "text"
    kind = (told.datasets or (re.sub(r"[^\w.-]+", "-", title).strip("-") or "text",))[0]
    metrics = [_metric(name, value, "") for name, value in mine.items()]
    for other, theirs in baselines(model).items():
        metrics += [_metric(name, value, f" of {other}") for name, value in theirs.items()]
    dataset = {"name": plain(title), "type": kind, "split": part}
    return [{"task": {"type": task}, "dataset": dataset, "metrics": metrics}]


def _metric(name: str, value: float, of: str) -> dict[str, Any]:
    kind, words = METRICS[name]
    return {"type": kind, "value": round(value, 4), "name": plain(words + of)}


def plain(text: str) -> str:
    """A text of one line, without what cannot be seen."""
    return "".join(c if c.isprintable() else " " for c in text)


def yaml(value: Any, indent: int = 0) -> str:
    """Objects, lists, strings and numbers as YAML; strings are quoted as in JSON."""
    space = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{space}{name}:{_inside(item, indent)}" for name, item in value.items())
    if isinstance(value, list):
        return "".join(f"{space}-{_item(item, indent)}" for item in value)
    return json.dumps(value, ensure_ascii=False)


def _inside(value: Any, indent: int) -> str:
    if isinstance(value, dict | list):
        return "\n" + yaml(value, indent + 1)
    return f" {yaml(value)}\n"


def _item(value: Any, indent: int) -> str:
    """An item of a list: the first name of an object follows the dash."""
    if isinstance(value, dict | list):
        return " " + yaml(value, indent + 1).lstrip()
    return f" {yaml(value)}\n"
