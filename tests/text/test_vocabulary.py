"""Symbols to ids and back."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import ModelFileError, UnknownSymbolError
from elman.store.modelfile import read_vocabulary
from elman.text.vocabulary import (
    UNKNOWN,
    Vocabulary,
    VocabularyBuilder,
    alike,
    code_points,
    normal_form,
)
from elman.text.words import SPACE_BEFORE

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def build(kind, *pieces, size=None, lines=False, unknown=False, least=None) -> Vocabulary:
    builder = VocabularyBuilder(kind, size, lines, least=least)
    for piece in pieces:
        builder.add(piece)
    return builder.build(unknown)


@given(ANY_TEXT)
@pytest.mark.parametrize("kind", ["char", "word"])
def test_any_text_survives_a_round_trip(kind, text):
    vocabulary = build(kind, text)
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert vocabulary.decode_bytes(ids) == text.encode("utf-8")


@given(st.binary(max_size=200))
def test_any_bytes_survive_a_round_trip(data):
    vocabulary = build("byte", data)
    assert len(vocabulary) == 256
    assert vocabulary.decode_bytes(vocabulary.encode(data)) == data


@given(ANY_TEXT)
def test_a_byte_vocabulary_reads_text_as_utf8(text):
    vocabulary = build("byte")
    np.testing.assert_array_equal(vocabulary.encode(text), list(text.encode()))
    assert vocabulary.decode(vocabulary.encode(text)) == text


@given(ANY_TEXT)
def test_code_points_are_those_of_python(text):
    assert code_points(text).tolist() == [ord(c) for c in text]


@given(ANY_TEXT, ANY_TEXT)
def test_characters_are_in_order_of_their_code_points_however_the_text_was_cut(a, b):
    vocabulary = build("char", a, b)
    assert vocabulary.symbols == sorted(set(a + b))
    assert vocabulary == build("char", a + b)


def test_words_are_in_order_of_frequency_then_of_the_alphabet():
    vocabulary = build("word", "b a\nc a\n")
    assert vocabulary.symbols == ["\n", " ", "a", "b", "c", UNKNOWN]


def test_a_limited_vocabulary_of_words_maps_the_rest_to_unknown():
    vocabulary = build("word", "x x x x y", size=2)
    assert vocabulary.symbols == [" ", "x", UNKNOWN]
    assert vocabulary.encode("x y").tolist() == [1, 0, 2]
    assert vocabulary.decode([1, 0, 2]) == "x <unk>"


@pytest.mark.parametrize(
    ("kind", "text", "symbol", "position"), [("char", "abxc", "x", 2), ("char", "é", "é", 0)]
)
def test_an_unknown_symbol_is_named_with_its_place(kind, text, symbol, position):
    vocabulary = build(kind, "abc")
    with pytest.raises(UnknownSymbolError) as error:
        vocabulary.encode(text, "the prime")
    assert f"{symbol!r} (U+{ord(symbol):04X})" in str(error.value)
    assert f"position {position} of the prime" in str(error.value)


def test_an_unknown_word_is_named_with_its_place():
    vocabulary = Vocabulary("word", ["the", " ", "sea"])
    with pytest.raises(UnknownSymbolError, match=r"'river'.*position 4 of the prime"):
        vocabulary.encode("the river", "the prime")


def test_unknown_characters_have_a_symbol_if_asked():
    vocabulary = build("char", "ab", unknown=True)
    assert vocabulary.symbols == ["a", "b", UNKNOWN]
    assert vocabulary.encode("axb").tolist() == [0, 2, 1]
    assert vocabulary.special == [2]


@pytest.mark.parametrize("kind", ["char", "byte", "word"])
def test_lines_have_borders_that_no_text_is_encoded_as(kind):
    text = "<begin> a <end>\n<unk>\n"
    lines = [line.encode() if kind == "byte" else line for line in text.splitlines()]
    vocabulary = build(kind, *lines, lines=True)
    assert (vocabulary.begin, vocabulary.end) == (len(vocabulary) - 2, len(vocabulary) - 1)
    assert "\n" not in vocabulary.symbols
    for line in text.splitlines():
        ids = vocabulary.encode(line)
        assert not set(ids.tolist()) & {vocabulary.begin, vocabulary.end, vocabulary.unknown}
        assert vocabulary.decode([vocabulary.begin, *ids, vocabulary.end]) == line


@pytest.mark.parametrize(
    ("size", "dtype"), [(2, np.uint8), (256, np.uint8), (257, np.uint16), (70_000, np.uint32)]
)
def test_ids_take_the_smallest_type_that_holds_them(size, dtype):
    vocabulary = Vocabulary("char", [chr(0x10000 + i) for i in range(size)])
    ids = vocabulary.encode(vocabulary.symbols[-1] + vocabulary.symbols[0])
    assert ids.dtype == dtype
    assert ids.tolist() == [size - 1, 0]


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize(
    ("kind", "text"), [("char", "añ\nb\n"), ("byte", b"a\n\xff\n"), ("word", "a b\n")]
)
def test_the_count_is_that_of_the_encoded_symbols(kind, text, lines):
    builder = VocabularyBuilder(kind, None, lines)
    newline = b"\n" if kind == "byte" else "\n"
    pieces = [line for line in text.split(newline) if line] if lines else [text]
    for piece in pieces:
        builder.add(piece)
    vocabulary = builder.build()
    assert builder.count == sum(len(vocabulary.encode(piece)) for piece in pieces)


def test_it_survives_its_json_form():
    for vocabulary in (
        build("char", "abé\n", unknown=True), build("byte", lines=True), build("word", "a b"),
        Vocabulary("word", ["a", " b"], SPACE_BEFORE),
    ):  # fmt: skip
        assert read_vocabulary(vocabulary.to_json()) == vocabulary


def test_bytes_that_are_no_text_are_shown_as_such():
    vocabulary = build("byte")
    assert vocabulary.decode([0x61, 0xFF, 0x62]) == "a�b"
    assert vocabulary.show(255) == "byte 0xff"
    assert build("char", "ab").show(1) == "'b'"


def test_a_word_is_the_same_word_wherever_it_stands():
    vocabulary = build("word", "a glad b\n")
    glad = vocabulary.ids["glad"]
    for text, place in (("glad", 0), ("a glad", 2), ("\nglad b", 1), ("a\nglad", 2)):
        assert vocabulary.encode(text)[place] == glad
    quoted = build("word", "\"glad\" 'b' “c”")
    assert {"glad", "b", "c"} <= set(quoted.symbols)


def test_a_file_that_names_no_rule_has_words_with_the_space_before_them():
    data = {"kind": "word", "symbols": ["a", " b", "\n"]}
    vocabulary = read_vocabulary(data)
    assert vocabulary.encode("a b\n").tolist() == [0, 1, 2]
    assert vocabulary.counted is None
    assert vocabulary.to_json() == data
    assert vocabulary != Vocabulary("word", data["symbols"])


def test_a_rule_that_is_not_known_is_refused():
    with pytest.raises(ModelFileError, match="rule 'uax30', which this version"):
        read_vocabulary({"kind": "word", "symbols": ["a", "b"], "words": "uax30"})


def test_words_and_marks_are_counted_and_white_space_and_borders_are_not():
    vocabulary = build("word", "a, b\u2003c\td", lines=True)
    counted = dict(zip(vocabulary.symbols, vocabulary.counted.tolist(), strict=True))
    assert [symbol for symbol, counts in counted.items() if not counts] == [
        "\t", " ", "\u2003", "<begin>", "<end>",
    ]  # fmt: skip
    assert counted[UNKNOWN] and counted[","]
    assert build("char", "a b").counted is None


def test_a_limited_vocabulary_of_characters_keeps_the_most_frequent_in_order():
    vocabulary = build("char", "zab", "bzz", size=2)
    assert vocabulary.symbols == ["b", "z", UNKNOWN]
    assert vocabulary.encode("abz").tolist() == [2, 0, 1]
    assert build("char", "cab", size=2).symbols == ["a", "b", UNKNOWN]  # of equals the first


@pytest.mark.parametrize(
    ("kind", "symbols"), [("char", ["\n", "a", "é", UNKNOWN]), ("word", ["\n", "aé", UNKNOWN])]
)
def test_what_occurs_fewer_times_than_the_least_is_unknown(kind, symbols):
    pieces = ["aé\n", "aé\n", "b"]
    assert build(kind, *pieces, least=2).symbols == symbols
    assert build(kind, *pieces, least=3).symbols == [UNKNOWN]
    assert set(build(kind, *pieces, least=1).symbols) == {*symbols, "b"}


def test_both_limits_hold():
    assert build("char", "aaabbc", size=2, least=3).symbols == ["a", UNKNOWN]
    assert build("word", "a a a b", size=3, least=2).symbols == [" ", "a", UNKNOWN]


NFC, NFD = "naïve café Ölung 한글", unicodedata.normalize("NFD", "naïve café Ölung 한글")


@pytest.mark.parametrize("kind", ["char", "word"])
def test_the_other_normal_form_is_recognised(kind):
    for form, known, text in (("NFC", NFC, NFD), ("NFD", NFD, NFC)):
        vocabulary = build(kind, known, lines=True, unknown=True)
        missing = VocabularyBuilder(kind)
        missing.add(text)
        assert normal_form(set(missing.missing(vocabulary)), vocabulary) == form
        assert f"--normalize {form} " in alike(form)


@pytest.mark.parametrize("kind", ["char", "word"])
@given(st.sets(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_plain_ascii_is_in_no_other_normal_form(kind, letters):
    """Not even its letters in the names of the special symbols."""
    vocabulary = build(kind, "àéîõü", lines=True, unknown=True)
    assert normal_form(letters, vocabulary) is None
    assert alike(None) == ""


def test_what_is_missing_is_counted():
    for kind, counts in (("char", {"c": 3, "d": 1}), ("word", {"cc": 1, "cd": 1})):
        builder = VocabularyBuilder(kind)
        builder.add("a cc a cd")
        assert builder.missing(build(kind, "a b", lines=True)) == counts
