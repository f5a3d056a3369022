"""Learning to tag: the batches that the training loop runs over, and the evaluation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ...errors import counted
from ...learn.shards import Shards
from ...learn.state import Event
from ...nn import chain
from ...nn.layers import softmax_cross_entropy
from ...nn.tagger import TaggerNetwork
from ...nn.wide import ngrams_around
from ...text.tagforms import TaggedOptions, refuse_idle
from ...text.tagged import labelled
from ...text.vocabulary import Vocabulary
from ..table import TableLoop
from .model import COLUMNS, Tagger, ranges_of
from .report import TagReport, tag_report
from .settings import RATES, TagSettings
from .windows import Symbols, TagBatch, TagPlan, encoded, whole, windows

Array = np.ndarray


@dataclass(frozen=True)
class TagPart:
    """A choice of sequences (`ranges` (n, 2) of `symbols`), with the labels (N,) of all.

    `unseen` (N,) says which symbols the vocabulary does not hold.
    """

    symbols: Symbols
    labels: Array
    ranges: Array
    unseen: Array

    def __len__(self) -> int:
        return len(self.ranges)

    @property
    def count(self) -> int:
        """How many symbols it has."""
        return int((self.ranges[:, 1] - self.ranges[:, 0]).sum())


class TagTrainer(TableLoop[TaggerNetwork]):
    """One training run of a tagger."""

    settings: TagSettings
    ngrams = staticmethod(ngrams_around)

    def __init__(
        self,
        network: TaggerNetwork,
        vocabulary: Vocabulary,
        letters: Vocabulary | None,
        classes: Sequence[str],
        scheme: str,
        settings: TagSettings,
        train: TagPart,
        validation: TagPart,
    ):
        self.default_rate = RATES[settings.optimizer]
        self.vocabulary, self.letters = vocabulary, letters
        self.classes, self.scheme = list(classes), scheme
        self.train, self.validation = train, validation
        self.windows = windows(train.ranges, settings.seq_len)
        super().__init__(network, settings)

    @property
    def held_out(self) -> bool:
        return bool(len(self.validation))

    def _plan(self) -> TagPlan:
        s, rng = self.settings, np.random.default_rng([self.settings.seed, 1, self.epoch])
        return TagPlan(self.train.symbols, self.train.labels, self.windows, s.batch_size or 1, rng)

    def _gradient(self, batch: TagBatch, shard: int, rows: slice) -> float:
        part, rng = batch.part(rows), self.rng(shard)
        inputs = part.inputs
        if self.settings.symbol_dropout:
            dropped = rng.random(inputs.shape) < self.settings.symbol_dropout
            inputs = np.where(dropped, np.int32(self.vocabulary.unknown or 0), inputs)
        return self.network.loss_and_gradient(
            inputs, part.labels, part.weights.astype(self.network.dtype), part.mask,
            part.letters, part.borders, rng, part.inputs,
        )  # fmt: skip

    def _step_event(self, batch: TagBatch, loss: float) -> Event:
        self.predictions += int((batch.weights > 0).sum())
        self._smooth(loss)
        return {"symbols_per_second": self.symbols_per_second, "train_loss": self.smoothed}

    @property
    def symbols_per_second(self) -> float:
        return self.predictions / max(1e-9, self.seconds)

    def _look(self) -> tuple[float, float, Event]:
        found = judge(self.tagger(), self.validation, self.scheme, self.shards)
        nats = float("nan") if found.nats is None else found.nats
        # Accuracy is what counts; the loss breaks ties, and says early what it will be.
        spans = {"validation_span_f1": found.spans["all spans"]["f1"]} if found.spans else {}
        value = 1e-6 * nats - (spans.get("validation_span_f1", 0.0) or found.accuracy)
        return nats, value, {
            "train_loss": self.smoothed, "validation_loss": nats,
            "validation_accuracy": found.accuracy, "validation_macro_f1": found.macro_f1,
            "validation_sequence_accuracy": found.sequence_accuracy, **spans,
        }  # fmt: skip

    def tagger(self, network: TaggerNetwork | None = None) -> Tagger:
        """The tagger as it is now, or with the weights of another network."""
        network = network or self.network
        s = self.settings
        config = {
            "task": s.task, "tokens": s.tokens, "lowercase": s.lowercase,
            "normalize": s.normalize, "seq_len": s.seq_len, "scheme": self.scheme,
            **{name: value for name in COLUMNS if (value := getattr(s, name)) is not None},
            **asdict(network.config), "dtype": network.dtype.name,
        }  # fmt: skip
        return Tagger(network, self.vocabulary, self.letters, self.classes, config)


def judge(
    model: Tagger, part: TagPart, scheme: str = "", shards: Shards | None = None
) -> TagReport:
    """Compare what a tagger says about a part with its labels.

    With `shards` each of them reads its sequences alone, and ranks share the work.
    """
    logits = model.run(part.symbols, part.ranges) if shards is None else _shared(
        model, part, shards)  # fmt: skip
    decoded = model.decode(logits, part.ranges)
    pieces = [slice(*row) for row in part.ranges.tolist()]
    labels, predicted = ([of[piece] for piece in pieces] for of in (part.labels, decoded))
    unseen = np.concatenate([part.unseen[piece] for piece in pieces])
    nats = _nats(model, part, logits) / max(1, part.count)
    return tag_report(model.classes, labels, predicted, unseen, nats, scheme)


def _shared(model: Tagger, part: TagPart, shards: Shards) -> Array:
    """The logits (N, C) of the symbols of a part, whose sequences are divided among the shards."""
    borders, lengths = shards.rows(len(part)), np.diff(part.ranges)[:, 0]
    places = np.concatenate([np.arange(*row) for row in part.ranges.tolist()])
    ends = np.concatenate([[0], np.cumsum(lengths)])[borders].tolist()  # of symbols, as `places`
    logits = np.zeros((len(part.symbols.ids), len(model.classes)))
    for shard in shards.own:
        ranges = part.ranges[borders[shard] : borders[shard + 1]]
        if len(ranges):
            mine = places[ends[shard] : ends[shard + 1]]
            logits[mine] = model.run(part.symbols, ranges)[mine]
    gathered = logits[places]
    shards.gather(gathered, ends)
    logits[places] = gathered
    return logits


def _nats(model: Tagger, part: TagPart, logits: Array) -> float:
    """The loss of all labels of a part, in nats."""
    total = 0.0
    for places, mask in whole(part.ranges):
        labels = part.labels[places]
        if model.network.config.transitions:
            scores = model.network.transitions
            total += float(chain.linear_chain(logits[places], labels, scores, mask)[0].sum())
        else:
            total += float(softmax_cross_entropy(logits[places], labels)[0][mask].sum())
    return total


def evaluate(
    model: Tagger, names: Sequence[str], options: TaggedOptions
) -> tuple[TagReport, list[str]]:
    """The report of a tagger on labelled sequences of files, and notes on the reading.

    Columns are those of the training, unless the options name others.

    Raises
    ------
    CorpusError, UsageError : see `text.tagged.labelled`
    """
    scheme = model.config.get("scheme", "")
    token, label = (getattr(options, name) or model.column(name) for name in COLUMNS)
    reading = replace(options, tokens=model.config["tokens"], whose="the model",
                      token_column=token, label_column=label)  # fmt: skip
    tokens, labels, found = labelled(names, reading, model.classes, scheme)
    refuse_idle(options, found.forms)
    symbols = encoded(tokens, model.vocabulary, model.letters)
    unseen = symbols.ids == model.vocabulary.unknown
    part = TagPart(symbols, labels, ranges_of(tokens), unseen)
    said = f"read as {found.form}: {counted(len(tokens), 'sequence')}"
    return judge(model, part, scheme), [said, *found.notes]
