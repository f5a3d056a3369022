"""The settings that every task has: their names, ranges, defaults and reasons.

Names are those of the command line with underscores (`--hidden-size` is
`hidden_size`). A setting that is None was not given; `resolved` fills it in. What
only one task has stands in `tasks/<task>/settings.py`, whose class is this one and
more. The command line is made from these fields.
"""

import codecs
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, replace
from math import inf, isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

from .errors import VALUES, UsageError, flag, quoted

NormalForm = Literal["NFC", "NFD", "NFKC", "NFKD"]
TEXT, NETWORK, LEARNING, LABELS = "Text", "Network", "Learning", "Labels"
RUN, MACHINE = "Run and files", "Machine"


@dataclass(frozen=True)
class Rule:
    """What a setting may be, and how its flag is explained.

    Attributes
    ----------
    help : a sentence for `elman train --help`
    group : the heading that it is under there
    choices : the strings that are allowed; none: any
    least, most : the smallest and the largest number
    above : whether it must be above the smallest, not at it
    shown : the default in words, where None means something that is worked out
    metavar : what `--help` calls a value that is neither a number nor a choice
    files : whether a share of the data may be a file of its own instead
    escapes : whether \\n, \\t, \\f, \\r and \\\\ are escapes on the command line
    """

    help: str
    group: str
    choices: tuple[str, ...] = ()
    least: float = -inf
    most: float = inf
    above: bool = False
    shown: str = ""
    metavar: str | None = None
    escapes: bool = False
    files: bool = False

    def __post_init__(self) -> None:
        VALUES.update(self.choices)  # a message knows them by this


def setting(default: Any, help: str, group: str, **rule: Any) -> Any:
    """A field of a class of settings, with its `Rule`."""
    return field(default=default, metadata={"rule": Rule(help, group, **rule)})


def changed(of: type, name: str, default: Any = MISSING, **rule: Any) -> Any:
    """The field of another class, with another default or rule."""
    known = next(f for f in fields(of) if f.name == name)
    default = known.default if default is MISSING else default
    return field(default=default, metadata={"rule": replace(rule_of(known), **rule)})


def rule_of(setting: Field) -> Rule:
    return setting.metadata["rule"]


def kind_of(setting: Field) -> type:
    """bool, int, float or str: what a value of the setting is, if it is not None."""
    kinds = [kind for kind in get_args(setting.type) if kind is not type(None)]
    kind = kinds[0] if kinds else setting.type
    return kind if isinstance(kind, type) else str


