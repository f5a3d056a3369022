"""How good labels are: accuracy, precision, recall, F1, confusion matrix.

    precision = right / predicted as the class     recall = right / of the class
    F1 = 2 · precision · recall / (precision + recall)     macro-F1: its mean over classes

A class that is never predicted has precision 0, one without an example in the part
recall 0. The mean is over the classes that occur in the part or were predicted
there, as scikit-learn counts them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import counted
from ..store.shown import Shown, frame, rounded
from .calibration import Calibration

if TYPE_CHECKING:
    from pandas import DataFrame

Array = np.ndarray
MATRIX_CLASSES = 30  # beyond, a confusion matrix is no longer read but searched
MISTAKES = 10
SHOWN_CLASSES = 10  # in the table of a notebook, those with most examples
DRAWS = 200  # for a standard error
REPORTS = ("test", "validation")  # the part that a report is about: the first that there is


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """What a classifier made of a labelled part.

    Attributes
    ----------
    classes : names
    confusion : (C, C) counts; rows are true classes, columns predicted ones
    nats : mean loss of the true labels, None if there were no probabilities
    calibration : what the probabilities are worth, None if there were none
    """

    ITEM: ClassVar[str] = "text"  # what a label is of

    classes: list[str]
    confusion: Array
    nats: float | None = None
    calibration: Calibration | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Report) and self.to_dict() == other.to_dict()

    @property
    def support(self) -> Array:
        return self.confusion.sum(axis=1)

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / max(1, self.confusion.sum()))

    @property
    def precision(self) -> Array:
        return np.diag(self.confusion) / np.maximum(1, self.confusion.sum(axis=0))

    @property
    def recall(self) -> Array:
        return np.diag(self.confusion) / np.maximum(1, self.support)

    @property
    def f1(self) -> Array:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / np.where(total, total, 1)

    @property
    def macro_f1(self) -> float:
        occurs = (self.support > 0) | (self.confusion.sum(axis=0) > 0)
        return float(self.f1[occurs].mean()) if occurs.any() else 0.0

    def macro_f1_error(self) -> float:
        """The standard error of macro-F1: its spread over parts drawn again (Efron 1979).

        A class with few texts may have an F1 that is far off by chance, which an error of the share
        of right answers does not show.
        """
        true, predicted = np.nonzero(self.confusion)
        counts, C = self.confusion[true, predicted], len(self.classes)
        share = counts / max(1, counts.sum())
        drawn = np.random.default_rng(0).multinomial(counts.sum(), share, DRAWS)
        of, taken, one = np.eye(C)[true], np.eye(C)[predicted], true == predicted
        right, total = (drawn * one) @ of, drawn @ (of + taken)  # (DRAWS, C)
        f1 = 2 * right / np.maximum(1, total)
        return float((f1.sum(axis=1) / np.maximum(1, (total > 0).sum(axis=1))).std())

    def _short(self) -> list[str]:
        texts = counted(int(self.confusion.sum()), self.ITEM)
        figures = [f"accuracy {self.accuracy:.3f}", f"macro-F1 {self.macro_f1:.3f}"]
        return [*figures, texts, f"{len(self.classes):,} classes"]

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("accuracy", f"{self.accuracy:.3f}"), ("macro-F1", f"{self.macro_f1:.3f}"),
                (f"{self.ITEM}s", f"{self.confusion.sum():,}")]  # fmt: skip
        if self.nats is not None:
            rows.append((f"nats a {self.ITEM}", f"{self.nats:.3f}"))
        order = np.argsort(-self.support, kind="stable")[:SHOWN_CLASSES]
        rows += [(self.classes[i], f"F1 {self.f1[i]:.3f}, support {self.support[i]:,}")
                 for i in order]  # fmt: skip
        left = len(self.classes) - len(order)
        return rows + [("…", f"{left:,} more classes")] * (left > 0)

    def to_frame(self) -> "DataFrame":
        """A pandas DataFrame: a row per class, with its precision, recall, F1 and support.

        Raises
        ------
        ElmanError : pandas is not installed

        Example
        -------
        >>> classifier.report.to_frame().sort_values("f1").head()  # doctest: +SKIP
        """
        classes = self.to_dict()["classes"]
        return frame([{"class": name, **figures} for name, figures in classes.items()], "class")

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values, as the model file and `--json` have them."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "nats": self.nats,
            **({} if self.calibration is None else asdict(self.calibration)),
            "texts": int(self.confusion.sum()),
            "classes": {
                name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
                for name, p, r, f, n in zip(
                    self.classes, self.precision, self.recall, self.f1, self.support, strict=True
                )
            },
            "confusion": self.confusion.tolist(),
        }

    def lines(self) -> Iterator[str]:
        """The report as text: a row per class, the confusion matrix, the commonest mistakes."""
        width = max(5, *map(len, self.classes))
        yield f"{'class':<{width}}  precision  recall     F1  support"
        for i, name in enumerate(self.classes):
            yield (
                f"{name:<{width}}  {self.precision[i]:9.3f}  {self.recall[i]:6.3f}  "
                f"{self.f1[i]:5.3f}  {self.support[i]:7,}"
            )
        yield ""
        if len(self.classes) <= MATRIX_CLASSES:
            yield from self.matrix()
        else:
            yield from self.mistakes()
        if self.calibration is not None:
            yield ""
            yield str(self.calibration)

    def matrix(self) -> Iterator[str]:
        """The confusion matrix: rows true, columns predicted, in the same order."""
        width = max(5, *map(len, self.classes))
        cell = max(3, len(str(self.confusion.max())))
        names = [name[:cell] for name in self.classes]
        yield "confusion matrix (rows: true class, columns: predicted class)"
        yield " " * width + "  " + " ".join(f"{name:>{cell}}" for name in names)
        for name, row in zip(self.classes, self.confusion, strict=True):
            counts = " ".join(f"{n or '·':>{cell}}" for n in row)
            yield f"{name:<{width}}  {counts}"

    def mistakes(self) -> Iterator[str]:
        """The commonest confusions, one a line."""
        wrong = self.confusion * (1 - np.eye(len(self.classes), dtype=self.confusion.dtype))
        order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
        yield "commonest mistakes"
        for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True):
            if wrong[true, predicted]:
                yield (
                    f"{wrong[true, predicted]:7,}  {self.classes[true]} taken for "
                    f"{self.classes[predicted]}"
                )


def from_dict(figures: dict[str, Any]) -> Report:
    """The report that `to_dict` made."""
    confusion = np.array(figures["confusion"], np.int64)
    calibration = None
    if "calibration_error" in figures:
        calibration = Calibration(**{f.name: figures[f.name] for f in fields(Calibration)})
    return Report(list(figures["classes"]), confusion, figures["nats"], calibration)


def report(
    classes: Sequence[str],
    labels: Array,
    predicted: Array,
    nats: Array | None = None,
    calibration: Calibration | None = None,
) -> Report:
    """Compare predicted labels (n,) with the true ones (n,)."""
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    mean = None if nats is None or not len(nats) else float(np.mean(nats, dtype=np.float64))
    return Report(list(classes), confusion, mean, calibration)


def facts(summary: dict[str, Any]) -> dict[str, Any]:
    """What `elman info` says of the reports of a training."""
    found: dict[str, Any] = {}
    if summary.get("validation_accuracy") is not None:  # of an interrupted training
        found["validation accuracy"] = round(summary["validation_accuracy"], 4)
        found["validation macro-F1"] = round(summary["validation_macro_f1"], 4)
    for part in ("validation", "test"):
        if part in summary:
            found[f"{part} accuracy"] = round(summary[part]["accuracy"], 4)
            found[f"{part} macro-F1"] = round(summary[part]["macro_f1"], 4)
    found |= {name: rounded(figures) for name, figures in summary.get("baselines", {}).items()}
    report = summary.get("test", summary.get("validation", {}))
    for of, figures in report.get("classes", {}).items():
        found[f"class {of}"] = rounded(figures)
    return found
