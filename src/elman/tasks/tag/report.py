"""How good labels of symbols are: of each by itself, of whole sequences, of spans.

A span that was found is right if both its ends and its type are (exact match), as
conlleval counts. Precision, recall and F1 are of each type and of all spans together.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from ...errors import counted
from ...text.spans import spans as spans_of
from ..reports import Report, report
from ..reports import from_dict as labels_from_dict

Array = np.ndarray
ALL = "all spans"


@dataclass(frozen=True, repr=False)
class TagReport(Report):
    """What a tagger made of labelled sequences.

    Attributes
    ----------
    sequences : how many there were
    sequence_accuracy : share of those without a wrong label
    unseen : how many symbols the model does not know, and the accuracy on them; None without any
    spans : by type, and of all together: precision, recall, f1, support; None without a scheme
    """

    ITEM: ClassVar[str] = "symbol"

    sequences: int = 0
    sequence_accuracy: float = 0.0
    unseen: dict[str, float] | None = None
    spans: dict[str, dict[str, float]] | None = None

    def _short(self) -> list[str]:
        found = [f"accuracy {self.accuracy:.3f}", f"macro-F1 {self.macro_f1:.3f}"]
        if self.spans:
            found.append(f"spans F1 {self.spans[ALL]['f1']:.3f}")
        return [*found, counted(self.sequences, "sequence"), f"{len(self.classes):,} labels"]

    def _rows(self) -> list[tuple[str, str]]:
        rows = super()._rows()
        return [*rows[:1], ("sequences right", f"{self.sequence_accuracy:.3f}"), *rows[1:]]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values, as the model file and `--json` have them."""
        figures = super().to_dict()
        return figures | {
            "symbols": figures.pop("texts"), "sequences": self.sequences,
            "sequence_accuracy": self.sequence_accuracy, "unseen": self.unseen,
            "spans": self.spans,
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The report as text: a row per label, the confusion matrix, spans, unseen symbols."""
        yield from super().lines()
        if self.spans:
            width = max(5, *map(len, self.spans))
            yield ""
            yield f"{'span':<{width}}  precision  recall     F1  support"
            for name, f in self.spans.items():
                yield (f"{name:<{width}}  {f['precision']:9.3f}  {f['recall']:6.3f}  "
                       f"{f['f1']:5.3f}  {f['support']:7,.0f}")  # fmt: skip
        yield ""
        yield f"sequences without a wrong label: {self.sequence_accuracy:.3f}"
        if self.unseen:
            yield (f"symbols that the model does not know: accuracy "
                   f"{self.unseen['accuracy']:.3f} of {self.unseen['symbols']:,.0f}")  # fmt: skip


def from_dict(figures: dict[str, Any]) -> TagReport:
    """The report that `to_dict` made."""
    own = {f.name: figures[f.name] for f in fields(TagReport) if f.name in figures}
    common = labels_from_dict(figures)
    return TagReport(**own | {f.name: getattr(common, f.name) for f in fields(Report)})


def tag_report(
    classes: Sequence[str],
    labels: Sequence[Array],
    predicted: Sequence[Array],
    unseen: Array | None = None,
    nats: float | None = None,
    scheme: str = "",
) -> TagReport:
    """Compare predicted labels of sequences, each (n,), with the true ones.

    Parameters
    ----------
    unseen : (N,) bool of all symbols, whether the model does not know them
    nats : mean loss of a label
    scheme : of spans, see `text.spans`; "" without
    """
    flat, found = np.concatenate(labels), np.concatenate(predicted)
    common = report(classes, flat, found)
    right = flat == found
    apart = None
    if unseen is not None and unseen.any():
        apart = {"symbols": float(unseen.sum()), "accuracy": float(right[unseen].mean())}
    whole = [bool((a == b).all()) for a, b in zip(labels, predicted, strict=True)]
    return TagReport(
        common.classes, common.confusion, nats, None, len(labels), float(np.mean(whole)), apart,
        span_figures(classes, labels, predicted) if scheme else None,
    )  # fmt: skip


def span_figures(
    classes: Sequence[str], labels: Sequence[Array], predicted: Sequence[Array]
) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of the spans of each type, and of all together."""
    true, guessed, right = Counter[str](), Counter[str](), Counter[str]()
    for a, b in zip(labels, predicted, strict=True):
        here, there = (set(spans_of([classes[i] for i in row])) for row in (a, b))
        true.update(of for _, _, of in here)
        guessed.update(of for _, _, of in there)
        right.update(of for _, _, of in here & there)
    figures = {of: _figures(true[of], guessed[of], right[of]) for of in sorted({*true, *guessed})}
    return figures | {ALL: _figures(true.total(), guessed.total(), right.total())}


def _figures(true: int, guessed: int, right: int) -> dict[str, float]:
    precision, recall = right / max(1, guessed), right / max(1, true)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "support": float(true)}
