"""docs/reproductions.md: that it is what its JSON gives, and that its worked example is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from elman.recipes import page

from .test_recipes import by_hand

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_page_is_what_the_committed_figures_give():
    reports = page.load(DOCS / "reproductions")
    assert (DOCS / "reproductions.md").read_text(encoding="utf-8") == page.render(reports)
    assert not any(report["quick"] for report in reports)
    for report in reports:
        for section in report["sections"]:
            if section["picture"]:
                name = section["picture"]["name"]
                assert (DOCS / "reproductions" / f"{name}.svg").is_file(), name


def test_the_four_cross_entropies_of_the_page_are_those_of_its_weights():
    """The worked example of "hello", recomputed in plain Python from what the page prints."""
    text = (DOCS / "reproductions.md").read_text(encoding="utf-8")
    part = text.split("### “hello” in numbers, before training\n", 1)[1].split("\n### ", 1)[0]
    symbols = part.split("Symbols in order: ")[1].split(".")[0].split()
    weights = part.split("The weights:\n\n```text\n")[1].split("\n```")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")][2:]
    printed = [float(row.strip("| ").split(" | ")[-1]) for row in rows]
    losses = by_hand(symbols, weights)
    assert printed == pytest.approx(losses, abs=5.1e-5)
    assert f"= {sum(losses):.4f}" in part
