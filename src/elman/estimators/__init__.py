"""scikit-learn estimators over strings: classifier, tagger, language model, vectorizer.

Install with the extra `sklearn`. X is a list, an array or a pandas Series of strings, for a
tagger also of lists of words; labels may be of any type that sorts. Numeric X is not
supported.

Ctrl-C ends `fit` after the current step: the estimator is fitted with the best network so
far, and a warning says so. A second Ctrl-C raises KeyboardInterrupt. A grid search fits
many times, and continues with its next fit.

Fitted estimators pickle through Elman's own model file, which is read back with
all its checks; `save` writes that file, `elman classify`, `elman tag`, `elman embed`,
`elman score` and `elman.load` open it.
"""

from ..errors import install, lacks

try:
    import sklearn as _sklearn  # noqa: F401  # what the modules below need
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        lacks("elman.estimators", "scikit-learn", install("sklearn")),
        name=error.name,
    ) from None

from .classifier import SequenceClassifier
from .language import LanguageModel, SequenceVectorizer
from .tagger import SequenceTagger

__all__ = ["LanguageModel", "SequenceClassifier", "SequenceTagger", "SequenceVectorizer"]
