"""scikit-learn estimators over strings: classifier, language model, vectorizer.

Install with the extra `sklearn`. X is a list, an array or a pandas Series of
strings; labels may be of any type that sorts. Numbers have no place here: a table
of numbers is no sequence of symbols, so there is no numeric variant.

Ctrl-C ends `fit` after the step that it is in: the estimator is fitted with the best network so
far, and a warning says so. A second Ctrl-C raises KeyboardInterrupt. A grid search fits many times,
and goes on with its next fit.

Fitted estimators pickle through Elman's own model file, which is read back with
all its checks; `save` writes that file, `elman classify`, `elman embed`, `elman
score` and `elman.load` open it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
    from sklearn.base import ClassNamePrefixFeaturesOutMixin as FeatureNamesOut
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "elman.estimators needs scikit-learn, which is not installed; install it with: "
        "pip install '.[sklearn]' in the folder of the clone",
        name=error.name,
    ) from None

from . import tasks
from .errors import quoted
from .inside.embedding import embed
from .tasks.classify.model import Classifier
from .tasks.classify.task import TASK as CLASSIFY
from .tasks.classify.trainer import ClassifierTrainer
from .tasks.language.model import Model
from .tasks.training import trained
from .text import memory
from .text.labelled import Labelled, LabelledPart

__all__ = ["LanguageModel", "SequenceClassifier", "SequenceVectorizer"]

Array = np.ndarray
HELD_OUT_LEAST = 50  # texts from which a part is held out for early stopping


# scikit-learn reads the parameters of an estimator from the signature that this makes.
parameters = dataclass(kw_only=True, eq=False, repr=False)


class _TextEstimator(BaseEstimator):
    """What the estimators share: strings in, the model in `model_`, pickling through its file."""

    model_: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_trainer", None)
        return state

    def save(self, path: str | Path) -> None:
        """Write the model file, without what only resuming needs."""
        check_is_fitted(self)
        self.model_.save(path, weights_only=True)

    def _settings(self, names: Iterable[str]) -> dict[str, Any]:
        """The parameters of the estimator as settings; what is None is left to the default."""
        given = {name: getattr(self, name) for name in names}
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return {name: value for name, value in given.items() if value is not None} | {"seed": seed}


@parameters
class _Sequences(_TextEstimator):
    """The parameters that both kinds of network have."""

    cell: str = "gru"
    hidden_size: int
    num_layers: int
    embedding_size: int = 0
    dropout: float | None = None
    tokens: str = "char"
    lowercase: bool = False
    learning_rate: float | None = None
    batch_size: int | None = None
    epochs: float
    validation: float = 0.1
    patience: int | None = None
    threads: int | None = None
    random_state: Any = None


@parameters
class SequenceClassifier(ClassifierMixin, _Sequences):
    """Short strings to labels: a recurrent network, many to one.

    Parameters
    ----------
    cell, hidden_size, num_layers, embedding_size, bidirectional, pooling, dropout,
    symbol_dropout, label_smoothing, tokens, lowercase, class_weights, learning_rate,
    batch_size, epochs, monitor, patience, threads : as the flags of `elman train --task classify`
    validation : share of the texts held out to choose the best network by and to
        stop early; 0, or fewer than 50 texts: none
    random_state : same number, same result

    Attributes
    ----------
    classes_ : labels, sorted
    model_ : the `elman.Classifier`

    Examples
    --------
    >>> from elman.estimators import SequenceClassifier
    >>> SequenceClassifier(epochs=5).fit(names, countries).predict(["Rossi"])  # doctest: +SKIP
    array(['Italian'], dtype='<U10')
    """

    hidden_size: int = 192
    num_layers: int = 2
    bidirectional: bool = True
    pooling: str = "last"
    symbol_dropout: float | None = None
    label_smoothing: float | None = None
    class_weights: str = "none"
    epochs: float = 20
    monitor: str = "macro-f1"

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from texts (n,) and their labels (n,).

        Texts that repeat count as often as they stand there; none is both learned
        from and held out.

        Raises
        ------
        ValueError : no strings, an empty one, other lengths, or fewer than two classes
        """
        texts, labels = self._pairs(X, y)
        classes = np.unique(labels)
        data = _labelled(texts, labels, classes)
        given = self._settings_of_run() | {"test": 0.0}
        if len(texts) < HELD_OUT_LEAST:
            given["validation"] = 0.0
        run = tasks.begin(data, given, command=type(self).__name__)
        self.model_, self.classes_ = trained(run), classes
        self._trainer: ClassifierTrainer | None = None
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Learn once from each of these texts, going on from where it stands.

        The vocabulary is that of the first call: characters that come later are
        `<unk>`. The learning rate does not fall. A copy or a pickle holds the network, not
        the moments of the optimizer: its next call starts those anew.

        Parameters
        ----------
        classes : all labels there will be; needed at the first call
        """
        texts, labels = self._pairs(X, y)
        given_classes = None if classes is None else np.unique(np.asarray(classes))
        if hasattr(self, "model_"):
            if given_classes is not None and not np.array_equal(given_classes, self.classes_):
                raise ValueError("classes are others than at the first call")
        else:
            if given_classes is None:
                raise ValueError("the first call of partial_fit needs all classes")
            given = self._settings_of_run() | {"test": 0.0, "validation": 0.0}
            given |= {"schedule": "constant"}
            data = _labelled(texts, labels, given_classes)
            self._trainer = tasks.begin(data, given).learner
            self.model_, self.classes_ = self._trainer.classifier(), given_classes
        data = _labelled(texts, labels, self.classes_)
        if getattr(self, "_trainer", None) is None:
            self._trainer = self._continued()
        trainer = self._trainer
        assert trainer is not None
        encoded = self.model_.encode(texts)
        trainer.learn(LabelledPart(encoded, data.labels, np.arange(len(texts))))
        self.model_ = trainer.classifier()
        return self

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n, C), a column for each of `classes_`."""
        check_is_fitted(self)
        texts = _texts(X)
        if not texts:
            return np.empty((0, len(self.classes_)))
        return self.model_.predict_proba(texts)

    def predict(self, X: Any) -> Array:
        """The most probable label (n,) of every text."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _pairs(self, X: Any, y: Any) -> tuple[list[str], Array]:
        texts, labels = _texts(X), column_or_1d(y, warn=True)
        if len(labels) != len(texts):
            raise ValueError(f"y has {len(labels)} labels, X has {len(texts)} texts")
        if not texts:
            raise ValueError("there is no text to learn from")
        if labels.dtype.kind == "O":
            kinds = {type(label) for label in labels}
            if len(kinds) > 1:  # a gap in a column of strings is a float, NaN
                names = ", ".join(sorted(kind.__name__ for kind in kinds))
                raise ValueError(f"y mixes labels of different types ({names}), or has gaps")
            labels = np.asarray(labels.tolist())
        check_classification_targets(labels)
        return texts, labels

    def _settings_of_run(self) -> dict[str, Any]:
        names = set(self.get_params()) - {"random_state"}
        return self._settings(names) | {"task": "classify"}

    def _continued(self) -> ClassifierTrainer:
        """A trainer that goes on with the weights of the model, and its optimizer if kept."""
        model: Classifier = self.model_
        given = self._settings_of_run() | {"schedule": "constant", "test": 0.0, "validation": 0.0}
        nothing = LabelledPart(model.encode([]), np.empty(0, np.int64), np.empty(0, np.int64))
        return CLASSIFY.continued(model, given, nothing)


@parameters
class LanguageModel(_Sequences):
    """How likely is a string: a recurrent language model of lines.

    Parameters
    ----------
    cell, hidden_size, num_layers, embedding_size, dropout, tokens, lowercase,
    learning_rate, batch_size, epochs, validation, patience, threads : as the flags
        of `elman train --lines`
    random_state : same number, same result

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

    Learns the language of the texts (labels are not looked at), then gives every
    text the hidden state (n, hidden_size) in which reading it leaves the network.
    """

    def transform(self, X: Any) -> Array:
        """Vectors (n, hidden_size) of the texts."""
        check_is_fitted(self)
        return embed(self.model_, _lines(X))

    @property
    def _n_features_out(self) -> int:
        return self.model_.network.config.hidden_size


def _labelled(texts: list[str], labels: Array, classes: Array) -> Labelled:
    """The texts as they are, labels as places in `classes`, in one order for all calls."""
    if len(classes) < 2:
        raise ValueError(f"a classifier needs at least 2 classes, y has {len(classes)}")
    unknown = set(labels.tolist()) - set(classes.tolist())
    if unknown:
        raise ValueError(f"y has the label {quoted(sorted(unknown)[0])}, which is not in classes")
    names = [str(label) for label in classes.tolist()]
    return Labelled(texts, np.searchsorted(classes, labels), names, len(texts), 0, 0, "", ["X"])


def _texts(X: Any) -> list[str]:
    """The strings of a list, an array or a Series; raises ValueError if it is none."""
    if isinstance(X, (str, bytes)):
        raise ValueError("X is one string; give a list of strings")
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(f"X has {X.ndim} dimensions; give a list or a column of strings")
    texts: Sequence[Any] = X.tolist() if hasattr(X, "tolist") else list(X)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X has a {type(text).__name__} at place {number}, not a string")
        if not text:
            raise ValueError(f"text {number} of X is empty")
    return list(texts)


def _lines(X: Any) -> list[str]:
    """The strings of `_texts`; raises ValueError for one that is more than a line."""
    texts = _texts(X)
    for number, text in enumerate(texts):
        if "\n" in text or "\r" in text:
            raise ValueError(f"text {number} has a line end; a text is one line here")
    return texts
