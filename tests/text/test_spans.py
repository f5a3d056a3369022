"""Spans: the schemes, what breaks them, and which spans conlleval finds."""

from __future__ import annotations

import pytest

from elman.text.spans import broken, scheme_of, spans


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("B-PER I-PER O B-LOC", [(0, 2, "PER"), (3, 4, "LOC")]),
        ("I-PER I-PER O I-LOC", [(0, 2, "PER"), (3, 4, "LOC")]),
        ("B-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("B-A I-B I-B O", [(0, 1, "A"), (1, 3, "B")]),  # another type begins another span
        ("S-X S-X B-Y I-Y E-Y", [(0, 1, "X"), (1, 2, "X"), (2, 5, "Y")]),
        ("O O", []),
        ("E-X I-X", [(0, 1, "X"), (1, 2, "X")]),  # behind an end begins another one
        ("", []),
    ],
)
def test_spans_as_conlleval_finds_them(labels, found):
    assert list(spans(labels.split())) == found


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        (["I-A I-A O"], "IO"),
        (["I-A B-A O", "I-B O"], "IOB1"),
        (["B-A I-A O"], "BIO"),
        (["B-A O"], "BIO"),
        (["B-A E-A O S-B"], "BIOES"),
        (["NN VB O"], ""),
        (["O O"], ""),
        (["B-A NN"], ""),
    ],
)
def test_the_scheme_is_recognised(sequences, scheme):
    rows = [row.split() for row in sequences]
    assert scheme_of(sorted({label for row in rows for label in row}), rows) == scheme


@pytest.mark.parametrize(
    ("scheme", "labels", "place", "words"),
    [
        ("BIO", "O I-A", 1, "I-A is after O, but a span begins with B-A"),
        ("BIO", "I-A", 0, "at the beginning"),
        ("BIO", "B-A I-B", 1, "I-B is after B-A"),
        ("BIOES", "B-A O", 0, "B-A is followed by O, but a span ends with E-A"),
        ("BIOES", "O B-A", 1, "B-A is the last"),
        ("BIOES", "E-A", 0, "begins with B-A or S-A"),
        ("BIOES", "S-A I-A", 1, "I-A is after S-A"),
    ],
)
def test_what_breaks_a_scheme_is_named(scheme, labels, place, words):
    found = broken(labels.split(), scheme)
    assert found is not None and found[0] == place and words in found[1]


@pytest.mark.parametrize(
    ("scheme", "labels"),
    [("BIO", "B-A I-A B-A O B-B"), ("BIOES", "B-A I-A E-A S-B O"), ("IO", "I-A O I-B"),
     ("IOB1", "I-A B-A")],
)  # fmt: skip
def test_what_follows_a_scheme_is_not_broken(scheme, labels):
    assert broken(labels.split(), scheme) is None
