"""Classifiers as a task: what is read, which network, which loop."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import CorpusError, UsageError, counted
from ...learn.run import Data
from ...learn.task import NETWORK_SETTINGS, Task
from ...nn.classifier import ClassifierConfig, ClassifierNetwork
from ...nn.engine import Engine
from ...nn.network import BaseNetwork
from ...nn.wide import rows_for
from ...settings import Settings
from ...text import census, encodings, going_on, labelled
from ...text.encoded import encode
from ...text.labelled import Labelled, LabelledOptions, LabelledPart
from ...text.read import TextOptions, transform
from ...text.splits import PARTS
from ...text.unknown import Unknown
from ...text.vocabulary import Vocabulary
from ...text.words import UAX29
from ..table import table_of
from .model import Classifier
from .run import ClassifierRun
from .settings import ClassifySettings
from .trainer import ClassifierTrainer

# A symbol's row of first values is this much wider than the fan-in says: a short text
# has few steps in which small inputs could add up. Of 1 and 4 the better on surnames.
INPUT_SCALE = 4

# Of the texts, and how many are enough: what they do not teach costs more than what they choose.
SHARE, CHOOSE_BY = 0.05, 1000
TRIED_STEPS = 8  # of a batch that is timed


class ClassifyTask(Task):
    """To say which class a text belongs to."""

    settings, model, run = ClassifySettings, Classifier, ClassifierRun
    fixed = (*NETWORK_SETTINGS, "bidirectional", "pooling", "tokens", "lowercase", "normalize",
             "seq_len", "dtype", "wide")  # fmt: skip

    def read(
        self,
        source: Any,
        settings: ClassifySettings,
        older: Classifier | None = None,
        stored: Mapping[str, str] | None = None,
    ) -> Data:
        rows = isinstance(source, Labelled) or not all(isinstance(row, str) for row in source)
        names = [] if rows else list(source)
        reading = _options(settings).text
        with encodings.explained([*names, *settings.own_files.values()], reading):
            texts = _labelled(source, settings)
            if older is not None:
                labelled.go_on_with(older.classes, texts, "classes", "classifier")
            own = _own_texts(texts, settings)
        if stored is not None and texts.sha256 != stored["sha256"]:
            raise CorpusError(
                f"the data {', '.join(texts.names)} have changed since the classifier was trained "
                "on them; restore them, or start a new training from it with --from"
            )
        count = len(texts.texts) - sum(map(len, own.values()))
        found = labelled.symbols_of(
            texts.texts[:count], settings.tokens, settings.vocabulary_size, settings.min_count,
            UAX29 if older is None else older.vocabulary.rule,
        )  # fmt: skip
        if older is None:
            vocabulary = found.build(unknown=True)
        elif stored is not None:
            vocabulary = older.vocabulary
        else:
            vocabulary = going_on.extended(older.vocabulary, found, texts.notes)
        texts.notes += _unknown_held_out(vocabulary, texts, own)
        encoded = encode(vocabulary, texts.texts, settings.seq_len)
        if older is None:
            texts.notes = [*texts.notes, *census.notes(vocabulary, encoded.ids, readout=False)]
        settings = settings.filled(validation=min(SHARE, CHOOSE_BY / count))
        divided = _divided(texts, count, own, settings)
        train, validation, test = (
            LabelledPart(encoded, texts.labels, divided[name]) for name in PARTS
        )
        symbols = int(encoded.lengths[train.rows].sum())
        wide = rows_for(symbols, len(texts.classes))
        decided = {"validation": settings.validation, "wide": wide}
        return Data(texts, vocabulary, train, validation, test, symbols, decided)

    def training_texts(self, data: Data) -> list[str]:
        return data.source.texts

    def config(self, settings: ClassifySettings, data: Data) -> ClassifierConfig:
        return ClassifierConfig(
            len(data.vocabulary), settings.cell, settings.hidden_size or 0,
            settings.num_layers or 0, settings.embedding_size, settings.activation, settings.bias,
            settings.dropout or 0.0, settings.bidirectional, len(data.source.classes),
            settings.pooling, **table_of(settings.wide, settings.tokens),
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
        steps = min(TRIED_STEPS, settings.seq_len)
        ids = np.zeros((steps, settings.batch_size), np.int32)
        weights = np.full(settings.batch_size, 1 / settings.batch_size, network.dtype)
        rng = np.random.default_rng(0)  # as while training: with dropout, in a batch
        network.loss_and_gradient(ids, ids[0], weights, None, rng)
        return ids.size

    def trainer(
        self, network: ClassifierNetwork, data: Data, settings: ClassifySettings
    ) -> ClassifierTrainer:
        classes = data.source.classes
        return ClassifierTrainer(
            network, data.vocabulary, classes, settings, data.train, data.validation,
            data.source.stripped,
        )  # fmt: skip

    def notes(self, settings: ClassifySettings, data: Data, learner: Any) -> list[str]:
        texts = data.train.texts
        cut = 0 if texts.cut is None else int(texts.cut.sum())
        if not cut:
            return []
        return [f"longer than {settings.seq_len} symbols and read only up to there: {cut:,} of the "
                f"{len(data.source.texts):,} texts; --seq-len changes that"]  # fmt: skip

    def continued(
        self, model: Classifier, given: dict[str, Any], part: LabelledPart
    ) -> ClassifierTrainer:
        """A trainer that continues from the weights of a classifier, for `learn`."""
        fixed = {name: model.config[name] for name in self.fixed}
        settings = ClassifySettings(**given | fixed).resolved(0, {})
        network = ClassifierNetwork(model.network.config, model.network.dtype, model.network.engine)
        network.parameters.flat[:] = model.network.parameters.flat
        stripped = model.treatment.strip
        return ClassifierTrainer(
            network, model.vocabulary, model.classes, settings, part, part, stripped
        )


def _options(settings: ClassifySettings) -> LabelledOptions:
    s = settings
    treatment = TextOptions(s.errors, s.lowercase, s.normalize, encoding=s.encoding)
    return LabelledOptions(s.text_column, s.label_column, treatment, s.delimiter)


def _labelled(source: Any, settings: ClassifySettings) -> Labelled:
    """The texts of files, or those in memory, which are taken row by row."""
    options = _options(settings)
    if not isinstance(source, Labelled):
        if not len(source):
            raise UsageError(
                "--task classify needs labelled texts: a table with the columns text and label, "
                "JSON lines, or one file or folder per class"
            )
        if isinstance(source[0], str):
            return labelled.load(list(source), options)
        source = labelled.from_rows(source)
    return replace(source, texts=[transform(text, options.text) for text in source.texts])


def _own_texts(data: Labelled, settings: ClassifySettings) -> dict[str, np.ndarray]:
    """Texts of parts with files of their own go behind the data, as they are; their rows."""
    rows: dict[str, np.ndarray] = {}
    for name, path in settings.own_files.items():
        options = replace(_options(settings), shared=True)
        pairs, notes = labelled.load_pairs([path], options)
        found = [label for _, label in pairs]
        labels = labelled.positions(found, data.classes, path, "the training data")
        rows[name] = np.arange(len(data.texts), len(data.texts) + len(pairs))
        data.texts += [text for text, _ in pairs]
        data.labels = np.concatenate([data.labels, labels])
        data.sha256 = hashlib.sha256(f"{data.sha256} {pairs}".encode()).hexdigest()
        data.notes += [f"{name} part: {note}" for note in notes]
    return rows


def _unknown_held_out(
    vocabulary: Vocabulary, data: Labelled, own: dict[str, np.ndarray]
) -> Iterator[str]:
    """What of the parts with files of their own is `<unk>`, since no training text has it."""
    for name, rows in own.items():
        unknown = Unknown(vocabulary)
        unknown.add_all([data.texts[i] for i in rows])
        if note := unknown.note():
            yield f"{name} part: {note}"


def _divided(
    data: Labelled, count: int, own: dict[str, np.ndarray], settings: ClassifySettings
) -> dict[str, np.ndarray]:
    """The rows of every part; `own` are those of files of their own, behind the first `count`.

    Texts of these files are excluded from training.
    """
    elsewhere = {data.texts[i] for rows in own.values() for i in rows}
    twice = {data.texts[i] for i in own.get("validation", ())}
    twice &= {data.texts[i] for i in own.get("test", ())}
    if twice:
        data.notes.append(
            f"in the files of both held-out parts: {counted(len(twice), 'text')}; so the test "
            "figures include texts that were used to select the parameters"
        )
    mine = np.array([i for i in range(count) if data.texts[i] not in elsewhere], np.int64)
    if not len(mine):
        raise CorpusError("all texts are also in the held-out files, so none is left for "
                          "training")  # fmt: skip
    if len(mine) < count:
        data.notes.append("excluded from training because they are in the files of the held-out "
                          f"parts: {counted(count - len(mine), 'text')}")  # fmt: skip
    # What is divided are texts that differ; a text in memory may come with several rows.
    places: dict[str, int] = {}
    text_of = np.array([places.setdefault(data.texts[i], len(places)) for i in mine], np.int64)
    first = mine[np.unique(text_of, return_index=True)[1]]
    shares = (settings.share("validation") or 0.0, settings.share("test") or 0.0)
    chosen = labelled.split(data.labels[first], *shares, settings.seed)
    parts = (mine[np.isin(text_of, part)] for part in chosen)
    return dict(zip(PARTS, parts, strict=True)) | own


TASK = ClassifyTask()
