"""Bytes to text in pieces: the same text however the file is cut."""

from __future__ import annotations

import codecs
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CorpusError
from elman.text import read as module
from elman.text.read import TextOptions, read, read_pieces, transform
from elman.text.sources import MAGIC, Source
from elman.text.vocabulary import split_words

from .test_vocabulary import ANY_TEXT

LINE_ENDS = st.lists(
    st.sampled_from(["a", "é", "\U0001f600", " ", "\n", "\r", "\r\n", "\r\r\n"]), max_size=30
).map("".join)
PIECES = st.integers(1, 9)


def no_zero(text: str) -> str:
    return text.replace("\0", "")


@pytest.fixture
def read_bytes(tmp_path, monkeypatch):
    """read_bytes(data, piece, ...) -> the pieces of a file that holds `data`."""

    def read_them(data: bytes, piece: int, **options):
        path = tmp_path / "file.txt"
        path.write_bytes(data)
        monkeypatch.setattr(module, "PIECE", piece)
        return list(read_pieces([Source("file.txt", path)], TextOptions(**options)))

    return read_them


def normalised(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# --------------------------------------------------------------------------- pieces


@given(ANY_TEXT.map(no_zero) | LINE_ENDS, PIECES)
def test_small_pieces_give_the_text_of_the_whole(read_bytes, text, piece):
    data = text.encode()
    expected = normalised(text.removeprefix("\ufeff"))
    assert "".join(read_bytes(data, piece)) == expected
    assert "".join(read_bytes(data, 1 << 20)) == expected


@pytest.mark.parametrize("piece", range(1, 9))
def test_line_ends_across_the_borders_of_pieces_become_one_newline(read_bytes, piece):
    data = b"one\r\ntwo\rthree\nfour\r\n\r\nfive\r"
    assert "".join(read_bytes(data, piece)) == "one\ntwo\nthree\nfour\n\nfive\n"


@given(LINE_ENDS.map(lambda t: t + "\n"), PIECES)
def test_pieces_end_at_line_ends(read_bytes, text, piece):
    """So that no word is split; every piece but the last, in a text of short lines."""
    longest = max(len(line) for line in text.split("\n"))
    if longest <= piece:
        for part in read_bytes(text.encode(), piece)[:-1]:
            assert part.endswith("\n")


@given(st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=20), PIECES)
def test_a_huge_line_is_cut_between_words(read_bytes, words, piece):
    text = " ".join(words)
    pieces = read_bytes(text.encode(), max(piece, 5))
    assert "".join(pieces) == text
    assert all(p.startswith(" ") for p in pieces[1:])


@pytest.mark.parametrize("space", [" ", "\n", "\t", "\r", "\r\n", "\u3000"])
def test_words_are_not_split_whatever_stands_between_them(read_bytes, space):
    """A line may be longer than a piece, a text may know no line feed: words stay whole."""
    text = space.join(["one", "three", "eleven", "five", "seven"] * 8)
    pieces = read_bytes(text.encode(), 16)
    assert [word for piece in pieces for word in split_words(piece)] == split_words(
        normalised(text)
    )


@given(ANY_TEXT.map(no_zero), PIECES, st.sampled_from(["NFC", "NFD", "NFKC"]))
def test_lines_are_transformed_alike_whatever_the_pieces(read_bytes, text, piece, form):
    text = "".join(f"{c}\n" for c in text if c not in "\r\n\ufeff")
    whole = read_bytes(text.encode(), 1 << 20, normalize=form, lowercase=True)
    pieces = read_bytes(text.encode(), piece, normalize=form, lowercase=True)
    assert "".join(pieces) == "".join(whole)
    assert "".join(whole) == unicodedata.normalize(form, text).lower()


MARKED = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE, *MAGIC)
PLAIN = st.binary(max_size=60).filter(lambda data: not data.startswith(MARKED))


@given(PLAIN, PIECES)
def test_raw_bytes_come_as_they_are(read_bytes, data, piece):
    assert b"".join(read_bytes(data, piece, raw=True)) == data


