"""What a model does not know of the texts that it is given, in words for the user."""

from __future__ import annotations

from elman.text.unknown import Unknown
from elman.text.vocabulary import UNKNOWN, Vocabulary
from elman.text.words import SPACE_BEFORE


def note(vocabulary, *texts, longest=None):
    unknown = Unknown(vocabulary)
    for text in texts:
        unknown.add(text, longest)
    return unknown.note()


WORDS = Vocabulary("word", [" ", ".", "to", "glad", UNKNOWN])


def test_words_are_counted_and_the_first_is_named():
    assert note(WORDS, "glad to.", "to zzzz yyy") == (
        "2 of 6 words are unknown to the model and read as <unk>; the first is 'zzzz'"
    )
    assert note(WORDS, "glad to ", "") == ""


def test_white_space_that_is_unknown_is_named_too():
    assert note(WORDS, "to\tglad").endswith("the first is '\\t'")


def test_characters():
    letters = Vocabulary("char", ["a", "b", UNKNOWN])
    assert note(letters, "ab", "axby") == (
        "2 of 6 characters are unknown to the model and read as <unk>; the first is 'x'"
    )
    assert note(letters, "abaxx", longest=4).startswith("1 of 4 characters")


def test_words_by_the_older_rule():
    older = Vocabulary("word", ["a", " b", UNKNOWN], SPACE_BEFORE)
    assert note(older, "a b b, c").startswith("2 of 5 words")
    assert note(older, "b").endswith("the first is 'b'")


def test_without_a_symbol_for_it_nothing_is_unknown():
    assert note(Vocabulary("char", ["a"]), "a") == ""
    assert note(Vocabulary("byte", list(range(256))), b"abc", "x") == ""


def test_words_of_the_other_normal_form_are_recognised_in_every_text():
    cafe = Vocabulary("word", ["caf\u00e9", " ", UNKNOWN])
    assert "NFD, the model's in NFC; in a training --normalize NFC" in note(
        cafe, "bar", "cafe\u0301"
    )
    assert "NFC" not in note(cafe, "cafe bar")
