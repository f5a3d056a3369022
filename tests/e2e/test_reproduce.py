"""`elman reproduce` as its user runs it."""

from __future__ import annotations

import json


def test_the_list_has_one_name_a_line_first(elman):
    lines = elman("reproduce", "--list").ok().stdout.splitlines()
    assert "dive" in [line.split()[0] for line in lines]
    rows = elman("reproduce", "--list", "--json").ok().events
    assert [row["name"] for row in rows] == [line.split()[0] for line in lines]


def test_a_quick_run_prints_published_and_ours(elman, corpus):
    result = elman("reproduce", "dive", "--quick", "--corpus", corpus).ok()
    assert "1.42" in result.stdout and "±" in result.stdout
    assert "settings of random: --batching random --cell rnn" in result.stdout
    assert "a quick run" in result.stdout
    assert "random, seed 2" in result.stderr  # progress
    assert "seed 2" not in result.stdout


def test_json_is_one_object(elman, corpus):
    report = json.loads(
        elman("reproduce", "dive", "--quick", "--json", "--corpus", corpus).ok().stdout
    )
    assert report["recipe"] == "dive" and report["quick"] is True
    assert report["sections"][0]["rows"][0][1] == 1.42


def test_what_is_wrong_is_said_in_a_sentence(elman, tmp_path):
    elman("reproduce").refused((2,), ("--all",))
    elman("reproduce", "dance").refused((2,), ("no recipe 'dance'", "dive"))
    elman("reproduce", "dive", "--all").refused((2,), ("--all",))
    elman("reproduce", "dive", "-o", tmp_path / "nowhere").refused((2,), ("does not exist",))
    elman("reproduce", "dive", "--corpus", tmp_path / "no.txt").refused((1,), ("no.txt",))


def test_all_goes_on_where_a_corpus_is_missing(elman, tmp_path):
    missing = tmp_path / "no.txt"
    result = elman("reproduce", "--all", "--quick", "--corpus", missing)
    assert result.returncode == 1
    assert "skipped dive: " in result.stderr
    assert "not everything was run" in result.stderr
