"""Texts from the command line or, line by line as they arrive, from standard input."""

import sys
from collections.abc import Iterator, Sequence

from ..errors import CorpusError

PIECE = 1 << 16  # bytes: what one read of a pipe gives at most


def texts(arguments: Sequence[str], errors: str = "strict") -> Iterator[list[str]]:
    """The texts in batches: the arguments at once, of standard input whatever is there.

    A slow writer gets its answer line by line, a fast one is read in large pieces.

    Raises
    ------
    CorpusError : an empty text, or a line that is not UTF-8
    """
    if arguments and list(arguments) != ["-"]:
        for number, text in enumerate(arguments, 1):
            if not text:
                raise CorpusError(f"text {number} is empty")
        yield list(arguments)
        return
    number = 0
    for lines in _lines():
        found: list[str] = []
        for line in lines:
            number += 1
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # a byte order mark is no text
            try:
                found.append(_decode(line.removesuffix(b"\r"), number, errors))
            except CorpusError:
                if found:
                    yield found  # what stands before a bad line is answered
                raise
        yield found


def _lines() -> Iterator[list[bytes]]:
    """The lines of standard input, as many at a time as have arrived."""
    stream, rest = sys.stdin.buffer, b""
    while piece := stream.read1(PIECE):  # type: ignore[union-attr]
        *lines, rest = (rest + piece).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def _decode(line: bytes, number: int, errors: str) -> str:
    if not line:
        raise CorpusError(f"line {number} of standard input is empty; leave it out")
    try:
        return line.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"line {number} of standard input is not UTF-8: byte {line[error.start]:#04x} at "
            f"offset {error.start}; --errors replace goes on"
        ) from None


def field(text: str) -> str:
    """A text as one field of a TSV row: its tabs and line ends as \\t and \\n."""
    return text.replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")
