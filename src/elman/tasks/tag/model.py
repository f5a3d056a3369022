"""A trained tagger: network, vocabulary, letters, labels, in one object and one file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

import numpy as np

from ...errors import CorpusError, ModelFileError, UsageError, listed, quoted
from ...learn.batches import side_by_side
from ...nn import chain
from ...nn.engine import Engine
from ...nn.layers import softmax
from ...nn.tagger import LETTERS, TaggerConfig, TaggerNetwork
from ...store import checkpoint
from ...store.modelfile import SavedModel, read_classes, read_network
from ...store.shown import rounded
from ...text.columns import NUMBER
from ...text.encoded import Encoded, Inputs
from ...text.read import several
from ...text.tagforms import Tokens, items_of, symbols_of
from ...text.tagged import treated
from ...text.vocabulary import Vocabulary
from ..reports import REPORTS, facts
from .report import TagReport, from_dict
from .settings import TagSettings
from .windows import LONGEST_WORD, Symbols, encoded, whole, windows

Array = np.ndarray
COLUMNS = ("token_column", "label_column")  # of the training, where they were named
MANY = 4096  # words whose letters are read at once, to look inside


@dataclass(frozen=True)
class Tags:
    """What a tagger says about one sequence.

    Attributes
    ----------
    tokens : its symbols
    labels : of every symbol; of a chain those of the most probable labelling
    probabilities : (n,) of these labels, each by itself
    """

    tokens: Tokens
    labels: list[str]
    probabilities: Array


class Tagger(SavedModel):
    """A network that gives every symbol a label.

    Made by `elman.train(..., task="tag")` and `elman.load`, not by hand.

    Attributes
    ----------
    network : the `TaggerNetwork`
    vocabulary : its symbols; all others are `<unk>`
    letters : the vocabulary of the letters of words, None where they are not read
    classes : the labels, in the order of the probabilities
    config : architecture and treatment of text, as the model file holds it
    summary : how it was made: command, data, steps, the report on the test part, versions
    training : what resuming needs (arrays and settings), None if stripped
    """

    NOUN, USE, SETTINGS = "a tagger", "elman tag", TagSettings
    classes: list[str]

    def __init__(
        self,
        network: TaggerNetwork,
        vocabulary: Vocabulary,
        letters: Vocabulary | None,
        classes: Sequence[str],
        config: dict[str, Any],
        summary: dict[str, Any] | None = None,
        training: tuple[checkpoint.Tensors, dict[str, Any]] | None = None,
    ):
        super().__init__(vocabulary, config, summary, training)
        self.network, self.letters = network, letters
        self.classes = list(classes)

    @overload
    def predict(self, texts: str) -> list[str]: ...  # type: ignore[overload-overlap]

    @overload
    def predict(self, texts: Sequence[Tokens]) -> list[list[str]]: ...

    def predict(self, texts: str | Sequence[Tokens]) -> list[str] | list[list[str]]:
        """The labels of every symbol of a text, or of each of several.

        Parameters
        ----------
        texts : a string, which is split at spaces if the symbols are words; or several
            sequences, each a string or a list of tokens

        Raises
        ------
        CorpusError : an empty text
        UsageError : not a text, or symbols of the wrong kind

        Example
        -------
        >>> tagger.predict("John lives in New York")  # doctest: +SKIP
        ['B-PER', 'O', 'O', 'B-LOC', 'I-LOC']
        """
        if isinstance(texts, str):
            return self.tag([texts])[0].labels
        return [tags.labels for tags in self.tag(texts)]

    def predict_proba(self, texts: Sequence[Tokens]) -> list[Array]:
        """Probabilities (n, C) of every label for each symbol of each sequence.

        With transitions they are marginal probabilities, so the most probable labels need
        not be the most probable labelling.
        """
        sequences = self.tokens(texts)
        ranges = ranges_of(sequences)
        p = self.marginals(self.run(self.encode(sequences), ranges), ranges)
        return [p[start:stop] for start, stop in ranges.tolist()]

    def tag(self, texts: Sequence[Tokens]) -> list[Tags]:
        """Labels and their probabilities for each of several sequences, see `predict`."""
        sequences = self.tokens(texts)
        ranges = ranges_of(sequences)
        logits = self.run(self.encode(sequences), ranges)
        labels, p = self.decode(logits, ranges), self.marginals(logits, ranges)
        chosen = np.take_along_axis(p, labels[:, None], axis=1)[:, 0]
        return [
            Tags(tokens, [self.classes[i] for i in labels[start:stop]], chosen[start:stop])
            for tokens, (start, stop) in zip(sequences, ranges.tolist(), strict=True)
        ]

    def tokens(self, texts: Sequence[Tokens]) -> list[Tokens]:
        """The symbols of texts, as they are given; raises as `predict`."""
        kind = self.config["tokens"]
        found: list[Tokens] = []
        for number, text in enumerate(several(texts), 1):
            tokens = symbols_of(text, kind) if isinstance(text, str) else items_of(text)
            if tokens is None:
                raise UsageError(f"text {number} is of type {type(text).__name__}, neither a "
                                 "string nor a list of tokens")  # fmt: skip
            if (wrong := self.misfit(tokens)) is not None:
                raise UsageError(f"text {number} has the token {wrong}")
            if not len(tokens):
                raise CorpusError(f"text {number} is empty: it has no symbol to label")
            found.append(tokens)
        return found

    def misfit(self, tokens: Sequence[Any]) -> str | None:
        """The first token that is not a symbol of such a model, for a message; None: all are."""
        kind = self.config["tokens"]
        for token in tokens:
            if not isinstance(token, str) or not token or (kind == "char" and len(token) != 1):
                wanted = "a character" if kind == "char" else "a word"
                return f"{quoted(token)}, which is not {wanted}, as the model's symbols are"
        return None

    def column(self, name: str) -> int | None:
        """The number of a column that the training named ("token_column", "label_column")."""
        return None if self.config.get(name) is None else int(self.config[name])

    def encode(self, tokens: Sequence[Tokens]) -> Symbols:
        """Ids of tokens, treated as those of the training were."""
        return encoded(list(map(self.clean, tokens)), self.vocabulary, self.letters)

    def clean(self, tokens: Tokens) -> Tokens:
        """The tokens of a sequence treated as those of the training were."""
        return treated(tokens, self.config["tokens"], self.treatment)

    def run(self, symbols: Symbols, ranges: Array) -> Array:
        """Logits (N, C) of the symbols that sequences (n, 2) hold; 0 for others."""
        found = windows(ranges, self.config["seq_len"])
        out = np.zeros((len(symbols.ids), len(self.classes)))

        def work(rows: Array, at: Array, mask: Array | None) -> None:
            places = found.places[at]
            ids, letters = symbols.batch(places)
            logits, _ = self.network.forward(ids, mask, letters)
            counts = found.counts[at] if mask is None else found.counts[at] & mask
            counts[:, len(rows) :] = False
            out[places[counts]] = logits[counts]

        side_by_side(found.rows, self.network.engine, work)
        return out

    def decode(self, logits: Array, ranges: Array) -> Array:
        """Positions (N,) of the labels of sequences: of a chain the most probable labelling."""
        if not self.network.config.transitions:
            return logits.argmax(axis=1)
        labels = np.zeros(len(logits), np.intp)
        for places, mask in whole(ranges):
            found = chain.viterbi(logits[places], self.network.transitions, mask)
            labels[places[mask]] = found[mask]
        return labels

    def marginals(self, logits: Array, ranges: Array) -> Array:
        """Probabilities (N, C) of every label of every symbol of sequences."""
        if not self.network.config.transitions:
            return softmax(logits)
        p = np.zeros_like(logits)
        for places, mask in whole(ranges):
            found = chain.marginals(logits[places], self.network.transitions, mask)
            p[places[mask]] = found[mask]
        return p

    def inputs(self, texts: Sequence[Tokens]) -> Inputs:
        """Texts, or their tokens, as its first layer reads them.

        Of words every one that differs has a row.
        """
        kind = self.config["tokens"]
        split = [symbols_of(text, kind) if isinstance(text, str) else text for text in texts]
        tokens = [self.clean(found) for found in split if len(found)]
        symbols = encoded(tokens, self.vocabulary, self.letters)
        offsets = np.cumsum([0, *map(len, tokens)])
        if symbols.words is None or not tokens:
            names = [f"{word} " for word in self.vocabulary.symbols] if kind == "word" else None
            table = self.network.parameters.get("embedding.E")
            return Inputs(Encoded(symbols.ids, offsets), table, names)
        _, first = np.unique(symbols.words, return_index=True)
        flat = [word for sequence in tokens for word in sequence]
        rows = [self._rows_of_words(symbols, first[i : i + MANY, None])
                for i in range(0, len(first), MANY)]  # fmt: skip
        names = [f"{flat[i]} " for i in first.tolist()]
        return Inputs(Encoded(symbols.words, offsets), np.concatenate(rows), names)

    def _rows_of_words(self, symbols: Symbols, places: Array) -> Array:
        """What the first layer reads (W, E + 2·L) of the words at places (W, 1)."""
        ids, letters = symbols.batch(places)
        assert letters is not None
        _, shapes, _ = self.network.layer(LETTERS, letters.ids, letters.mask)
        rows = self.network.parameters["embedding.E"][ids[:, 0]]
        return np.concatenate([rows, shapes[letters.places[:, 0]]], axis=1)

    def told(self) -> dict[str, Any]:
        """Its labels and the scheme of their spans, the letters of words, the scores of a chain."""
        told = {"classes": self.classes, "scheme": self.config.get("scheme", "")}
        if self.letters is not None:
            told |= {"letters": self.letters.symbols, "longest_word": LONGEST_WORD}
        if self.network.config.transitions:
            scores = vars(self.network.transitions)
            told["transitions"] = {name: a.tolist() for name, a in scores.items()}
        return told

    def loss_unit(self) -> tuple[str, float]:
        """Nats per symbol, as they are."""
        return "nats per symbol", 1.0

    @property
    def report(self) -> TagReport | None:
        """The report of its training, on the test part, else on the validation part."""
        for part in REPORTS:
            if part in self.summary:
                return from_dict(self.summary[part])
        return None

    def _size(self) -> list[str]:
        return [f"{len(self.classes):,} labels"]

    def _figures(self) -> list[str]:
        found = self.report
        return [] if found is None else [f"accuracy {found.accuracy:.2f}"]

    def _rows(self) -> list[tuple[str, str]]:
        return [*super()._rows(), ("labels", f"{len(self.classes):,}: {listed(self.classes)}")]

    def facts(self) -> dict[str, Any]:
        """What `elman info` says of it, by names for people."""
        c, s = self.config, self.summary
        about = {
            "task": "tag",
            "cell": "bidirectional " * c["bidirectional"] + c["cell"],
            "layers": f"{c['num_layers']} × {c['hidden_size']}",
            "labels depend on": "the one before (a linear chain)" * c["transitions"] or "no other",
            "parameters": self.network.config.num_parameters(),
            **({"wide part": self.network.weight_of_table()} if c["wide"] else {}),
            "dtype": c["dtype"],
            "symbols": f"{len(self.vocabulary):,} {self.vocabulary.kind}",
            **({"letters": len(self.letters)} if self.letters is not None else {}),
            "labels": self.classes,
            **({"spans": c["scheme"]} if c.get("scheme") else {}),
            "trained on": ", ".join(s.get("corpus", ["?"])),
        }
        about |= {n: s[n] for n in ("sequences", "steps", "command") if s.get(n) is not None}
        spans = s.get("test", s.get("validation", {})).get("spans") or {}
        named = {f"span {of}": rounded(figures) for of, figures in spans.items()}
        return about | facts(s) | named

    def _metadata(self) -> dict[str, Any]:
        metadata = super()._metadata()
        letters = [] if self.letters is None else self.letters.symbols
        return metadata | {"config": self.config | {"classes": self.classes, "letters": letters}}

    @classmethod
    def _build(
        cls,
        config: dict[str, Any],
        vocabulary: Vocabulary,
        tensors: checkpoint.Tensors,
        engine: Engine,
    ) -> Self:
        classes, spelt = read_classes(config, "labels"), config.pop("letters", [])
        if len(spelt) != config.get("num_letters") or len(set(spelt)) != len(spelt):
            raise ModelFileError("the number of letters does not match the configuration")
        letters = Vocabulary("char", spelt) if spelt else None
        if vocabulary.unknown is None or (letters is not None and letters.unknown is None):
            raise ModelFileError("its vocabulary has no <unk>")
        for name in COLUMNS:
            if not NUMBER.fullmatch(config.get(name, "1")):
                raise ModelFileError(f"its {name} is {quoted(config[name])}")
        if config.get("tokens") != vocabulary.kind:
            raise ModelFileError("its symbols are not those that the configuration says")
        network = read_network(TaggerNetwork, TaggerConfig, config, tensors, engine)
        return cls(network, vocabulary, letters, classes, config)


def ranges_of(tokens: Sequence[Tokens]) -> Array:
    """Where each sequence begins among all symbols, and where it ends (n, 2)."""
    offsets = np.cumsum([0, *map(len, tokens)])
    return np.stack([offsets[:-1], offsets[1:]], axis=1)