@given(PLAIN, PIECES)
def test_replacing_gives_what_decoding_the_whole_gives(read_bytes, data, piece):
    expected = normalised(data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace"))
    assert "".join(read_bytes(data, piece, errors="replace")) == expected


@pytest.mark.parametrize("piece", [1, 2, 3, 4, 100])
def test_a_byte_order_mark_is_not_part_of_the_text(read_bytes, piece):
    assert "".join(read_bytes(b"\xef\xbb\xbfab\n", piece)) == "ab\n"
    assert "".join(read_bytes(b"\xef\xbb\xbf", piece)) == ""
    assert "".join(read_bytes("a\ufeffb".encode(), piece)) == "a\ufeffb", "only at the start"


# --------------------------------------------------------------------------- bad bytes


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("data", "byte", "line", "offset"),
    [
        (b"\xff", "0xff", 1, 0),
        (b"abc\nd\xc3\x28", "0xc3", 2, 5),
        ("é\né\n".encode() + b"x\x80y\n", "0x80", 3, 7),
        (b"\xef\xbb\xbfab\n\xfe", "0xfe", 2, 6),  # the mark counts: offsets are those of the file
        (b"a\r\nb\r\n\xed\xa0\x80", "0xed", 3, 6),  # a surrogate is no character
        (b"line\ncut \xf0\x9f\x98", "0xf0", 2, 9),  # the end cuts a character short
        (b"\xc0\xaf", "0xc0", 1, 0),  # overlong
        (b"ok\xe2\x82", "0xe2", 1, 2),
    ],
)
def test_the_place_of_a_bad_byte_is_exact(read_bytes, data, byte, line, offset, piece):
    with pytest.raises(CorpusError) as error:
        read_bytes(data, piece)
    message = str(error.value)
    assert message.startswith("file.txt is not UTF-8")
    assert f"byte {byte} in line {line}, at offset {offset};" in message


def no_control(text: str) -> str:
    return re.sub("[\0-\x08\x0e-\x1f]", "", text)


@given(ANY_TEXT.map(no_control), ANY_TEXT.map(no_control), PIECES)
def test_the_place_of_a_bad_byte_is_exact_in_any_text(read_bytes, before, after, piece):
    data = before.encode()
    with pytest.raises(CorpusError) as error:
        read_bytes(data + b"\xff" + after.encode(), piece)
    line = data.count(b"\n") + 1
    assert f"byte 0xff in line {line}, at offset {len(data)};" in str(error.value)


@pytest.mark.parametrize("piece", [1, 3, 100])
def test_a_zero_byte_says_binary_file(read_bytes, piece):
    with pytest.raises(CorpusError, match=r"binary file .*offset 4"):
        read_bytes(b"abc\n\0def", piece)
    assert "".join(read_bytes(b"a\0b", piece, errors="replace")) == "a\0b"


def test_another_encoding_is_read_as_such(tmp_path):
    path = tmp_path / "latin.py"
    path.write_bytes("schön\n".encode("latin-1"))
    assert "".join(read_pieces([Source("latin", path, "iso-8859-1")], TextOptions())) == "schön\n"


# --------------------------------------------------------------------------- several files


def sources(tmp_path, *texts):
    found = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.txt"
        path.write_text(text, encoding="utf-8", newline="")
        found.append(Source(path.name, path))
    return found


def test_files_follow_each_other_on_lines_of_their_own(tmp_path):
    pieces = read_pieces(sources(tmp_path, "one", "", "two\n", "three"), TextOptions())
    assert "".join(pieces) == "one\ntwo\nthree"


@pytest.mark.parametrize("piece", [1, 2, 1000])
@pytest.mark.parametrize("limit", range(1, 12))
def test_the_limit_counts_characters_over_all_files(tmp_path, monkeypatch, limit, piece):
    monkeypatch.setattr(module, "PIECE", piece)
    pieces = list(
        read_pieces(sources(tmp_path, "é\r\nb", "cd\n", "e"), TextOptions(max_characters=limit))
    )
    assert "".join(pieces) == "é\nb\ncd\ne"[:limit]


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(CorpusError, match="cannot read away: No such file"):
        list(read_pieces([Source("away", tmp_path / "away")], TextOptions()))


def test_read_refuses_a_folder(tmp_path):
    with pytest.raises(CorpusError, match="is a folder"):
        read(str(tmp_path))


def test_transform_leaves_text_alone_unless_asked():
    text = "Ünïcode \u0041\u030a\n"
    assert transform(text, TextOptions()) == text
    assert transform("A\r\nB\rC", TextOptions(lowercase=True)) == "a\nb\nc"
    assert transform("\u0041\u030a", TextOptions(normalize="NFC")) == "\u00c5"
