"""How models and figures show themselves: a short line, in a notebook a small table."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ElmanError, lacks, listed

if TYPE_CHECKING:
    from pandas import DataFrame


class Shown(ABC):
    """What says in a few words what it is: `_short` in a line, `_rows` in a table."""

    @abstractmethod
    def _short(self) -> list[str]:
        """The few things that matter, each short."""

    @abstractmethod
    def _rows(self) -> list[tuple[str, str]]:
        """Names and values, for a table of two columns."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._short())})"

    def _repr_html_(self) -> str:
        return table(type(self).__name__, self._rows())


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """An HTML table of names and values, escaped."""
    body = "".join(
        f"<tr><th style='text-align: left'>{escape(name)}</th>"
        f"<td style='text-align: left'>{escape(value)}</td></tr>"
        for name, value in rows
    )
    caption = f"<caption style='text-align: left'><b>{escape(title)}</b></caption>"
    return f"<table>{caption}<tbody>{body}</tbody></table>"


def frame(rows: Sequence[dict[str, Any]], index: str | None = None) -> "DataFrame":
    """A pandas DataFrame of rows; ElmanError where pandas is not installed."""
    try:
        from pandas import DataFrame
    except ImportError:
        raise ElmanError(lacks("a frame", "pandas", "pip install pandas")) from None
    made = DataFrame(rows)
    return made if index is None else made.set_index(index)


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures with four decimals."""
    return {name: round(x, 4) if isinstance(x, float) else x for name, x in figures.items()}


def files_of(summary: dict[str, Any]) -> list[str]:
    """What a model was learned from, short enough for a line: one entry, or none."""
    names = [Path(name).name or name for name in summary.get("corpus", [])]
    return [listed(names, 1, str)] if names else []
