"""What is said of a text that a model does not know, or not to its end."""

from __future__ import annotations

from types import SimpleNamespace

from elman.cli.odd import Odd
from elman.text import labelled


def model(**more):
    vocabulary = labelled.symbols_of(["ab"], "char").build(unknown=True)
    return SimpleNamespace(vocabulary=vocabulary, config={"seq_len": 3}, clean=str.strip, **more)


def test_shares_of_unknown_symbols_in_what_is_read(capsys):
    odd, texts = Odd(model(classes=["x", "y"])), ["abXY", "a", " Zb", " "]
    assert [odd.about(text)["unknown"] for text in texts] == [1 / 3, 0, 1 / 2, 0]
    assert [odd.about(text)["cut"] for text in texts] == [True, False, False, False]
    odd.add(texts)
    odd.say()
    said = capsys.readouterr().err
    assert "2 of 6 characters are unknown" in said and "longer than the 3 symbols" in said


def test_what_has_no_classes_reads_all(capsys):
    odd = Odd(model(classes=None))
    assert odd.about("abab") == {"unknown": 0.0, "cut": False}
    odd.add(["abab"])
    odd.say()
    assert capsys.readouterr().err == ""
