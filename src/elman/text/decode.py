"""Bytes to characters, strictly: what encoding a text is in, and what is said where it is not.

A byte order mark decides by itself. Where bytes do not fit, the message names the
encoding that the text most likely has, as the flag that reads it.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import CorpusError
from ..files import MODEL_SUFFIX

# The longer ones first: UTF-32's little-endian mark begins as UTF-16's does.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
EXAMINED = 1 << 16  # bytes by which an encoding is guessed

# In cp1252: letters of Western languages, and signs that are next to words, not inside.
WESTERN = "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿßœšžÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŸŒŠŽ"
SIGNS = "‘’‚“”„‹›«»–—…•€£¢¥§©®™°±·¡¿¶†‡ª²³¹º¼½¾×÷´¨µ\xa0\xad"
STRAY = re.escape("".join(sign for sign in SIGNS if sign not in "’·"))
TURKISH = re.compile("[ðþÐÞ]")  # in cp1252: four letters that Icelandic has, too, beside these
ICELANDIC, NOT_ICELANDIC = "áéíóúæÁÉÍÓÚÆ", "çâîûüÇÂÎÛÜ"
INSIDE_A_WORD = re.compile(rf"[^\W\d_][{STRAY}][^\W\d_]")


class EncodingError(CorpusError):
    """A text that is not in the encoding that it should be in.

    Attributes
    ----------
    name : of the source
    problem : what is wrong, without a way out
    likely : the encoding that it most likely is in
    """

    def __init__(self, name: str, problem: str, likely: str | None, way_out: str):
        super().__init__(f"{problem}; {way_out}")
        self.name, self.problem, self.likely, self.way_out = name, problem, likely, way_out

    def __reduce__(self) -> tuple[Any, ...]:  # it goes to other ranks
        return type(self), (self.name, self.problem, self.likely, self.way_out)


def decode(
    name: str, read: Callable[[], bytes], encoding: str = "utf-8", errors: str = "strict",
    offset: int = 0, line: int = 1,
) -> Iterator[str]:  # fmt: skip
    """The characters of bytes that come in pieces; b"" is the end.

    Parameters
    ----------
    name : of the source, for messages
    encoding : unless a byte order mark, which is not part of the text, says another
    errors : "strict", or "replace" for U+FFFD instead of invalid bytes
    offset, line : where in the source the bytes begin; only its beginning can be a mark

    Raises
    ------
    CorpusError : bytes that the encoding does not have, with line and offset, or a
        binary file
    """
    data = read()
    marks = () if offset else MARKS
    while any(mark.startswith(data) for mark, _ in marks) and (more := read()):
        data += more  # whether it is a mark is not known yet
    mark, encoding = next(((m, e) for m, e in marks if data.startswith(m)), (b"", encoding))
    data, offset = data[len(mark) :], offset + len(mark)
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    sample, ended = b"", False
    while not ended:
        ended = not data
        sample = sample if len(sample) > EXAMINED else sample + data[:EXAMINED]
        try:
            text = decoder.decode(data, ended)
        except UnicodeDecodeError as error:
            held_back = len(error.object) - len(data)  # of a character that began before
            line += error.object[: error.start].count(b"\n")
            where = f"in line {line}, at offset {offset - held_back + error.start}"
            byte = f"byte {error.object[error.start]:#04x} {where}"
            raise _refused(name, encoding, byte, sample, _near(error)) from None
        except UnicodeError:  # UTF-16 and UTF-32 want to be told the order of their bytes
            likely = "utf-8" if _is_utf_8(sample) else f"{encoding}-le"
            raise CorpusError(
                f"{name} has no byte order mark, which {encoding} needs; give --encoding "
                f"{wide_without_mark(sample) or likely}"
            ) from None
        if errors == "strict" and "\0" in text:
            before = text[: text.index("\0")]
            where = f"a zero byte at offset {offset + len(before.encode(encoding, errors))}"
            raise _refused(name, encoding, where, sample)
        line += text.count("\n")
        offset += len(data)
        if text:
            yield text
        data = b"" if ended else read()


def _refused(name: str, encoding: str, where: str, sample: bytes, near: bytes = b"") -> CorpusError:
    """What is wrong, and the way out that is most likely right."""
    likely = wide_without_mark(sample) or likely_encoding(sample + near)
    if likely is None and is_binary(sample, encoding):
        way = "a language model of --tokens byte takes any file"
        if name.endswith(MODEL_SUFFIX):
            way = f"as a model it can train on: elman train TEXT --from {name}"
        return CorpusError(f"{name} looks like a binary file ({where}); {way}")
    ways = []
    if likely is None:
        ways.append("name its encoding with --encoding")
    elif likely != canonical(encoding):
        ways.append(f"it is most likely {likely}, which --encoding {likely} reads")
    if likely is None or not is_wide(likely):
        ways.append("--errors replace continues, with � for invalid bytes")
    called = encoding.upper() if encoding.startswith("utf") else encoding
    return EncodingError(name, f"{name} is not {called}: {where}", likely, "; ".join(ways))


def _near(error: UnicodeDecodeError) -> bytes:
    """The lines around what does not fit, whole: half a character would be misread."""
    start = max(0, error.start - EXAMINED // 2)
    near = error.object[start : start + EXAMINED]
    near = near[near.find(b"\n") + 1 :] if start else near
    return b"\n" + (near[: near.rfind(b"\n") + 1] or near)


def canonical(encoding: str) -> str:
    """The one name of an encoding: utf-16-le for UTF-16LE."""
    return codecs.lookup(encoding).name


def is_wide(encoding: str) -> bool:
    """Whether it is UTF-16 or UTF-32, to which zero bytes belong."""
    return canonical(encoding).startswith(("utf-16", "utf-32"))


def marked(data: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning says."""
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), None)


