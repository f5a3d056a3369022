"""Every setting of a training run: its name, its range, its default and why.

Names are those of the command line with underscores (`--hidden-size` is
`hidden_size`). A setting that is None was not given; `resolve` fills it in.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from numbers import Integral, Real
from typing import Any

from .errors import UsageError
from .text.read import NormalForm

CELLS = ("rnn", "lstm", "gru", "ngram")
CHOICES: dict[str, tuple[str, ...]] = {
    "task": ("lm", "classify"),
    "tokens": ("char", "byte", "word"),
    "errors": ("strict", "replace"),
    "normalize": ("NFC", "NFD", "NFKC", "NFKD"),
    "cell": CELLS,
    "activation": ("tanh", "relu"),
    "init": ("uniform", "normal", "identity", "orthogonal"),
    "dtype": ("float32", "float64"),
    "batching": ("consecutive", "random"),
    "loss": ("mean", "sum"),
    "optimizer": ("sgd", "adagrad", "rmsprop", "adam"),
    "schedule": ("constant", "cosine", "plateau"),
    "pooling": ("last", "mean", "max"),
    "class_weights": ("none", "balanced", "sqrt"),
    "monitor": ("loss", "macro-f1"),
}

# name: (least, greatest, whether the least itself is allowed)
RANGES: dict[str, tuple[float, float, bool]] = {
    "vocabulary_size": (1, 10_000_000, True),
    "max_characters": (1, float("inf"), True),
    "validation": (0, 0.9, True),
    "test": (0, 0.9, True),
    "hidden_size": (1, 10**12, True),
    "num_layers": (1, 100, True),
    "embedding_size": (0, 1_000_000, True),
    "order": (0, 32, True),
    "dropout": (0, 0.95, True),
    "symbol_dropout": (0, 0.95, True),
    "label_smoothing": (0, 0.95, True),
    "init_scale": (0, 100, True),
    "seq_len": (1, 1_000_000, True),
    "batch_size": (1, 1_000_000, True),
    "bptt": (1, 10_000_000, True),
    "epochs": (0, 1e9, True),
    "steps": (0, 1e12, True),
    "minutes": (0, 1e6, False),
    "learning_rate": (0, 1e4, False),
    "momentum": (0, 0.9999, True),
    "weight_decay": (0, 100, True),
    "warmup": (0, 1e9, True),
    "clip_norm": (0, float("inf"), True),
    "clip_value": (0, float("inf"), True),
    "patience": (0, 1e9, True),
    "eval_every": (1, 1e12, True),
    "save_every": (1, 1e12, True),
    "log_every": (1, 1e12, True),
    "sample_every": (1, 1e12, True),
    "threads": (1, 1024, True),
    "seed": (0, 2**63 - 1, True),
}


FRACTIONS = {
    "validation", "test", "dropout", "symbol_dropout", "label_smoothing", "init_scale",
    "epochs", "minutes", "learning_rate", "momentum", "weight_decay", "clip_norm", "clip_value",
}  # fmt: skip


# Settings that only one of the tasks has.
LM_ONLY = ("lines", "unknown", "max_characters", "order", "batching", "bptt", "loss",
           "sample_every")  # fmt: skip
CLASSIFY_ONLY = ("text_column", "label_column", "pooling", "bidirectional", "symbol_dropout",
                 "label_smoothing",
                 "class_weights", "monitor")  # fmt: skip
SWITCHES = ("lines", "lowercase", "unknown", "bias", "bidirectional")


@dataclass(frozen=True)
class Settings:
    """The settings of one run. Raises UsageError for a value out of its range."""

    task: str = "lm"
    # text
    tokens: str = "char"
    vocabulary_size: int | None = None
    lines: bool = False
    lowercase: bool = False
    unknown: bool = False
    normalize: NormalForm | None = None
    max_characters: int | None = None
    errors: str = "strict"
    text_column: str = "text"
    label_column: str = "label"
    validation: float | None = None  # a tenth, at most 500,000 symbols or 1,000 labelled texts
    test: float = 0.0
    # network
    cell: str = "gru"
    hidden_size: int | None = None
    num_layers: int | None = None  # 1; of a classifier what goes with its size
    embedding_size: int = 0
    activation: str = "tanh"
    bias: bool = True
    dropout: float | None = None
    order: int = 4
    pooling: str = "last"
    bidirectional: bool = False
    symbol_dropout: float | None = None
    label_smoothing: float | None = None
    init: str = "uniform"
    init_scale: float | None = None
    dtype: str = "float32"
    # learning
    seq_len: int = 64
    batch_size: int = 32
    batching: str = "consecutive"
    bptt: int | None = None
    epochs: float | None = None
    steps: int | None = None
    minutes: float | None = None
    optimizer: str = "adam"
    learning_rate: float | None = None
    momentum: float = 0.0
    weight_decay: float | None = None
    schedule: str = "cosine"
    warmup: int | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    loss: str = "mean"
    class_weights: str = "none"
    monitor: str = "macro-f1"  # on the surnames it rises long after the loss stands still
    patience: int | None = None
    eval_every: int | None = None
    save_every: int | None = None
    log_every: int = 10
    sample_every: int | None = None
    # machine
    engine: str = "auto"
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise UsageError(f"{flag(name)} must be one of {', '.join(choices)}, not {value!r}")
        for name in RANGES:
            value = getattr(self, name)
            if value is not None:
                check_range(name, value)
                plain = float(value) if name in FRACTIONS else int(value)
                object.__setattr__(self, name, plain)  # a NumPy number is no JSON
        for name in SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{name} must be True or False, not {getattr(self, name)!r}")
        self._refuse_other_task()
        if (self.validation or 0) + self.test >= 1:
            raise UsageError("--validation and --test leave no text to train on")
        if sum(x is not None for x in (self.epochs, self.steps, self.minutes)) > 1:
            raise UsageError("give one of --epochs, --steps and --minutes, not several")
        if self.momentum and self.optimizer != "sgd":
            raise UsageError(f"--momentum goes with --optimizer sgd, not with {self.optimizer}")
        if self.vocabulary_size is not None and self.tokens != "word":
            raise UsageError("--vocabulary-size goes with --tokens word")
        if self.activation != "tanh" and self.cell != "rnn":
            raise UsageError(f"--activation goes with --cell rnn, not with {self.cell}")
        if self.tokens == "byte" and (self.lowercase or self.normalize):
            raise UsageError("--lowercase and --normalize need characters, not --tokens byte")
        if self.lines and self.bptt is not None and self.bptt > self.seq_len:
            raise UsageError(
                "--bptt beyond --seq-len has no meaning with --lines: raise --seq-len instead"
            )
        if self.batching == "random" and self.bptt is not None and self.bptt > self.seq_len:
            raise UsageError(
                "--bptt beyond --seq-len needs --batching consecutive: random windows have no past"
            )

    def _refuse_other_task(self) -> None:
        """A setting that the task does not have is a mistake, not a thing to ignore."""
        foreign, task = (LM_ONLY, "lm") if self.task == "classify" else (CLASSIFY_ONLY, "classify")
        for name in foreign:
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise UsageError(f"{flag(name)} goes with --task {task}, not with {self.task}")
        if self.text_column == self.label_column:
            raise UsageError("--text-column and --label-column must be two columns")
        if self.symbol_dropout and self.tokens == "byte":
            raise UsageError("--symbol-dropout reads <unk>, which --tokens byte does not have")
        if self.task == "classify" and self.cell == "ngram":
            raise UsageError("--cell ngram is a language model; --task classify needs a network")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


NAMES = tuple(field.name for field in fields(Settings))


def flag(name: str) -> str:
    """The flag of a setting: `hidden_size` is `--hidden-size`."""
    return "--no-bias" if name == "bias" else "--" + name.replace("_", "-")


def check_range(name: str, value: float) -> None:
    """Raise UsageError if a number is out of the range of the setting, or not a number."""
    least, greatest, inclusive = RANGES[name]
    whole = name not in FRACTIONS
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise UsageError(
            f"{flag(name)} must be a {'whole number' if whole else 'number'}, not {value!r}"
        )
    allowed = -1e300 < value < 1e300 and (least <= value if inclusive else least < value)
    if not allowed or value > greatest:
        limit = f"at least {least:g}" if inclusive else f"more than {least:g}"
        upper = f" and at most {greatest:g}" if isfinite(greatest) else ""
        raise UsageError(f"{flag(name)} must be {limit}{upper}, not {str(value)[:40]}")


# Where a classifier's defaults are others than those of a language model.
CLASSIFY_DEFAULTS: dict[str, Any] = {
    "test": 0.1,  # the report is about texts that nothing looked at
    "seq_len": 256,  # the longest text that is read whole
    # The rest by the surnames of docs/classification.md, judged by a validation part.
    "batch_size": 64,
    "bidirectional": True,  # endings say as much as beginnings
}


def make(given: dict[str, Any]) -> Settings:
    """The settings that the user gave, with the defaults of their task."""
    if given.get("task") == "classify":
        given = CLASSIFY_DEFAULTS | given
    return Settings(**given)


LEARNING_RATES = {
    "adam": 6e-3,  # with the cosine and dropout better than 3e-3, for 256 and 512 units
    "rmsprop": 2e-3,  # char-rnn's
    "adagrad": 0.1,  # min-char-rnn's
    "sgd": 1.0,  # Dive into Deep Learning's, with the norm clipped to 1
}

# Hidden sizes to choose from: (units, symbols of text that they are worth, symbols
# that they must be trained on within the time to overtake the next smaller one).
SIZES = ((512, 400_000, 3_000_000), (256, 40_000, 1_000_000), (128, 0, 0))

# Layers and units of a classifier: the first that reads the texts so many times within the time.
# With fewer passes the next one is ahead: after 95 s of one core, words in 3 languages, 2 × 192
# units had made 4 passes and were right in 0.913, 1 × 256 units 12 passes and 0.924.
CLASSIFY_NETWORKS = ((2, 192), (1, 256), (1, 128))
CLASSIFY_PASSES = 16
CLASSIFY_CHOOSE_BY = 1000  # texts: enough to tell which parameters are best

CLASSIFY_RATES = {"adam": 5e-3}  # 3e-3 to 6e-3 did alike on the surnames


def resolve(settings: Settings, symbols: int, pace: Callable[[int], float]) -> Settings:
    """Fill in what was not given.

    Parameters
    ----------
    symbols : how many the training part has
    pace : symbols per second that this machine trains at a hidden size; asked only
        for runs by the clock, because others must not depend on the machine
    """
    filled: dict[str, Any] = {}
    if settings.epochs is None and settings.steps is None and settings.minutes is None:
        filled["minutes"] = 3.0  # long enough to be good, short enough to wait for
        settings = replace(settings, **filled)
    if settings.num_layers is None:
        filled["num_layers"] = 1
        settings = replace(settings, **filled)
    if settings.hidden_size is None:
        filled["hidden_size"] = _hidden_size(settings, symbols, pace)
    size = settings.hidden_size or filled["hidden_size"]
    if settings.dropout is None:
        # Half of the outputs dropped keeps 512 units from learning 1 MB by heart; a
        # small network has less to spare. Text that is read once or twice cannot be
        # learned by heart. Other optimizers than adam: the classic recipes, without.
        again = settings.optimizer == "adam" and _passes(settings, symbols, size, pace) >= 2
        filled["dropout"] = (0.5 if size >= 512 else 0.25) if again else 0.0
    if settings.learning_rate is None:
        filled["learning_rate"] = LEARNING_RATES[settings.optimizer]
    if settings.weight_decay is None:
        filled["weight_decay"] = 0.05 if settings.optimizer == "adam" else 0.0
    if settings.warmup is None:
        filled["warmup"] = 0
    if settings.clip_norm is None and settings.clip_value is None:
        filled["clip_norm"] = 1.0  # D2L's; a flag replaces it, 0 turns clipping off
    if settings.patience is None:
        # Of 24 evaluations. Text that is learned by heart need not use up its
        # minutes; a run that is counted in steps or epochs does what it was told.
        filled["patience"] = 8 if settings.minutes is not None else 0
    return replace(settings, **filled)


def resolve_classifier(
    settings: Settings, symbols: int, pace: Callable[[int, int], float]
) -> Settings:
    """Fill in what was not given, for a classifier.

    Parameters
    ----------
    symbols : how many the training part has
    pace : symbols per second that this machine trains, of a number of layers and a
        hidden size; asked only for runs by the clock
    """
    filled: dict[str, Any] = {}
    if settings.epochs is None and settings.steps is None and settings.minutes is None:
        filled["minutes"] = 2.0  # what the surnames need on two cores
        settings = replace(settings, **filled)
    num_layers, hidden_size = _classifier_network(settings, symbols, pace)
    filled |= {"num_layers": num_layers, "hidden_size": hidden_size}
    if settings.dropout is None:
        filled["dropout"] = 0.45
    if settings.symbol_dropout is None:
        # Of 0, 0.05, 0.1, 0.2 and 0.3: from 0.2 on the held-out loss no longer turns up.
        filled["symbol_dropout"] = 0.0 if settings.tokens == "byte" else 0.2
    if settings.label_smoothing is None:
        # Of 0 and 0.1: accuracy of the surnames 0.869 to 0.873, macro-F1 0.625 to 0.603.
        filled["label_smoothing"] = 0.1
    if settings.learning_rate is None:
        filled["learning_rate"] = (LEARNING_RATES | CLASSIFY_RATES)[settings.optimizer]
    if settings.weight_decay is None:
        filled["weight_decay"] = 0.0
    if settings.warmup is None:
        filled["warmup"] = 0
    if settings.clip_norm is None and settings.clip_value is None:
        filled["clip_norm"] = 1.0
    if settings.patience is None:
        filled["patience"] = 8 if settings.minutes is not None else 0
    return replace(settings, **filled)


def _classifier_network(
    settings: Settings, symbols: int, pace: Callable[[int, int], float]
) -> tuple[int, int]:
    """Layers and units: those given, else the first that can read the texts often enough."""
    layers, size = settings.num_layers, settings.hidden_size
    if size is not None:
        return layers or CLASSIFY_NETWORKS[0][0], size
    fitting = [n for n in CLASSIFY_NETWORKS if layers in (None, n[0])]
    if not fitting:
        return layers or 1, CLASSIFY_NETWORKS[0][1]
    for network in fitting[:-1]:
        if settings.minutes is None:
            return network
        if pace(*network) * settings.minutes * 60 >= CLASSIFY_PASSES * symbols:
            return network
    return fitting[-1]


def _passes(settings: Settings, symbols: int, size: int, pace: Callable[[int], float]) -> float:
    """How often the text will be read."""
    if settings.cell == "ngram":
        return 1.0
    if settings.epochs is not None:
        return settings.epochs
    if settings.steps is not None:
        return settings.steps * settings.batch_size * settings.seq_len / max(1, symbols)
    return pace(size) * (settings.minutes or 0) * 60 / max(1, symbols)


def _hidden_size(settings: Settings, symbols: int, pace: Callable[[int], float]) -> int:
    """As large as the text can feed, and as the time can train."""
    for size, worth, needed in SIZES:
        if symbols < worth:
            continue
        if settings.minutes is None or settings.cell == "ngram":
            return size
        if pace(size) * settings.minutes * 60 >= needed:
            return size
    return SIZES[-1][0]
