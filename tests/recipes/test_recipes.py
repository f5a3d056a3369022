"""Every recipe in its quick form, on a small text: that it runs, and writes what it promises."""

from __future__ import annotations

import json
import math

import pytest

from elman.recipes import RECIPES, dive
from elman.recipes.lab import SEEDS


def cells(report):
    for section in report["sections"]:
        for row in section["rows"]:
            assert len(row) == len(section["columns"]), section["title"]
            yield from row


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_quick_run_fills_its_report(quick, name):
    report = quick(name)
    assert report["quick"] and report["seeds"] == list(SEEDS)
    assert json.loads(json.dumps(report)) == json.loads(json.dumps(report, allow_nan=False))
    assert report["sections"]
    for section in report["sections"]:
        assert section["rows"] or section["samples"] or section["picture"], section["title"]
    for cell in cells(report):
        if isinstance(cell, dict):
            assert len(cell["values"]) == len(SEEDS)
            assert all(map(math.isfinite, cell["values"]))


def section(report, title):
    return next(s for s in report["sections"] if s["title"].startswith(title))


# --------------------------------------------------------------------------- dive


def test_dive_prepares_the_text_as_the_chapter_does():
    text = "  The Time-Machine, by\nH. G. Wells [1898]\n\nI\n"
    assert dive.letters(text) == "the time machine byh g wellsi"
    assert dive.with_punctuation("A,\r\nb") == "a,  b"


def test_dive_puts_the_published_perplexities_beside_ours(quick):
    table = section(quick("dive"), "Training perplexity, text letters")
    published = {row[0]: row[1] for row in table["rows"]}
    assert published == {"random": 1.42, "consecutive": 1.07}
    assert all(1 < row[2]["mean"] < 28 for row in table["rows"])
    assert "28 symbols" in table["text"][0]
    every = section(quick("dive"), "The same every")
    assert len(every["rows"]) == 10
    assert every["rows"][-1][1] == table["rows"][0][2]
    assert every["rows"][0][1]["mean"] > every["rows"][-1][1]["mean"]  # it learns


def test_dive_writes_greedy_continuations_of_both_primes(quick):
    samples = section(quick("dive"), "Training perplexity, text letters")["samples"]
    assert len(samples) == 10  # five of either batching
    for _, written in samples:
        first, second = written.split("\n")
        assert first.startswith("traveller") and len(first) == len("traveller") + 50
        assert second.startswith("time traveller")
