"""What can go wrong, in sentences for people: what, where, and what to do about it.

The command line prints the message of any `ElmanError` on one line and exits
with its `exit_code`; it never shows a traceback for one of these.

Messages are written with the flags of the command line. In Python they name arguments
instead: `--hidden-size` is `hidden_size`, `--tokens byte` is `tokens='byte'`. Here alone is
decided how.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Number
from typing import Any

QUOTED = 60  # characters of a value that a message quotes


def quoted(value: object) -> str:
    """A value for a sentence, cut where it is long.

    Every message quotes with this, so that none is as long as what was given.
    """
    if isinstance(value, Number):
        return str(value)[:QUOTED]  # not np.float32(0.5)
    if isinstance(value, str):
        cut = len(repr(value)) > QUOTED
        return repr(f"{value[: QUOTED - 4]} …" if cut else value)
    text = repr(value)
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 2]} …"


def listed(names: Sequence[str], most: int = 6, form: Callable[[str], str] = quoted) -> str:
    """Names for a sentence; of more than `most` the first, and how many more there are."""
    shown = ", ".join(map(form, names[:most]))
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def counted(number: int, noun: str, ending: str = "s") -> str:
    """A number with its noun: 1 text, 2,000 texts."""
    return f"{number:,} {noun}{ending if number != 1 else ''}"


def install(extra: str) -> str:
    """How to install the packages of an extra."""
    return f"pip install '.[{extra}]' in the folder of the clone"


def lacks(what: str, package: str, way: str) -> str:
    """The sentence for a package that is not installed: what needs it, and how to install it."""
    return f"{what} needs {package} (not installed); install with: {way}"


# Flags whose arguments have other names, and those that need no value.
ARGUMENTS = {"from": "start_from", "count": "n"}
SWITCHES = {"bidirectional", "calibrate", "greedy", "lines", "lowercase", "transitions", "unknown"}
VALUES: set[str] = set()  # what settings may be: `settings.Rule` adds its choices
# What is quoted stays, even where it is cut, and so does a command; else a flag, and the word
# after it.
FLAG = re.compile(
    r"""(?<!\w)b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|['"][^…]*…)"""
    r"|`[^`]*`|elman [a-z]+\b[^;,)`]*"
    r"|(?<![\w-])--([a-z][a-z-]*[a-z])(?![\w=/-]|\.\w)(?: ([\w.'-]*\w))?"
)
_named = "arguments"


def flag(name: str, value: Any = None) -> str:
    """The flag of a setting, or the one that gives it a value.

    `hidden_size` is `--hidden-size`, and `transitions` is `--no-transitions` where it is False.
    """
    no = "no-" if name == "bias" or value is False else ""
    return f"--{no}{name.replace('_', '-')}"


def flags_of(settings: Mapping[str, Any]) -> list[str]:
    """The words of a command that give settings their values."""
    words = []
    for name, value in settings.items():
        words.append(flag(name, value))
        if not isinstance(value, bool):
            words.append(str(value))
    return words


def as_arguments(message: str) -> str:
    """A message with the arguments of Python instead of the flags of the command line."""

    def argument(found: re.Match[str]) -> str:
        flag, word = found[1], found[2]
        if flag is None:
            return found[0]
        rest = "" if word is None else f" {word}"
        if flag.startswith("no-"):
            return f"{flag[3:].replace('-', '_')}=False{rest}"
        name = ARGUMENTS.get(flag, flag.replace("-", "_"))
        if flag in SWITCHES:
            return f"{name}=True{rest}"
        if word is None or not (word in VALUES or re.search(r"\d", word)):
            return name + rest
        number = re.fullmatch(r"[\d.]+(e-?\d+)?", word)
        return f"{name}={word if number else repr(word)}"

    return FLAG.sub(argument, message)


def worded(message: str) -> str:
    """A message in the names that its reader knows: flags in a command, else arguments."""
    return message if _named == "flags" else as_arguments(message)


def either(command: str, python: str) -> str:
    """What to do: on the command line, or in Python, where it differs."""
    return command if _named == "flags" else python


@contextmanager
def flags() -> Iterator[None]:
    """Messages name flags: for what the command line does."""
    global _named
    before, _named = _named, "flags"
    try:
        yield
    finally:
        _named = before


class ElmanError(Exception):
    """An error that the user can fix.

    `hint` is a next step that may help, for the command line; None: the message says it all.
    """

    exit_code = 1

    def __init__(self, message: str = "", hint: str | None = None):
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        return worded(super().__str__())


class UsageError(ElmanError, ValueError):
    """A setting that is out of range, or that contradicts another one."""

    exit_code = 2


class CorpusError(ElmanError, ValueError):
    """A text that cannot be read, decoded or learned from."""


class ModelFileError(ElmanError, ValueError):
    """A model file that is damaged, foreign, or from a future version."""


class UnknownSymbolError(ElmanError, ValueError):
    """A symbol that is not in the model's vocabulary."""


class DivergedError(ElmanError, ArithmeticError):
    """Training whose loss or gradient is no longer a finite number."""
