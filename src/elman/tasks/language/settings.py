"""The settings that only a language model has, and what is filled in for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ...errors import UsageError
from ...settings import (
    LEARNING,
    LEARNING_RATES,
    NETWORK,
    RUN,
    TEXT,
    Settings,
    changed,
    setting,
)
from ...text.columns import delimiter_of

# Hidden sizes to choose from: (units, symbols of text that they are worth, symbols
# that they must be trained on within the time to overtake the next smaller one).
SIZES = ((512, 400_000, 6_000_000), (256, 40_000, 4_000_000), (128, 0, 0))
# With the cosine, at whose end any rate is small, and after a warmup, without which they are too
# large. From 512 units on the larger one is as good as the smaller, but seeds differ more.
ADAM, ADAM_512 = 0.016, 0.012
RESET = 0.01  # Melis, Dyer and Blunsom 2018: whoever writes or scores begins from a zero state


@dataclass(frozen=True)
class LanguageSettings(Settings):
    """The settings of a run that learns a language."""

    # What files from before the tasks had settings of their own hold besides.
    FORMER = ("label_column", "pooling", "bidirectional", "symbol_dropout",
              "label_smoothing", "class_weights", "monitor")  # fmt: skip

    task: str = changed(Settings, "task", "lm", choices=("lm",))
    lines: bool = setting(False, "Each line is a sequence of its own: --separator '\\n'.", TEXT)
    separator: str | None = setting(
        None, "Text that ends a record, such as a poem; each is a sequence of its own.", TEXT,
        metavar="STR", escapes=True,
    )  # fmt: skip
    text_column: str | None = setting(
        None, "Column of a table that holds the text, by its name or number.", TEXT,
        metavar="NAME",
    )  # fmt: skip
    delimiter: str | None = setting(
        None, "Character between the columns of a table; \\t is a tab.", TEXT, metavar="STR",
        escapes=True, shown="the one that the first row shows",
    )  # fmt: skip
    unknown: bool = setting(
        False, "Add an <unk> symbol, so that unseen characters are accepted.", TEXT
    )
    max_characters: int | None = setting(None, "Read at most this many characters.", TEXT, least=1)
    cell: str = changed(
        Settings, "cell", help="Recurrent cell, or ngram: a Markov chain.",
        choices=("rnn", "lstm", "gru", "ngram"),
    )  # fmt: skip
    order: int = setting(
        4, "Context length of an ngram chain, in symbols.", NETWORK, least=0, most=32
    )
    batching: str = setting(
        "consecutive", "Windows in order with the state carried over, or random windows from a "
        "zero state.", LEARNING, choices=("consecutive", "random"),
    )  # fmt: skip
    bptt: int | None = setting(
        None, "Steps of back-propagation through time; more than the window continues into "
        "earlier windows.", LEARNING, least=1, most=10_000_000, shown="the window",
    )  # fmt: skip
    reset_state: float | None = setting(
        None, "Share of the windows that begin from a zero state; of those that begin a line, 20 "
        "times as many.", LEARNING, least=0, most=1, shown="0.01 with adam, for running text",
    )  # fmt: skip
    loss: str = setting(
        "mean", "Mean over time and batch, or sum over time.", LEARNING, choices=("mean", "sum")
    )
    calibrate: bool = setting(
        True, "At the end of a cosine divide the logits by the temperature at which the held-out "
        "part is likeliest.", LEARNING, shown="on",
    )  # fmt: skip
    sample_every: int | None = setting(
        None, "Steps between samples.", RUN, least=1, most=1e12, shown="6 times a run"
    )

    def __post_init__(self) -> None:
        if (
            isinstance(self.separator, str) and self.tokens != "byte"
        ):  # as in the text when it is read
            separator = self.separator.replace("\r\n", "\n").replace("\r", "\n")
            object.__setattr__(self, "separator", separator)
        super().__post_init__()

    def _check(self) -> None:
        super()._check()
        if self.separator == "":
            raise UsageError("--separator is empty; '\\n\\n' is a blank line")
        if self.lines and self.separator not in (None, "\n"):
            raise UsageError("give --lines or --separator, not both")
        if self.text_column is not None and (self.record_end or self.tokens == "byte"):
            raise UsageError(
                "each row of a --text-column is a text: leave --lines, --separator and --tokens "
                "byte out"
            )
        if self.text_column is not None and self.max_characters is not None:
            raise UsageError("--max-characters cuts running text, not the rows of a table")
        if self.delimiter is not None:
            delimiter_of(self.delimiter)
            if self.text_column is None:
                raise UsageError("--delimiter needs --text-column")
        if self.bptt is not None and self.bptt > self.seq_len:
            if self.records:
                raise UsageError(
                    "--bptt beyond --seq-len has no meaning with --lines or --separator: raise "
                    "--seq-len instead"
                )
            if self.batching == "random":
                raise UsageError(
                    "--bptt beyond --seq-len needs --batching consecutive: random windows have "
                    "no past"
                )

        if self.reset_state and not self.may_reset:
            other = "--batching random" if self.batching == "random" else "--bptt beyond --seq-len"
            if self.records:
                other = "--lines, --separator or --text-column"
            raise UsageError("--reset-state needs running text whose state is carried from window "
                             f"to window: leave it out with {other}")  # fmt: skip

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        # Files that hold the settings of both tasks mean the column of the other one.
        both = {"text_column": None} if "label_column" in stored else {}
        return super().from_json({"reset_state": 0.0} | stored | both)  # older files: never

    @property
    def record_end(self) -> str | None:
        """What ends a record; None: the text is one stream, or rows of a table."""
        return "\n" if self.lines else self.separator

    @property
    def records(self) -> bool:
        """Whether the text is many, each a sequence of its own."""
        return self.record_end is not None or self.text_column is not None

    @property
    def may_reset(self) -> bool:
        """Whether windows carry a state, and gradients end where they do."""
        through = self.bptt is not None and self.bptt > self.seq_len
        return self.batching == "consecutive" and not self.records and not through

    def to_measure(self, symbols: int) -> list[tuple[int, int]]:
        if self.cell == "ngram" or not self.by_the_clock:
            return []
        sizes = [units for units, worth, _ in SIZES if symbols >= worth]
        sizes = sizes if self.hidden_size is None else [self.hidden_size]
        return [(self.num_layers or 1, units) for units in sizes]

    def resolved(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> Self:
        # Three minutes are long enough to be good, and short enough to wait for.
        settings = self.with_end(3.0).filled(num_layers=1)
        settings = settings.filled(hidden_size=settings._hidden_size(symbols, paces))
        adam, size = self.optimizer == "adam", settings.hidden_size or 0
        settings = settings.filled(reset_state=RESET if adam and self.may_reset else 0.0)
        # Dropping half of the outputs keeps 512 units from memorizing 1 MB; a small network has
        # less to spare. Text that is read once or twice cannot be memorized. Other optimizers than
        # adam: the classic recipes, without.
        passes = settings._passes(symbols, paces) if adam else 0.0
        dropout = 0.5 if size >= 512 else 0.25
        settings = settings.filled(dropout=dropout if passes >= 2 else 0.0)
        rates = dict(LEARNING_RATES)
        if self.schedule == "cosine":
            rates["adam"] = ADAM_512 if size >= 512 else ADAM
        return settings.with_steps(rates, 0.05 if adam else 0.0, rising=True)

    def _hidden_size(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> int:
        """As large as the text can feed, and as the time can train."""
        for units, worth, needed in SIZES:
            pace = paces.get((self.num_layers or 1, units))
            in_time = pace is None or pace * (self.minutes or 0) * 60 >= needed
            if symbols >= worth and in_time:
                return units
        return SIZES[-1][0]

    def _passes(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> float:
        """How often the text will be read."""
        if self.cell == "ngram":
            return 1.0
        if self.epochs is not None:
            return self.epochs
        if self.steps is not None:
            return self.steps * self.batch_size * self.seq_len / max(1, symbols)
        pace = paces[self.num_layers or 1, self.hidden_size or 0]
        return pace * (self.minutes or 0) * 60 / max(1, symbols)
