"""What all recipes share: corpora, seeds, training with progress, and the report they write.

A report is plain data, as its JSON file holds it. From it come the tables on the terminal,
the page of `page.py` and the pictures of `pictures.py`.
"""

import math
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError, counted, flag
from ..nn.engine import Engine, processor, select
from ..tasks import all_settings
from ..tasks.training import train
from ..text import corpora
from ..text import read as text
from ..text.sources import Source

SEEDS = (0, 1, 2)
POINTS = 120  # of a curve: more are not seen

Cell = str | int | float | dict[str, Any] | None


@dataclass(frozen=True)
class Recipe:
    """One article to reproduce.

    Attributes
    ----------
    title : of its chapter of the page
    source : who published what, where
    about : what is done, in a paragraph
    run : does it, section after section
    """

    title: str
    source: str
    about: str
    run: Callable[["Lab"], None]


@dataclass
class Section:
    """A part of a report: paragraphs, settings, a table, samples, a picture."""

    title: str
    text: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    rows: list[list[Cell]] = field(default_factory=list)
    samples: list[tuple[str, str]] = field(default_factory=list)
    picture: dict[str, Any] | None = None

    def say(self, paragraph: str) -> None:
        self.text.append(paragraph)

    def use(self, label: str, settings: Mapping[str, Any], beside: str = "") -> None:
        """Name the exact settings of a row or curve: as flags of `elman train`.

        `beside` says what no flag can say.
        """
        self.settings[f"{label} ({beside})" if beside else label] = as_flags(settings)

    def table(self, columns: dict[str, str], rows: Sequence[Sequence[Cell]]) -> None:
        """Rows under columns, each with the format of its numbers ("" for text)."""
        self.columns, self.rows = columns, [list(row) for row in rows]

    def sample(self, label: str, written: str) -> None:
        self.samples.append((label, written))

    def curves(
        self,
        name: str,
        x: str,
        y: str,
        series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
        caption: str,
        log: str = "",
        levels: Mapping[str, float] | None = None,
    ) -> None:
        """A picture of curves.

        `log` names the axes that are logarithmic ("x", "y", "xy"); `levels` are drawn as
        horizontal lines.
        """
        self.picture = {
            "name": name, "x": x, "y": y, "log": log, "caption": caption,
            "levels": dict(levels or {}),
            "series": {label: thin(*points) for label, points in series.items()},
        }  # fmt: skip


class Lab:
    """Where a recipe works: it asks for corpora and trainings, and writes sections.

    Attributes
    ----------
    quick : whether to run a tiny version, in seconds, whose figures mean nothing
    seeds : a figure is a mean over these
    """

    seeds = SEEDS

    def __init__(
        self,
        name: str,
        quick: bool = False,
        corpus: str | None = None,
        unseen: str | None = None,
    ):
        self.name, self.quick, self.unseen = name, quick, unseen
        self._corpus = corpus
        self.sections: list[Section] = []
        self.left_out: list[str] = []
        self._started = time.monotonic()

    def choose(self, full: Any, quick: Any) -> Any:
        """The first, or in a quick run the second."""
        return quick if self.quick else full

    def section(self, title: str, *paragraphs: str) -> Section:
        self.sections.append(Section(title, list(paragraphs)))
        return self.sections[-1]

    def progress(self, message: str) -> None:
        """One line on stderr."""
        seconds = time.monotonic() - self._started
        print(f"{self.name} {seconds:6.1f} s  {message}", file=sys.stderr, flush=True)

    def attempt(self, part: Callable[["Lab"], None]) -> None:
        """A part of a recipe that needs a corpus which others of its parts do not need.

        Without the corpus the part is left out, with a message.
        """
        before = len(self.sections)
        try:
            part(self)
        except CorpusError as error:
            del self.sections[before:]
            self.left_out.append(str(error))
            self.progress(f"left out: {error}")

    # -- corpora -------------------------------------------------------------------

    def corpus(self, name: str) -> str:
        """What `elman.train` takes: the named corpus, or the one given instead."""
        return self._corpus or name

    def read(self, name: str) -> str:
        """The text of a corpus, a file or a named one.

        Raises
        ------
        CorpusError : it is not to be had
        """
        return read_text(self.corpus(name))

    @cached_property
    def folder(self) -> Path:
        """For texts and models that a run needs; `close` removes it."""
        return Path(tempfile.mkdtemp(prefix="elman-reproduce-"))

    def file(self, name: str, content: str) -> str:
        """A text file for `elman.train` to read."""
        path = self.folder / name
        path.write_text(content, encoding="utf-8", newline="")
        return str(path)

    def close(self) -> None:
        if "folder" in self.__dict__:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- training ------------------------------------------------------------------

    def train(
        self, label: str, corpus: str | Sequence[tuple[str, str]], seed: int = 0, **settings: Any
    ) -> Any:
        """`elman.train`, announced on stderr; returns its Model (or Classifier)."""
        self.progress(f"{label}, seed {seed}")
        if self.quick:  # tiny networks do not gain from threads
            settings = {"threads": 1} | settings
        return train(corpus, seed=seed, progress=False, **settings)

    def trainings(
        self, label: str, corpus: str, watch: Callable[[], Any] | None = None, **settings: Any
    ) -> tuple[list[Any], list[Any]]:
        """A training with every seed: the models, and what was watched step by step.

        `watch` makes what is called with every event of one training.
        """
        if watch is None:
            return [self.train(label, corpus, seed, **settings) for seed in self.seeds], []
        watches = [watch() for _ in self.seeds]
        models = [
            self.train(label, corpus, seed, on_event=each, log_every=1, **settings)
            for seed, each in zip(self.seeds, watches, strict=True)
        ]
        return models, watches

    def report(self, recipe: Recipe, command: str) -> dict[str, Any]:
        """Everything that was found, as plain data."""
        return {
            "recipe": self.name, "title": recipe.title, "source": recipe.source,
            "about": recipe.about, "command": command, "quick": self.quick,
            "seeds": list(self.seeds), "seconds": round(time.monotonic() - self._started, 1),
            "machine": machine(select()), "left_out": self.left_out,
            "sections": [vars(section) for section in self.sections],
        }  # fmt: skip


