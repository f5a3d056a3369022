"""A file in parts: byte ranges that end where a row of answers ends, so that answers concatenate.

Part I of N is what begins in the I-th of N stretches of equal length. The end of a line or a blank
line is looked for where it should be. Whether a line end is in quotes, and where a separator
ends that may overlap itself, shows only from the start of the file, so all before it is read.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ..errors import UsageError, quoted
from .decode import canonical, marked
from .read import TextOptions
from .sources import PIECE, ByteRange, Source, is_compressed, opened
from .tables import Table, Tally

Part = tuple[int, int]  # its number from 1, and how many there are
Ends = Callable[[Any, int, int], tuple[int, int]]  # of a file, the first ends from two places on

SHIFTING = ("iso2022", "hz", "utf-7")  # encodings in which a byte means what those before it say
CLOSING = re.compile(rb'(?:[^"]++|"")*+"')  # the rest of a quoted field


def at_lines(source: Source, part: Part, options: TextOptions) -> Source:
    """A part of the lines of a file.

    Raises
    ------
    UsageError : a pipe, a compressed file, an encoding whose line ends are not one byte
    CorpusError : a file that cannot be read
    """
    return _cut(source, part, options, _near(_line_end))


def at_blank_lines(source: Source, part: Part, options: TextOptions, blank: str | None) -> Source:
    """A part of the sequences of a file, which a line of nothing but `blank` ends.

    None: the file has no sequences, and is not cut. Raises what `at_lines` does.
    """

    def end(file: Any, place: int) -> int:
        file.seek(_line_end(file, place))
        while (line := file.readline()) and (
            blank is None or line.strip(b"\n").strip(blank.encode())
        ):
            pass
        return file.tell()

    return _cut(source, part, options, _near(end))


def at_records(source: Source, part: Part, options: TextOptions, separator: str) -> Source:
    """A part of the records of a file, which a separator ends; raises what `at_lines` does.

    UsageError, too, for an encoding in which a byte of the separator may be half of a character.
    """
    if separator == "\n":
        return at_lines(source, part, options)
    _check(source, options)
    encoding = "utf-8" if options.raw else _encoding(source, options)
    _check_alone(source, encoding, "replace", separator[0])
    pattern, longest = re.escape(separator.encode(encoding)), 2 * len(separator.encode(encoding))
    if not options.raw:  # a \r before a \n belongs to the line end
        pattern = pattern.replace(b"\\\r", rb"\r(?!\n)").replace(b"\\\n", rb"\r?\n")
    return _cut(source, part, options, _passed(lambda file: _matches(file, pattern, longest)))


def at_rows(table: Table, part: Part) -> Table:
    """A part of the rows of a table, its header included; raises what `at_records` does.

    A line end inside a quoted field ends no row.
    """
    source, options, delimiter = table.source, table.options, table.delimiter
    _check(source, options)
    ends = _near(_line_end)
    if delimiter is not None and table.loose_quote(Tally()) is None:
        encoding = _encoding(source, options)
        _check_alone(source, encoding, options.errors, delimiter)
        between = delimiter.encode(encoding)
        ends = _passed(lambda file: _row_ends(file, between))
    return replace(table, source=_cut(source, part, options, ends, mac=True))


def _cut(source: Source, part: Part, options: TextOptions, ends: Ends, mac: bool = False) -> Source:
    """The part between two ends; with `mac` a lone \\r counts as a line end, too."""
    _check(source, options)
    number, count = part
    with opened(source) as file:
        size = file.seek(0, 2)
        start, stop = ends(file, size * (number - 1) // count, size * number // count)
        line = 1 + _breaks(file, start, mac)
    return replace(source, encoding=_encoding(source, options), within=ByteRange(start, stop, line))


def _check(source: Source, options: TextOptions) -> None:
    """Raise UsageError for a file that cannot be cut."""
    name = source.name
    if not source.path.is_file():
        raise UsageError(f"--part cuts a file, and {name} is a pipe; write it to a file first")
    with open(source.path, "rb") as file:
        if is_compressed(file.read(16)):
            raise UsageError(f"--part cuts a file at line ends, and {name} is compressed; unpack "
                             "it first")  # fmt: skip
    encoding = _encoding(source, options)
    shifting = canonical(encoding).startswith(SHIFTING)
    if not options.raw and (shifting or not "\n\n".encode(encoding).endswith(b"\n\n")):
        raise UsageError(f"--part cuts a file at line ends, which are not single bytes in "
                         f"{encoding}; write {name} in UTF-8 first")  # fmt: skip


def _check_alone(source: Source, encoding: str, errors: str, character: str) -> None:
    """Raise UsageError for a character whose bytes may end another one."""
    found = character.encode(encoding)
    for byte in range(0x80, 0x100):
        try:
            alone = (bytes([byte]) + found).decode(encoding, errors).endswith(character)
        except UnicodeDecodeError:  # such a text is refused
            continue
        if not alone:
            raise UsageError(f"--part cannot look for {quoted(character)} in {encoding}, where it "
                             f"may be half of a character; write {source.name} in UTF-8 first"
                             )  # fmt: skip


def _encoding(source: Source, options: TextOptions) -> str:
    with open(source.path, "rb") as file:
        return marked(file.read(4)) or source.encoding or options.encoding


def _near(end: Callable[[Any, int], int]) -> Ends:
    """Ends that are found from where they should be."""

    def ends(file: Any, *places: int) -> tuple[int, int]:
        start, stop = (end(file, place) if place else 0 for place in places)
        return start, stop

    return ends


def _passed(found: Callable[[Any], Iterator[int]]) -> Ends:
    """Ends that are found from the start of the file."""

    def ends(file: Any, *places: int) -> tuple[int, int]:
        size = file.seek(0, 2)
        file.seek(0)
        ascending, last, borders = found(file), 0, list[int]()
        for place in places:
            while last < place:
                last = next(ascending, size)
            borders.append(last)
        return borders[0], borders[1]

    return ends


def _line_end(file: Any, place: int) -> int:
    """Where the line ends that holds the byte before a place."""
    file.seek(place - 1)
    while (some := file.readline(PIECE)) and not some.endswith(b"\n"):
        pass
    return file.tell()


def _row_ends(file: Any, delimiter: bytes) -> Iterator[int]:
    """Where rows of a table end: at line ends outside of quoted fields, as `fields` has them."""
    opening = re.compile(rb'(?:\A|(?<=[\r\n])|(?<=%b))"' % re.escape(delimiter))
    place = len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0
    file.seek(place)
    inside = False
    for line in file:
        place += len(line)
        if b'"' in line:
            inside = _leaves_open(line, opening, inside)
        if not inside:
            yield place


def _leaves_open(line: bytes, opening: re.Pattern[bytes], inside: bool) -> bool:
    """Whether a quoted field continues after a line; `inside`: whether one came to it."""
    at = 0
    while True:
        if not inside:
            found = opening.search(line, at)
            if found is None:
                return False
            at = found.end()
        found = CLOSING.match(line, at)
        if found is None:
            return True
        at, inside = found.end(), False


def _matches(file: Any, pattern: bytes, longest: int) -> Iterator[int]:
    """Where matches of a pattern end, none longer than `longest` bytes."""
    compiled, rest, place = re.compile(pattern), b"", 0  # where the rest begins
    while True:
        piece = file.read(PIECE)
        rest += piece
        used = 0
        for found in compiled.finditer(rest):
            if piece and found.end() == len(rest):  # what follows may belong to it
                break
            used = found.end()
            yield place + used
        if not piece:
            return
        used = max(used, len(rest) - longest)
        rest, place = rest[used:], place + used


def _breaks(file: Any, stop: int, mac: bool) -> int:
    """How many line ends are before a place; with `mac` a lone \\r is one, too."""
    file.seek(0)
    count, before = 0, b""
    while stop > 0 and (piece := file.read(min(PIECE, stop))):
        stop -= len(piece)
        count += piece.count(b"\n")
        if mac:
            count += piece.count(b"\r") - piece.count(b"\r\n")
            count -= before == b"\r" and piece[:1] == b"\n"
            before = piece[-1:]
    return count
