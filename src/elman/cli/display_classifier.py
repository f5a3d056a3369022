"""What `elman train --task classify` shows on stderr."""

import os
import time
from typing import Any

from .display import Display, clock


class ClassifierDisplay(Display):
    """Shows the events of a run that learns a classifier."""

    def _start(self, e: dict[str, Any]) -> None:
        classes = e["classes"]
        shown = ", ".join(classes[:8]) + (f" and {len(classes) - 8} more" * (len(classes) > 8))
        self._say(f"{', '.join(e['corpus'])}: {e['texts']:,} texts in {len(classes)} classes "
                  f"({shown})")  # fmt: skip
        self._say(f"{e['train_texts']:,} to train on, {e['validation_texts']:,} to choose by, "
                  f"{e['test_texts']:,} for the report")  # fmt: skip
        kind = "bidirectional " * e["bidirectional"] + e["cell"]
        self._say(
            f"{kind} {e['num_layers']} × {e['hidden_size']}, pooling {e['pooling']}, "
            f"{e['parameters']:,} parameters; engine {e['engine']}, threads: {e['threads']}"
        )
        self._begin(e)

    def _step(self, e: dict[str, Any]) -> None:
        self._progress(e, (
            f"{e['texts_per_second']:,.0f} texts/s  loss {e['train_loss']:.3f}  "
            f"held out {self.held_out}"
        ))  # fmt: skip

    def _evaluation(self, e: dict[str, Any]) -> None:
        self.held_out = (
            f"loss {e['validation_loss']:.3f}, accuracy {e['validation_accuracy']:.3f}, "
            f"macro-F1 {e['validation_macro_f1']:.3f}"
        )
        if not self.live:
            self._last_line = time.monotonic()
            mark = "  best so far" if e["best"] else ""
            self._say(f"step {e['step']:,}  {clock(e['seconds'])}  loss {e['train_loss']:.3f}  "
                      f"held out {self.held_out}{mark}")  # fmt: skip
        if e["stopped_early"]:
            self._say(f"the held-out {self.settings.monitor} no longer gets better: stopping "
                      "early, keeping the best network")  # fmt: skip

    def _done(self, e: dict[str, Any]) -> None:
        from ..tasks.classify.report import from_json

        self._close()
        if e["report"] is not None:
            part = "test" if e["test_accuracy"] is not None else "validation"
            found = from_json(e["report"])
            self._say(f"\non the {part} part ({found.confusion.sum():,} texts)", "bold")
            for line in found.lines():
                self._say(line)
            self._say(f"\n{'':<30}  accuracy  macro-F1", "bold")
            rows = [(f"this network ({self.settings.cell})", e["report"])]
            for name, figures in [*rows, *(e["baselines"] or {}).items()]:
                self._say(f"{name:<30}  {figures['accuracy']:8.3f}  {figures['macro_f1']:8.3f}")
        if e["steps"]:
            self._say(f"{e['steps']:,} steps in {clock(e['seconds'])}, "
                      f"{e['texts_per_second']:,.0f} texts/s")  # fmt: skip
        if e["model"]:
            size = os.path.getsize(e["model"]) / 1e6
            self._say(f"model: {e['model']} ({size:.1f} MB)", "bold")
            self._say(f"next:  elman classify {e['model']} TEXT...\n"
                      f"       elman embed {e['model']} --nearest 5 - < FILE")  # fmt: skip
