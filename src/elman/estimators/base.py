"""What the estimators have in common: their parameters, the texts, settings, saving."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

Array = np.ndarray
HELD_OUT_LEAST = 50  # texts from which a part is held out for early stopping


# scikit-learn reads the parameters of an estimator from the signature that this makes.
parameters = dataclass(kw_only=True, eq=False, repr=False)


class TextEstimator(BaseEstimator):
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
class SequenceEstimator(TextEstimator):
    """The parameters that every kind of network has."""

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


def one_type(labels: Array) -> Array:
    """Labels (n,) of an array of objects as one of their own type; ValueError if they mix."""
    if labels.dtype.kind != "O":
        return labels
    kinds = {type(label) for label in labels}
    if len(kinds) > 1:  # a gap in a column of strings is a float, NaN
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"y mixes labels of different types ({names}), or has gaps")
    return np.asarray(labels.tolist())


def items_of(X: Any, what: str, of: str) -> list[Any]:
    """The items of a list, an array or a Series of something; raises ValueError if it is none.

    Parameters
    ----------
    what : what it is called, X or y
    of : what its items are, for the message
    """
    if isinstance(X, (str, bytes)):
        raise ValueError(f"{what} is one string; give a list of {of}")
    if isinstance(X, Mapping) or not (isinstance(X, Iterable) or hasattr(X, "tolist")):
        raise ValueError(f"{what} is of type {type(X).__name__}; give a list of {of}")
    return X.tolist() if hasattr(X, "tolist") else list(X)


def texts_of(X: Any) -> list[str]:
    """The strings of a list, an array or a Series; raises ValueError if it is none."""
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(f"X has {X.ndim} dimensions; give a list or a column of strings")
    texts = items_of(X, "X", "strings")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X has a {type(text).__name__} at place {number}, not a string")
        if not text:
            raise ValueError(f"text {number} of X is empty")
    return list(texts)
