"""Bytes to characters: marks, encodings, and what is said of those that do not fit."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CorpusError
from elman.text.decode import MARKS, decode, is_binary, likely_encoding
from elman.text.read import TextOptions, read_pieces
from elman.text.sources import Source

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r\ufeff"))
LATIN = st.text(st.characters(codec="cp1252", exclude_characters="\0\r"))
PACKED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def decoded(data: bytes, piece: int, **options) -> str:
    pieces = iter([data[i : i + piece] for i in range(0, len(data), piece)])
    return "".join(decode("file", lambda: next(pieces, b""), **options))


@given(TEXTS, st.sampled_from([e for _, e in MARKS]), st.integers(1, 9))
def test_a_mark_decides_whatever_encoding_is_named(text, encoding, piece):
    mark = next(mark for mark, name in MARKS if name == encoding)
    data = mark + text.encode(encoding)
    if encoding == "utf-16-le" and data.startswith(codecs.BOM_UTF32_LE):
        return  # U+0000 cannot follow: it is left out, but an empty text may look alike
    assert decoded(data, piece, encoding="cp1252") == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030"])
@given(text=TEXTS, piece=st.integers(1, 9))
def test_a_named_encoding_in_pieces_gives_the_text(encoding, text, piece):
    assert decoded(text.encode(encoding), piece, encoding=encoding) == text


@given(LATIN, st.integers(1, 9))
def test_single_bytes_in_pieces_give_the_text(text, piece):
    if not text.encode("cp1252").startswith(tuple(mark for mark, _ in MARKS)):
        assert decoded(text.encode("cp1252"), piece, encoding="cp1252") == text


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("raw", [False, True])
@given(text=TEXTS)
def test_a_compressed_file_is_what_it_holds(tmp_path_factory, ending, raw, text):
    path = tmp_path_factory.mktemp("packed") / f"x.txt{ending}"
    data = f"a{text}".encode()
    path.write_bytes(PACKED[ending](data))
    pieces = list(read_pieces([Source(str(path), path)], TextOptions(raw=raw)))
    assert (b"" if raw else "").join(pieces) == (data if raw else data.decode())
    assert Source(str(path), path).plain.name == "x.txt"


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
def test_a_compressed_file_that_was_cut_off_is_said_to_be_damaged(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    path.write_bytes(PACKED[ending](b"some text " * 500)[:-9])
    with pytest.raises(CorpusError, match="damaged compressed file"):
        list(read_pieces([Source("x", path)], TextOptions()))


@pytest.mark.parametrize(
    ("text", "encoding", "likely"),
    [
        ("He said “no” – it’s a café, naïve, señor.\n", "cp1252", "cp1252"),
        ("Müller\nGarçía\nØrsted\nÅngström\n", "latin-1", "cp1252"),
        ("£5 and 3 °C, ¿qué?", "cp1252", "cp1252"),
        ("Привет, мир. Как дела сегодня? Хорошо, спасибо.", "cp1251", "cp1251"),
        ("hello there", "utf-16-le", "utf-16-le"),
        ("hello there", "utf-16-be", "utf-16-be"),
    ],
)
def test_the_likely_encoding_is_named(text, encoding, likely):
    assert likely_encoding(text.encode(encoding)) == likely
    with pytest.raises(CorpusError) as error:
        decoded(text.encode(encoding), 1000)
    assert f"--encoding {likely}" in str(error.value)
    assert decoded(text.encode(encoding), 1000, encoding=likely) == text, "the advice works"
    replacing = "--errors replace" in str(error.value)
    assert replacing == (not encoding.startswith("utf-16"))


def test_polish_is_not_called_western():
    data = "Zażółć gęślą jaźń. Wczoraj padał śnieg, a dziś świeci słońce nad Łodzią.".encode(
        "cp1250"
    )
    assert likely_encoding(data) != "cp1252"


def test_binary_files_are_called_so_and_nothing_is_to_be_replaced():
    data = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"
    assert is_binary(data)
    with pytest.raises(CorpusError, match="looks like a binary file") as error:
        decoded(data, 1000)
    assert "--errors replace" not in str(error.value)
    assert not is_binary("grün\n".encode("utf-16"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_encoding_that_needs_a_mark_says_what_to_name_without_one(encoding):
    data = "some text\n".encode(f"{encoding}-le")
    with pytest.raises(CorpusError, match=f"no byte order mark.*--encoding {encoding}-le"):
        decoded(data, 1000, encoding=encoding)
    assert decoded("some text\n".encode(encoding), 3, encoding=encoding) == "some text\n"


RUSSIAN = "Привет, мир. Как дела сегодня? Хорошо, спасибо. Обычный русский текст о погоде.\n"
TEXT_IN = [
    (RUSSIAN, "cp1251"),
    ("これは日本語の文章です。今日は天気がいいですね。\n", "shift_jis"),
    ("Zażółć gęślą jaźń. Wczoraj padał śnieg, a dziś świeci słońce nad Łodzią.\n", "cp1250"),
    ("Það er gott að vera hér. Þú ert góður maður, börnin fóru í skólann.\n", "cp1252"),
    ("Bu güzel bir gün. Şimdi İstanbul'da yağmur yağıyor. Işık söndü.\n", "cp1254"),
    ("ÄÖÜ ÄRGER ÜBER ÖL\n", "cp1252"),
    ("à été où\n", "cp1252"),
    (RUSSIAN, "utf-16-le"),
    (RUSSIAN, "utf-16-be"),
    ("今日は天気がいいですね。\n", "utf-16-le"),
]


@pytest.mark.parametrize("before", ["", "plain english text stands here first\n" * 2500])
@pytest.mark.parametrize(("text", "encoding"), TEXT_IN)
def test_the_encoding_is_guessed_by_the_bytes_that_tell_it(text, encoding, before):
    """Not by the first 64 KB, which may all be ASCII; and the advice gives the text."""
    text = before + text * 3
    with pytest.raises(CorpusError) as error:
        decoded(text.encode(encoding), 1 << 22)
    said = re.search(r"--encoding (\S+) reads", str(error.value))
    assert said, str(error.value)
    assert decoded(text.encode(encoding), 1 << 22, encoding=said[1]) == text


PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06\0\0\0"


@pytest.mark.parametrize("name", ["utf-16-le", "UTF-16LE", "utf_16_le", "utf-16-be", "utf-32-le"])
def test_what_is_binary_does_not_depend_on_how_an_encoding_is_spelled(name):
    assert is_binary(PICTURE, name)
    for text in ("hello there\n", RUSSIAN, "今日は天気がいいですね。\n"):
        assert not is_binary(text.encode(name), name)
        if "32" not in name:
            assert not is_binary(text.encode(name)), "without its name, too"


def test_plain_text_is_never_advised_to_be_utf_16():
    with pytest.raises(CorpusError, match=r"give --encoding utf-8$"):
        decoded(b"plain text\n", 100, encoding="utf-16")
