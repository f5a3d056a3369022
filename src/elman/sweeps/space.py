"""What a sweep looks through: ranges and choices of settings, by the names of their flags."""

from collections.abc import Mapping
from dataclasses import Field, dataclass
from math import isfinite
from typing import Any

from ..errors import UsageError, flag, quoted
from ..settings import checked, kind_of
from ..tasks import all_settings

# What is looked through unless `--search` says otherwise.
COMMON = ("learning-rate=5e-4..2e-2:log hidden-size=64,128,256,512 num-layers=1,2 cell=gru,lstm "
          "dropout=0..0.5 weight-decay=1e-4..1e-1:log")  # fmt: skip
DEFAULTS = {
    "lm": COMMON,
    "classify": f"{COMMON} symbol-dropout=0..0.2 label-smoothing=0..0.2 pooling=last,mean,max",
    "tag": f"{COMMON} symbol-dropout=0..0.2",
}
# What belongs to a whole sweep, or to what a trial is compared by.
FIXED = {"task", "minutes", "steps", "epochs", "validation", "test", "threads", "engine", "ranks",
         "eval_every", "save_every", "log_every", "monitor", "lines", "separator"}  # fmt: skip
DIGITS = 4  # of a number that is tried: the command that repeats a trial is for people, too

CHAIN = "a sweep searches the settings of a network; a Markov chain has none"

Space = dict[str, "Range | Choices"]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; on a logarithmic scale if `log`."""

    low: float
    high: float
    log: bool
    whole: bool

    def suggest(self, trial: Any, name: str) -> Any:
        """A number that an Optuna trial takes from it."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        value = trial.suggest_float(name, self.low, self.high, log=self.log)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)


@dataclass(frozen=True)
class Choices:
    """Some values."""

    values: tuple[Any, ...]

    def suggest(self, trial: Any, name: str) -> Any:
        """A value that an Optuna trial takes from it."""
        return trial.suggest_categorical(name, self.values)


def space_of(task: str, search: str | None, given: Mapping[str, Any]) -> Space:
    """What is looked through: `search`, else the default of the task without what was given.

    `search` has settings with spaces between: `learning-rate=1e-3..1e-2:log`, a range, or
    `hidden-size=128,256`, some values.

    Raises
    ------
    UsageError : a setting that there is not, that the task does not have, or that is given, too; a
        value that it cannot have
    """
    known = {name: fields[task] for name, fields in all_settings().items() if task in fields}
    found: Space = {}
    for part in (DEFAULTS[task] if search is None else search).split():
        flagged, equals, values = part.partition("=")
        name = flagged.removeprefix("--").replace("-", "_")
        if not equals or name not in known:
            raise UsageError(f"--search has {quoted(part)}, which is not a setting of --task "
                             f"{task} with its values, as in hidden-size=128,256")  # fmt: skip
        if search is None and name in given:
            continue
        if name in FIXED:
            raise UsageError(f"{flag(name)} is the same in all trials; give it without --search")
        if name in given:
            raise UsageError(f"{flag(name)} is given and in --search, too; leave out one of them")
        if name in found:
            raise UsageError(f"--search has {flag(name)} twice")
        found[name] = tried = _values(known[name], part, values)
        if name == "cell" and isinstance(tried, Choices) and "ngram" in tried.values:
            raise UsageError(CHAIN)
    if not found:
        raise UsageError("there is nothing left to search; name settings with --search")
    return found


def _values(setting: Field, part: str, given: str) -> Range | Choices:
    span, _, scale = given.partition(":")
    low, dots, high = span.partition("..")
    if not dots:
        return Choices(tuple(dict.fromkeys(_value(setting, part, v) for v in given.split(","))))
    kind, ends = kind_of(setting), [_value(setting, part, end) for end in (low, high)]
    if kind not in (int, float) or scale not in ("", "log") or not ends[0] < ends[1]:
        raise _wrong(part)
    if scale and ends[0] <= 0:
        raise UsageError(f"--search has {quoted(part)}, but a range with :log begins above 0")
    return Range(ends[0], ends[1], bool(scale), kind is int)


def _value(setting: Field, part: str, given: str) -> Any:
    kind = kind_of(setting)
    try:
        value: Any = {"true": True, "false": False}[given] if kind is bool else kind(given)
    except (KeyError, ValueError):
        raise _wrong(part) from None
    if isinstance(value, float) and not isfinite(value):
        raise _wrong(part)
    return checked(setting, value)


def _wrong(part: str) -> UsageError:
    return UsageError(f"--search has {quoted(part)}; write name=1e-3..1e-2:log for a range or "
                      "name=128,256 for some values")  # fmt: skip
