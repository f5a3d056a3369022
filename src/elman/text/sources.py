"""What is read: files, plain or compressed, and what can be read only once, kept for a second time.

A corpus is read twice, so a pipe or standard input is copied into a file first; it has no
name, so that nothing is left behind however the process ends.
"""

import bz2
import gzip
import io
import lzma
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from ..errors import CorpusError
from ..files import meant

PIECE = 1 << 22  # bytes read at once

COMPRESSED = {".gz", ".bz2", ".xz"}
# How a compressed file begins, and what opens it.
MAGIC: dict[bytes, Any] = {
    b"\x1f\x8b\x08": gzip.open, b"\xfd7zXZ\x00": lzma.open,
    **{b"BZh%d1AY&SY" % level: bz2.open for level in range(1, 10)},
}  # fmt: skip


@dataclass(frozen=True)
class ByteRange:
    """A part of a file: the bytes from `start` to before `stop`, whose first line is `line`."""

    start: int
    stop: int
    line: int


@dataclass(frozen=True)
class Source:
    """One file to read.

    Attributes
    ----------
    name : what the user called it
    path : where it is; unused where it was kept
    encoding : of text whose encoding is known; None: what the options say
    kept : the copy of what can be read only once
    within : the part of it that is read; None: all of it
    """

    name: str
    path: Path
    encoding: str | None = None
    kept: IO[bytes] | None = None
    within: ByteRange | None = None

    @property
    def plain(self) -> Path:
        """Its name without the ending of a compressed file: what it holds is called."""
        path = Path(self.name)
        return path.with_suffix("") if path.suffix.lower() in COMPRESSED else path

    @property
    def whole(self) -> "Source":
        """All of the file of which this is a part."""
        return replace(self, within=None)

    @property
    def start(self) -> int:
        """Where in the file it begins, in bytes."""
        return 0 if self.within is None else self.within.start

    @property
    def line(self) -> int:
        """The number of its first line, from 1."""
        return 1 if self.within is None else self.within.line


@contextmanager
def opened(source: Source) -> Iterator[Any]:
    """The bytes of a source, decompressed.

    Raises
    ------
    CorpusError : it cannot be read, or its compressed data are damaged
    """
    with _refused(source.name), _raw(source) as file:
        yield _decompressed(file) if source.within is None else file


@contextmanager
def arriving() -> Iterator[Any]:
    """The bytes of standard input as they come, decompressed; `read1` waits for some.

    Raises
    ------
    CorpusError : as `opened`
    """
    with _refused("standard input"):
        yield _decompressed(sys.stdin.buffer)


class _Within(io.RawIOBase):
    """The bytes of a part of a file."""

    def __init__(self, path: Path, within: ByteRange):
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        self._file.seek(within.start)
        self._left = within.stop - within.start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _raw(source: Source) -> Any:
    if source.within is not None:
        return io.BufferedReader(_Within(source.path, source.within))
    if source.kept is None:
        return open(source.path, "rb")
    source.kept.seek(0)
    return os.fdopen(os.dup(source.kept.fileno()), "rb")


def _decompressed(file: Any) -> Any:
    start = file.peek(16)
    return next((opens(file) for magic, opens in MAGIC.items() if start.startswith(magic)), file)


def is_compressed(start: bytes) -> bool:
    """Whether a file that begins so is compressed."""
    return start.startswith(tuple(MAGIC))


@contextmanager
def _refused(name: str) -> Iterator[None]:
    """What goes wrong while reading, in one sentence."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise CorpusError(f"{name} is a damaged compressed file: {error}") from None
    except OSError as error:
        raise CorpusError(f"cannot read {name}: {error.strerror or error}") from None


def plain_file(name: str) -> Source:
    """One file by its name; CorpusError if there is none."""
    path = Path(name)
    if path.is_dir():
        raise CorpusError(f"{name} is a folder; give a file, or - for standard input")
    if not path.exists():
        raise CorpusError(f"cannot read {name}: No such file or directory", meant(path))
    return Source(name, path)


def read_twice(source: Source | None) -> Source:
    """A source that can be read again: a copy of a pipe, and of standard input for None."""
    if source is None:
        return from_stdin()
    return source if source.path.is_file() else keep(source.name, source.path)


def from_stdin() -> Source:
    """Standard input, kept until the process ends."""
    return keep("standard input", None)


def keep(name: str, path: Path | None) -> Source:
    """A copy of what can be read only once: a pipe, or standard input for None."""
    kept = tempfile.TemporaryFile(prefix="elman-")  # noqa: SIM115
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
    return Source(name, Path(name), kept=kept)
