"""A run that learns a language, by a network or a Markov chain: baselines and final figures."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from math import log
from typing import Any

import numpy as np

from ...learn.run import Run
from ...learn.state import Event
from ...nn.network import Network
from ...text.corpus import Corpus
from ...text.parts import Part
from ...text.vocabulary import Vocabulary
from . import scoring, temperature
from .model import Model
from .ngram import NGram
from .trainer import Trainer

BASELINE_ORDER = 4
BASELINE_SYMBOLS = 5_000_000  # more text hardly helps a chain of order 4, and takes its time
STREAM = 1_000_000  # symbols of held-out text from which a final figure uses several streams
CHAIN_CHUNK = 1 << 15  # a chain has no steps: it looks up whole stretches at once


class LanguageRun(Run):
    """A run that learns a language: a network, or a Markov chain."""

    learner: Trainer | NGram

    DONE = ("steps", "seconds", "characters_per_second", "train_bits_per_character",
            "validation_bits_per_character", "validation_nats_per_character",
            "validation_perplexity", "test_bits_per_character", "test_perplexity",
            "temperature", "best_step", "baselines")  # fmt: skip

    @property
    def waiting_for(self) -> str:
        much = self.train.predictions > 1_000_000
        return "counting a Markov chain for comparison" if much else ""

    def model(self) -> Model:
        s, vocabulary = self.settings, self.data.vocabulary
        config: dict[str, Any] = {
            "task": s.task, "cell": s.cell, "vocabulary_size": len(vocabulary),
            "tokens": s.tokens, "lines": s.lines, "separator": s.separator,
            "lowercase": s.lowercase, "normalize": s.normalize, "unknown": s.unknown,
            "characters_per_symbol": characters_per_symbol(self.data.source),
        }  # fmt: skip
        network: Network | NGram
        if isinstance(self.learner, NGram):
            network = self.learner
            config["order"] = s.order
        else:
            network = self.learner.trained()
            config |= asdict(network.config) | {"dtype": network.dtype.name}
        return Model(network, vocabulary, config, self.summary, self.history())

    def _learn(self) -> Iterator[Event]:
        if isinstance(self.learner, NGram):
            self.learner.train(*training_stream(self.train, self.data.vocabulary))
        else:
            yield from super()._learn()

    def _start_figures(self) -> Event:
        source = self.data.source
        return {
            "form": source.form,
            "encodings": source.encodings,
            "records": source.records,
            "characters": source.characters,
            "train_symbols": self.train.predictions,
            "validation_symbols": self.validation.predictions,
            "held_out": self.data.held_out,
        }

    def _figures(self) -> Event:
        learner = self.learner
        figures: Event = {"steps": 0}
        network: scoring.LanguageModel
        if isinstance(learner, Trainer):
            # With another schedule nothing ends: the training may go on as if it had not stopped.
            s = self.settings
            if learner.held_out and learner.step and s.calibrate and s.schedule == "cosine":
                figures["temperature"] = learner.calibrate()
                best = learner.best_step if learner.best else learner.step
                if best == self.summary.get("best_step"):  # a longer run found none better: both
                    figures["temperature"] *= self.summary.get("temperature", 1.0)
            network = learner.trained()
            figures["seconds"] = learner.seconds
            if learner.step:
                figures["steps"] = learner.step
                figures["characters_per_second"] = learner.characters_per_second
                figures["train_bits_per_character"] = learner.bits(learner.smoothed or 0.0)
                figures["best_step"] = learner.best_step if learner.best else learner.step
        else:
            network = learner
            seconds = time.monotonic() - self._started
            score = self._score(network, self.train)
            figures |= {
                "seconds": seconds,
                "characters_per_second": self.train.predictions / max(1e-9, seconds),
                "train_bits_per_character": score.bits_per_character,
            }
        for name, part in (("validation", self.validation), ("test", self.test)):
            if part.predictions:
                score = self._score(network, part)
                figures[f"{name}_nats_per_character"] = score.nats_per_character
                figures[f"{name}_bits_per_character"] = score.bits_per_character
                figures[f"{name}_perplexity"] = score.perplexity
        self._add_baselines()
        return figures

    def _disappointments(self) -> list[str]:
        name = ahead(self.summary)
        if name == "uniform":
            return ["this model is worse on the held-out text than a uniform one: it has learned "
                    "nothing that applies to it; check that this text is like the rest "
                    "(--validation), else lower --learning-rate"]  # fmt: skip
        if name is not None and isinstance(self.learner, Trainer):
            ways = "train longer (--minutes, --epochs), or on more text"
            if self.learner.stopped_early:
                ways = "it has learned what it can; train on more text, or use --cell ngram"
            return [f"the {name} still predicts the held-out text better than this network: {ways}"]
        return []

    def _score(self, model: scoring.LanguageModel, part: Part) -> scoring.Score:
        vocabulary, parallel = self.data.vocabulary, max(1, part.predictions // STREAM)
        if isinstance(model, Network):
            with model.limit_threads():
                return scoring.evaluate(model, part, vocabulary, parallel)
        return scoring.evaluate(model, part, vocabulary, parallel, chunk=CHAIN_CHUNK)

    def _add_baselines(self) -> None:
        """Held-out bits per character of the models that a network has to beat."""
        if "baselines" in self.summary or not self.validation.predictions:
            return
        v, per_symbol = self.data.vocabulary, self.validation.characters_per_symbol
        chain = NGram(len(v), BASELINE_ORDER, v.begin)
        chain.train(*training_stream(self.train, v, BASELINE_SYMBOLS))
        score = self._score(chain, self.validation)
        uniform = float(np.log2(len(v)) / per_symbol)
        even = replace(score, nats=score.symbols * log(len(v)))
        self.summary["baselines"] = {
            "uniform": {"bits_per_character": uniform, "perplexity": even.perplexity},
            f"chain of order {BASELINE_ORDER}": {
                "bits_per_character": score.bits_per_character, "perplexity": score.perplexity,
            },
        }  # fmt: skip

    def _try_evaluation(self) -> tuple[int, int]:
        assert isinstance(self.learner, Trainer)
        wanted = self.validation.predictions + self.test.predictions
        wanted += min(self.validation.predictions, temperature.SYMBOLS)
        tried = min(1024, self.validation.predictions or 1)
        if wanted:
            network, vocabulary = self.learner.network, self.data.vocabulary
            scoring.evaluate(network, self.validation, vocabulary, limit=tried)
        return tried, wanted


def ahead(figures: Mapping[str, Any]) -> str | None:
    """Of final figures the baseline that predicts the held-out text better than the model."""
    bits = figures.get("validation_bits_per_character")
    for name, theirs in (figures.get("baselines") or {}).items():
        if bits is not None and bits > theirs.get("bits_per_character", bits):
            return name
    return None


def training_stream(
    part: Part, vocabulary: Vocabulary, most: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The symbols of a part as one stream, records with their borders: what a chain counts.

    `most` keeps this many of the last symbols of running text, of every slice in
    proportion, or of the records about as many. The second array are the places in it where
    a slice begins.
    """
    if part.slices is not None:
        kept = part.slices.copy()
        lengths = kept[:, 1] - kept[:, 0]
        if most is not None and lengths.sum() > most:
            kept[:, 0] = kept[:, 1] - np.ceil(lengths * (most / lengths.sum())).astype(np.int64)
        stream = np.concatenate([part.ids[begin:end] for begin, end in kept])
        return stream, np.cumsum(kept[:-1, 1] - kept[:-1, 0])
    if part.offsets is None or part.rows is None:
        return (part.ids if most is None else part.ids[-most:]), None
    assert vocabulary.begin is not None
    assert vocabulary.end is not None
    lengths = part.offsets[part.rows + 1] - part.offsets[part.rows] + 2
    ends = np.cumsum(lengths)
    first = 0 if most is None else int(np.searchsorted(ends, ends[-1] - most))
    rows, lengths = part.rows[first:], lengths[first:]
    starts = np.cumsum(lengths) - lengths
    stream = np.empty(int(lengths.sum()), vocabulary.dtype)
    # place in the corpus of every symbol, borders included, then the borders over it
    places = np.repeat(part.offsets[rows] - 1 - starts, lengths)
    places += np.arange(len(stream))
    stream[:] = part.ids[np.clip(places, 0, len(part.ids) - 1)]
    stream[starts], stream[starts + lengths - 1] = vocabulary.begin, vocabulary.end
    return stream, None


def characters_per_symbol(text: Corpus) -> float:
    """1 for characters and bytes; of words their mean length in this corpus."""
    return text.characters / max(1, len(text.ids)) if text.vocabulary.kind == "word" else 1.0
