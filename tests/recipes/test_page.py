"""The page of reproductions: what it is made from, and that the committed one is that."""

from __future__ import annotations

import json

import pytest

from elman.recipes import page


def test_saving_makes_json_pictures_and_page_from_one_report(quick, tmp_path):
    pytest.importorskip("matplotlib")
    report = quick("dive")
    paths = page.save(tmp_path, report)
    names = {str(path.relative_to(tmp_path)) for path in paths}
    assert names == {
        "reproductions.md",
        "reproductions/dive.json",
        "reproductions/dive-perplexity.svg",
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
