"""A training run from start to file: baselines, training loop, saves, final figures."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from ..errors import ElmanError
from ..files import OutputFile
from ..nn.engine import conditions
from ..nn.network import Network
from ..settings import Settings
from ..tasks.classify.model import Classifier
from ..tasks.language import scoring
from ..tasks.language.model import Model
from ..tasks.language.ngram import NGram
from ..tasks.language.trainer import Event, Trainer
from ..text import corpus
from ..text.vocabulary import Vocabulary
from .loop import Loop

BASELINE_ORDER = 4
BASELINE_SYMBOLS = 5_000_000  # more text hardly helps a chain of order 4, and takes its time
STREAM = 1_000_000  # symbols of held-out text from which a final figure uses several streams


class Run:
    """A prepared training run: what is common to all tasks.

    A subclass says what its model is, what it starts and ends with: `model`,
    `_start_event`, `_add_baselines`, `_evaluation_seconds`, `_finish`.
    """

    def __init__(
        self,
        settings: Settings,
        learner: Loop | NGram,
        summary: dict[str, Any],
        notes: list[str],
        started: float,
    ):
        self.settings, self.learner = settings, learner
        self.summary = summary
        self.notes = list(notes)
        self.output: OutputFile | None = None
        self._started = started

    slow_baselines = False  # whether one has to wait for `_add_baselines`

    def model(self) -> Model | Classifier:
        """The model as it is now, with what is needed to go on training it."""
        raise NotImplementedError

    def _start_event(self) -> Event:
        raise NotImplementedError

    def _add_baselines(self) -> None:
        """Figures of what the network has to beat, if they belong before the training."""

    def _evaluation_seconds(self) -> float:
        """How long the last evaluation will take."""
        raise NotImplementedError

    def _finish(self) -> Event:
        """Final figures, the last save, the "done" event."""
        raise NotImplementedError

    def open(self, file: OutputFile) -> None:
        """Write to this file, and close it at the end; see early that it will fit."""
        self.output = file
        try:
            file.reserve(2 * len(self.model().pack()))
        except BaseException:
            file.close()
            raise

    def save(self) -> None:
        """Write the model file, if there is one."""
        if self.output is not None:
            self.output.write(self.model().pack())

    def stop(self) -> None:
        """Ask the run to end after the step that it is in, or at once if there is none."""
        if not isinstance(self.learner, Loop) or not self.learner.running:
            raise KeyboardInterrupt
        self.learner.stop_requested = True

    def events(self) -> Iterator[Event]:
        """Train, evaluate, save. Raises DivergedError, ElmanError if a save fails."""
        try:
            yield self._start_event()
            for note in self.notes:
                yield {"event": "message", "text": note}
            yield from self._learn()
            if isinstance(self.learner, Loop) and self.learner.stop_requested:
                return
            yield self._finish()
        finally:
            if self.output is not None:
                self.output.close()

    def _learn(self) -> Iterator[Event]:
        assert isinstance(self.learner, Loop)
        yield from self._train(self.learner)

    def _train(self, trainer: Loop) -> Iterator[Event]:
        if trainer.finished and trainer.step:  # a finished run was resumed
            return
        try:
            if trainer.step == 0:
                if self.slow_baselines:
                    yield {"event": "message", "text": "counting a Markov chain to compare with"}
                self._add_baselines()
                if trainer.limit[0] == "minutes":
                    trainer.reserve = self._evaluation_seconds()
                trainer.seconds_before = time.monotonic() - self._started
                if self.output is not None and not self.output.path.exists():
                    self.save()  # an older model stands until this one has learned something
            yield from trainer.events(self.save)
        except ElmanError as error:
            kept = ""
            if self.output is not None and self.output.path.exists():
                kept = f"; the model file {self.output.path} stands as it was last saved"
            raise type(error)(f"{error}{kept}") from None
        if trainer.stop_requested:
            self.save()
            yield {"event": "interrupted", "step": trainer.step, "model": self._path()}

    def _evaluated(self) -> bool:
        """Whether the final figures are there already: a finished run was resumed."""
        learner = self.learner
        return (
            isinstance(learner, Loop)
            and self.summary.get("steps") == learner.step
            and "seconds" in self.summary
        )

    def _path(self) -> str | None:
        return None if self.output is None else str(self.output.path)


class TextRun(Run):
    """A run that learns a language: a network, or a Markov chain."""

    def __init__(
        self,
        settings: Settings,
        text: corpus.Corpus,
        parts: tuple[corpus.Part, corpus.Part, corpus.Part],
        learner: Trainer | NGram,
        summary: dict[str, Any],
        started: float,
    ):
        super().__init__(settings, learner, summary, text.notes, started)
        self.learner: Trainer | NGram = learner
        self.text = text
        self.train, self.validation, self.test = parts
        self.slow_baselines = self.train.predictions > 1_000_000

    def _learn(self) -> Iterator[Event]:
        if isinstance(self.learner, NGram):
            self.learner.train(training_stream(self.train, self.text.vocabulary))
        else:
            yield from self._train(self.learner)

    def model(self) -> Model:
        """The model as it is now, with what is needed to go on training it."""
        s, vocabulary = self.settings, self.text.vocabulary
        config: dict[str, Any] = {
            "task": s.task, "cell": s.cell, "vocabulary_size": len(vocabulary),
            "tokens": s.tokens, "lines": s.lines, "lowercase": s.lowercase,
            "normalize": s.normalize, "unknown": s.unknown,
            "characters_per_symbol": characters_per_symbol(self.text),
        }  # fmt: skip
        training: dict[str, Any] = {
            "settings": s.to_json(),
            "corpus": {"paths": self.text.paths, "sha256": self.text.sha256},
        }
        if isinstance(self.learner, NGram):
            config["order"] = s.order
            return Model(self.learner, vocabulary, config, self.summary, ({}, training))
        network = self.learner.trained()
        config |= asdict(network.config)
        config["dtype"] = network.dtype.name
        training["state"] = self.learner.scalars()
        training["machine"] = conditions(network.engine)
        return Model(network, vocabulary, config, self.summary, (self.learner.tensors(), training))

    def _finish(self) -> Event:
        """Final figures over all held-out text, the last save, the "done" event."""
        learner = self.learner
        if not self._evaluated():
            figures: dict[str, Any] = {}
            network: scoring.LanguageModel
            if isinstance(learner, Trainer):
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
            self.summary |= {"steps": 0} | figures
            self.save()
        parameters = (
            learner.network.config.num_parameters()
            if isinstance(learner, Trainer)
            else learner.num_parameters()
        )
        keys = ("steps", "seconds", "characters_per_second", "train_bits_per_character",
                "validation_bits_per_character", "validation_nats_per_character",
                "validation_perplexity", "test_bits_per_character", "test_perplexity",
                "best_step", "baselines")  # fmt: skip
        done: Event = {"event": "done"} | {k: self.summary.get(k) for k in keys}
        return done | {"parameters": parameters, "model": self._path()}

    def _score(self, model: scoring.LanguageModel, part: corpus.Part) -> scoring.Score:
        parallel = max(1, part.predictions // STREAM)
        per_symbol = characters_per_symbol(self.text)
        if isinstance(model, Network):
            with model.engine.limit_threads():
                return scoring.evaluate(model, part, self.text.vocabulary, per_symbol, parallel)
        chunk = 1 << 15  # a chain has no steps: it looks up whole stretches at once
        return scoring.evaluate(
            model, part, self.text.vocabulary, per_symbol, parallel, chunk=chunk
        )

    def _add_baselines(self) -> None:
        """Held-out bits per character of the models that a network has to beat."""
        if "baselines" in self.summary or not self.validation.predictions:
            return
        v, per_symbol = self.text.vocabulary, characters_per_symbol(self.text)
        chain = NGram(len(v), BASELINE_ORDER, v.begin)
        chain.train(training_stream(self.train, v, BASELINE_SYMBOLS))
        score = self._score(chain, self.validation)
        uniform = float(np.log2(len(v)) / per_symbol)
        self.summary["baselines"] = {
            "uniform": {"bits_per_character": uniform, "perplexity": float(len(v))},
            f"chain of order {BASELINE_ORDER}": {
                "bits_per_character": score.bits_per_character, "perplexity": score.perplexity,
            },
        }  # fmt: skip

    def _evaluation_seconds(self) -> float:
        """How long the last evaluation will take, at most 40 % of the time there is."""
        trainer = self.learner
        assert isinstance(trainer, Trainer)
        wanted = self.validation.predictions + self.test.predictions
        if not wanted:
            return 0.0
        start, tried = time.perf_counter(), min(1024, self.validation.predictions or 1)
        scoring.evaluate(trainer.network, self.validation, self.text.vocabulary, limit=tried)
        needed = (time.perf_counter() - start) * wanted / tried
        return min(needed, 0.4 * trainer.limit[1] * 60)

    def _start_event(self) -> Event:
        s = self.settings
        event: Event = {
            "event": "start", "corpus": self.text.names, "characters": self.text.characters,
            "vocabulary_size": len(self.text.vocabulary), "cell": s.cell,
            "train_symbols": self.train.predictions,
            "validation_symbols": self.validation.predictions, "model": self._path(),
        }  # fmt: skip
        if isinstance(self.learner, Trainer):
            config, engine = self.learner.network.config, self.learner.network.engine
            event |= {
                "hidden_size": config.hidden_size, "num_layers": config.num_layers,
                "parameters": config.num_parameters(), "engine": engine.name,
                "threads": engine.threads, "step": self.learner.step, "settings": s.to_json(),
            }  # fmt: skip
        return event


def training_stream(
    part: corpus.Part, vocabulary: Vocabulary, most: int | None = None
) -> np.ndarray:
    """The symbols of a part as one stream, lines with their borders: what a chain counts.

    `most` keeps the last so many symbols of running text, or of the lines about as many.
    """
    if part.offsets is None or part.rows is None:
        return part.ids if most is None else part.ids[-most:]
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
    return stream


def characters_per_symbol(text: corpus.Corpus) -> float:
    """1 for characters and bytes; of words their mean length in this corpus."""
    return text.characters / max(1, len(text.ids)) if text.vocabulary.kind == "word" else 1.0