@dataclass(frozen=True)
class Settings(ABC):
    """The settings of one run. Raises UsageError for a value out of its range."""

    task: str = setting(
        "", "What to learn: lm, a language model; classify, the class of a text; tag, a label "
        "for every symbol.", LEARNING,
    )  # fmt: skip
    tokens: str = setting("char", "Unit of text.", TEXT, choices=("char", "byte", "word"))
    vocabulary_size: int | None = setting(
        None, "Most frequent characters or words to keep; the rest are <unk>.", TEXT,
        least=1, most=10_000_000, shown="all",
    )  # fmt: skip
    min_count: int | None = setting(
        None, "Count below which a symbol is <unk>.", TEXT, least=1, most=1e12, shown="1"
    )
    lowercase: bool = setting(False, "Convert the text to lower case.", TEXT)
    normalize: NormalForm | None = setting(
        None, "Unicode normal form.", TEXT, choices=get_args(NormalForm), shown="the text as it is"
    )
    errors: str = setting(
        "strict", "What to do with bytes that are not UTF-8.", TEXT, choices=("strict", "replace")
    )
    encoding: str = setting(
        "utf-8", "Text encoding, unless a byte order mark gives one.", TEXT, metavar="NAME"
    )
    validation: float | str | None = setting(
        None, "Validation set, selects the best parameters: share of every file, or a file.", TEXT,
        least=0, most=0.9, shown="0.1, at most 500,000 symbols; classify 0.05, at "
        "most 1,000 texts; tag 0.1, at most 20,000 symbols", metavar="SHARE|FILE", files=True,
    )  # fmt: skip
    test: float | str = setting(
        0.0, "Test set, used only for the final report: share of every file, or a file.", TEXT,
        least=0, most=0.9, metavar="SHARE|FILE", files=True,
    )  # fmt: skip

    cell: str = setting("gru", "Recurrent cell.", NETWORK, choices=("rnn", "lstm", "gru"))
    hidden_size: int | None = setting(
        None, "Units per layer.", NETWORK, least=1, most=10**12,
        shown="128 to 512, by text and time (classify 128)",
    )  # fmt: skip
    num_layers: int | None = setting(
        None, "Number of layers.", NETWORK, least=1, most=100,
        shown="1 (tag 1 or 2)",
    )  # fmt: skip
    embedding_size: int = setting(
        0, "Size of the symbol embeddings; 0: one-hot.", NETWORK, least=0, most=1_000_000
    )
    activation: str = setting("tanh", "Activation of an rnn.", NETWORK, choices=("tanh", "relu"))
    bias: bool = setting(True, "Leave out all biases.", NETWORK)
    dropout: float | None = setting(
        None, "Dropout rate on the output of each layer.", NETWORK, least=0, most=0.95,
        shown="with adam, for text read twice or more: 0.5 from 512 units, else 0.25; 0.45 for a "
        "classifier, 0.4 for a tagger (0.1 if it tags characters)",
    )  # fmt: skip
    init: str = setting(
        "uniform", "Initial values of the weights.", NETWORK,
        choices=("uniform", "normal", "identity", "orthogonal"),
    )  # fmt: skip
    init_scale: float | None = setting(
        None, "Scale of --init.", NETWORK, least=0, most=100, shown="normal 0.01, others 1"
    )

    minutes: float | None = setting(
        None, "Minutes to train, including the final evaluation.", LEARNING,
        least=0, most=1e6, above=True, shown="3 (2 for labels; classify: or 16 passes)",
    )  # fmt: skip
    epochs: float | None = setting(
        None, "Passes over the text to train.", LEARNING, least=0, most=1e9
    )
    steps: int | None = setting(
        None, "Updates to train; 0 writes the untrained model.", LEARNING,
        least=0, most=1e12,
    )  # fmt: skip
    seq_len: int = setting(
        64, "Window length in symbols; for a classifier, the number of symbols read of each text.",
        LEARNING, least=1, most=1_000_000,
    )  # fmt: skip
    batch_size: int = setting(32, "Sequences per batch.", LEARNING, least=1, most=1_000_000)
    optimizer: str = setting(
        "adam", "Rule that turns gradients into updates.", LEARNING,
        choices=("sgd", "adagrad", "rmsprop", "adam"),
    )  # fmt: skip
    learning_rate: float | None = setting(
        None, "Learning rate.", LEARNING, least=0, most=1e4, above=True,
        shown="adam 0.006 (lm with a cosine 0.016, from 512 units 0.012; classify 0.005, tag "
        "0.004), rmsprop 0.002, adagrad 0.1, sgd 1",
    )  # fmt: skip
    momentum: float = setting(0.0, "Momentum of sgd.", LEARNING, least=0, most=0.9999)
    weight_decay: float | None = setting(
        None, "Decoupled weight decay of every parameter of the network.", LEARNING, least=0,
        most=100, shown="0.05 with adam, 0 for classify and tag",
    )  # fmt: skip
    schedule: str = setting(
        "cosine", "Learning rate over time: constant, cosine down to 1 %, or halved on a plateau.",
        LEARNING, choices=("constant", "cosine", "plateau"),
    )  # fmt: skip
    warmup: int | None = setting(
        None, "Steps in which the learning rate rises.", LEARNING, least=0, most=1e9,
        shown="300, at most a tenth of the run (lm and classify, adam, cosine); else 0",
    )  # fmt: skip
    clip_norm: float | None = setting(
        None, "Clip the gradient to this norm; 0: never.", LEARNING, least=0,
        shown="1; none with --clip-value",
    )  # fmt: skip
    clip_value: float | None = setting(
        None, "Clip every component of the gradient instead; 0: never.", LEARNING, least=0
    )
    patience: int | None = setting(
        None, "Evaluations without improvement before training stops; 0: never.", LEARNING,
        least=0, most=1e9, shown="8; 0 with --epochs, --steps or a classifier's cosine",
    )  # fmt: skip

    eval_every: int | None = setting(
        None, "Steps between evaluations.", RUN, least=1, most=1e12, shown="24 times a run"
    )
    save_every: int | None = setting(
        None, "Steps between saves.", RUN, least=1, most=1e12,
        shown="at evaluations, and once a minute",
    )  # fmt: skip
    log_every: int = setting(10, "Steps between reports.", RUN, least=1, most=1e12)

    engine: str = setting("auto", "Compute engine: native (C++) or numpy.", MACHINE, metavar="NAME")
    threads: int | None = setting(
        None, "Number of threads.", MACHINE, least=1, most=1024,
        shown="the cores that this process may use",
    )  # fmt: skip
    shards: int = setting(
        1, "Split each batch into N groups, a power of two, added in a fixed order; --ranks share "
        "them.", MACHINE, least=1, most=1024,
    )  # fmt: skip
    dtype: str = setting("float32", "Floating-point type.", MACHINE, choices=("float32", "float64"))
    precision: str = setting(
        "auto", "Operands of products in training: float32, or rounded to bf16; auto: bf16 with "
        "--minutes if a step gets 15 % faster.", MACHINE, choices=("auto", "float32", "bf16"),
    )  # fmt: skip
    seed: int = setting(
        0, "Random seed; the same seed gives the same run, unless the clock has a say in it.",
        MACHINE, least=0, most=2**63 - 1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None or f.default is not None:
                object.__setattr__(self, f.name, checked(f, value))
        self._check()

    def _check(self) -> None:
        """Raise UsageError for settings that contradict each other."""
        if (self.share("validation") or 0) + (self.share("test") or 0) >= 1:
            raise UsageError("--validation and --test leave no text for training")
        if len(self.own_files) == 2 and self.validation == self.test:
            raise UsageError("--validation and --test name the same file; give two")
        if sum(x is not None for x in (self.epochs, self.steps, self.minutes)) > 1:
            raise UsageError("give one of --epochs, --steps and --minutes, not several")
        if self.momentum and self.optimizer != "sgd":
            raise UsageError(f"--momentum needs --optimizer sgd (it is {self.optimizer})")
        for name in ("vocabulary_size", "min_count"):
            if self.tokens == "byte" and getattr(self, name) is not None:
                raise UsageError(
                    f"{flag(name)} needs characters or words; --tokens byte always has the same "
                    "256 symbols"
                )
        if self.shards & (self.shards - 1):
            raise UsageError(f"--shards must be a power of two, not {self.shards}")
        if self.batch_size is not None and self.shards > self.batch_size:
            raise UsageError(f"--shards {self.shards} cannot divide --batch-size "
                             f"{self.batch_size}: a shard is at least one sequence")  # fmt: skip
        if self.precision != "auto" and self.dtype != "float32":
            raise UsageError(f"--precision {self.precision} needs --dtype float32 (it is "
                             f"{self.dtype})")  # fmt: skip
        if self.activation != "tanh" and self.cell != "rnn":
            raise UsageError(f"--activation needs --cell rnn (it is {self.cell})")
        check_encoding(self.encoding)
        if self.tokens == "byte" and (self.lowercase or self.normalize or self.encoding != "utf-8"):
            raise UsageError(
                "--lowercase, --normalize and --encoding need characters, not --tokens byte"
            )

    FORMER: ClassVar[tuple[str, ...]] = ()  # names that older files hold, and that mean nothing

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The settings that a model file holds; TypeError for a name that is none."""
        return cls(**{name: value for name, value in stored.items() if name not in cls.FORMER})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def share(self, part: str) -> float | None:
        """The share that a part is; 0 of one that has a file of its own, None: not given."""
        value = getattr(self, part)
        return 0.0 if isinstance(value, str) else value

    @property
    def own_files(self) -> dict[str, str]:
        """The files of the parts that have their own: "validation", "test"."""
        parts = {part: getattr(self, part) for part in ("validation", "test")}
        return {part: value for part, value in parts.items() if isinstance(value, str)}

    def filled(self, **defaults: Any) -> Self:
        """These settings, and the defaults of those that are None."""
        return replace(self, **{n: v for n, v in defaults.items() if getattr(self, n) is None})

    @abstractmethod
    def to_measure(self, symbols: int) -> list[tuple[int, int]]:
        """Layers and units whose speed `resolved` needs, for a training part of `symbols` symbols.

        Only a run limited by minutes may depend on how fast the machine is.
        """

    @abstractmethod
    def resolved(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> Self:
        """These settings with everything filled in that was not given.

        Parameters
        ----------
        symbols : how many the training part has
        paces : symbols per second that this machine trains, for the networks of `to_measure`
        """

    def with_end(self, minutes: float) -> Self:
        """Settings whose run ends: after these minutes, unless they already say when."""
        return self.filled(minutes=minutes) if self.by_the_clock else self

    def with_steps(self, rates: Mapping[str, float], decay: float, rising: bool = False) -> Self:
        """What was not given about steps and their end; `rising`: Adam with a cosine warms up."""
        return self.filled(
            learning_rate=rates[self.optimizer],
            weight_decay=decay,
            warmup=None if rising and (self.optimizer, self.schedule) == ("adam", "cosine") else 0,
            # D2L's; a flag replaces it, 0 turns clipping off
            clip_norm=1.0 if self.clip_value is None else None,
            # Of 24 evaluations. A run that has memorized its text need not use up its minutes; one
            # limited by steps or epochs does what it was told.
            patience=8 if self.minutes is not None else 0,
        )

    @property
    def by_the_clock(self) -> bool:
        """Whether the run ends after a time: then its size may depend on the machine."""
        return self.epochs is None and self.steps is None

    @property
    def end(self) -> tuple[str, float]:
        """Where a run ends: unit and amount."""
        if self.steps is not None:
            return "steps", self.steps
        if self.epochs is not None:
            return "epochs", self.epochs
        return "minutes", self.minutes or 0.0


def checked(setting: Field, value: Any) -> Any:
    """A value as a plain Python one (a NumPy number is no JSON); UsageError out of its range."""
    rule, kind = rule_of(setting), kind_of(setting)
    if rule.choices:
        if value not in rule.choices:
            choices = ", ".join(rule.choices)
            raise UsageError(f"{flag(setting.name)} must be one of {choices}, not {quoted(value)}")
        return value
    if rule.files and isinstance(value, str | Path):
        if str(value).strip() in ("", "-"):
            raise UsageError(f"{flag(setting.name)} takes a share or the name of a file, not "
                             f"{quoted(str(value))}")  # fmt: skip
        try:
            value = float(str(value))
        except ValueError:
            return str(value)
    if kind is bool or kind is str:
        if not isinstance(value, kind):
            wanted = "True or False" if kind is bool else "text"
            raise UsageError(f"{setting.name} must be {wanted}, not {quoted(value)}")
        return value
    if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
        wanted = "whole number" if kind is int else "number"
        raise UsageError(f"{flag(setting.name)} must be a {wanted}, not {quoted(value)}")
    number: Any = value
    above_least = rule.least < number if rule.above else rule.least <= number
    if not (-1e300 < number < 1e300 and above_least) or number > rule.most:
        lower = f"more than {rule.least:g}" if rule.above else f"at least {rule.least:g}"
        most = f"{rule.most:,.0f}" if kind is int else f"{rule.most:g}"
        upper = f" and at most {most}" if isfinite(rule.most) else ""
        raise UsageError(f"{flag(setting.name)} must be {lower}{upper}, not {str(value)[:40]}")
    return kind(number)


def check(name: str, value: Any) -> None:
    """Raise UsageError if a value is out of the range of the common setting of that name."""
    checked(Settings.__dataclass_fields__[name], value)


def check_encoding(name: str) -> None:
    """Raise UsageError if there is no text encoding of that name."""
    try:
        bytes(4).decode(name)
        known = codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError, TypeError):
        known = False
    if not known:
        raise UsageError(
            f"there is no encoding {quoted(name)}; some are utf-8, utf-16, cp1252, iso-8859-1, "
            "shift_jis, gb18030 and koi8-r"
        )


LEARNING_RATES = {
    "adam": 6e-3,  # with dropout better than 3e-3, for 256 and 512 units
    "rmsprop": 2e-3,  # char-rnn's
    "adagrad": 0.1,  # min-char-rnn's
    "sgd": 1.0,  # Dive into Deep Learning's, with the norm clipped to 1
}
