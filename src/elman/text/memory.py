"""Texts that a program holds: strings, records, an open file, rows, the columns of a frame.

What a language model learns from becomes a file without a name, so that it is read as any
other file is, to the same symbols. Rows for a classifier become pairs (text, label).
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError, UsageError, listed, quoted
from .sources import PIECE, Source

Pairs = list[tuple[str, str]]


def is_frame(value: object) -> bool:
    """Whether a value is a frame of pandas, polars or the like: it has named columns."""
    return hasattr(value, "columns") and hasattr(value, "__getitem__")


@contextmanager
def closing(source: Iterable[Any]) -> Iterator[None]:
    """Close the files of texts in memory once they have been read."""
    try:
        yield
    finally:
        for item in source:
            if isinstance(item, Source) and item.kept is not None:
                item.kept.close()


def running(text: object) -> Source | None:
    """A string, bytes or an open file as one text; None for something else."""
    if isinstance(text, str | bytes):
        return _kept([text], "text in memory")
    read = getattr(text, "read", None)
    if callable(read):
        return _kept(iter(lambda: read(PIECE), read(0)), "an open file")
    return None


def records(texts: Any, end: str) -> Source:
    """Strings (or bytes) as records, each of which `end` ends.

    Raises
    ------
    UsageError : nothing to iterate over, something that is no text, a text that holds `end`
    """
    try:
        found = iter(texts)
    except TypeError:
        raise UsageError(f"a text must be a string, an open file or a list of strings, not "
                         f"{quoted(texts)}") from None  # fmt: skip
    return _kept(_ended(found, end), "texts in memory")


def column(frame: Any, name: str | None, what: str) -> Iterator[str]:
    """The values of a column of a frame, as text.

    Raises
    ------
    UsageError : no name, or none of its columns
    CorpusError : a gap
    """
    names = {str(known): known for known in frame.columns}
    if name not in names:
        problem = "the frame needs" if name is None else f"the frame has no column {name!r}; give"
        raise UsageError(f"{problem} {what}_column, the name of the column that holds each "
                         f"{what}; it has {listed(list(names))}")  # fmt: skip
    for number, value in enumerate(frame[names[name]], 1):
        yield _as_text(value, f"row {number} of the frame has no {what}")


def rows(frame: Any, name: str | None) -> Source:
    """A column of a frame as lines of JSON, whose key is the name of the column."""
    texts = column(frame, name, "text")
    return _kept((json.dumps({name: text}) + "\n" for text in texts), "frame.jsonl")


def pairs(data: Any, text_column: str, label_column: str) -> Pairs:
    """Labelled texts as pairs (text, label); what is no pair is left as it is.

    Parameters
    ----------
    data : a tuple (texts, labels), a frame, or rows (text, label): a list, an array (n, 2)

    Raises
    ------
    UsageError : another number of texts than labels, or a column that the frame does not have
    CorpusError : a row without a text or a label
    """
    if is_frame(data):
        texts = list(column(data, text_column, "text"))
        return list(zip(texts, column(data, label_column, "label"), strict=True))
    if isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], str):
        texts, labels = (_listed(part) for part in data)
        if len(texts) != len(labels):
            raise UsageError(f"there are {len(texts):,} texts and {len(labels):,} labels; a text "
                             "has one label")  # fmt: skip
        data = zip(texts, labels, strict=True)
    return [_pair(row, number) for number, row in enumerate(data, 1)]


def sequences(data: Any) -> list[Any]:
    """Labelled sequences as pairs (tokens, labels): a tuple (sequences, labels), or such pairs.

    Raises
    ------
    UsageError : another number of sequences than lists of labels
    """
    if isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], str):
        tokens, labels = (_listed(part) for part in data)
        if len(tokens) != len(labels):
            raise UsageError(f"there are {len(tokens):,} sequences and {len(labels):,} lists of "
                             "labels; each sequence has one")  # fmt: skip
        return list(zip(tokens, labels, strict=True))
    return list(data)


def _listed(values: Any) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise UsageError(f"give a tuple (texts, labels) of two lists, not {quoted(values)} in it")
    return list(values)


def _pair(row: Any, number: int) -> Any:
    if isinstance(row, list | tuple | np.ndarray) and len(row) == 2:
        text, label = row
        return text, _as_text(label, f"row {number} has no label")
    return row


def _as_text(value: Any, gap: str) -> str:
    """A value of a row; a gap is None, or no number."""
    if value is None or value != value:
        raise CorpusError(f"{gap}: leave it out, or fill it in")
    return str(value)


def _ended(texts: Iterator[Any], end: str) -> Iterator[str | bytes]:
    """Each text with the end of a record, which it must not hold."""
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str | bytes):
            raise UsageError(f"text {number} is no string but {quoted(text)}")
        ending = end.encode() if isinstance(text, bytes) else end
        plain: Any = text if isinstance(text, bytes) else text.replace("\r\n", "\n")
        plain = plain if isinstance(text, bytes) else plain.replace("\r", "\n")
        if ending in plain:
            raise UsageError(
                f"text {number} holds {end!r}, which ends a record: {quoted(text)}; give a "
                "separator that stands in none of the texts"
            )
        yield text + ending  # type: ignore[operator]


def _kept(texts: Iterable[str | bytes], name: str) -> Source:
    """The texts, one after the other, in a file that has no name and goes with the process."""
    kept = tempfile.TemporaryFile(prefix="elman-")  # noqa: SIM115
    encoding: str | None = None
    try:
        for text in texts:
            encoding = "utf-8" if isinstance(text, str) else encoding
            kept.write(text.encode() if isinstance(text, str) else text)
        kept.flush()
    except UnicodeEncodeError as error:
        kept.close()
        raise CorpusError(
            f"{name}: {error.object[error.start]!r} in {quoted(error.object)} is half a "
            "character, which no encoding has"
        ) from None
    except BaseException:
        kept.close()
        raise
    return Source(name, Path(name), encoding, kept)
