"""Learning to classify: the batches that the training loop runs over, and the evaluation."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ...learn.batches import there
from ...learn.shards import Shards
from ...learn.state import Event
from ...nn.classifier import ClassifierNetwork
from ...nn.layers import softmax_cross_entropy
from ...nn.wide import ngrams
from ...text.labelled import LabelledPart
from ...text.vocabulary import Vocabulary
from ..calibration import calibrated
from ..reports import Report, report
from ..table import TableLoop
from . import batches
from .model import Classifier
from .settings import RATES, ClassifySettings

Array = np.ndarray

# Of the loss 0.9 is that of the cells alone at first, nothing from a third of the run on. A table
# soon knows long texts by heart, and then the cells have nothing to learn: lines of three books
# 0.958 without, 0.969 with. Words lose if it lasts: Czech, Slovene and Serbo-Croatian 0.886
# without, 0.886 until a third, 0.883 until half of the run.
ALONE, ALONE_UNTIL = 0.9, 1 / 3


class ClassifierTrainer(TableLoop[ClassifierNetwork]):
    """One training run of a classifier.

    `stripped` says whether its texts lost the white space around them; `temperature` is what
    the logits of the finished classifier are divided by.
    """

    settings: ClassifySettings
    ngrams = staticmethod(ngrams)

    def __init__(
        self,
        network: ClassifierNetwork,
        vocabulary: Vocabulary,
        classes: Sequence[str],
        settings: ClassifySettings,
        train: LabelledPart,
        validation: LabelledPart,
        stripped: bool = False,
    ):
        self.default_rate = RATES[settings.optimizer]
        self.vocabulary, self.classes, self.stripped = vocabulary, list(classes), stripped
        self.temperature: float | None = None
        self.judged: Report | None = None  # what the last look at the validation part found
        self.train, self.validation = train, validation
        labels = train.labels[train.rows]
        self.class_weights = class_weights(settings.class_weights, labels, len(classes))
        super().__init__(network, settings)

    @property
    def held_out(self) -> bool:
        return bool(len(self.validation))

    def _plan(self) -> batches.LabelledPlan:
        rng = np.random.default_rng([self.settings.seed, 1, self.epoch])
        return batches.LabelledPlan(self.train, self.settings.batch_size, rng)

    def _gradient(self, batch: batches.LabelledBatch, shard: int, rows: slice) -> float:
        labels, (text, mask) = batch.labels[rows], there(batch.inputs, batch.mask, rows)
        weights = self.class_weights[labels] / batch.width
        inputs, rng = text, self.rng(shard)
        if self.settings.symbol_dropout:
            assert self.vocabulary.unknown is not None
            dropped = rng.random(inputs.shape) < self.settings.symbol_dropout
            inputs = np.where(dropped, np.int32(self.vocabulary.unknown), inputs)
        return self.network.loss_and_gradient(
            inputs, labels, weights.astype(self.network.dtype), mask, rng,
            self.settings.label_smoothing or 0.0, text, self.alone,
        )  # fmt: skip

    @property
    def alone(self) -> float:
        """Share of the loss that is that of the cells without the table of n-grams."""
        return 0.0 if self.table is None else ALONE * max(0.0, 1 - self.progress / ALONE_UNTIL)

    def _step_event(self, batch: batches.LabelledBatch, loss: float) -> Event:
        self.predictions += len(batch.labels)
        self._smooth(loss)
        return {"texts_per_second": self.texts_per_second, "train_loss": self.smoothed}

    @property
    def texts_per_second(self) -> float:
        return self.predictions / max(1e-9, self.seconds)

    def _look(self) -> tuple[float, float, Event]:
        self.judged = found = judge(self.classifier(), self.validation, self.shards)
        nats = float("nan") if found.nats is None else found.nats
        # The loss breaks ties: macro-F1 does not move where a part is small.
        value = nats if self.settings.monitor == "loss" else 1e-6 * nats - found.macro_f1
        return nats, value, {
            "train_loss": self.smoothed, "validation_loss": nats,
            "validation_accuracy": found.accuracy, "validation_macro_f1": found.macro_f1,
        }  # fmt: skip

    @property
    def noise(self) -> float:
        """Two standard errors of macro-F1; 0 of a loss, which varies far less.

        One is what the best of twenty evaluations owes to luck.
        """
        if self.judged is None or self.settings.monitor == "loss":
            return 0.0
        return 2 * self.judged.macro_f1_error()

    def classifier(self, network: ClassifierNetwork | None = None) -> Classifier:
        """A classifier with the network as it is now, or with another one."""
        return Classifier(network or self.network, self.vocabulary, self.classes, self.config)

    @property
    def config(self) -> dict[str, Any]:
        """What the model file says about the architecture and the treatment of text."""
        s, network = self.settings, self.network
        return {
            "task": s.task, "tokens": s.tokens, "lowercase": s.lowercase,
            "normalize": s.normalize, "strip": self.stripped, "seq_len": s.seq_len,
            **asdict(network.config), "dtype": network.dtype.name,
            **({} if self.temperature is None else {"temperature": self.temperature}),
        }  # fmt: skip

    def learn(self, part: LabelledPart) -> None:
        """One pass over other texts than those that it began with."""
        self.train, self.index = part, 0
        labels = part.labels[part.rows]
        self.class_weights = class_weights(self.settings.class_weights, labels, len(self.classes))
        self.plan = self._plan()
        with self.network.limit_threads():
            for _ in range(len(self.plan)):
                self._update()


def judge(model: Classifier, part: LabelledPart, shards: Shards | None = None) -> Report:
    """Compare what a classifier says about a part with its labels.

    With `shards` each of them reads its texts alone, and ranks share the work.
    """
    labels = part.labels[part.rows]
    logits = model.logits(part.chosen()) if shards is None else _shared(model, part, shards)
    nats = softmax_cross_entropy(logits[None], labels[None])[0][0]
    calibration = calibrated(logits, labels, model.temperature) if len(labels) else None
    return report(model.classes, labels, logits.argmax(axis=1), nats, calibration)


def _shared(model: Classifier, part: LabelledPart, shards: Shards) -> Array:
    """The logits (n, C) of a part, whose texts are divided among the shards."""
    logits, borders = np.zeros((len(part), len(model.classes))), shards.rows(len(part))
    for shard in shards.own:
        mine = slice(borders[shard], borders[shard + 1])
        texts = LabelledPart(part.texts, part.labels, part.rows[mine])
        if len(texts):
            logits[mine] = model.logits(texts.chosen())
    shards.gather(logits, borders)
    return logits


def class_weights(kind: str, labels: Array, num_classes: int) -> Array:
    """What the loss of each class (C,) counts; its mean over the labels is 1.

    `balanced`: 1/n of n examples, so that every class counts the same; `sqrt`: 1/√n,
    half-way; `none`: every text counts the same.
    """
    if not len(labels):
        return np.ones(num_classes)
    counts = np.maximum(1, np.bincount(labels, minlength=num_classes)).astype(np.float64)
    weights = counts ** {"none": 0.0, "sqrt": -0.5, "balanced": -1.0}[kind]
    return weights / weights[labels].mean()
