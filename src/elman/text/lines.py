"""The lines of a file or of standard input as they arrive, so that each is answered at once.

They are cut before they are decoded, so that a bad one does not spoil those before it, but
for UTF-16 and UTF-32, whose line ends are more than a byte.
"""

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from ..errors import CorpusError
from .decode import canonical, decode, is_binary, is_wide, likely_encoding, marked
from .read import TextOptions
from .sources import Source, arriving, opened
from .tables import Tally

PIECE = 1 << 16  # bytes: what one read of a pipe gives at most

Line = Any  # str, or bytes with `TextOptions.raw`


def lines(
    source: Source | None, options: TextOptions, odd: Tally | None = None, whole: bool = False
) -> Iterator[list[Line]]:
    """The lines of a file, or of standard input for None, as many at a time as have arrived.

    A slow writer gets its answer line by line, a fast one is read in large pieces. Only
    `encoding`, `errors` and `raw` of the options matter. A line ends in `\\n`, and a `\\r` before
    it belongs to the end: what `wc -l` counts.

    Parameters
    ----------
    odd : counts lines that their encoding does not have, which are read with � for what does
        not fit; without it they are refused
    whole : whether such a `\r` stays

    Raises
    ------
    CorpusError : what cannot be read, or a line that its encoding does not have; the lines
        before it come first
    """
    name = "standard input" if source is None else source.name
    number = 0 if source is None else source.line - 1
    with arriving() if source is None else opened(source) as file:
        pieces = iter(lambda: file.read1(PIECE), b"")
        if source is not None and source.start:  # only the beginning of a file shows what it is
            options = replace(options, encoding=source.encoding or options.encoding)
            cut = _split(pieces, b"\n")
        else:
            first = next(pieces, b"")
            options = replace(options, encoding=marked(first) or options.encoding)
            cut = _cut(name, first, pieces, options, odd is None)
        for piece in cut:
            found: list[Line] = []
            end = "" if whole else "\r"
            for line in piece:
                number += 1
                try:
                    text = line if options.raw else _decoded(line, name, number, options)
                    found.append(text if options.raw else text.removesuffix(end))
                except CorpusError:
                    if odd is None:
                        if found:
                            yield found
                        raise
                    called = options.encoding.upper()
                    odd.add(f"lines that are not {called} text, read with � for what does not fit",
                            f"line {number} of {name}")  # fmt: skip
                    replaced = replace(options, errors="replace")
                    found.append(_decoded(line, name, number, replaced).removesuffix(end))
            yield found


def _cut(
    name: str, first: bytes, pieces: Iterator[bytes], options: TextOptions, strict: bool
) -> Iterator[list[Line]]:
    if options.raw:
        yield from _split(chain([first], pieces), b"\n")
        return
    # In an encoding that has no zero bytes they are refused, with what the text most likely is.
    strict = strict and options.errors == "strict"
    if is_wide(options.encoding) or (strict and is_binary(first, options.encoding)):
        pieces = chain([first], pieces)
        decoded = decode(name, lambda: next(pieces, b""), options.encoding, options.errors)
        yield from _split(decoded, "\n")
        return
    yield from _split(chain([first.removeprefix(BOM_UTF8)], pieces), b"\n")


def _split(pieces: Iterator[Any], newline: Any) -> Iterator[list[Any]]:
    rest: list[Any] = []  # of a line that has not ended
    for piece in pieces:
        first, *others = piece.split(newline)
        rest.append(first)
        if others:
            whole, rest = newline[:0].join(rest), [others[-1]]
            yield [whole, *others[:-1]]
    if last := newline[:0].join(rest):
        yield [last]


def _decoded(line: bytes | str, name: str, number: int, options: TextOptions) -> str:
    if isinstance(line, bytes):
        try:
            line = line.decode(options.encoding, options.errors)
        except UnicodeDecodeError as error:
            likely = likely_encoding(error.object)
            way = ""
            if likely not in (None, canonical(options.encoding)):
                way = f"; --encoding {likely} may read it"
            raise CorpusError(
                f"line {number} of {name} is not {options.encoding.upper()}: byte "
                f"{error.object[error.start]:#04x} at offset {error.start}{way}; --errors replace "
                "continues"
            ) from None
        if options.errors == "strict" and "\0" in line:
            likely = likely_encoding(line.encode(options.encoding))
            way = f"--encoding {likely} may read it" if likely else (
                "it looks like binary data, so leave it out"
            )  # fmt: skip
            raise CorpusError(f"line {number} of {name} has a zero byte; {way}")
    return line
