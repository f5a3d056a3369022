"""Language models as a task: what is read, which network, which loop."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ...errors import UsageError, flag
from ...learn.run import Data
from ...learn.task import NETWORK_SETTINGS, Task
from ...nn.engine import Engine
from ...nn.network import Network, NetworkConfig
from ...settings import LEARNING, NETWORK, rule_of
from ...store.modelfile import SavedModel
from ...text import census, corpora, corpus, encodings
from ...text.pieces import CorpusOptions
from ...text.read import TextOptions
from ...text.sources import Source
from ...text.splits import LAST, divide
from . import batches
from .model import Model
from .ngram import NGram
from .run import LanguageRun
from .settings import LanguageSettings
from .trainer import Trainer

DIVIDING = ("lines", "separator", "text_column")  # what divides a text into records
# What is trained without a corpus, on any machine, also a slow and busy one. A minute makes few
# updates: of as many characters (1.7 million, 128 units) batches of 8, 16 and 32 ended at
# 2.19, 2.23 and 2.38 bits.
FIRST_SIGHT = {"minutes": 1.0, "batch_size": 8}
OF_A_CHAIN = ("task", "cell", "order")  # of the settings of networks and of learning
TRIED_STEPS = 16  # of a window that is timed


class LanguageTask(Task):
    """To predict the next symbol, again and again."""

    settings, model, run = LanguageSettings, Model, LanguageRun
    fixed = (*NETWORK_SETTINGS, "tokens", "lines", "separator", "lowercase", "normalize", "unknown")

    def complete(
        self, source: Sequence[Any], given: dict[str, Any]
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        chain = given.get("cell") == "ngram"
        _refuse_without_effect(given, chain)
        if len(source):
            return source, given
        ends = {"epochs", "steps", "minutes"} & set(given)
        return [corpora.STDLIB], given if ends or chain else FIRST_SIGHT | given

    def inherited(self, given: dict[str, Any], older: SavedModel, path: object) -> dict[str, Any]:
        handed_on = super().inherited(given, older, path)
        asked = [name for name in DIVIDING if given.get(name)]
        if older.vocabulary.begin is None:
            if asked:
                raise UsageError(
                    f"{path} was trained on running text and cannot tell where a record ends: "
                    f"leave {flag(asked[0])} out, or train a new model without --from"
                )
            return handed_on
        if asked:  # what divides the new text may be something else
            return {n: v for n, v in handed_on.items() if n not in DIVIDING}
        if not any(handed_on.get(name) for name in DIVIDING):
            raise UsageError(
                f"{path} was trained on the rows of a table: say with --text-column, --lines or "
                "--separator what the texts of this one are"
            )
        return handed_on

    def read(
        self,
        source: Any,
        settings: LanguageSettings,
        older: Model | None = None,
        stored: Mapping[str, str] | None = None,
    ) -> Data:
        if not all(isinstance(name, str | Source) for name in source):
            raise UsageError("rows (text, label) are for a classifier: give task='classify' too")
        s = settings
        reading = TextOptions(s.errors, s.lowercase, s.normalize, s.max_characters,
                              s.tokens == "byte", s.encoding)  # fmt: skip
        options = CorpusOptions(s.tokens, s.vocabulary_size, s.record_end, s.unknown, reading,
                                s.text_column, s.delimiter, s.min_count)  # fmt: skip
        with encodings.explained([*source, *s.own_files.values()], reading):
            text = corpus.load(
                source, options,
                None if older is None else older.vocabulary,
                None if stored is None else stored["sha256"],
                s.own_files,
            )  # fmt: skip
        if older is None:
            text.notes += census.notes(text.vocabulary, text.ids, readout=s.cell != "ngram")
        # A file from before rules were named held the end of everything out.
        rule = None if stored is None else stored.get("rule", LAST)
        found = divide(text, s.share("validation"), s.share("test") or 0.0, s.seed, rule)
        symbols = found.parts[0].predictions
        return Data(text, text.vocabulary, *found.parts, symbols, {}, found.rule, found.held_out)

    def training_texts(self, data: Data) -> list[np.ndarray]:
        part, ends = data.train, data.train.offsets
        if part.slices is not None:
            pieces = part.slices
        elif ends is None or part.rows is None:
            pieces = [(0, len(part.ids))]
        else:
            pieces = [(ends[row], ends[row + 1]) for row in part.rows]
        return [part.ids[begin:end] for begin, end in pieces]

    def training_text(self, data: Data) -> str:
        """The text that is learned from, without the held-out parts; a line for each record."""
        decode = data.vocabulary.decode
        return "\n".join(decode(ids.tolist()) for ids in self.training_texts(data))

    def known(self, data: Data) -> str | frozenset[str]:
        """Whether `sample in known`: all records, or the running text; with the held-out parts."""
        text, decode = data.source, data.vocabulary.decode
        if text.offsets is None:
            return decode(text.ids.tolist())
        borders = pairwise(text.offsets.tolist())
        return frozenset(decode(text.ids[begin:end].tolist()) for begin, end in borders)

    def count(self, settings: LanguageSettings, data: Data) -> NGram | None:
        if settings.cell != "ngram":
            return None
        return NGram(len(data.vocabulary), settings.order, data.vocabulary.begin)

    def config(self, settings: LanguageSettings, data: Data) -> NetworkConfig:
        return NetworkConfig(
            len(data.vocabulary), settings.cell, settings.hidden_size or 0,
            settings.num_layers or 1, settings.embedding_size, settings.activation, settings.bias,
            settings.dropout or 0.0,
        )  # fmt: skip

    def network(self, config: NetworkConfig, dtype: np.dtype, engine: Engine) -> Network:
        return Network(config, dtype, engine)

    def kept_steps(self, settings: LanguageSettings, data: Data) -> int:
        seq_len, batch_size = batches.fit(
            data.train, settings.batching, settings.seq_len, settings.batch_size
        )
        reach = min(settings.bptt or 0, data.train.predictions // batch_size)
        return max(seq_len, reach) * batch_size

    def try_step(self, network: Network, settings: LanguageSettings) -> int:
        steps = min(TRIED_STEPS, settings.seq_len)
        ids = np.zeros((steps, settings.batch_size), np.int32)
        weights = np.full(ids.shape, 1 / ids.size, network.dtype)
        network.loss_and_gradient(ids, ids, weights, network.zero_state(settings.batch_size))
        return ids.size

    def trainer(self, network: Network, data: Data, settings: LanguageSettings) -> Trainer:
        return Trainer(network, data.vocabulary, settings, data.train, data.validation)

    def notes(self, settings: LanguageSettings, data: Data, learner: Trainer | NGram) -> list[str]:
        notes = []
        if isinstance(learner, Trainer):
            asked = (settings.batch_size, settings.seq_len)
            got = (learner.batch_size, learner.seq_len)
            if got != asked:
                notes.append(
                    f"the text is too short for batches of {asked[0]} × {asked[1]} steps; "
                    f"training with {got[0]} × {got[1]}"
                )
        if not data.validation.predictions and settings.validation != 0:
            why = "is one record, of which nothing can be held"
            if data.source.records != 1:
                why = "is too short to hold a part"
            notes.append(f"the text {why} out: no held-out figures")
        return notes


def _refuse_without_effect(given: Mapping[str, Any], chain: bool) -> None:
    """Raise UsageError for settings that this training never looks at."""
    if not chain and given.get("order") is not None:
        raise UsageError("--order needs --cell ngram")
    for name, value in given.items() if chain else ():
        group = rule_of(LanguageSettings.__dataclass_fields__[name]).group
        if value is not None and group in (NETWORK, LEARNING) and name not in OF_A_CHAIN:
            raise UsageError(f"{flag(name, value)} has no effect with --cell ngram, which counts "
                             "and takes no steps: leave it out")  # fmt: skip
    if given.get("calibrate") is not None:
        without = _without_temperature(given)
        if without:
            switch = flag("calibrate", given["calibrate"])
            raise UsageError(f"{switch} has no effect with {without}: leave {switch} out")


def _without_temperature(given: Mapping[str, Any]) -> str | None:
    """The setting with which no temperature is fitted at the end, and why; None: one may be."""
    schedule = given.get("schedule")
    if schedule not in (None, "cosine"):
        return f"--schedule {schedule}, which has no end"
    if given.get("validation") == 0:
        return "--validation 0, which leaves nothing to fit a temperature on"
    return None


TASK = LanguageTask()
