"""Notes on what the symbols of a text cost, and on words that are letters."""

from __future__ import annotations

import numpy as np

from elman.text import census
from elman.text.vocabulary import VocabularyBuilder


def notes(kind, text, readout=True, **limits):
    builder = VocabularyBuilder(kind, **limits)
    builder.add(text)
    vocabulary = builder.build()
    return census.notes(vocabulary, vocabulary.encode(text), readout)


COMMON = "the quick fox " * 20_000
RARE = "".join(map(chr, range(0x4E00, 0x4E00 + 1200)))


def test_many_characters_of_which_few_are_nearly_all_of_the_text():
    (note,) = notes("char", COMMON + RARE)
    assert note == (
        "1,212 distinct characters, 12 of them are 99% of the text: --vocabulary-size 100 or "
        "--min-count 2 would train several times faster"
    )
    assert notes("char", COMMON + RARE, size=100) == notes("char", COMMON + RARE, least=2) == []


def test_the_note_names_numbers_that_help():
    often = "".join(chr(0x4E00 + i) * 5 for i in range(1100))
    (note,) = notes("char", COMMON * 4 + often)
    assert "--vocabulary-size 100 or --min-count 6 " in note
    assert notes("char", COMMON * 4 + often, least=6) == []


def test_no_note_where_a_cap_would_not_help():
    assert notes("char", COMMON + RARE, readout=False) == []
    assert notes("char", COMMON + RARE[:900]) == [], "too few symbols to matter"
    assert notes("char", RARE * 100) == [], "all are as frequent"


def test_words_are_counted_as_characters_are():
    rare = " ".join(f"w{i}" for i in range(1500))
    (note,) = notes("word", COMMON + rare)
    assert note.startswith("1,504 distinct words and marks, ")


def test_words_of_scripts_without_spaces_are_said_to_be_letters():
    (note,) = notes("word", "สวัสดี " * 50, readout=False)
    assert note.startswith("100% of the words are single letters of scripts that put no spaces")
    (note,) = notes("word", "我爱北京 " + "x " * 12)
    assert note.startswith("25% of the words")
    assert notes("word", "नमस्ते दुनिया, 한국어 " * 50) == []
    assert notes("word", "我 " + "x " * 50) == [], "one name is not worth a note"
    assert notes("char", "我爱北京 " * 50) == []


def test_a_large_text_is_counted_in_parts(monkeypatch):
    whole = notes("char", COMMON + RARE)
    calls = []
    real = np.bincount
    monkeypatch.setattr(np, "bincount", lambda *a, **k: calls.append(1) or real(*a, **k))
    assert notes("char", (COMMON + RARE) * 70) != whole
    assert len(calls) == 3  # one to build the vocabulary, two parts
