"""The page of reproductions: what it is made from, and that the committed one is that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from elman.recipes import page

DOCS = Path(__file__).parents[2] / "docs"


def test_saving_makes_json_pictures_and_page_from_one_report(quick, tmp_path):
    pytest.importorskip("matplotlib")
    report = quick("dive")
    paths = page.save(tmp_path, report)
    names = {str(path.relative_to(tmp_path)) for path in paths}
    assert names == {
        "reproductions.md",
        "reproductions/dive.json",
        "reproductions/dive-letters.svg",
        "reproductions/dive-all.svg",
    }
    first = [path.read_bytes() for path in paths]
    assert b"training perplexity" in first[1]
    page.save(tmp_path, report)
    assert [path.read_bytes() for path in paths] == first  # the same data, the same bytes
    assert page.load(tmp_path / "reproductions") == [json.loads(json.dumps(report))]
    text = (tmp_path / "reproductions.md").read_text(encoding="utf-8")
    assert "| random | 1.42 | " in text
    assert "--hidden-size 24" in text
    assert "![Training perplexity" in text
    assert "```text\ntraveller" in text
    assert "its figures mean nothing" in text


def test_the_committed_page_is_what_the_committed_figures_give():
    reports = page.load(DOCS / "reproductions")
    assert (DOCS / "reproductions.md").read_text(encoding="utf-8") == page.render(reports)
    assert not any(report["quick"] for report in reports)
    for report in reports:
        for section in report["sections"]:
            if section["picture"]:
                name = section["picture"]["name"]
                assert (DOCS / "reproductions" / f"{name}.svg").is_file(), name
