"""Texts that are sequences of their own: lines, or what another separator ends."""

from collections.abc import Iterator, Sequence
from typing import Any

Text = Any  # str, or bytes of a byte model


def cleaned(records: Sequence[Text], separator: Text) -> list[Text]:
    """Records that are not empty, without the line ends around those of several lines."""
    newline: Text = "\n" if isinstance(separator, str) else b"\n"
    if separator != newline:
        records = [record.strip(newline) for record in records]
    return [record for record in records if record]


def numbered(text: Text, separator: str) -> Iterator[tuple[int, Text]]:
    """The records of a text that are not empty, each with the number of its first line."""
    end: Text = separator if isinstance(text, str) else separator.encode()
    newline: Text = "\n" if isinstance(text, str) else b"\n"
    line = 1
    for record in text.split(end):
        for kept in cleaned([record], end):
            yield line + record[: record.index(kept)].count(newline), kept
        line += record.count(newline) + end.count(newline)
