"""`elman reproduce` as its user runs it."""

from __future__ import annotations

import json

import pytest


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
    assert "“hello” in numbers" in result.stdout  # the part that needs no corpus
    assert "not everything was run; what is missing: bendersky, a part of nabi" in result.stderr


def test_a_text_that_is_too_short_is_a_sentence(elman, tmp_path):
    tiny = tmp_path / "tiny.txt"
    tiny.write_text("abc", encoding="utf-8")
    for name in ("bendersky", "nabi", "hello"):
        result = elman("reproduce", name, "--quick", "--corpus", tiny)
        assert result.returncode == 1 and "Traceback" not in result.stderr
        assert "the text is too short" in result.stderr


def test_what_would_fail_in_the_end_is_refused_before_the_trainings(elman, corpus, tmp_path):
    quick = ("reproduce", "dive-exercises", "--quick", "--corpus", corpus)
    binary, empty = tmp_path / "binary", tmp_path / "empty.txt"
    binary.write_bytes(b"a\0\xff")
    empty.touch()
    for unseen, words in (
        (binary, "binary looks like a binary file"), (empty, "empty.txt holds no text"),
        (tmp_path / "nowhere", "nowhere"), (tmp_path, "there is no file"),
    ):  # fmt: skip
        result = elman(*quick, "--unseen", unseen)
        result.refused((1,), (words,))
        assert "seed 0" not in result.stderr


def test_a_spoiled_folder_of_figures_is_refused_before_the_trainings(elman, corpus, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "reproductions").mkdir()
    for spoiled in ("{", "[]", '{"title": 3}'):
        (tmp_path / "reproductions" / "hello.json").write_text(spoiled, encoding="utf-8")
        result = elman("reproduce", "dive", "--quick", "--corpus", corpus, "-o", tmp_path)
        result.refused((1,), ("hello.json holds no figures",))
        assert "seed 0" not in result.stderr
    assert [path.name for path in (tmp_path / "reproductions").iterdir()] == ["hello.json"]
