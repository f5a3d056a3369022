"""What can go wrong, in sentences for people: what, where, and what to do about it.

The command line prints the message of any `ElmanError` on one line and exits
with its `exit_code`; it never shows a traceback for one of these.
"""

from collections.abc import Callable, Sequence

QUOTED = 60  # characters of a value that a message quotes


def listed(names: Sequence[str], most: int = 6, form: Callable[[str], str] = repr) -> str:
    """Names for a sentence; of more than `most` the first, and how many more there are."""
    shown = ", ".join(map(form, names[:most]))
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def quoted(value: object) -> str:
    """A value for a sentence, cut where it is long."""
    text = repr(value)
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 2]} …"


def counted(number: int, noun: str, ending: str = "s") -> str:
    """A number with its noun: 1 text, 2,000 texts."""
    return f"{number:,} {noun}{ending if number != 1 else ''}"


class ElmanError(Exception):
    """A failure with a cause that the user can act on."""

    exit_code = 1


class UsageError(ElmanError, ValueError):
    """A setting that is out of range, or that contradicts another one."""

    exit_code = 2


class CorpusError(ElmanError, ValueError):
    """A text that cannot be read, decoded or learned from."""


class ModelFileError(ElmanError, ValueError):
    """A model file that is damaged, foreign, or from a future version."""


class UnknownSymbolError(ElmanError, ValueError):
    """A symbol that the model's vocabulary does not hold."""


class DivergedError(ElmanError, ArithmeticError):
    """Training whose loss or gradient is no longer a finite number."""
