"""What `elman train --task tag` shows."""

from typing import Any

from ...errors import counted
from ...learn.display import Display, computed_by, other_encodings
from .report import ALL, from_dict


class TaskDisplay(Display):
    """Shows the events of a run that learns a tagger."""

    CURVE = "validation_loss"
    NEXT = ("elman tag MODEL 'a text'", "elman serve MODEL")
    STAYS_BEST = ("the held-out labels no longer get better: stopping early, keeping the best "
                  "network")  # fmt: skip

    def about(self, e: dict[str, Any]) -> list[str]:
        classes = e["classes"]
        shown = ", ".join(classes[:8]) + (f" and {len(classes) - 8} more" * (len(classes) > 8))
        found = f"{counted(e['sequences'], 'sequence')} with {len(classes)} labels ({shown})"
        understood = [found, *other_encodings(e), f"{e['vocabulary_size']:,} distinct symbols"]
        kind = "bidirectional " * e["bidirectional"] + e["cell"]
        letters = f", letters read by {e['letter_size']} units" * bool(e["letter_size"])
        chain = ", labels a chain" * e["transitions"]
        wide = f", {e['wide']:,} rows of n-grams" * bool(e["wide"])
        return [
            f"{', '.join(e['corpus'])}: {', '.join(understood)}",
            f"{e['train_symbols']:,} training, {e['validation_symbols']:,} validation, "
            f"{e['test_symbols']:,} test symbols",
            f"{kind} {e['num_layers']} × {e['hidden_size']}{letters}{wide}{chain}, "
            f"{e['parameters']:,} parameters; {computed_by(e)}",
        ]

    def speed(self, e: dict[str, Any]) -> str:
        return f"{e['symbols_per_second']:,.0f} symbols/s"

    def trained(self, e: dict[str, Any]) -> str:
        return f"loss {e['train_loss']:.3f}"

    def validated(self, e: dict[str, Any]) -> str:
        spans = f", spans F1 {e['validation_span_f1']:.3f}" if "validation_span_f1" in e else ""
        return f"loss {e['validation_loss']:.3f}, accuracy {e['validation_accuracy']:.3f}{spans}"

    def briefly(self, e: dict[str, Any]) -> str:
        spans = e.get("validation_span_f1")
        return f"accuracy {e['validation_accuracy']:.3f}" if spans is None else f"F1 {spans:.3f}"

    def _results(self, e: dict[str, Any]) -> None:
        if e["report"] is None:
            return
        part = "test" if e["test_accuracy"] is not None else "validation"
        found = from_dict(e["report"])
        self._say(f"\non the {part} part ({found.confusion.sum():,} symbols)", "bold")
        for line in found.lines():
            self._say(line)
        columns = {"accuracy": "accuracy", "macro_f1": "macro-F1",
                   "sequence_accuracy": "sequences"}  # fmt: skip
        own = {name: getattr(found, name) for name in columns}
        if found.spans:
            columns, own = (
                columns | {"span_f1": "spans F1"},
                own | {"span_f1": found.spans[ALL]["f1"]},
            )
        self._say(f"\n{'':<30}" + "".join(f"  {shown:>9}" for shown in columns.values()), "bold")
        for name, figures in [(f"this network ({self.settings.cell})", own),
                              *(e["baselines"] or {}).items()]:  # fmt: skip
            values = "".join(f"  {figures[column]:9.3f}" for column in columns)
            self._say(f"{name:<30}{values}")
