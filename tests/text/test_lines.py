"""Lines as they arrive."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CorpusError
from elman.text.lines import lines
from elman.text.read import TextOptions

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\ufeff"))
RUSSIAN = "привет там\nкак дела\n"


def arrive(data: bytes, **options) -> list:
    """All lines of a standard input that holds these bytes."""
    standard, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data)))
    try:
        return [line for some in lines(None, TextOptions(**options)) for line in some]
    finally:
        sys.stdin = standard


@given(TEXTS)
def test_lines_end_where_wc_counts_them(text):
    expected = [line.removesuffix("\r") for line in text.split("\n")]
    assert arrive(text.encode()) == (expected if text.split("\n")[-1] else expected[:-1])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "UTF-16LE", "utf-32", "cp1251"])
def test_a_named_encoding_or_a_mark(encoding):
    assert arrive(RUSSIAN.encode(encoding), encoding=encoding) == RUSSIAN.split("\n")[:-1]
    if encoding in ("utf-16", "utf-32"):
        assert arrive(RUSSIAN.encode(encoding)) == RUSSIAN.split("\n")[:-1]


@pytest.mark.parametrize("text", ["hello\nthere you\n", RUSSIAN])
def test_utf_16_without_a_mark_is_refused_with_its_name(text):
    with pytest.raises(CorpusError, match="--encoding utf-16-le may read it"):
        arrive(text.encode("utf-16-le"))


def test_binary_data_are_called_so_and_nothing_is_to_be_replaced():
    for data in (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0", b"ok\n" * 3 + b"zero\0 byte\n"):
        with pytest.raises(CorpusError, match=r"looks like .*binary") as error:
            arrive(data)
        assert "replace" not in str(error.value)


def test_raw_bytes_and_what_is_replaced_stay():
    assert arrive(b"a\0\r\nb\rc\n", raw=True) == [b"a\0\r", b"b\rc"]
    assert arrive(b"a\0\xffb\n", errors="replace") == ["a\0\ufffdb"]
