"""Frames of pandas, polars and the like: which columns they have, and the texts of one."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import CorpusError, UsageError, listed, quoted


def is_frame(value: object) -> bool:
    """Whether a value is a frame: it has named columns."""
    kind = type(value)  # a lazy frame of polars warns where it is asked itself
    return hasattr(kind, "columns") and hasattr(kind, "__getitem__")


def refuse_frame(value: object) -> None:
    """Raise UsageError for a frame or a dict where texts are wanted.

    Iterating over it gives the names of its columns, which look like texts.
    """
    if is_frame(value) or isinstance(value, Mapping):
        kind = "dict" if isinstance(value, Mapping) else "frame"
        raise UsageError(
            f"a {kind} of columns is not a text: give one column, such as data['text']; in "
            "training elman.train(frame, text_column='text') names it"
        )


def column(frame: Any, name: str | None, what: str) -> Iterator[str]:
    """The values of a column of a frame, as text.

    Raises
    ------
    UsageError : no name, none of its columns, or of several
    CorpusError : a gap
    """
    if hasattr(type(frame), "collect"):
        raise UsageError("the frame is lazy and has no rows yet; give what its collect() "
                         "returns")  # fmt: skip
    known = list(frame.columns)
    names = list(map(str, known))
    if name is None or name not in names:
        problem = (
            "the frame needs" if name is None else f"the frame has no column {quoted(name)}; give"
        )
        raise UsageError(f"{problem} {what}_column, the name of the column that holds each "
                         f"{what}; it has {listed(names, form=quoted)}")  # fmt: skip
    if names.count(name) > 1:
        raise UsageError(f"the frame has {names.count(name)} columns {quoted(name)}; rename all "
                         "but one")  # fmt: skip
    for number, value in enumerate(frame[known[names.index(name)]], 1):
        yield as_text(value, f"row {number} of the frame has no {what}")


def lines_of(frame: Any, name: str | None) -> Iterator[str]:
    """A column of a frame as lines of JSON, whose key is the name of the column."""
    return (json.dumps({name: text}) + "\n" for text in column(frame, name, "text"))


def as_text(value: Any, gap: str) -> str:
    """A value as text; CorpusError, whose message `gap` begins, for a gap."""
    if is_gap(value):
        raise CorpusError(f"{gap}: leave it out, or fill it in")
    if isinstance(value, bytes):
        raise CorpusError(f"{gap} but bytes, {quoted(value)}; decode them")
    return str(value)


def is_gap(value: Any) -> bool:
    """Whether a value means a missing one: None, NaN, NaT, pandas.NA."""
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA, which says of nothing that it is true
        return True
    except ValueError:  # an array
        return False
