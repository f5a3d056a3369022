"""Two encodings in one corpus: what is said, and that the advice leads out."""

from __future__ import annotations

import re

import pytest

from elman.errors import CorpusError
from elman.text.encodings import explained, notes, used
from elman.text.finding import find_all
from elman.text.read import TextOptions, read_pieces

GERMAN, QUOTED = "Grüße aus Köln\n" * 60, "“quoted” text\n" * 60
RUSSIAN = "Привет, мир. Как дела сегодня? Хорошо, спасибо.\n" * 20


@pytest.fixture
def sources(tmp_path):
    def make(**files: tuple[str, str]):
        for name, (text, encoding) in files.items():
            (tmp_path / name).write_bytes(text.encode(encoding))
        return [
            source for g in find_all([str(tmp_path)], TextOptions(), []) for source in g.sources
        ]

    return make


@pytest.mark.parametrize(
    ("text", "encoding"), [(GERMAN, "cp1252"), (QUOTED, "cp1252"), (RUSSIAN, "cp1251")]
)
@pytest.mark.parametrize("named", ["utf-8", "the other"])
def test_a_mixture_is_named_and_converting_mends_it(tmp_path, sources, text, encoding, named):
    found = sources(a=(text, "utf-8"), b=(text, encoding), plain=("plain\n" * 9, "ascii"))
    options = TextOptions(encoding="utf-8" if named == "utf-8" else encoding)
    said = list(notes(found, options))
    try:
        with explained([str(tmp_path)], options):
            list(read_pieces(found, options))
    except CorpusError as error:
        said.append(str(error))
    said = next(each for each in said if "iconv" in each)
    advised = re.search(r"iconv -f (\S+) -t UTF-8 (\S+) > NEW", said)
    assert (advised[1].lower(), advised[2]) == (encoding, str(tmp_path / "b"))
    assert ("leave --encoding out" in said) == (named != "utf-8")
    (tmp_path / "b").write_text((tmp_path / "b").read_text(encoding), encoding="utf-8")
    with explained([str(tmp_path)], TextOptions()):
        assert "".join(read_pieces(found, TextOptions())).count(text) == 2
    assert not list(notes(found, TextOptions()))


def test_one_encoding_is_advised_where_all_files_have_it(tmp_path, sources):
    found = sources(a=(GERMAN, "cp1252"), b=("plain\n", "ascii"))
    with (
        pytest.raises(CorpusError, match="--encoding cp1252 reads"),
        explained([str(tmp_path)], TextOptions()),
    ):
        list(read_pieces(found, TextOptions()))
    assert list(notes(found, TextOptions(encoding="cp1252"))) == []


def test_a_file_that_is_all_utf_8_is_read_as_the_flag_says_and_that_is_said(sources):
    found = sources(a=(GERMAN, "utf-8"))
    text = "".join(read_pieces(found, TextOptions(encoding="cp1252")))
    assert text.startswith("GrÃ¼")
    (said,) = notes(found, TextOptions(encoding="cp1252"))
    assert said.startswith("UTF-8 by its bytes, but read as cp1252")
    assert "leave --encoding out" in said
    assert not list(notes(found, TextOptions(encoding="cp1252", raw=True)))


def test_a_mark_wins_over_the_flag_and_that_is_said(sources):
    found = sources(a=(GERMAN, "utf-16"), b=(GERMAN, "cp1252"))
    options = TextOptions(encoding="windows-1252")
    assert used(found, options) == ["utf-16-le", "cp1252"]
    (said,) = notes(found, options)
    assert "has the byte order mark of UTF-16-LE and was read so, not as cp1252" in said
    assert not list(notes(found[:1], TextOptions(encoding="utf-16")))
