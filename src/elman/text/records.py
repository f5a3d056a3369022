"""Texts that are sequences of their own: lines, or what another separator ends."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Text = Any  # str, or bytes of a byte model


def cleaned(records: Sequence[Text], separator: Text) -> list[Text]:
    """Records that are not empty, without the line ends around those of several lines."""
    newline = _newline(separator)
    if separator != newline:
        records = [record.strip(newline) for record in records]
    return [record for record in records if record]


def numbered(text: Text, separator: str) -> Iterator[tuple[int, Text]]:
    """The records of a text that are not empty, each with the number of its first line."""
    end = _end(text, separator)
    yield from _numbered(text.split(end), end, 1)


def arriving(
    lines: Iterable[list[Text]], separator: str, number: int = 1
) -> Iterator[list[tuple[int, Text]]]:
    """The records of lines that come some at a time, as many at a time as are complete.

    Each has the number of its first line; `number` is that of the first of all. Where the
    separator is "\\n" the lines are the records; blank ones stay, so that a row of answers keeps
    step with its line.
    """
    rest, end = None, None
    for some in lines:
        if separator == "\n":
            yield list(enumerate(some, number))
            number += len(some)
            continue
        end = _end(some[0], separator)
        newline = _newline(end)
        text = newline.join([*some, newline[:0]])
        *whole, rest = (text if rest is None else rest + text).split(end)
        yield list(_numbered(whole, end, number))
        number += sum(text.count(newline) + end.count(newline) for text in whole)
    if rest:
        yield list(_numbered([rest], end, number))


def _numbered(texts: Iterable[Text], end: Text, line: int) -> Iterator[tuple[int, Text]]:
    newline = _newline(end)
    for text in texts:
        for kept in cleaned([text], end):
            yield line + text[: text.index(kept)].count(newline), kept
        line += text.count(newline) + end.count(newline)


def _end(text: Text, separator: str) -> Text:
    return separator if isinstance(text, str) else separator.encode()


def _newline(text: Text) -> Text:
    return "\n" if isinstance(text, str) else b"\n"
