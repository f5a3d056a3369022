"""What `elman train --task classify` shows."""

from typing import Any

from ...learn.display import Display, computed_by, other_encodings
from ..reports import from_dict


class TaskDisplay(Display):
    """Shows the events of a run that learns a classifier."""

    CURVE = "validation_loss"
    NEXT = ("elman classify MODEL 'a text'", "elman serve MODEL")

    @property
    def STAYS_BEST(self) -> str:  # type: ignore[override]
        return (f"the held-out {self.settings.monitor} no longer gets better: stopping early, "
                "keeping the best network")  # fmt: skip

    def about(self, e: dict[str, Any]) -> list[str]:
        classes = e["classes"]
        shown = ", ".join(classes[:8]) + (f" and {len(classes) - 8} more" * (len(classes) > 8))
        found = f"{e['texts']:,} texts in {len(classes)} classes ({shown})"
        understood = [found, *other_encodings(e), f"{e['vocabulary_size']:,} distinct symbols"]
        kind = "bidirectional " * e["bidirectional"] + e["cell"]
        return [
            f"{', '.join(e['corpus'])}: {', '.join(understood)}",
            f"{e['train_texts']:,} training, {e['validation_texts']:,} validation, "
            f"{e['test_texts']:,} test texts",
            f"{kind} {e['num_layers']} × {e['hidden_size']}, pooling {e['pooling']}, "
            + f"{e['wide']:,} rows of n-grams, " * bool(e["wide"])
            + f"{e['parameters']:,} parameters; {computed_by(e)}",
        ]

    def speed(self, e: dict[str, Any]) -> str:
        return f"{e['texts_per_second']:,.0f} texts/s"

    def trained(self, e: dict[str, Any]) -> str:
        return f"loss {e['train_loss']:.3f}"

    def validated(self, e: dict[str, Any]) -> str:
        return (
            f"loss {e['validation_loss']:.3f}, accuracy {e['validation_accuracy']:.3f}, "
            f"macro-F1 {e['validation_macro_f1']:.3f}"
        )

    def briefly(self, e: dict[str, Any]) -> str:
        return f"macro-F1 {e['validation_macro_f1']:.3f}"

    def _results(self, e: dict[str, Any]) -> None:
        if e["report"] is None:
            return
        part = "test" if e["test_accuracy"] is not None else "validation"
        found = from_dict(e["report"])
        self._say(f"\non the {part} part ({found.confusion.sum():,} texts)", "bold")
        for line in found.lines():
            self._say(line)
        self._say(f"\n{'':<30}  accuracy  macro-F1", "bold")
        rows = [(f"this network ({self.settings.cell})", e["report"])]
        for name, figures in [*rows, *(e["baselines"] or {}).items()]:
            self._say(f"{name:<30}  {figures['accuracy']:8.3f}  {figures['macro_f1']:8.3f}")
