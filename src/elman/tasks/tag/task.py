"""Taggers as a task: what is read, which network, which loop."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import CorpusError, UsageError, counted
from ...learn.run import Data
from ...learn.task import NETWORK_SETTINGS, Task
from ...nn.engine import Engine
from ...nn.network import BaseNetwork
from ...nn.tagger import CHAIN, Letters, TaggerConfig, TaggerNetwork
from ...nn.wide import rows_for
from ...settings import Settings
from ...text import encodings, going_on, tagged
from ...text.labelled import go_on_with
from ...text.read import TextOptions
from ...text.splits import PARTS
from ...text.tagforms import TaggedOptions, Tokens, refuse_idle
from ...text.tagged import Tagged
from ...text.vocabulary import VocabularyBuilder
from ..table import table_of
from .model import Tagger
from .parts import divided
from .run import TagRun
from .settings import TagSettings
from .trainer import TagPart, TagTrainer
from .windows import encoded, margin_of

INPUT_SCALE = 4  # of a symbol's first values, as of a classifier
TRIED_STEPS = 8  # of a batch that is timed
# Settings that depend on the data.
DECIDED = ("tokens", "embedding_size", "letter_size", "symbol_dropout", "batch_size",
           "validation")  # fmt: skip


class TagTask(Task):
    """To give every symbol a label."""

    settings, model, run = TagSettings, Tagger, TagRun
    fixed = (*NETWORK_SETTINGS, "bidirectional", "transitions", "letter_size", "tokens",
             "lowercase", "normalize", "seq_len", "dtype", "wide")  # fmt: skip

    def read(
        self,
        source: Any,
        settings: TagSettings,
        older: Tagger | None = None,
        stored: Mapping[str, str] | None = None,
    ) -> Data:
        names = [name for name in source if isinstance(name, str)]
        reading = options(settings).text
        with encodings.explained([*names, *settings.own_files.values()], reading):
            data = _tagged(source, settings, "" if older is None else "the model")
            if older is not None:
                go_on_with(older.classes, data, "labels", "tagger")
            own = {name: tagged.append(data, name, path, options(settings))
                   for name, path in settings.own_files.items()}  # fmt: skip
        refuse_idle(options(settings), data.forms)
        if stored is not None and data.sha256 != stored["sha256"]:
            raise CorpusError(
                f"the data {', '.join(data.names)} have changed since the tagger was trained on "
                "them; restore them, or start a new training from it with --from"
            )
        ranges, share = divided(data, own, settings)
        settings = settings.of_kind(data.kind).filled(validation=share)
        learned = data.pieces(ranges["train"])
        found, letters = _symbols(learned, data.kind, settings), _letters(learned)
        if older is None:
            vocabulary = found.build(unknown=True)
            data.letters = letters.build(unknown=True) if settings.letter_size else None
        elif stored is not None:
            vocabulary, data.letters = older.vocabulary, older.letters
        else:
            vocabulary = going_on.extended(older.vocabulary, found, data.notes)
            if older.letters is not None:
                data.letters = going_on.extended(older.letters, letters, data.notes)
        symbols = encoded(data.tokens, vocabulary, data.letters)
        unknown = symbols.ids == vocabulary.unknown
        train, validation, test = (
            TagPart(symbols, data.labels, ranges[name], unknown) for name in PARTS
        )
        decided = {name: getattr(settings, name) for name in DECIDED}
        # Words that are remembered one by one leave nothing for their letters to explain: on
        # Sherlock Holmes a table left the labels as they were, 0.887 and 0.888.
        rows = rows_for(train.count, len(data.classes))
        decided["wide"] = rows if data.kind == "char" else 0
        return Data(data, vocabulary, train, validation, test, train.count, decided)

    def training_texts(self, data: Data) -> list[Any]:
        return data.source.tokens

    def config(self, settings: TagSettings, data: Data) -> TaggerConfig:
        letters = data.source.letters
        return TaggerConfig(
            len(data.vocabulary), settings.cell, settings.hidden_size or 0,
            settings.num_layers or 0, settings.embedding_size or 0, settings.activation,
            settings.bias, settings.dropout or 0.0, settings.bidirectional,
            len(data.source.classes), 0 if letters is None else len(letters),
            settings.letter_size or 0, settings.transitions,
            **table_of(settings.wide, settings.tokens),
        )  # fmt: skip

    def network(self, config: TaggerConfig, dtype: np.dtype, engine: Engine) -> TaggerNetwork:
        return TaggerNetwork(config, dtype, engine)

    def initialise(self, network: BaseNetwork, settings: Settings) -> None:
        super().initialise(network, settings)
        config, parameters = network.config, network.parameters
        assert isinstance(config, TaggerConfig)
        if config.transitions:
            for name in CHAIN:  # at first no label says anything about the next
                parameters[name][...] = 0
        if settings.init == "uniform":
            for name in config.input_names:
                parameters[name][...] *= INPUT_SCALE

    def kept_steps(self, settings: TagSettings, data: Data) -> int:
        return settings.seq_len * (settings.batch_size or 1)

    def try_step(self, network: TaggerNetwork, settings: TagSettings) -> int:
        config, B = network.config, settings.batch_size or 1
        steps = min(TRIED_STEPS, settings.seq_len)
        ids = np.zeros((steps, B), np.int32)
        letters = None
        if config.letter_size:
            words = np.zeros((steps, B), np.int32)
            letters = Letters(words, None, np.broadcast_to(np.arange(B), ids.shape))
        weights = np.full(ids.shape, 1 / ids.size, network.dtype)
        rng = np.random.default_rng(0)  # as while training: with dropout, in a batch
        network.loss_and_gradient(ids, ids, weights, None, letters, None, rng)
        return ids.size

    def trainer(self, network: TaggerNetwork, data: Data, settings: TagSettings) -> TagTrainer:
        source = data.source
        return TagTrainer(
            network, data.vocabulary, source.letters, source.classes, source.scheme, settings,
            data.train, data.validation,
        )  # fmt: skip

    def notes(self, settings: TagSettings, data: Data, learner: Any) -> list[str]:
        tokens = data.source.tokens
        longer = sum(len(sequence) > settings.seq_len for sequence in tokens)
        if not longer:
            return []
        overlap = counted(2 * margin_of(settings.seq_len), "symbol")
        return [f"{longer:,} of the {counted(len(tokens), 'sequence')} have more than "
                f"{settings.seq_len} symbols and are read in windows that overlap by {overlap}; "
                "--seq-len changes that"]  # fmt: skip


def options(settings: TagSettings) -> TaggedOptions:
    """How the files of a run are read."""
    s = settings
    treatment = TextOptions(s.errors, s.lowercase, s.normalize, encoding=s.encoding)
    token, label = (None if n is None else int(n) for n in (s.token_column, s.label_column))
    return TaggedOptions(token, label, s.labels, s.tokens, treatment)


def _tagged(source: Any, settings: TagSettings, whose: str) -> Tagged:
    """The sequences of files, or those in memory; `whose` has said what their symbols are."""
    if not len(source):
        raise UsageError(
            "--task tag needs labelled sequences: columns (a token and its label a line, a blank "
            "line between sequences), JSON lines, or a text and --labels FILE"
        )
    reading = replace(options(settings), whose=whose)
    if isinstance(source[0], str):
        return tagged.load(list(source), reading)
    if settings.labels is not None:
        raise UsageError("--labels names a file, and rows in memory already have their labels: "
                         "leave it out")  # fmt: skip
    return tagged.from_rows(source, reading)


def _symbols(tokens: Sequence[Tokens], kind: str, settings: TagSettings) -> VocabularyBuilder:
    """The symbols of the training part; what a vocabulary leaves out is `<unk>`."""
    builder = VocabularyBuilder(kind, settings.vocabulary_size, least=settings.min_count)
    for sequence in tokens:
        builder.add_symbols(sequence)
    return builder


def _letters(tokens: Sequence[Tokens]) -> VocabularyBuilder:
    """The letters of the words of the training part."""
    builder = VocabularyBuilder("char")
    builder.add("".join("".join(sequence) for sequence in tokens))
    return builder


TASK = TagTask()
