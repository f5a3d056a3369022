"""How likely a string is, and strings to vectors."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin as FeatureNamesOut
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .. import tasks
from ..inside.embedding import embed
from ..tasks.language.model import Model
from ..tasks.training import trained
from ..text import memory
from .base import HELD_OUT_LEAST, Array, SequenceEstimator, parameters, texts_of


@parameters
class LanguageModel(SequenceEstimator):
    """How likely a string is: a recurrent language model of lines.

    Parameters
    ----------
    cell, hidden_size, num_layers, embedding_size, dropout, tokens, lowercase,
    learning_rate, batch_size, epochs, validation, patience, threads : as the flags
        of `elman train --lines`
    random_state : the same number gives the same result

    Attributes
    ----------
    model_ : the `elman.Model`
    """

    hidden_size: int = 128
    num_layers: int = 1
    epochs: float = 10

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the language of texts (n,); y is ignored.

        Raises
        ------
        ValueError : no strings, an empty one, or one with a line end
        """
        texts = _lines(X)
        if not texts:
            raise ValueError("there is no text to learn from")
        given = self._settings(set(self.get_params()) - {"random_state"})
        given |= {"lines": True, "unknown": self.tokens == "char", "sample_every": 10**12}
        if len(texts) < HELD_OUT_LEAST:
            given["validation"] = 0.0
        source = [memory.records(texts, "\n")]
        with memory.closing(source):
            run = tasks.begin(source, given, command=type(self).__name__)
        self.model_ = trained(run)
        self.model_.training = None  # its corpus is gone, so there is nothing to resume
        return self

    def score_samples(self, X: Any) -> Array:
        """Log-likelihood (n,) of every text, its end included, in nats.

        Raises
        ------
        ValueError : no strings, an empty one, or one with a line end, as in `fit`
        """
        check_is_fitted(self)
        return np.array([-score.nats for score in self.model_.score(_lines(X))])

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood of the texts, in nats: higher is better."""
        found = self.score_samples(X)
        if not len(found):
            raise ValueError("there is no text to score")
        return float(found.mean())

    def sample(self, n_samples: int = 1, length: int = 100, random_state: Any = None) -> list[str]:
        """Texts drawn from the model; one that is longer than `length` symbols is cut there."""
        check_is_fitted(self)
        rng = check_random_state(random_state)
        model: Model = self.model_
        return model.sample(length, n=n_samples, seed=int(rng.randint(2**31 - 1)))


class SequenceVectorizer(FeatureNamesOut, TransformerMixin, LanguageModel):
    """Strings to vectors: the state of a language model after the last character.

    Learns the language of the texts (labels are ignored), then maps every text to the
    hidden state (n, hidden_size) after reading it.
    """

    def transform(self, X: Any) -> Array:
        """Vectors (n, hidden_size) of the texts."""
        check_is_fitted(self)
        return embed(self.model_, _lines(X))

    @property
    def _n_features_out(self) -> int:
        return self.model_.network.config.hidden_size


def _lines(X: Any) -> list[str]:
    """The strings of `texts_of`; raises ValueError for one that is more than a line."""
    texts = texts_of(X)
    for number, text in enumerate(texts):
        if "\n" in text or "\r" in text:
            raise ValueError(f"text {number} has a line end; a text is one line here")
    return texts