class SmoothedLoss:
    """Follows a training as min-char-rnn does: 0.999 of the old value, 0.001 of a new loss.

    It starts at the loss of a window of T symbols when all V are equally likely,
    -ln(1/V)·T; `values` are nats per symbol, one an iteration. `carried` are the bits per
    held-out character of the last evaluation, which starts from the training state.
    """

    def __init__(self, seq_len: int):
        self.seq_len, self.values = seq_len, list[float]()
        self.carried = math.nan
        self._smooth = 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "start":
            self._smooth = -math.log(1 / event["vocabulary_size"]) * self.seq_len
        elif event["event"] == "step":
            self._smooth = 0.999 * self._smooth + 0.001 * event["loss"]
            self.values.append(self._smooth / self.seq_len)
        elif event["event"] == "evaluation":
            self.carried = event["validation_bits_per_character"]


def run(
    name: str, recipe: Recipe, quick: bool, corpus: str | None, unseen: str | None
) -> dict[str, Any]:
    """Run one recipe and return its report."""
    lab = Lab(name, quick, corpus, unseen)
    command = f"elman reproduce {name}" + " --quick" * quick + " --unseen FILE" * bool(unseen)
    try:
        recipe.run(lab)
    finally:
        lab.close()
    return lab.report(recipe, command)


def read_text(name: str) -> str:
    """The text of a file, or of a named corpus.

    Raises
    ------
    CorpusError : no such file or corpus, no UTF-8, or nothing in it
    """
    if name in corpora.DESCRIPTIONS and not Path(name).is_file():
        sources = corpora.sources(name)
    elif Path(name).is_file():
        sources = [Source(name, Path(name))]
    else:
        raise CorpusError(f"there is no file {name!r}, and no corpus of that name")
    found = "".join(map(str, text.read_pieces(sources, text.TextOptions())))
    if not found.strip():
        raise CorpusError(f"{name} holds no text")
    return found


def mean(values: Sequence[float]) -> dict[str, Any]:
    """Mean and spread (sample standard deviation) over seeds, with the values themselves."""
    plain = [float(f"{float(v):.6g}") for v in values]
    spread = statistics.stdev(plain) if len(plain) > 1 else 0.0
    return {"mean": statistics.fmean(plain), "spread": spread, "values": plain}


def start(model: Any, wish: str) -> str:
    """A prime for a sample; none if the model does not know one of its symbols."""
    known = model.vocabulary.ids
    return wish if model.vocabulary.kind != "char" or all(c in known for c in wish) else ""


def average(curves: Sequence[Sequence[float]]) -> list[float]:
    """The mean of curves over seeds, point by point."""
    return [statistics.fmean(points) for points in zip(*curves, strict=True)]


def show(cell: Cell, form: str) -> str:
    """A cell of a table as text; a mean with its spread."""
    if cell is None:
        return "–"
    if isinstance(cell, dict):
        return f"{cell['mean']:{form}} ± {cell['spread']:{form}}"
    return cell if isinstance(cell, str) else f"{cell:{form}}"


# Switches that are on by default: --no-bias is said where there is none.
ON = {name for name, of in all_settings().items() if any(f.default is True for f in of.values())}


def as_flags(settings: Mapping[str, Any]) -> str:
    """Settings as the command line takes them."""
    words = []
    for name, value in settings.items():
        if isinstance(value, bool):
            if value is not (name in ON):
                words.append(flag(name, value))
        elif value is not None:
            words.append(f"{flag(name)} {value}")
    return " ".join(words)


def thin(xs: Sequence[float], ys: Sequence[float]) -> list[list[float]]:
    """At most POINTS of a curve, first and last among them, in four digits."""
    keep = np.unique(np.linspace(0, len(xs) - 1, min(POINTS, len(xs))).round().astype(int))
    return [[float(f"{values[i]:.4g}") for i in keep] for values in (xs, ys)]


def machine(engine: Engine) -> str:
    """The machine that gave the figures, in a line."""
    return (
        f"{processor()}, {os.cpu_count()} cores; {platform.system()}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}; "
        f"default engine {engine.name} ({engine.reason}), {counted(engine.threads, 'thread')}"
    )
