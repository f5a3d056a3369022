"""The settings that only a tagger has, and what is filled in for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Self

from ...errors import UsageError, flag
from ...settings import LABELS, LEARNING_RATES, TEXT, Settings, changed, setting
from ...text.columns import NUMBER
from ..sizes import SizedSettings, wide_setting

WORDS = 100  # width of a word's row
LETTERS = 32  # units that read its letters, in each direction

RATES = LEARNING_RATES | {"adam": 4e-3}


@dataclass(frozen=True)
class TagSettings(SizedSettings):
    """The settings of a run that learns a label for every symbol."""

    # Without a table of n-grams, on accents, two minutes, 2 × 128 units were right in 0.962,
    # 1 × 128 in 0.957.
    NETWORKS = ((2, 192), (2, 128), (1, 128))
    PASSES = 6

    task: str = changed(Settings, "task", "tag", choices=("tag",))
    labels: str | None = setting(
        None, "File with the labels of the text, line by line, separated by spaces.", TEXT,
        shown="in the same file", metavar="FILE",
    )  # fmt: skip
    token_column: str | int | None = setting(
        None, "Number of the column with the tokens, in files with a token per line.", TEXT,
        shown="the first", metavar="N",
    )  # fmt: skip
    label_column: str | int | None = setting(
        None, "Number of the column with the labels, in files with a token per line.", TEXT,
        shown="the last", metavar="N",
    )  # fmt: skip
    tokens: str | None = changed(  # type: ignore[assignment]  # the data decide
        Settings, "tokens", None, choices=("char", "word"),
        shown="char if every token is one character, else word",
    )  # fmt: skip
    test: float | str = changed(Settings, "test", 0.1)
    seq_len: int = changed(Settings, "seq_len", 128)
    batch_size: int | None = changed(  # type: ignore[assignment]
        Settings, "batch_size", None, shown="32 for words, 64 for characters"
    )
    embedding_size: int | None = changed(  # type: ignore[assignment]
        Settings, "embedding_size", None, shown=f"{WORDS} for words, 0 for characters"
    )
    letter_size: int | None = setting(
        None, "Units per direction that read the letters of a word; 0: none.", LABELS,
        least=0, most=100_000, shown=f"{LETTERS} for words",
    )  # fmt: skip
    transitions: bool = setting(
        True, "Let a label depend on the one before it: a linear chain.", LABELS,
        shown="on",
    )  # fmt: skip
    wide: int | None = wide_setting("by the size of the data for characters, 0 for words")
    bidirectional: bool = setting(True, "Read each text in both directions.", LABELS, shown="on")
    symbol_dropout: float | None = setting(
        None, "Share of the symbols that training reads as <unk>.", LABELS, least=0, most=0.95,
        shown="0.1 for words, 0 for characters",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("token_column", "label_column"):
            if isinstance(value := getattr(self, name), Integral) and not isinstance(value, bool):
                object.__setattr__(self, name, str(value))
        super().__post_init__()

    def _check(self) -> None:
        super()._check()
        for name in ("token_column", "label_column"):
            value = getattr(self, name)
            if value is not None and not NUMBER.fullmatch(value):
                raise UsageError(f"{flag(name)} takes the number of a column, from 1, not "
                                 f"{value!r}")  # fmt: skip
        if self.letter_size and self.tokens == "char":
            raise UsageError("--letter-size is for words; a character is its only letter")
        if self.letter_size and self.embedding_size == 0:
            raise UsageError("--letter-size needs words with rows of their own: give "
                             "--embedding-size, or --letter-size 0")  # fmt: skip
        if self.labels is not None and (self.token_column or self.label_column):
            raise UsageError("--labels names a file with the labels; --token-column and "
                             "--label-column are for columns: give one or the other")  # fmt: skip
        if self.labels is not None and self.own_files:
            raise UsageError("--validation and --test take a share with --labels, because its "
                             "file belongs to one text")  # fmt: skip

    def of_kind(self, kind: str) -> Self:
        """These settings once it is known what a symbol is, char or word."""
        words = kind == "word"
        embedding = WORDS if words else 0
        letters = LETTERS if words and self.embedding_size != 0 else 0
        return self.filled(
            tokens=kind, embedding_size=embedding, letter_size=letters,
            symbol_dropout=0.1 if words else 0.0, batch_size=32 if words else 64,
        )  # fmt: skip

    def resolved(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> Self:
        settings = self.sized(symbols, paces)
        # Characters: 0.1 on accents, where 0.4 left the training loss above the held-out one.
        dropout = 0.4 if settings.tokens == "word" else 0.1
        return settings.filled(dropout=dropout).with_steps(RATES, 0.0)
