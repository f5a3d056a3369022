"""Short strings to labels."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from .. import tasks
from ..errors import quoted
from ..tasks.classify.model import Classifier
from ..tasks.classify.task import TASK as CLASSIFY
from ..tasks.classify.trainer import ClassifierTrainer
from ..tasks.training import trained
from ..text.labelled import Labelled, LabelledPart
from .base import HELD_OUT_LEAST, Array, SequenceEstimator, one_type, parameters, texts_of


@parameters
class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """Short strings to labels: a recurrent network, many to one.

    Parameters
    ----------
    cell, hidden_size, num_layers, embedding_size, bidirectional, pooling, dropout,
    symbol_dropout, label_smoothing, wide, tokens, lowercase, class_weights, learning_rate,
    batch_size, epochs, monitor, patience, threads : as the flags of `elman train --task classify`
    validation : share of the texts held out to select the best network and to stop early;
        0, or fewer than 50 texts: none
    random_state : the same number gives the same result

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

    hidden_size: int = 128
    num_layers: int = 1
    bidirectional: bool = True
    pooling: str = "last"
    symbol_dropout: float | None = None
    label_smoothing: float | None = None
    wide: int | None = None
    class_weights: str = "none"
    epochs: float = 20
    monitor: str = "macro-f1"

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from texts (n,) and their labels (n,).

        Texts that repeat count each time; none is both learned
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
        """Learn once from each of these texts, continuing from the current weights.

        The vocabulary is that of the first call: characters that come later are
        `<unk>`. The learning rate does not fall. A copy or a pickle holds the network, not
        the moments of the optimizer: its next call resets those.

        Parameters
        ----------
        classes : all labels there will be; needed at the first call
        """
        texts, labels = self._pairs(X, y)
        given_classes = None if classes is None else np.unique(np.asarray(classes))
        if hasattr(self, "model_"):
            if given_classes is not None and not np.array_equal(given_classes, self.classes_):
                raise ValueError("classes differ from those of the first call")
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
        texts = texts_of(X)
        if not texts:
            return np.empty((0, len(self.classes_)))
        return self.model_.predict_proba(texts)

    def predict(self, X: Any) -> Array:
        """The most probable label (n,) of every text."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _pairs(self, X: Any, y: Any) -> tuple[list[str], Array]:
        texts, labels = texts_of(X), column_or_1d(y, warn=True)
        if len(labels) != len(texts):
            raise ValueError(f"y has {len(labels)} labels, X has {len(texts)} texts")
        if not texts:
            raise ValueError("there is no text to learn from")
        labels = one_type(labels)
        check_classification_targets(labels)
        return texts, labels

    def _settings_of_run(self) -> dict[str, Any]:
        names = set(self.get_params()) - {"random_state"}
        return self._settings(names) | {"task": "classify"}

    def _continued(self) -> ClassifierTrainer:
        """A trainer that continues with the weights of the model, and its optimizer if kept."""
        model: Classifier = self.model_
        given = self._settings_of_run() | {"schedule": "constant", "test": 0.0, "validation": 0.0}
        nothing = LabelledPart(model.encode([]), np.empty(0, np.int64), np.empty(0, np.int64))
        return CLASSIFY.continued(model, given, nothing)


def _labelled(texts: list[str], labels: Array, classes: Array) -> Labelled:
    """The texts as they are, labels as places in `classes`, in one order for all calls."""
    if len(classes) < 2:
        raise ValueError(f"a classifier needs at least 2 classes, y has {len(classes)}")
    unknown = set(labels.tolist()) - set(classes.tolist())
    if unknown:
        raise ValueError(f"y has the label {quoted(sorted(unknown)[0])}, which is not in classes")
    names = [str(label) for label in classes.tolist()]
    return Labelled(texts, np.searchsorted(classes, labels), names, len(texts), 0, 0, "", ["X"])
