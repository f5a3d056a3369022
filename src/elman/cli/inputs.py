"""Texts from the command line or, line by line as they arrive, from standard input."""

import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from ..errors import CorpusError
from ..text.decode import MARKS, decode, likely_encoding

PIECE = 1 << 16  # bytes: what one read of a pipe gives at most


def texts(
    arguments: Sequence[str], errors: str = "strict", encoding: str = "utf-8"
) -> Iterator[list[str]]:
    """The texts in batches: the arguments at once, of standard input whatever is there.

    A slow writer gets its answer line by line, a fast one is read in large pieces.

    Raises
    ------
    CorpusError : an empty text, or a line that its encoding does not have
    """
    if arguments and list(arguments) != ["-"]:
        for number, text in enumerate(arguments, 1):
            if not text:
                raise CorpusError(f"text {number} is empty")
        yield list(arguments)
        return
    number = 0
    for lines in _lines(encoding, errors):
        found: list[str] = []
        for line in lines:
            number += 1
            try:
                found.append(_decoded(line, number, encoding, errors))
            except CorpusError:
                if found:
                    yield found  # what stands before a bad line is answered
                raise
        yield found


def _lines(encoding: str, errors: str) -> Iterator[list[bytes] | list[str]]:
    """The lines of standard input, as many at a time as have arrived.

    They are bytes, so that a bad one does not spoil those before it, but for UTF-16 and
    UTF-32, whose line ends are more than a byte.
    """
    stream = sys.stdin.buffer
    first = stream.read1(PIECE)  # type: ignore[union-attr]
    wide = next((name for mark, name in MARKS if first.startswith(mark)), encoding)
    pieces = chain([first], iter(lambda: stream.read1(PIECE), b""))  # type: ignore[union-attr]
    if wide.startswith(("utf-16", "utf-32")):
        decoded = decode("standard input", lambda: next(pieces, b""), encoding, errors)
        yield from _split(decoded, "\n")
        return
    marked = first.startswith(BOM_UTF8)
    pieces = chain([first.removeprefix(BOM_UTF8)], pieces) if marked and next(pieces) else pieces
    yield from _split(pieces, b"\n")


def _split(pieces: Iterator[Any], newline: Any) -> Iterator[list[Any]]:
    rest = newline[:0]
    for piece in pieces:
        *lines, rest = (rest + piece).split(newline)
        if lines:
            yield lines
    if rest:
        yield [rest]


def _decoded(line: bytes | str, number: int, encoding: str, errors: str) -> str:
    if isinstance(line, bytes):
        try:
            line = line.decode(encoding, errors)
        except UnicodeDecodeError as error:
            likely = likely_encoding(error.object)
            way = f"; --encoding {likely} may read it" if likely not in (None, encoding) else ""
            raise CorpusError(
                f"line {number} of standard input is not {encoding.upper()}: byte "
                f"{error.object[error.start]:#04x} at offset {error.start}{way}; --errors replace "
                "goes on"
            ) from None
    line = line.removesuffix("\r")
    if not line:
        raise CorpusError(f"line {number} of standard input is empty; leave it out")
    return line


def field(text: str) -> str:
    """A text as one field of a TSV row: its tabs and line ends as \\t and \\n."""
    return text.replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")
