"""Texts that a program holds: strings, records, an open file, rows, the columns of a frame.

What a language model learns from becomes a file without a name, so that it is read as any
other file is, to the same symbols. Rows for a classifier become pairs (text, label).
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError, UsageError, quoted
from .frames import as_text, column, is_frame, is_gap, lines_of, refuse_frame
from .sources import PIECE, Source

Pairs = list[tuple[str, str]]


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
    """A string, bytes or an open file as one text; None for something else.

    Raises CorpusError for a file that cannot be read.
    """
    if isinstance(text, bytearray | memoryview):
        text = bytes(text)
    if isinstance(text, str | bytes):
        return _kept([text], "text in memory")
    read = getattr(text, "read", None)
    if not callable(read):
        return None
    try:
        return _kept(iter(lambda: read(PIECE), read(0)), "an open file")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"the open file is not {error.encoding}: {error.reason}; open it with its encoding, "
            "or as open(path, 'rb')"
        ) from None
    except (OSError, ValueError) as error:  # closed, or open for writing
        raise CorpusError(
            f"the open file cannot be read ({error}); open it for reading, and close it after "
            "the training"
        ) from None


def records(texts: Any, end: str) -> Source:
    """Strings (or bytes) as records, each of which `end` ends.

    Raises
    ------
    UsageError : nothing to iterate over, something that is not text, a text that holds `end`
    """
    refuse_frame(texts)
    try:
        found = iter(texts)
    except TypeError:
        raise UsageError(f"a text must be a string, an open file or a list of strings, not "
                         f"{quoted(texts)}") from None  # fmt: skip
    return _kept(_ended(found, end), "texts in memory")


def rows(frame: Any, name: str | None) -> Source:
    """A column of a frame as lines of JSON, whose key is the name of the column."""
    return _kept(lines_of(frame, name), "frame.jsonl")


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
        if all(_is_row(part) for part in data):
            raise UsageError(
                "a tuple of two pairs may be two rows (text, label), or two texts and their "
                "labels; give lists, of rows or of texts and labels"
            )
        texts, labels = (_listed(part) for part in data)
        if len(texts) != len(labels):
            raise UsageError(f"there are {len(texts):,} texts and {len(labels):,} labels; a text "
                             "has one label")  # fmt: skip
        data = list(zip(texts, labels, strict=True))
    return [_pair(row, number) for number, row in enumerate(data, 1)]


def sequences(data: Any) -> list[Any]:
    """Labelled sequences as pairs (tokens, labels): a tuple (sequences, labels), or such pairs.

    Raises
    ------
    UsageError : another number of sequences than lists of labels, or something else
    """
    if is_frame(data) or isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable):
        raise UsageError("a tagger learns from files, from a tuple (sequences, labels) or from "
                         f"rows (tokens, labels), not from {quoted(data)}")  # fmt: skip
    if isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], str):
        if all(isinstance(part, tuple) and len(part) == 2 for part in data):
            raise UsageError(
                "a tuple of two pairs may be two rows (tokens, labels), or two sequences and their "
                "labels; give lists, of rows or of sequences and labels"
            )
        tokens, labels = (_listed(part) for part in data)
        if len(tokens) != len(labels):
            raise UsageError(f"there are {len(tokens):,} sequences and {len(labels):,} lists of "
                             "labels; each sequence has one")  # fmt: skip
        return list(zip(tokens, labels, strict=True))
    return list(data)


def _is_row(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and all(isinstance(x, str) for x in part)


def _listed(values: Any) -> list[Any]:
    refuse_frame(values)
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise UsageError(f"give a tuple (texts, labels) of two lists, not {quoted(values)} in it")
    return list(values)


def _pair(row: Any, number: int) -> Any:
    if isinstance(row, list | tuple | np.ndarray) and len(row) == 2:
        text, label = row
        if is_gap(text) or (isinstance(text, str) and not text):
            raise CorpusError(f"row {number} has no text: leave it out, or fill it in")
        return text, as_text(label, f"row {number} has no label")
    return row


def _ended(texts: Iterator[Any], end: str) -> Iterator[str | bytes]:
    """Each text with the end of a record, which it must not hold."""
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str | bytes):
            raise UsageError(f"text {number} is not a string but {quoted(text)}")
        ending = end.encode() if isinstance(text, bytes) else end
        plain: Any = text if isinstance(text, bytes) else text.replace("\r\n", "\n")
        plain = plain if isinstance(text, bytes) else plain.replace("\r", "\n")
        if ending in plain:
            held = ending if ending in text else "\r"  # type: ignore[operator]
            raise UsageError(
                f"text {number} holds {held!r}, which ends a record: {quoted(text)}; give a "
                "separator that is in none of the texts"
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
            f"{name}: {error.object[error.start]!r} in {quoted(error.object)} is an unpaired "
            "surrogate, which cannot be encoded"
        ) from None
    except BaseException:
        kept.close()
        raise
    return Source(name, Path(name), encoding, kept)
