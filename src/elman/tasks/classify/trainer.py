"""Learning to classify: the batches, the evaluation, and the run from data to file."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from math import isfinite
from typing import Any

import numpy as np

from ...learn import batches
from ...learn.loop import Event, Loop
from ...learn.run import Run
from ...nn.classifier import ClassifierNetwork
from ...nn.engine import conditions
from ...nn.layers import softmax_cross_entropy
from ...settings import Settings
from ...text.labelled import Labelled, LabelledPart
from ...text.vocabulary import Vocabulary
from .model import Classifier
from .report import Report, baselines, report

Array = np.ndarray
Parts = tuple[LabelledPart, LabelledPart, LabelledPart]

BASELINE_TEXTS = 100_000  # a logistic regression on more takes longer than the network


class ClassifierTrainer(Loop[ClassifierNetwork]):
    """One training run of a classifier."""

    def __init__(
        self,
        network: ClassifierNetwork,
        vocabulary: Vocabulary,
        classes: Sequence[str],
        settings: Settings,
        train: LabelledPart,
        validation: LabelledPart,
    ):
        self.vocabulary, self.classes = vocabulary, list(classes)
        self.train, self.validation = train, validation
        labels = train.labels[train.rows]
        self.class_weights = class_weights(settings.class_weights, labels, len(classes))
        super().__init__(network, settings)

    @property
    def held_out(self) -> bool:
        return bool(len(self.validation))

    def _limit_threads(self) -> AbstractContextManager:
        return self.network.limit_threads()

    def _plan(self) -> batches.LabelledPlan:
        rng = np.random.default_rng([self.settings.seed, 1, self.epoch])
        return batches.LabelledPlan(self.train, self.settings.batch_size, rng)

    def _gradient(self, batch: batches.LabelledBatch) -> float:
        weights = self.class_weights[batch.labels] / len(batch.labels)
        rng = np.random.default_rng([self.settings.seed, 2, self.step])
        inputs = batch.inputs
        if self.settings.symbol_dropout:
            assert self.vocabulary.unknown is not None
            dropped = rng.random(inputs.shape) < self.settings.symbol_dropout
            inputs = np.where(dropped, np.int32(self.vocabulary.unknown), inputs)
        return self.network.loss_and_gradient(
            inputs, batch.labels, weights.astype(self.network.dtype), batch.mask, rng,
            self.settings.label_smoothing or 0.0,
        )  # fmt: skip

    def _step_event(self, batch: batches.LabelledBatch, loss: float) -> Event:
        self.predictions += len(batch.labels)
        self._smooth(loss)
        return {"texts_per_second": self.texts_per_second, "train_loss": self.smoothed}

    @property
    def texts_per_second(self) -> float:
        return self.predictions / max(1e-9, self.seconds)

    def _evaluate(self, last: Event) -> Event:
        found = judge(self.classifier(), self.validation)
        nats = found.nats
        if nats is None or not isfinite(nats):
            self._diverged(float("nan"), last["gradient_norm"])
        assert nats is not None
        # The loss breaks ties: macro-F1 stands still where a part is small.
        by_loss = self.settings.monitor == "loss"
        self._judge(nats if by_loss else 1e-6 * nats - found.macro_f1)
        self._record(last, nats)
        return {
            "event": "evaluation",
            "step": self.step,
            "epoch": last["epoch"],
            "seconds": self.seconds,
            "train_loss": self.smoothed,
            "validation_loss": nats,
            "validation_accuracy": found.accuracy,
            "validation_macro_f1": found.macro_f1,
            "best": self.best_step == self.step,
            "stopped_early": self.stopped_early,
        }

    def classifier(self, network: ClassifierNetwork | None = None) -> Classifier:
        """A classifier with the network as it is now, or with another one."""
        return Classifier(network or self.network, self.vocabulary, self.classes, self.config)

    @property
    def config(self) -> dict[str, Any]:
        """What the model file says about the architecture and the treatment of text."""
        s, network = self.settings, self.network
        return {
            "task": s.task, "tokens": s.tokens, "lowercase": s.lowercase,
            "normalize": s.normalize, "seq_len": s.seq_len, **asdict(network.config),
            "dtype": network.dtype.name,
        }  # fmt: skip

    def learn(self, part: LabelledPart) -> None:
        """One pass over other texts than those that it began with."""
        self.train, self.index = part, 0
        labels = part.labels[part.rows]
        self.class_weights = class_weights(self.settings.class_weights, labels, len(self.classes))
        self.plan = self._plan()
        with self._limit_threads():
            for _ in range(len(self.plan)):
                self._update()


class ClassifierRun(Run):
    """A run that learns a classifier."""

    def __init__(
        self,
        settings: Settings,
        data: Labelled,
        parts: Parts,
        trainer: ClassifierTrainer,
        summary: dict[str, Any],
        started: float,
    ):
        super().__init__(settings, trainer, summary, data.notes, started)
        self.trainer, self.data = trainer, data
        self.train, self.validation, self.test = parts

    def model(self) -> Classifier:
        s, trainer, network = self.settings, self.trainer, self.trainer.trained()
        training: dict[str, Any] = {
            "settings": s.to_json(),
            "corpus": {"paths": self.data.paths, "sha256": self.data.sha256},
            "state": trainer.scalars(),
            "machine": conditions(network.engine),
        }
        return Classifier(
            network, trainer.vocabulary, self.data.classes, trainer.config, self.summary,
            (trainer.tensors(), training),
        )  # fmt: skip

    def _learn(self) -> Iterator[Event]:
        yield from super()._learn()
        if len(self.test) and not self._evaluated() and not self.trainer.stop_requested:
            text = "a logistic regression on n-grams is fitted to compare with"
            yield {"event": "message", "text": text}

    def _start_event(self) -> Event:
        s, trainer, network = self.settings, self.trainer, self.trainer.network
        return {
            "event": "start", "corpus": self.data.names, "texts": len(self.data.texts),
            "classes": self.data.classes, "vocabulary_size": len(trainer.vocabulary),
            "train_texts": len(self.train), "validation_texts": len(self.validation),
            "test_texts": len(self.test), "model": self._path(), "cell": s.cell,
            "hidden_size": network.config.hidden_size, "num_layers": network.config.num_layers,
            "bidirectional": s.bidirectional, "pooling": s.pooling,
            "parameters": network.config.num_parameters(), "engine": network.engine.name,
            "threads": network.engine.threads, "step": trainer.step, "settings": s.to_json(),
        }  # fmt: skip

    def _evaluation_seconds(self) -> float:
        texts = self.validation if len(self.validation) else self.train
        few = LabelledPart(texts.texts, texts.labels, texts.rows[:256])
        start = time.perf_counter()
        judge(self.trainer.classifier(), few)
        needed = (time.perf_counter() - start) * (len(self.validation) + len(self.test))
        return min(needed / max(1, len(few)), 0.4 * self.trainer.limit[1] * 60)

    def _finish(self) -> Event:
        trainer = self.trainer
        if not self._evaluated():
            figures: dict[str, Any] = {
                "texts": len(self.data.texts), "rows": self.data.rows,
                "repeated": self.data.repeated, "conflicting": self.data.conflicting,
                "steps": trainer.step, "epochs": trainer.epoch + trainer.index / len(trainer.plan),
                "seconds": trainer.seconds,
                "texts_per_second": trainer.texts_per_second, "train_loss": trainer.smoothed,
                "best_step": trainer.best_step if trainer.best else trainer.step,
            }  # fmt: skip
            model = trainer.classifier(trainer.trained())
            for name, part in (("validation", self.validation), ("test", self.test)):
                if len(part):
                    figures[name] = judge(model, part).to_json()
            if len(self.test):
                figures["baselines"] = self._baselines()
            self.summary |= figures
            self.save()
        keys = ("texts", "rows", "repeated", "conflicting", "steps", "seconds",
                "texts_per_second", "train_loss", "best_step")  # fmt: skip
        done: Event = {"event": "done"} | {k: self.summary.get(k) for k in keys}
        for name in ("validation", "test"):
            for key, short in (("nats", "loss"), ("accuracy",) * 2, ("macro_f1",) * 2):
                done[f"{name}_{short}"] = (self.summary.get(name) or {}).get(key)
        done["report"] = self.summary.get("test") or self.summary.get("validation")
        done["baselines"] = self.summary.get("baselines")
        parameters = trainer.network.config.num_parameters()
        return done | {"parameters": parameters, "model": self._path()}

    def _baselines(self) -> dict[str, dict[str, float]]:
        """Accuracy and macro-F1 on the test part of what a network has to beat."""
        texts, labels = self.data.texts, self.data.labels
        # The network chose its best parameters by the validation part, so the others read it too.
        seen = np.sort(np.concatenate([self.train.rows, self.validation.rows]))
        train, test = (([texts[i] for i in rows], labels[rows]) for rows in (seen, self.test.rows))
        found = baselines(self.data.classes, train, test, regression=len(seen) <= BASELINE_TEXTS)
        return {name: {"accuracy": r.accuracy, "macro_f1": r.macro_f1} for name, r in found.items()}


def judge(model: Classifier, part: LabelledPart) -> Report:
    """Compare what a classifier says about a part with its labels."""
    labels = part.labels[part.rows]
    logits = model.logits(part.chosen())
    nats = softmax_cross_entropy(logits[None], labels[None])[0][0]
    return report(model.classes, labels, logits.argmax(axis=1), nats)


def class_weights(kind: str, labels: Array, num_classes: int) -> Array:
    """What the loss of each class (C,) counts; its mean over the labels is 1.

    `balanced`: 1/n of n examples, so that every class counts alike; `sqrt`: 1/√n,
    half-way; `none`: every text counts alike.
    """
    if not len(labels):
        return np.ones(num_classes)
    counts = np.maximum(1, np.bincount(labels, minlength=num_classes)).astype(np.float64)
    weights = counts ** {"none": 0.0, "sqrt": -0.5, "balanced": -1.0}[kind]
    return weights / weights[labels].mean()
