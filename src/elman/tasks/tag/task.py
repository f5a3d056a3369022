"""Taggers as a task: what is read, which network, which loop."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import CorpusError, UsageError
from ...learn.run import Data
from ...learn.task import NETWORK_SETTINGS, Task
from ...nn.engine import Engine
from ...nn.network import BaseNetwork
from ...nn.tagger import CHAIN, Letters, TaggerConfig, TaggerNetwork
from ...settings import Settings
from ...text import encodings, tagged
from ...text.labelled import go_on_with
from ...text.read import TextOptions
from ...text.splits import PARTS
from ...text.tagforms import TaggedOptions, Tokens
from ...text.tagged import Tagged
from ...text.vocabulary import Vocabulary, VocabularyBuilder
from .model import Tagger
from .parts import divided
from .run import TagRun
from .settings import TagSettings
from .trainer import TagPart, TagTrainer
from .windows import encoded

INPUT_SCALE = 4  # of a symbol's first values, as of a classifier
CHOOSE_BY = 20_000  # symbols: enough to tell which parameters are best
TRIED_STEPS = 8  # of a batch that is timed
# Settings that depend on the data.
DECIDED = ("tokens", "embedding_size", "letter_size", "symbol_dropout", "batch_size",
           "validation")  # fmt: skip


class TagTask(Task):
    """To give every symbol a label."""

    settings, model, run = TagSettings, Tagger, TagRun
    fixed = (*NETWORK_SETTINGS, "bidirectional", "transitions", "letter_size", "tokens",
             "lowercase", "normalize", "seq_len", "dtype")  # fmt: skip

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
            data = _tagged(source, settings)
            if older is not None:
                go_on_with(older.classes, data, "labels", "tagger")
            own = {name: tagged.append(data, path, options(settings))
                   for name, path in settings.own_files.items()}  # fmt: skip
        if stored is not None and data.sha256 != stored["sha256"]:
            raise CorpusError(
                f"the data {', '.join(data.names)} have changed since the tagger was trained on "
                "them; restore them, or start a new training from it with --from"
            )
        share = min(0.1, CHOOSE_BY / len(data.labels))
        settings = settings.of_kind(data.kind).filled(validation=share)
        ranges = divided(data, own, settings)
        learned = data.pieces(ranges["train"])
        if older is None:
            vocabulary = _vocabulary(learned, data.kind, settings)
            data.letters = _letters(learned) if settings.letter_size else None
        else:
            vocabulary, data.letters = older.vocabulary, older.letters
        symbols = encoded(data.tokens, vocabulary, data.letters)
        known = {token for tokens in learned for token in tokens}
        unseen = np.array([t not in known for tokens in data.tokens for t in tokens], bool)
        train, validation, test = (
            TagPart(symbols, data.labels, ranges[name], unseen) for name in PARTS
        )
        decided = {name: getattr(settings, name) for name in DECIDED}
        return Data(data, vocabulary, train, validation, test, train.count, decided)

    def training_text(self, data: Data) -> str:
        between = "" if data.source.kind == "char" else " "
        return "\n".join(between.join(tokens) for tokens in data.source.tokens)

    def config(self, settings: TagSettings, data: Data) -> TaggerConfig:
        letters = data.source.letters
        return TaggerConfig(
            len(data.vocabulary), settings.cell, settings.hidden_size or 0,
            settings.num_layers or 0, settings.embedding_size or 0, settings.activation,
            settings.bias, settings.dropout or 0.0, settings.bidirectional,
            len(data.source.classes), 0 if letters is None else len(letters),
            settings.letter_size or 0, settings.transitions,
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
        ids = np.zeros((TRIED_STEPS, B), np.int32)
        letters = None
        if config.letter_size:
            words = np.zeros((TRIED_STEPS, B), np.int32)
            letters = Letters(words, None, np.broadcast_to(np.arange(B), ids.shape))
        weights = np.full(ids.shape, 1 / ids.size, network.dtype)
        rng = np.random.default_rng(0)  # as while training: with dropout, side by side
        network.loss_and_gradient(ids, ids, weights, None, letters, None, rng)
        return ids.size

    def trainer(self, network: TaggerNetwork, data: Data, settings: TagSettings) -> TagTrainer:
        source = data.source
        return TagTrainer(
            network, data.vocabulary, source.letters, source.classes, source.scheme, settings,
            data.train, data.validation,
        )  # fmt: skip

    def notes(self, settings: TagSettings, data: Data, learner: Any) -> list[str]:
        lengths = np.concatenate([np.diff(part.ranges)[:, 0] for part in
                                  (data.train, data.validation, data.test)])  # fmt: skip
        longer = int((lengths > settings.seq_len).sum())
        if not longer:
            return []
        of = f"{longer:,} of the {len(lengths):,} sequences"
        return [f"longer than {settings.seq_len} symbols, so read in windows that overlap: {of}; "
                "--seq-len changes that"]  # fmt: skip


def options(settings: TagSettings) -> TaggedOptions:
    """How the files of a run are read."""
    s = settings
    treatment = TextOptions(s.errors, s.lowercase, s.normalize, encoding=s.encoding)
    token, label = (None if n is None else int(n) for n in (s.token_column, s.label_column))
    return TaggedOptions(token, label, s.labels, s.tokens, treatment)


def _tagged(source: Any, settings: TagSettings) -> Tagged:
    """The sequences of files, or those in memory."""
    if not len(source):
        raise UsageError(
            "--task tag needs labelled sequences: columns (a token and its label a line, a blank "
            "line between sequences), JSON lines, or a text and --labels FILE"
        )
    if isinstance(source[0], str):
        return tagged.load(list(source), options(settings))
    return tagged.from_rows(source, options(settings))


def _vocabulary(tokens: Sequence[Tokens], kind: str, settings: TagSettings) -> Vocabulary:
    """The symbols of the training part; what is left out is `<unk>`."""
    builder = VocabularyBuilder(kind, settings.vocabulary_size, least=settings.min_count)
    for sequence in tokens:
        builder.add_symbols(sequence)
    return builder.build(unknown=True)


def _letters(tokens: Sequence[Tokens]) -> Vocabulary:
    """The letters of the words of the training part."""
    builder = VocabularyBuilder("char")
    builder.add("".join("".join(sequence) for sequence in tokens))
    return builder.build(unknown=True)


TASK = TagTask()
