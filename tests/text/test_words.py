"""Words as Unicode divides a text, and as older files do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.text.words import RULES, SPACE_BEFORE, split_words

# Scripts whose letters have marks, and what joins or divides, besides any other character.
TRICKY = "aéक्षिก็ำကြ한グは漢א\"'’.,:_\u0301\u200b\u200d\ufeff🇫👩🏽\ud800"
SPACES = "".join(c for c in map(chr, range(0x110000)) if c.isspace())
ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from(TRICKY + SPACES)), max_size=200)


@pytest.mark.parametrize("rule", RULES)
@given(ANY_TEXT)
def test_joined_they_are_the_text_again(rule, text):
    assert "".join(split_words(text, rule)) == text


@given(ANY_TEXT)
def test_white_space_is_a_symbol_of_its_own(text):
    for word in split_words(text):
        assert len(word) == 1 or not any(map(str.isspace, word)), word


@pytest.mark.parametrize("space", SPACES)
def test_no_white_space_joins_a_word(space):
    text = f"so{space}ok{space}! 3{space}4_{space}_{space}{space}"
    assert split_words(text) == [
        "so", space, "ok", space, "!", " ", "3", space, "4_", space, "_", space, space,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, they’re here!", "Don't| |stop|,| |they’re| |here|!"),
        ("rock 'n' roll", "rock| |'|n|'| |roll"),
        ("\"Hi,\" “he” «said».", "\"|Hi|,|\"| |“|he|”| |«|said|»|."),
        ("3.14 1,000 e.g. well-known snake_case",
         "3.14| |1,000| |e.g|.| |well|-|known| |snake_case"),
        ("so... what?!", "so|.|.|.| |what|?|!"),
        ("  a\tb\n\nc \n", " | |a|\t|b|\n|\n|c| |\n"),
        ("Bonjour\u202f! Quoi\u202f?", "Bonjour|\u202f|!| |Quoi|\u202f|?"),
        ("a\x1e\u0e31b", "a|\x1e|\u0e31|b"),
        ("a\r\nb\rc", "a|\r|\n|b|\r|c"),
        ("glad\nglad glad", "glad|\n|glad| |glad"),
        ("e\u0301te\u0301 été", "e\u0301te\u0301| |été"),
        ("नमस्ते दुनिया, हिन्दी", "नमस्ते| |दुनिया|,| |हिन्दी"),
        ("தமிழ் বাংলা", "தமிழ்| |বাংলা"),
        ("שלום צה״ל مُحَمَّد", "שלום| |צה״ל| |مُحَمَّد"),
        ("한국어 단어", "한국어| |단어"),
        ("สวัสดี ก็", "ส|วั|ส|ดี| |ก็"),
        ("ខ្មែរ", "ខ្|មែ|រ"),
        ("我爱北京。", "我|爱|北|京|。"),
        ("東京タワーへ行く", "東|京|タワー|へ|行|く"),
        ("👩🏽‍🚀🇫🇷🇩🇪", "👩🏽‍🚀|🇫🇷|🇩🇪"),
    ],
)  # fmt: skip
def test_words_are_those_of_unicode(text, words):
    assert split_words(text) == words.split("|")


def test_by_the_older_rule_a_word_takes_its_space_along():
    assert split_words("Don't stop, they’re here!\n  It is.", SPACE_BEFORE) == [
        "Don't", " stop", ",", " they’re", " here", "!", "\n", " ", " It", " is", ".",
    ]  # fmt: skip
