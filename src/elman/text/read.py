"""Bytes to text, in pieces, so that a file may be larger than memory."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..settings import NormalForm
from .decode import decode
from .frames import refuse_frame
from .sources import PIECE, Source, from_stdin, opened, plain_file

LAST_SPACE = re.compile(r"(?<=.)\s(?=\S*\Z)", re.DOTALL)


@dataclass(frozen=True)
class TextOptions:
    """How bytes become text; the defaults take the text as it is."""

    errors: str = "strict"  # or "replace"
    lowercase: bool = False
    normalize: NormalForm | None = None
    max_characters: int | None = None
    raw: bool = False  # bytes, not characters
    encoding: str = "utf-8"  # where no byte order mark says another
    strip: bool = False  # white space around a text that is whole, not a piece


def read_pieces(sources: Sequence[Source], options: TextOptions) -> Iterator[str | bytes]:
    """The text of all sources, as `numbered_pieces` has it."""
    return (piece for _, piece in numbered_pieces(sources, options))


def numbered_pieces(
    sources: Sequence[Source], options: TextOptions
) -> Iterator[tuple[int, str | bytes]]:
    """The text of all sources in pieces that end at line ends where there are any.

    Each comes with the number of its source. Sources follow each other, with a newline
    between them where the earlier one, to which it belongs, does not end in one. Line
    ends become `\\n` (not in raw bytes).

    Raises
    ------
    CorpusError : a file that cannot be read, or bytes that its encoding does not
        have, with file, line and offset
    """
    left = options.max_characters
    last: str | bytes = "\n"
    for number, source in enumerate(sources):
        first = True
        for text in _read_source(source, options):
            joint = [(number - 1, "\n")] if first and not options.raw and last != "\n" else []
            first = False
            for of, piece in [*joint, (number, text)]:
                if left is not None:
                    piece = piece[:left]
                    left -= len(piece)
                if piece:
                    yield of, piece
                    last = piece[-1:]
                if left == 0:
                    return


def _read_source(source: Source, options: TextOptions) -> Iterator[str | bytes]:
    with opened(source) as file:
        if options.raw:
            yield from iter(lambda: file.read(PIECE), b"")
            return
        encoding = source.encoding or options.encoding
        texts = decode(source.name, lambda: file.read(PIECE), encoding, options.errors,
                       source.start, source.line)  # fmt: skip
        yield from _whole_lines(texts, options)


def _whole_lines(texts: Iterator[str], options: TextOptions) -> Iterator[str]:
    """Cut at line ends (a word or a \\r\\n is never split there), then transform."""
    rest = ""
    for text in texts:
        text = rest + text
        end = text.rfind("\n") + 1
        if not end and len(text) > PIECE:  # a huge line: cut it before a space
            space = LAST_SPACE.search(text)
            end = space.start() if space else len(text) - 1
        rest = text[end:]
        if end:
            yield transform(text[:end], options)
    if rest:
        yield transform(rest, options)


def transform(text: str, options: TextOptions) -> str:
    """Line ends as \\n, normal form and case as the options say."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.strip() if options.strip else text
    if options.normalize:
        text = unicodedata.normalize(options.normalize, text)
    return text.lower() if options.lowercase else text


def strings(texts: Sequence[str]) -> list[str]:
    """A list of strings, given as a list, an array or another sequence; raises UsageError."""
    found = several(texts)
    for number, text in enumerate(found, 1):
        if not isinstance(text, str):
            raise UsageError(f"text {number} is of type {type(text).__name__}, not a string")
    return found


def several(texts: Any) -> list[Any]:
    """The items of what should be a list of texts; UsageError for one text, or no list."""
    if isinstance(texts, bytes):
        raise UsageError("a text is a string, not bytes; decode it")
    if isinstance(texts, str):
        raise UsageError("give a list of texts, not one text")
    refuse_frame(texts)
    try:
        return list(texts)
    except TypeError:
        kind = type(texts).__name__
        raise UsageError(f"give a list of texts, not something of type {kind}") from None


def read(path: str, options: TextOptions = TextOptions()) -> str | bytes:
    """All of one file, or of standard input for "-": text, or bytes if `options.raw`."""
    source = from_stdin() if path == "-" else plain_file(path)
    pieces = list(read_pieces([source], options))
    if options.raw:
        return b"".join(piece for piece in pieces if isinstance(piece, bytes))
    return "".join(map(str, pieces))
