"""Settings and labelled texts to a prepared run of a classifier."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CorpusError, UsageError
from ...files import OutputFile
from ...learn import resuming
from ...learn.prepare import NETWORK_SETTINGS, refuse_too_large, versions
from ...nn.classifier import ClassifierConfig, ClassifierNetwork
from ...nn.engine import Engine, select
from ...nn.network import initialise
from ...settings import CLASSIFY_CHOOSE_BY, Settings, flag, make, resolve_classifier
from ...text import labelled
from ...text.labelled import Encoded, Labelled, LabelledOptions, LabelledPart
from ...text.read import TextOptions, transform
from ...text.vocabulary import Vocabulary
from . import model as classifier
from .model import Classifier
from .trainer import ClassifierRun, ClassifierTrainer, Parts

# A symbol's row of first values is this much wider than the fan-in says: a short text
# has few steps in which small inputs could add up. Of 1 and 4 the better on surnames.
INPUT_SCALE = 4

FIXED = (*NETWORK_SETTINGS, "bidirectional", "pooling", "tokens", "lowercase", "normalize",
         "seq_len", "dtype")  # fmt: skip


def begin(
    source: Sequence[str] | Labelled,
    given: dict[str, Any],
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    command: str = "",
) -> ClassifierRun:
    """Prepare a new run on files, or on labelled texts in memory, which are taken row by row.

    Raises
    ------
    UsageError, CorpusError, ModelFileError, ElmanError : see there
    """
    started = time.monotonic()
    older = classifier.load(start_from) if start_from is not None else None
    if older is not None:
        given = _inherit(given, older, start_from)
    settings = make(given)
    data = (
        _treated(source, settings) if isinstance(source, Labelled) else read_data(source, settings)
    )
    if older is not None:
        if older.classes != data.classes:
            raise UsageError(
                f"{start_from} has other classes than {', '.join(data.names)}; leave --from out"
            )
        vocabulary = older.vocabulary
    else:
        vocabulary = labelled.vocabulary_of(data.texts, settings.tokens, settings.vocabulary_size)
    texts = labelled.encode(vocabulary, data.texts, settings.seq_len)
    if settings.validation is None:
        share = min(0.1, CLASSIFY_CHOOSE_BY / len(data.texts))
        settings = replace(settings, validation=share)
    parts = _parts(data, texts, settings)
    engine = select(settings.engine, settings.threads)

    def config_of(settings: Settings) -> ClassifierConfig:
        return ClassifierConfig(
            len(vocabulary), settings.cell, settings.hidden_size or 0, settings.num_layers or 0,
            settings.embedding_size, settings.activation, settings.bias, settings.dropout or 0.0,
            len(data.classes), settings.bidirectional, settings.pooling,
        )  # fmt: skip

    settings = resolve_classifier(
        settings,
        int(texts.lengths[parts[0].rows].sum()),
        lambda layers, size: _pace(
            config_of(replace(settings, num_layers=layers, hidden_size=size)), settings, engine
        ),
    )
    config = config_of(settings)
    refuse_too_large(config, settings, settings.seq_len * settings.batch_size)
    network = ClassifierNetwork(config, np.dtype(settings.dtype), engine)
    if older is not None:
        network.parameters.flat[:] = older.network.parameters.flat
    else:
        rng = np.random.default_rng([settings.seed, 3])
        initialise(network.parameters, config, settings.init, settings.init_scale, rng)
        if settings.init == "uniform":
            first = ["embedding.E"] if config.embedding_size else [
                prefix + "W_x" for prefix in config.prefixes[0]
            ]  # fmt: skip
            for name in first:
                network.parameters[name][...] *= INPUT_SCALE
    trainer = ClassifierTrainer(network, vocabulary, data.classes, settings, *parts[:2])
    summary = {"command": command, "corpus": data.names, "sha256": data.sha256,
               "versions": versions()}  # fmt: skip
    run = ClassifierRun(settings, data, parts, trainer, summary, started)
    run.notes += _length_notes(data, vocabulary, settings)
    if output is not None:
        run.open(OutputFile(output))
    return run


def resume(
    model: Classifier,
    path: str | Path,
    given: dict[str, Any],
    names: Sequence[str] = (),
    output: str | Path | None = None,
) -> ClassifierRun:
    """Prepare to continue the run that wrote the file of a classifier.

    Raises
    ------
    ModelFileError : no checkpoint, or a damaged one
    UsageError : a setting that contradicts the file
    CorpusError : the data have changed or are gone
    """
    started = time.monotonic()
    stopped = resuming.read(model, path, given, names)
    settings = stopped.settings
    data = read_data(stopped.names, settings)
    if data.sha256 != stopped.sha256:
        raise CorpusError(
            f"the data {', '.join(data.names)} have changed since {path} was trained on them; "
            f"restore them, or start a new training with --from {path}"
        )
    data.names = list(model.summary.get("corpus", data.names))
    parts = _parts(data, labelled.encode(model.vocabulary, data.texts, settings.seq_len), settings)
    trainer = ClassifierTrainer(model.network, model.vocabulary, data.classes, settings, *parts[:2])
    notes = resuming.restore(trainer, stopped)
    run = ClassifierRun(settings, data, parts, trainer, model.summary, started)
    run.notes += notes
    run.open(OutputFile(output or path))
    return run


def continued(model: Classifier, given: dict[str, Any], part: LabelledPart) -> ClassifierTrainer:
    """A trainer that goes on from the weights of a classifier, for `learn`."""
    config = model.network.config
    fixed = {name: model.config[name] for name in FIXED}
    settings = resolve_classifier(make(given | fixed), 0, lambda layers, size: 0.0)
    network = ClassifierNetwork(config, model.network.dtype, model.network.engine)
    network.parameters.flat[:] = model.network.parameters.flat
    return ClassifierTrainer(network, model.vocabulary, model.classes, settings, part, part)


def read_data(names: Sequence[str], settings: Settings) -> Labelled:
    if not names:
        raise UsageError(
            "--task classify needs labelled texts: a TSV or CSV file, one file per class, or a "
            "folder of them"
        )
    options = LabelledOptions(settings.text_column, settings.label_column, _text_options(settings))
    return labelled.load(list(names), options)


def _treated(data: Labelled, settings: Settings) -> Labelled:
    """Texts in memory, treated as those of a file are."""
    options = _text_options(settings)
    return replace(data, texts=[transform(text, options) for text in data.texts])


def _text_options(settings: Settings) -> TextOptions:
    return TextOptions(settings.errors, settings.lowercase, settings.normalize)


def _parts(data: Labelled, texts: Encoded, settings: Settings) -> Parts:
    # What is divided are texts that differ; a text in memory may come with several rows.
    places: dict[str, int] = {}
    text_of = np.array([places.setdefault(text, len(places)) for text in data.texts], np.int64)
    labels = data.labels[np.unique(text_of, return_index=True)[1]]
    chosen = labelled.split(labels, settings.validation or 0.0, settings.test, settings.seed)
    train, validation, test = (
        LabelledPart(texts, data.labels, np.flatnonzero(np.isin(text_of, part))) for part in chosen
    )
    return train, validation, test


def _pace(config: ClassifierConfig, settings: Settings, engine: Engine) -> float:
    """Symbols per second that this machine trains, from one short batch."""
    network = ClassifierNetwork(config, np.dtype(settings.dtype), engine)
    ids = np.zeros((8, settings.batch_size), np.int32)
    weights = np.full(settings.batch_size, 1 / settings.batch_size, network.dtype)
    times = []
    with network.limit_threads():
        for _ in range(4):
            start = time.perf_counter()
            rng = np.random.default_rng(0)  # as while training: with dropout, side by side
            network.loss_and_gradient(ids, ids[0], weights, None, rng)
            times.append(time.perf_counter() - start)
    return ids.size / min(times)


def _length_notes(data: Labelled, vocabulary: Vocabulary, settings: Settings) -> list[str]:
    lengths = map(len, data.texts) if vocabulary.kind == "char" else (
        len(vocabulary.encode(text)) for text in data.texts
    )  # fmt: skip
    cut = sum(length > settings.seq_len for length in lengths)
    if not cut:
        return []
    return [f"longer than {settings.seq_len} symbols and read only so far: {cut:,} of the "
            f"{len(data.texts):,} texts; --seq-len changes that"]  # fmt: skip


def _inherit(given: dict[str, Any], older: Classifier, path: object) -> dict[str, Any]:
    """Settings of a fine-tuning: text and architecture are those of the classifier."""
    fixed = {name: older.config[name] for name in FIXED}
    for name, value in fixed.items():
        if name in given and given[name] != value:
            raise UsageError(f"{flag(name)} contradicts {path}, which has {value!r}; leave it out")
    return {"dropout": older.config["dropout"]} | given | fixed
