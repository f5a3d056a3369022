"""Bytes to characters, strictly: what encoding a text is in, and what is said where it is not.

A byte order mark decides by itself. Where bytes do not fit, the message names the
encoding that the text most likely has, as the flag that reads it.
"""

import codecs
import re
from collections.abc import Callable, Iterator

from ..errors import CorpusError

# The longer ones first: UTF-32's little-endian mark begins as UTF-16's does.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
EXAMINED = 1 << 16  # bytes by which an encoding is guessed

# In cp1252: letters of Western languages, and signs that stand beside words, not inside.
WESTERN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŸŒŠŽ"
SIGNS = "‘’‚“”„‹›«»–—…•€£¢¥§©®™°±·¡¿¶†‡ª²³¹º¼½¾×÷´¨µ\xa0\xad"
STRAY = re.escape("".join(sign for sign in SIGNS if sign not in "’·"))
INSIDE_A_WORD = re.compile(rf"[^\W\d_][{STRAY}][^\W\d_]")


def decode(
    name: str, read: Callable[[], bytes], encoding: str = "utf-8", errors: str = "strict"
) -> Iterator[str]:
    """The characters of bytes that come in pieces; b"" is the end.

    Parameters
    ----------
    name : of the source, for messages
    encoding : unless a byte order mark, which is not part of the text, says another
    errors : "strict", or "replace" for U+FFFD in place of what does not fit

    Raises
    ------
    CorpusError : bytes that the encoding does not have, with line and offset, or a
        binary file
    """
    data = read()
    while any(mark.startswith(data) for mark, _ in MARKS) and (more := read()):
        data += more  # whether it is a mark is not known yet
    mark, encoding = next(((m, e) for m, e in MARKS if data.startswith(m)), (b"", encoding))
    data, offset, line = data[len(mark) :], len(mark), 1
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
            near = error.object[max(0, error.start - EXAMINED // 2) :][:EXAMINED]
            raise _refused(name, encoding, byte, sample + near) from None
        except UnicodeError:  # UTF-16 and UTF-32 want to be told the order of their bytes
            likely = _wide(sample) or f"{encoding}-le"
            raise CorpusError(
                f"{name} has no byte order mark, which {encoding} needs; give --encoding {likely}"
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


def _refused(name: str, encoding: str, where: str, sample: bytes) -> CorpusError:
    """What is wrong, and the way out that is most likely right."""
    likely = likely_encoding(sample)
    if likely is None and is_binary(sample):
        return CorpusError(
            f"{name} looks like a binary file ({where}); a language model of --tokens byte takes "
            "any file"
        )
    ways = []
    if likely is None:
        ways.append("name its encoding with --encoding")
    elif likely != encoding:
        ways.append(f"it is most likely {likely}, which --encoding {likely} reads")
    if likely is None or not likely.startswith(("utf-16", "utf-32")):
        ways.append("--errors replace goes on, with � in place of what does not fit")
    out = "; ".join(ways)
    called = encoding.upper() if encoding.startswith("utf") else encoding
    return CorpusError(f"{name} is not {called}: {where}; {out}")


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text in any encoding: zero bytes, or many other control codes."""
    if data.startswith(tuple(mark for mark, _ in MARKS)) or _wide(data):
        return False
    return b"\0" in data or len(re.findall(rb"[\x01-\x08\x0e-\x1f]", data)) > 0.05 * len(data)


def likely_encoding(data: bytes) -> str | None:
    """The encoding that some bytes of a text most likely are in; None for no text at all."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    if is_binary(data) or b"\0" in data:
        return _wide(data)
    if _mostly_utf_8(data):
        return "utf-8"
    if _is_western(data):
        return "cp1252"
    from charset_normalizer import from_bytes  # slow to import, and needed only here

    best = from_bytes(data[:EXAMINED]).best()
    return None if best is None else best.encoding.replace("_", "-")


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: zero bytes stand at every second or fourth place."""
    pairs = len(data) // 2
    even, odd = data[0 : 2 * pairs : 2].count(0), data[1 : 2 * pairs : 2].count(0)
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if pairs >= 4 and zeros > 0.4 * pairs and others < 0.05 * pairs:
            return encoding
    return None


def _mostly_utf_8(data: bytes) -> bool:
    """Whether nearly all bytes beyond ASCII are UTF-8: one that is not was damaged."""
    wrong = data.decode("utf-8", "replace").count("\ufffd")
    high = len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]+", data))
    return high > 9 * wrong


def _is_western(data: bytes) -> bool:
    """Whether the bytes read as Western text in cp1252: most of it ASCII, é and ü inside words."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    high = [c for c in text if ord(c) > 127]
    letters = sum(c.isalpha() for c in text)
    if not all(c in WESTERN or c in SIGNS for c in high) or INSIDE_A_WORD.search(text):
        return False
    if re.search("[\x00-\x08\x0e-\x1f]", text):
        return False
    accents = sum(c in WESTERN for c in high)
    runs = len(re.findall(f"[{WESTERN}]{{3}}", text))
    return accents <= 0.35 * max(1, letters) and runs <= 0.02 * len(high)
