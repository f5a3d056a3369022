"""Bytes to text: strict UTF-8 in pieces, so that a file may be larger than memory."""

import re
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from ..errors import CorpusError, UsageError

PIECE = 1 << 22  # bytes read at once
LAST_SPACE = re.compile(r"(?<=.)\s(?=\S*\Z)", re.DOTALL)


NormalForm = Literal["NFC", "NFD", "NFKC", "NFKD"]


@dataclass(frozen=True)
class TextOptions:
    """How bytes become text; the defaults take the text as it is."""

    errors: str = "strict"  # or "replace"
    lowercase: bool = False
    normalize: Literal["NFC", "NFD", "NFKC", "NFKD"] | None = (
        None  # a Unicode normal form: NFC, NFD, NFKC, NFKD
    )
    max_characters: int | None = None
    raw: bool = False  # bytes, not characters


@dataclass(frozen=True)
class Source:
    """One file to read; `encoding` is given for text that is not UTF-8."""

    name: str
    path: Path
    encoding: str | None = None


def read_pieces(sources: list[Source], options: TextOptions) -> Iterator[str | bytes]:
    """The text of all sources in pieces that end at line ends where there are any.

    Sources follow each other, with a newline between them where the earlier one
    does not end in one. Line ends become `\\n` (not in raw bytes).

    Raises
    ------
    CorpusError : a file that cannot be read, or a byte that is not UTF-8, with
        file, line and offset
    """
    left = options.max_characters
    last: str | bytes = "\n"
    for source in sources:
        first = True
        for piece in _read_source(source, options):
            if first and not options.raw and last != "\n":
                piece = "\n" + str(piece)
            first = False
            if left is not None:
                piece = piece[:left]
                left -= len(piece)
            if piece:
                yield piece
                last = piece[-1:]
            if left == 0:
                return


def _read_source(source: Source, options: TextOptions) -> Iterator[str | bytes]:
    try:
        with open(source.path, "rb") as file:
            if options.raw:
                yield from iter(lambda: file.read(PIECE), b"")
            else:
                yield from _whole_lines(_decode(source, file, options.errors), options)
    except OSError as error:
        raise CorpusError(f"cannot read {source.name}: {error.strerror}") from None


def _decode(source: Source, file: BinaryIO, errors: str) -> Iterator[str]:
    """UTF-8 to text; a byte order mark at the start of a file is not part of its text."""
    encoding = source.encoding or "utf-8"
    rest, offset, line = b"", 0, 1
    while True:
        read = file.read(PIECE)
        data = rest + read
        if offset == 0 and data.startswith(b"\xef\xbb\xbf") and encoding == "utf-8":
            data, offset = data[3:], 3
        if errors == "strict" and b"\0" in data:
            at = offset + data.index(b"\0")
            raise CorpusError(
                f"{source.name} looks like a binary file (a zero byte at offset {at}); "
                "--errors replace goes on, a language model of --tokens byte takes any file"
            )
        try:
            text, rest = data.decode(encoding), b""
        except UnicodeDecodeError as error:
            cut_short = bool(read) and error.end == len(data) and len(data) - error.start < 4
            if not cut_short and errors == "strict":
                line += data.count(b"\n", 0, error.start)
                raise CorpusError(
                    f"{source.name} is not UTF-8: byte {data[error.start]:#04x} in line {line}, "
                    f"at offset {offset + error.start}; --errors replace goes on, "
                    "a language model of --tokens byte takes any file"
                ) from None
            end = error.start if cut_short else _complete(data, bool(read))
            text, rest = data[:end].decode(encoding, "replace"), data[end:]
        line += data.count(b"\n", 0, len(data) - len(rest))
        offset += len(data) - len(rest)
        if text:
            yield text
        if not read:
            return


def _complete(data: bytes, more: bool) -> int:
    """Where to cut so that a character that continues in the next piece stays whole."""
    if more:
        for back in range(1, min(4, len(data)) + 1):
            if data[-back] >= 0xC0:
                return len(data) - back
    return len(data)


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
    if options.normalize:
        text = unicodedata.normalize(options.normalize, text)
    return text.lower() if options.lowercase else text


def strings(texts: Sequence[str]) -> list[str]:
    """A list of strings, given as a list, an array or another sequence; raises UsageError."""
    if isinstance(texts, (str, bytes)):
        raise UsageError("give a list of texts, not one text")
    found = list(texts)
    for number, text in enumerate(found, 1):
        if not isinstance(text, str):
            raise UsageError(f"text {number} is of type {type(text).__name__}, no string")
    return found


def read(path: str, options: TextOptions = TextOptions()) -> str | bytes:
    """All of one file, or of standard input for "-": text, or bytes if `options.raw`."""
    if Path(path).is_dir():
        raise CorpusError(f"{path} is a folder; give a file, or - for standard input")
    source = from_stdin() if path == "-" else Source(path, Path(path))
    pieces = list(read_pieces([source], options))
    if options.raw:
        return b"".join(piece for piece in pieces if isinstance(piece, bytes))
    return "".join(map(str, pieces))


def split_lines(text: str | bytes) -> list[str | bytes]:
    """The lines of a text, without their ends."""
    return list(text.split(b"\n") if isinstance(text, bytes) else text.split("\n"))


def from_stdin() -> Source:
    """Standard input, kept in a temporary file until the process ends."""
    return keep("standard input", None)


def keep(name: str, path: Path | None) -> Source:
    """A copy of what can be read only once: a pipe, or standard input for None."""
    kept = tempfile.NamedTemporaryFile(prefix="elman-")  # noqa: SIM115
    _KEPT.append(kept)
    try:
        if path is None:
            shutil.copyfileobj(sys.stdin.buffer, kept, PIECE)
        else:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, kept, PIECE)
        kept.flush()
    except OSError as error:
        raise CorpusError(
            f"cannot keep a copy of {name} in {tempfile.gettempdir()}: {error.strerror}"
        ) from None
    return Source(name, Path(kept.name))


_KEPT: list = []  # a temporary file lives as long as its object
