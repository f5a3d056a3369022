"""Which encodings the files of a corpus are in, where one flag holds for all of them.

`--encoding` is obeyed, also by a file that is UTF-8: bytes that are UTF-8 may be meant
otherwise. But it is said, because of two encodings in one corpus one is always wrong.
"""

import codecs
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import CorpusError, listed
from .decode import EncodingError, canonical, is_wide, marked, wide_without_mark
from .finding import find_all
from .read import TextOptions
from .sources import PIECE, Source, opened

LOOK = 8192  # bytes by which UTF-16 without a mark is known
NAMED = 3  # files that a note names
UTF_8 = "utf-8"


def used(sources: Sequence[Source], options: TextOptions) -> list[str]:
    """The encodings that files are read as, each once: by their marks, or as the options say."""
    if options.raw:
        return []
    return list(dict.fromkeys(_of(source, options) for source in sources))


def notes(sources: Sequence[Source], options: TextOptions) -> Iterator[str]:
    """What to say of files that hardly are in the encoding that `--encoding` names."""
    encoding = canonical(options.encoding)
    if options.raw or encoding.startswith(UTF_8):
        return
    unmarked = []
    for source in sources:
        read_as = _of(source, options)
        if read_as.startswith(encoding) or encoding.startswith(read_as):
            unmarked.append(source)
        elif source.encoding is None:
            yield (f"{source.name} has the byte order mark of {read_as.upper()} and was read so, "
                   f"not as {encoding}")  # fmt: skip
    utf_8 = [source for source in unmarked if _is_utf_8(source, ascii_too=is_wide(encoding))]
    if not utf_8:
        return
    others = [s.name for s in unmarked if s not in utf_8 and not _is_utf_8(s, ascii_too=True)]
    way_out = "leave --encoding out if this is wrong"
    if others:
        way_out = (f"these are not UTF-8: {listed(others, NAMED, str)}; to mend this, leave "
                   "--encoding out and convert them to UTF-8, "
                   f"{_converted(encoding, others[0])}")  # fmt: skip
    names = listed([source.name for source in utf_8], NAMED, str)
    yield f"UTF-8 by its bytes, but read as {encoding}, as --encoding says: {names}; {way_out}"


@contextmanager
def explained(names: Sequence[str | Source], options: TextOptions) -> Iterator[None]:
    """Where a file does not fit, and what it most likely is in would not fit the others: say so."""
    try:
        yield
    except EncodingError as error:
        likely, name = error.likely, error.name
        if likely is None or likely == canonical(options.encoding):
            raise
        groups = find_all([name for name in names if name != "-"], options, [])
        others = [source for group in groups for source in group.sources]
        at_odds = [s.name for s in others if s.name != name and _is_at_odds(s, likely)]
        if not at_odds:
            raise
        odd, was = ([name], likely) if likely != UTF_8 else (at_odds, options.encoding)
        out = "" if canonical(options.encoding) == UTF_8 else " and leave --encoding out"
        raise CorpusError(
            f"{error.problem}; it is most likely {likely}, unlike "
            f"{listed(at_odds, NAMED, str)}, and --encoding is for all files: convert "
            f"{listed(odd, NAMED, str)} to UTF-8, {_converted(was, odd[0])},{out}".rstrip(",")
        ) from None


def _of(source: Source, options: TextOptions) -> str:
    if source.encoding is not None:
        return source.encoding
    with opened(source) as file:
        return marked(file.read(4)) or canonical(options.encoding)


def _is_utf_8(source: Source, ascii_too: bool = False) -> bool:
    """Whether all bytes are UTF-8, and not only ASCII, which many encodings agree on."""
    decoder, beyond = codecs.getincrementaldecoder(UTF_8)(), ascii_too
    with opened(source) as file:
        try:
            for data in iter(lambda: file.read(PIECE), b""):
                if "\0" in decoder.decode(data):
                    return False
                beyond = beyond or not data.isascii()
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            return False
    return beyond


def _is_at_odds(source: Source, encoding: str) -> bool:
    """Whether a file cannot be meant to be in an encoding."""
    with opened(source) as file:
        start = file.read(LOOK)
    if source.encoding is not None or marked(start):
        return False
    if encoding == UTF_8:
        return not _is_utf_8(source, ascii_too=True)
    if is_wide(encoding):
        return bool(start) and not wide_without_mark(start)
    return _is_utf_8(source)


def _converted(encoding: str, name: str) -> str:
    return f"as in iconv -f {encoding.upper()} -t UTF-8 {name} > NEW"
