"""Classifiers as a task: what is read, which network, which loop."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import CorpusError, UsageError
from ...learn.run import Data
from ...learn.task import NETWORK_SETTINGS, Task
from ...nn.classifier import ClassifierConfig, ClassifierNetwork
from ...nn.engine import Engine
from ...nn.network import BaseNetwork
from ...settings import Settings
from ...text import labelled
from ...text.labelled import Labelled, LabelledOptions, LabelledPart
from ...text.read import TextOptions, transform
from .model import Classifier
from .run import ClassifierRun
from .settings import ClassifySettings
from .trainer import ClassifierTrainer

# A symbol's row of first values is this much wider than the fan-in says: a short text
# has few steps in which small inputs could add up. Of 1 and 4 the better on surnames.
INPUT_SCALE = 4

CHOOSE_BY = 1000  # texts: enough to tell which parameters are best
TRIED_STEPS = 8  # of a batch that is timed


class ClassifyTask(Task):
    """To say which class a text belongs to."""

    settings, model, run = ClassifySettings, Classifier, ClassifierRun
    fixed = (*NETWORK_SETTINGS, "bidirectional", "pooling", "tokens", "lowercase", "normalize",
             "seq_len", "dtype")  # fmt: skip

    def read(
        self,
        source: Any,
        settings: ClassifySettings,
        older: Classifier | None = None,
        stored: Mapping[str, str] | None = None,
    ) -> Data:
        texts = _labelled(source, settings)
        if stored is not None and texts.sha256 != stored["sha256"]:
            raise CorpusError(
                f"the data {', '.join(texts.names)} have changed since the classifier was trained "
                "on them; restore them, or start a new training from it with --from"
            )
        if older is None:
            size = settings.vocabulary_size
            vocabulary = labelled.vocabulary_of(texts.texts, settings.tokens, size)
        elif older.classes != texts.classes:
            raise UsageError(
                f"the classifier has other classes than {', '.join(texts.names)}; leave --from out"
            )
        else:
            vocabulary = older.vocabulary
        encoded = labelled.encode(vocabulary, texts.texts, settings.seq_len)
        settings = settings.filled(validation=min(0.1, CHOOSE_BY / len(texts.texts)))
        parts = _parts(texts, encoded, settings)
        symbols = int(encoded.lengths[parts[0].rows].sum())
        return Data(texts, vocabulary, *parts, symbols, {"validation": settings.validation})

    def training_text(self, data: Data) -> str:
        return "\n".join(data.source.texts)

    def config(self, settings: ClassifySettings, data: Data) -> ClassifierConfig:
        return ClassifierConfig(
            len(data.vocabulary), settings.cell, settings.hidden_size or 0,
            settings.num_layers or 0, settings.embedding_size, settings.activation, settings.bias,
            settings.dropout or 0.0, len(data.source.classes), settings.bidirectional,
            settings.pooling,
        )  # fmt: skip

    def network(
        self, config: ClassifierConfig, dtype: np.dtype, engine: Engine
    ) -> ClassifierNetwork:
        return ClassifierNetwork(config, dtype, engine)

    def initialise(self, network: BaseNetwork, settings: Settings) -> None:
        super().initialise(network, settings)
        assert isinstance(network.config, ClassifierConfig)
        if settings.init == "uniform":
            for name in network.config.input_names:
                network.parameters[name][...] *= INPUT_SCALE

    def kept_steps(self, settings: ClassifySettings, data: Data) -> int:
        return settings.seq_len * settings.batch_size

    def try_step(self, network: ClassifierNetwork, settings: ClassifySettings) -> int:
        ids = np.zeros((TRIED_STEPS, settings.batch_size), np.int32)
        weights = np.full(settings.batch_size, 1 / settings.batch_size, network.dtype)
        rng = np.random.default_rng(0)  # as while training: with dropout, side by side
        network.loss_and_gradient(ids, ids[0], weights, None, rng)
        return ids.size

    def trainer(
        self, network: ClassifierNetwork, data: Data, settings: ClassifySettings
    ) -> ClassifierTrainer:
        classes = data.source.classes
        return ClassifierTrainer(
            network, data.vocabulary, classes, settings, data.train, data.validation
        )

    def notes(self, settings: ClassifySettings, data: Data, learner: Any) -> list[str]:
        texts, vocabulary = data.source.texts, data.vocabulary
        lengths = map(len, texts) if vocabulary.kind == "char" else (
            len(vocabulary.encode(text)) for text in texts
        )  # fmt: skip
        cut = sum(length > settings.seq_len for length in lengths)
        if not cut:
            return []
        return [f"longer than {settings.seq_len} symbols and read only so far: {cut:,} of the "
                f"{len(texts):,} texts; --seq-len changes that"]  # fmt: skip

    def continued(
        self, model: Classifier, given: dict[str, Any], part: LabelledPart
    ) -> ClassifierTrainer:
        """A trainer that goes on from the weights of a classifier, for `learn`."""
        fixed = {name: model.config[name] for name in self.fixed}
        settings = ClassifySettings(**given | fixed).resolved(0, {})
        network = ClassifierNetwork(model.network.config, model.network.dtype, model.network.engine)
        network.parameters.flat[:] = model.network.parameters.flat
        return ClassifierTrainer(network, model.vocabulary, model.classes, settings, part, part)


def _labelled(source: Any, settings: ClassifySettings) -> Labelled:
    """The texts of files, or those in memory, which are taken row by row."""
    s = settings
    options = TextOptions(s.errors, s.lowercase, s.normalize, encoding=s.encoding)
    if not isinstance(source, Labelled):
        if not len(source):
            raise UsageError(
                "--task classify needs labelled texts: a table with the columns text and label, "
                "JSON lines, or a file or a folder per class"
            )
        if isinstance(source[0], str):
            reading = LabelledOptions(
                settings.text_column, settings.label_column, options, settings.delimiter
            )
            return labelled.load(list(source), reading)
        source = labelled.from_rows(source)
    return replace(source, texts=[transform(text, options) for text in source.texts])


def _parts(
    data: Labelled, texts: labelled.Encoded, settings: ClassifySettings
) -> tuple[LabelledPart, LabelledPart, LabelledPart]:
    # What is divided are texts that differ; a text in memory may come with several rows.
    places: dict[str, int] = {}
    text_of = np.array([places.setdefault(text, len(places)) for text in data.texts], np.int64)
    labels = data.labels[np.unique(text_of, return_index=True)[1]]
    chosen = labelled.split(labels, settings.validation or 0.0, settings.test, settings.seed)
    train, validation, test = (
        LabelledPart(texts, data.labels, np.flatnonzero(np.isin(text_of, part))) for part in chosen
    )
    return train, validation, test


TASK = ClassifyTask()
