"""How likely is a text under a model: log-likelihood, perplexity, bits per character."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import exp, inf, isnan, log, nan
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...errors import counted
from ...learn.shards import Shards
from ...store.shown import Shown, frame
from ...text.parts import Part
from ...text.vocabulary import Vocabulary
from .batches import streams

if TYPE_CHECKING:
    from pandas import DataFrame

CHUNK = 256  # steps that an evaluation reads at once
SIDE_BY_SIDE = 64  # lines that are scored at once


class LanguageModel(Protocol):
    """What scoring and sampling ask of a network, or of a Markov chain."""

    @property
    def vocabulary_size(self) -> int: ...

    def zero_state(self, batch_size: int) -> np.ndarray: ...

    def nats(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray,
        mask: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(self, ids: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True, repr=False)
class Score(Shown):
    """The log-likelihood of a text.

    Attributes
    ----------
    nats : negative log-likelihood of the whole text, in nats; infinite if symbols were
        skipped because the vocabulary has neither them nor `<unk>`
    symbols : how many symbols were predicted (the end of a line is one)
    characters : how many characters the text has
    unknown : how many of its symbols are not in the vocabulary
    words : how many of them are words and marks, not white space; None if the model does
        not use words
    nats_known : nats of the symbols that were not skipped
    """

    nats: float
    symbols: int
    characters: float
    unknown: int = 0
    words: int | None = None
    nats_known: float = nan

    def __post_init__(self) -> None:
        if isnan(self.nats_known):
            object.__setattr__(self, "nats_known", self.nats)

    def __add__(self, other: "Score") -> "Score":
        one_counts_words = self.words is not None or other.words is not None
        return Score(
            self.nats + other.nats,
            self.symbols + other.symbols,
            self.characters + other.characters,
            self.unknown + other.unknown,
            self.counted + other.counted if one_counts_words else None,
            self.nats_known + other.nats_known,
        )

    def _short(self) -> list[str]:
        rows = dict(self._rows())
        short = [f"{rows['bits/character']} bits/character", f"perplexity {rows['perplexity']}",
                 counted(round(self.characters), "character")]  # fmt: skip
        return short + [f"{self.unknown:,} unknown"] * bool(self.unknown)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("bits/character", f"{self.bits_per_character:.3f}"),
                ("perplexity", f"{self.perplexity:,.2f}"), ("nats", f"{self.nats:,.2f}"),
                ("characters", f"{self.characters:,.0f}"),
                ("symbols", f"{self.symbols:,}")]  # fmt: skip
        rows += [] if self.words is None else [("words", f"{self.words:,}")]
        return rows + [("unknown", f"{self.unknown:,}")] * bool(self.unknown)

    def to_dict(self) -> dict[str, Any]:
        """The figures by name, the most used ones first."""
        return {"bits_per_character": self.bits_per_character, "perplexity": self.perplexity,
                "nats_per_character": self.nats_per_character, **asdict(self)}  # fmt: skip

    def to_frame(self) -> "DataFrame":
        """A pandas DataFrame with one row; `pandas.concat` makes one of several.

        Raises
        ------
        ElmanError : pandas is not installed
        """
        return frame([self.to_dict()])

    @property
    def counted(self) -> int:
        """How many symbols perplexity is a mean over: the words, else all."""
        return self.symbols if self.words is None else self.words

    @property
    def bits_per_character(self) -> float:
        """Of the text, ends of lines included."""
        return self.nats / log(2) / self.characters if self.characters else inf

    @property
    def nats_per_character(self) -> float:
        """The same in nats."""
        return self.nats / self.characters if self.characters else inf

    @property
    def perplexity(self) -> float:
        """Per symbol: exp of the mean loss, the geometric mean of the inverse probabilities.

        Of words: of the whole loss, white space included, per word or mark.
        """
        if not self.counted:
            return inf
        mean = self.nats / self.counted
        return exp(mean) if mean < 700 else inf


def evaluate(
    model: LanguageModel,
    part: Part,
    vocabulary: Vocabulary,
    parallel: int = 1,
    limit: int | None = None,
    chunk: int = CHUNK,
    start: np.ndarray | None = None,
    shards: Shards | None = None,
) -> Score:
    """Score a held-out part, the state carried across it.

    Parameters
    ----------
    parallel : streams that are read in parallel; 1 for a final figure
    limit : about how many predictions to make, for a quick estimate: the beginnings of
        the parallel streams, which lie evenly over the part
    chunk : steps that are read at once; changes the memory, not the figure
    start : a state of the network, of any number of streams, from which the parallel
        streams of running text start; None: zero
    shards : of the parallel streams, each read alone; None: one
    """
    shards, predictions, counted = shards or Shards(), 0, vocabulary.counted
    nats = np.zeros(shards.count)
    words = None if counted is None else 0
    parallel = max(1, min(parallel, part.predictions))
    if part.offsets is not None:
        parallel = SIDE_BY_SIDE
    if limit is not None:
        chunk = min(chunk, -(-limit // parallel))
    states: dict[int, np.ndarray] = {}  # of each shard
    for batch in streams(part, vocabulary, chunk, parallel):
        for shard, rows in shards.mine(batch.width):
            mine = batch.part(rows)
            if mine.fresh:
                state = model.zero_state(mine.width)
                if start is not None:  # streams share what there is of warm states
                    state = start.take(np.arange(rows.start, rows.stop) % start.shape[2], axis=2)
            else:
                state = states[shard]
                if mine.anew is not None and mine.anew.any():
                    state = anew(model, state, mine.anew)
            losses, states[shard] = model.nats(mine.inputs, mine.targets, state, mine.mask)
            if mine.mask is not None:
                losses = losses[mine.mask]
            nats[shard] += float(np.sum(losses, dtype=np.float64))
        predictions += batch.predictions
        if counted is not None and words is not None:
            targets = batch.targets if batch.mask is None else batch.targets[batch.mask]
            words += int(counted[targets].sum())
        if limit is not None and predictions >= limit:
            break
    total, characters = shards.total(nats), predictions * part.characters_per_symbol
    return Score(total, predictions, characters, words=words)


def anew(model: LanguageModel, state: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The state with that of some streams (B,) bool as before anything was read.

    Whatever the model, its state has the streams on the last axis but one, or on the last.
    """
    zero = model.zero_state(len(rows))
    where = rows[:, None] if zero.ndim == 4 else rows
    return np.where(where, zero, state)


def rank(scores: Iterable[Score]) -> list[int]:
    """Indices from the likeliest to the least likely, by bits per character."""
    listed = list(scores)
    return sorted(range(len(listed)), key=lambda i: listed[i].bits_per_character)