def is_binary(data: bytes, encoding: str = "utf-8") -> bool:
    """Whether bytes are no text in any encoding: zero bytes, or many other control codes.

    `encoding` is what texts are in; in UTF-16 and UTF-32 zero bytes are no sign.
    """
    if marked(data):
        return False
    if wide_without_mark(data) or (is_wide(encoding) and _reads(data, encoding)):
        return False
    return b"\0" in data or len(re.findall(rb"[\x01-\x08\x0e-\x1f]", data)) > 0.05 * len(data)


def likely_encoding(data: bytes) -> str | None:
    """The encoding that some bytes of a text most likely are in; None for no text at all."""
    if mark := marked(data):
        return mark
    if is_binary(data) or b"\0" in data:
        return wide_without_mark(data)
    if _mostly_utf_8(data):
        return "utf-8"
    telling = _telling(data)
    if _is_western(telling):
        return "cp1252"
    from charset_normalizer import from_bytes  # slow to import, and needed only here

    best = from_bytes(telling).best()
    if best is None or best.encoding == "ascii":
        return None
    return best.encoding.replace("_", "-")


def _telling(data: bytes) -> bytes:
    """The lines that hold bytes beyond ASCII: others say nothing about the encoding."""
    lines = b"\n".join(line for line in data.split(b"\n") if not line.isascii())
    first = re.search(rb"[\x80-\xff]", lines)
    return lines[max(0, first.start() - EXAMINED // 2) if first else 0 :][:EXAMINED]


def wide_without_mark(data: bytes) -> str | None:
    """UTF-16 without a mark, if bytes are: by its zero bytes, or as it reads well."""
    pairs = len(data) // 2
    even, odd = data[0 : 2 * pairs : 2].count(0), data[1 : 2 * pairs : 2].count(0)
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if pairs >= 4 and zeros > 0.4 * pairs and others < 0.05 * pairs:
            return encoding
    if pairs < 4 or b"\0" not in data or len(re.findall(rb"[ -~\s\0]", data)) > 0.9 * len(data):
        return None
    return next((e for e in ("utf-16-le", "utf-16-be") if _reads(data, e)), None)


def _reads(data: bytes, encoding: str) -> bool:
    """Whether bytes that may be cut off are words with spaces or line ends in UTF-16 or UTF-32."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeError:
        return False
    kinds = {unicodedata.category(c) for c in text if c not in "\t\n\r\f"}
    return (" " in text or "\n" in text) and kinds.isdisjoint({"Cc", "Cn", "Co", "Cs"})


def _is_utf_8(data: bytes) -> bool:
    """Whether bytes that may be cut off are UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeError:
        return False
    return b"\0" not in data


def _mostly_utf_8(data: bytes) -> bool:
    """Whether nearly all bytes beyond ASCII are UTF-8: one that is not was damaged."""
    wrong = data.decode("utf-8", "replace").count("\ufffd")
    high = len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]+", data))
    return high > 9 * wrong


def _is_western(data: bytes) -> bool:
    """Whether the bytes read as Western text in cp1252: é and ü in words of ASCII letters."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    high = [c for c in text if ord(c) > 127]
    if not all(c in WESTERN or c in SIGNS for c in high) or INSIDE_A_WORD.search(text):
        return False
    if re.search("[\x00-\x08\x0e-\x1f]", text):
        return False
    if TURKISH.search(text) and _count(text, ICELANDIC) <= _count(text, NOT_ICELANDIC):
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    accents = sum(_count(word, WESTERN) for word in words)
    return accents <= 0.7 * sum(map(len, words))  # of other scripts every letter looks so


def _count(text: str, characters: str) -> int:
    return sum(c in characters for c in text)
