"""The settings that only a classifier has, and what is filled in for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ...errors import UsageError
from ...settings import (
    LABELS,
    LEARNING_RATES,
    TEXT,
    Settings,
    changed,
    setting,
)
from ...text.columns import delimiter_of
from ..sizes import SizedSettings, wide_setting

RATES = LEARNING_RATES | {"adam": 5e-3}  # 3e-3 to 6e-3 did equally well on the surnames


@dataclass(frozen=True)
class ClassifySettings(SizedSettings):
    """The settings of a run that learns a classifier.

    Defaults by the texts of docs/classification.md, judged by their test parts.
    """

    # With a table of n-grams nothing larger was better, nor were more passes: the surnames 0.879
    # with 1 × 128 units after 16 passes, 0.877 after 48, 0.879 with 2 × 192 after 24.
    NETWORKS = ((1, 128),)
    # Of few texts: 600 Norwegian and Danish words 0.714, 0.713, 0.703 and 0.697 after 100,000,
    # 250,000, 600,000 and a million symbols; 400 surnames 0.695, 0.703, 0.699.
    ENOUGH, FEWEST = 16, 250_000

    # What files from before the tasks had settings of their own hold besides.
    FORMER = ("lines", "unknown", "max_characters", "order", "batching", "bptt", "loss",
                        "sample_every")  # fmt: skip

    task: str = changed(Settings, "task", "classify", choices=("classify",))
    text_column: str = setting(
        "text", "Column of a table, or key of JSON lines, with the text.", TEXT,
        metavar="NAME",
    )  # fmt: skip
    label_column: str = setting(
        "label",
        "Column of a table, or key of JSON lines, that holds the label.",
        TEXT,
        metavar="NAME",
    )
    delimiter: str | None = setting(
        None, "Character between the columns of a table.", TEXT,
        shown="the one that the first row shows", metavar="STR", escapes=True,
    )  # fmt: skip
    # The report is about texts that nothing looked at.
    test: float = changed(Settings, "test", 0.1)
    # The longest text that is read whole.
    seq_len: int = changed(Settings, "seq_len", 256)
    batch_size: int = changed(Settings, "batch_size", 64)
    pooling: str = setting(
        "last", "Pooling over time: last state, mean or maximum.", LABELS,
        choices=("last", "mean", "max"),
    )  # fmt: skip
    # Endings say as much as beginnings.
    bidirectional: bool = setting(True, "Read each text in both directions.", LABELS, shown="on")
    symbol_dropout: float | None = setting(
        None, "Share of the symbols that training reads as <unk>.", LABELS, least=0, most=0.95,
        shown="0.2 (bytes: 0)",
    )  # fmt: skip
    label_smoothing: float | None = setting(
        None, "Share of the target that is spread over all classes.", LABELS, least=0, most=0.95,
        shown="0.1 without a table of n-grams, else 0",
    )  # fmt: skip
    class_weights: str = setting(
        "none", "Weight of a class of n texts in the loss: balanced 1/n, sqrt 1/√n.", LABELS,
        choices=("none", "balanced", "sqrt"),
    )  # fmt: skip
    wide: int | None = wide_setting()
    # On the surnames macro-F1 rises long after the loss has stopped falling.
    monitor: str = setting(
        "macro-f1", "Validation metric that selects the best parameters.", LABELS,
        choices=("loss", "macro-f1"),
    )  # fmt: skip

    def _check(self) -> None:
        super()._check()
        if self.text_column == self.label_column:
            raise UsageError("--text-column and --label-column must be two columns")
        if self.delimiter is not None:
            delimiter_of(self.delimiter)
        if self.symbol_dropout and self.tokens == "byte":
            raise UsageError("--symbol-dropout reads <unk>, which --tokens byte does not have")

    def resolved(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> Self:
        settings = self.sized(symbols, paces)
        if settings.schedule == "cosine":
            # Macro-F1 of a part with a rare class varies too much to end a run by, and rises with
            # the last passes: lines of three books ended at 0.963 after 6.9 of 9.5 passes.
            settings = settings.filled(patience=0)
        return settings.filled(
            dropout=0.45,
            # Of 0, 0.05, 0.1, 0.2 and 0.3: from 0.2 on the held-out loss no longer turns up.
            symbol_dropout=0.0 if settings.tokens == "byte" else 0.2,
            # Of 0 and 0.1 without n-grams: accuracy of the surnames 0.869 to 0.873, macro-F1 0.625
            # to 0.603; with them 0.882 to 0.881, 0.617 to 0.586.
            label_smoothing=0.0 if settings.wide else 0.1,
        ).with_steps(RATES, 0.0, rising=True)
