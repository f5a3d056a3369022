"""What a classifier says about each of several texts, a blank one included."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import UsageError, listed, quoted
from ...nn.layers import softmax
from .model import Classifier

Array = np.ndarray


@dataclass(frozen=True)
class Answer:
    """What a classifier says about one text.

    Attributes
    ----------
    label : the most probable class; None for a blank text, or below the threshold
    probability : of the most probable class; None for a blank text
    probabilities : of the classes that were asked for (n,); None for a blank text
    """

    label: str | None = None
    probability: float | None = None
    probabilities: Array | None = None


class Answering:
    """How a classifier is asked.

    Parameters
    ----------
    among : the classes that come into question, over which probabilities are renormalised;
        none: all
    threshold : no label is given whose probability is below

    Raises
    ------
    UsageError : a class that the model does not have, or a threshold outside 0 to 1
    """

    def __init__(self, model: Classifier, among: Sequence[str] = (), threshold: float = 0.0):
        unknown = [name for name in among if name not in model.classes]
        if unknown:
            raise UsageError(
                f"--among names {listed(unknown)}, which the model does not have; it has "
                f"{listed(model.classes)}"
            )
        if not 0 <= threshold <= 1:
            raise UsageError(f"--threshold must be between 0 and 1, not {quoted(threshold)}")
        self.model, self.threshold = model, threshold
        self.classes = list(dict.fromkeys(among)) or model.classes
        self._columns = np.array([model.classes.index(name) for name in self.classes])

    def __call__(self, texts: Sequence[str]) -> list[Answer]:
        """An answer for each text, in order."""
        rows = [i for i, text in enumerate(texts) if text.strip()]
        answers = [Answer()] * len(texts)
        logits = self.model.logits(self.model.encode([texts[i] for i in rows]))
        p = softmax(logits[:, self._columns] / self.model.temperature)
        for i, row, best in zip(rows, p, p.argmax(axis=1).tolist(), strict=True):
            probability = float(row[best])
            label = self.classes[best] if probability >= self.threshold else None
            answers[i] = Answer(label, probability, row)
        return answers
