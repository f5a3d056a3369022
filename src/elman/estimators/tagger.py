"""Sequences to a label for every symbol."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .. import tasks
from ..errors import counted
from ..tasks.training import trained
from ..text.tagforms import Tokens, kind_of, symbols_of
from .base import HELD_OUT_LEAST, SequenceEstimator, items_of, one_type, parameters


@parameters
class SequenceTagger(SequenceEstimator):
    """A label for every symbol of a sequence: a recurrent network and a chain of labels.

    Parameters
    ----------
    cell, hidden_size, num_layers, embedding_size, letter_size, wide, bidirectional, transitions,
    dropout, symbol_dropout, tokens, lowercase, learning_rate, batch_size, epochs, patience,
    threads : as the flags of `elman train --task tag`
    validation : share of the sequences held out to select the best network and to stop
        early; 0, or fewer than 50 sequences: none
    random_state : the same number gives the same result

    Attributes
    ----------
    classes_ : labels, sorted
    model_ : the `elman.Tagger`

    Examples
    --------
    >>> from elman.estimators import SequenceTagger
    >>> tagger = SequenceTagger(epochs=5).fit(sentences, labels)  # doctest: +SKIP
    >>> tagger.predict([["Ada", "lives", "in", "London"]])  # doctest: +SKIP
    [['B-PER', 'O', 'O', 'B-LOC']]
    """

    hidden_size: int = 192
    num_layers: int = 2
    embedding_size: int | None = None  # type: ignore[assignment]  # the symbols decide
    letter_size: int | None = None
    wide: int | None = None
    bidirectional: bool = True
    transitions: bool = True
    symbol_dropout: float | None = None
    tokens: str | None = None  # type: ignore[assignment]  # the data decide
    epochs: float = 20

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from n sequences and as many lists of labels, each as long as its sequence.

        A sequence is a list of words, or a string: each of its characters has a label, or each
        word between its spaces; `tokens` says which, or else the numbers of labels. The same
        sequence is never both learned from and held out.

        Raises
        ------
        ValueError : no sequences, an empty one, other lengths, fewer than two labels, or
            labels that break the scheme of spans that the others are written in
        """
        rows, classes = self._rows(X, y)
        given = self._settings(set(self.get_params()) - {"random_state"})
        given |= {"task": "tag", "test": 0.0}
        if len(rows) < HELD_OUT_LEAST:
            given["validation"] = 0.0
        run = tasks.begin(rows, given, command=type(self).__name__)
        self.model_, self.classes_ = trained(run), classes
        return self

    def predict(self, X: Any) -> list[list[Any]]:
        """The labels of every symbol of each sequence, by the most probable labelling."""
        check_is_fitted(self)
        sequences = _sequences(X)
        if not sequences:
            return []
        found = self.model_.predict(sequences)
        names = self._names()
        return [[names[label] for label in row] for row in found]

    def predict_marginals(self, X: Any) -> list[list[dict[Any, float]]]:
        """Of every symbol of each sequence the probability of every label, by label."""
        check_is_fitted(self)
        sequences = _sequences(X)
        if not sequences:
            return []
        names = self._names()
        labels = [names[label] for label in self.model_.classes]
        return [
            [dict(zip(labels, row, strict=True)) for row in p.tolist()]
            for p in self.model_.predict_proba(sequences)
        ]

    def score(self, X: Any, y: Any) -> float:
        """Share of the symbols of all sequences whose label is predicted right."""
        predicted = self.predict(X)
        labels = _labels(y, len(predicted))
        _refuse_lengths(predicted, labels)
        pairs = zip(labels, predicted, strict=True)
        right = sum(a == b for pair in pairs for a, b in zip(*pair, strict=True))
        return right / max(1, sum(map(len, predicted)))

    def _rows(self, X: Any, y: Any) -> tuple[list[tuple[Tokens, list[str]]], Any]:
        """Tokens and labels of every sequence as the task reads them, and all labels, sorted."""
        sequences = _sequences(X)
        if len({isinstance(sequence, str) for sequence in sequences}) > 1:
            raise ValueError("X mixes strings and lists of words; give one kind")
        if not sequences:
            raise ValueError("there is no sequence to learn from")
        labels = _labels(y, len(sequences))
        texts = [sequence for sequence in sequences if isinstance(sequence, str)]
        kind = self.tokens or (kind_of(texts, labels) if texts else "word")
        tokens = [symbols_of(s, kind) if isinstance(s, str) else s for s in sequences]
        _refuse_lengths(tokens, labels)
        flat = one_type(np.array([label for row in labels for label in row], object))
        check_classification_targets(flat)
        classes = np.unique(flat)
        if len(classes) < 2:
            raise ValueError(f"a tagger needs at least 2 labels, y has {len(classes)}")
        rows = [(s, list(map(str, row))) for s, row in zip(sequences, labels, strict=True)]
        return rows, classes

    def _names(self) -> dict[str, Any]:
        """The labels as they were given, by what the model calls them."""
        return {str(label): label for label in self.classes_.tolist()}


def _sequences(X: Any) -> list[Tokens]:
    """The sequences of a list, an array or a Series; raises ValueError if they are none."""
    sequences: list[Tokens] = []
    for number, sequence in enumerate(items_of(X, "X", "sequences")):
        words = sequence.tolist() if hasattr(sequence, "tolist") else sequence
        if not isinstance(words, str | list | tuple):
            raise ValueError(
                f"X[{number}] is of type {type(words).__name__}, not a string or a list of words"
            )
        wrong = [type(word).__name__ for word in words if not isinstance(word, str)]
        if wrong:
            raise ValueError(f"X[{number}] has something of type {wrong[0]} in it, not a string")
        if not len(words):
            raise ValueError(f"X[{number}] is empty")
        sequences.append(words if isinstance(words, str) else list(words))
    return sequences


def _labels(y: Any, count: int) -> list[list[Any]]:
    """The labels of so many sequences; raises ValueError if they are none."""
    rows = [] if y is None else items_of(y, "y", "lists of labels")
    if len(rows) != count:
        raise ValueError(f"y has {len(rows)} lists of labels, X has {count} sequences")
    found: list[list[Any]] = []
    for number, row in enumerate(rows):
        labels = row.tolist() if hasattr(row, "tolist") else row
        if not isinstance(labels, list | tuple):
            raise ValueError(f"y[{number}] is of type {type(row).__name__}, not a list of labels")
        found.append(list(labels))
    return found


def _refuse_lengths(sequences: Sequence[Sequence[Any]], labels: Sequence[Sequence[Any]]) -> None:
    """Raise ValueError if a symbol has no label, or a label no symbol."""
    for number, (sequence, row) in enumerate(zip(sequences, labels, strict=True)):
        if len(sequence) != len(row):
            raise ValueError(f"X[{number}] has {counted(len(sequence), 'symbol')}, and y[{number}] "
                             f"{counted(len(row), 'label')}")  # fmt: skip
