"""`elman score --lines` and `--symbols`: a row for every line, in its place, as it comes."""

from __future__ import annotations

import json
import math
import os
import sys

import pytest
from tests.memory import megabytes

import elman

SMALL = ["--hidden-size", 12, "--threads", 1, "--steps", 30]


@pytest.fixture(scope="module")
def say(module_elman, make_english):
    (module_elman.folder / "t.txt").write_text(make_english(4000), encoding="utf-8")
    module_elman("train", "t.txt", *SMALL, "-o", "text").ok()
    module_elman("train", "t.txt", "--lines", *SMALL, "-o", "lines").ok()
    tunes = "".join(f"X:{n}\nK:C\nabc def|\n\n" for n in range(1, 60))
    (module_elman.folder / "tunes.abc").write_text(tunes)
    module_elman("train", "tunes.abc", "--separator", "\\n\\n", *SMALL, "-o", "tunes").ok()
    return module_elman


def table(stdout):
    return [line.split("\t") for line in stdout.splitlines()]


@pytest.mark.parametrize("model", ["text", "lines"])
def test_every_line_has_a_row_in_its_order(say, model):
    given = "the dog\n\nthe c\u20act\nbird.\n"
    run = say("score", model, "--lines", input=given).ok()
    rows = table(run.stdout)
    assert [row[3:] for row in rows] == [["1", "the dog"], ["2", ""], ["3", "the c€t"],
                                         ["4", "bird."]]  # fmt: skip
    assert rows[1][:3] == ["", "", ""] and rows[2][:3] == ["inf"] * 3
    assert "the first is '€'" in run.stderr
    run = say("score", model, "--lines", "--json", input=given).ok()
    _, blank, odd, _ = map(json.loads, run.stdout.splitlines())
    assert blank["nats"] is blank["perplexity"] is blank["symbols"] is None and blank["line"] == 2
    assert odd["nats"] is odd["bits_per_character"] is None and odd["unknown"] == 1
    loaded = elman.load(say.folder / model)
    known = loaded.score("the c€t")
    assert known.nats == math.inf and odd["nats_known"] == pytest.approx(known.nats_known)
    scores = loaded.score(["the dog", "bird."])
    assert [row[2] for row in (rows[0], rows[3])] == [f"{s.nats:.4f}" for s in scores]
    assert [s.nats for s in scores] == [loaded.score(t).nats for t in ("the dog", "bird.")]


def test_rank_sorts_at_the_end(say):
    given = "zzxq\n\nthe dog sees the cat.\nthe €\nthe dg sees thcat\n"
    rows = table(say("score", "text", "--lines", "--rank", input=given).ok().stdout)
    bits = [float(row[0]) for row in rows if row[0]]
    assert bits == sorted(bits) and len(rows) == 5
    assert rows[0][4].startswith("the d") and {row[3] for row in rows[-2:]} == {"2", "4"}
    say("score", "text", "--rank", input=given).refused((2,), ("--lines",))
    say("score", "text", "--rank", "--lines", "--symbols", input=given).refused((2,))


def test_symbols_of_lines_and_of_a_stream(say):
    given = "the dog\n\nthe €\n"
    rows = table(say("score", "lines", "--lines", "--symbols", input=given).ok().stdout)
    assert [row[:3] for row in rows[:8]] == [["1", str(i), s] for i, s in
                                             enumerate([*"the dog", "\\n"], 1)]  # fmt: skip
    assert [row[0] for row in rows[8:]] == ["3"] * 6 and rows[12][2:] == ["€", "inf"]
    total = sum(float(row[3]) for row in rows[:8])
    assert total == pytest.approx(elman.load(say.folder / "lines").score("the dog").nats, abs=1e-3)
    run = say("score", "text", "--symbols", "--json", input=given).ok()
    objects = list(map(json.loads, run.stdout.splitlines()))
    assert "".join(row["symbol"] for row in objects) == given
    assert [(row["line"], row["position"]) for row in objects][6:10] == [(1, 7), (1, 8), (2, 1),
                                                                         (3, 1)]  # fmt: skip
    whole = elman.load(say.folder / "text").score(given)
    assert sum(row["nats"] or 0 for row in objects) == pytest.approx(whole.nats_known)
    assert [row["nats"] for row in objects][-2] is None


def test_records_have_rows_of_their_own(say):
    given = "X:1\nK:C\nabc|\n\n\nX:2\nK:C\ndef|\n"
    rows = table(say("score", "tunes", "--lines", input=given).ok().stdout)
    assert [row[3:] for row in rows] == [["1", "X:1\\nK:C\\nabc|"], ["6", "X:2\\nK:C\\ndef|"]]
    symbols = table(say("score", "tunes", "--lines", "--symbols", input=given).ok().stdout)
    assert symbols[3][:3] == ["1", "4", "\\n"] and symbols[4][:2] == ["2", "1"]
    whole = json.loads(say("score", "tunes", "--json", input=given).ok().stdout)
    assert whole["nats"] == pytest.approx(sum(float(row[2]) for row in rows), abs=1e-3)


@pytest.mark.skipif(os.name == "nt", reason="needs tail")
def test_lines_are_scored_as_they_arrive(say):
    log = say.folder / "app.log"
    log.write_text("the dog\n")
    with say.following(log, "score", "lines", "--lines") as row:
        assert row().endswith("\t1\tthe dog\n")
        with open(log, "a") as file:
            file.write("\nthe cat\n")
        assert row() == "\t\t\t2\t\n"
        assert row().endswith("\t3\tthe cat\n")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_lines(say):
    few, many = say.folder / "few.txt", say.folder / "many.txt"
    few.write_text("the dog\n" * 1000)
    many.write_text("the dog\n" * 150_000)
    peaks = []
    for path in (few, many):
        with open(path) as file:
            peaks.append(megabytes(say.folder, "score", "lines", "--lines", stdin=file))
    assert peaks[1] < peaks[0] + 40, peaks


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_million_lines_and_a_line_of_ten_megabytes(say):
    """Ten million and sixty megabytes, by hand: docs/answers.md."""

    def lines():
        for _ in range(10):
            yield "the dog\n" * 100_000

    for pieces, most in ((lines(), 100), (("the dog " * 75_000 for _ in range(17)), 150)):
        read, write = os.pipe()
        if not os.fork():
            os.close(read)
            with os.fdopen(write, "w") as pipe:
                for piece in pieces:
                    pipe.write(piece)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            peak = megabytes(say.folder, "score", "lines", "--lines", stdin=pipe)
        assert peak < most


@pytest.mark.parametrize("odd", [b"the \0dog", b"the \xffdog"])
def test_a_line_that_is_no_text_has_a_row_and_stops_nothing(say, odd):
    run = say("score", "lines", "--lines", input=b"the dog\n" + odd + b"\nthe cat\n").ok()
    rows = table(run.stdout)
    assert [row[3] for row in rows] == ["1", "2", "3"] and rows[1][:3] == ["inf"] * 3
    assert rows[0][0] != "inf" != rows[2][0]
    assert "1, in line 2 of standard input" in run.stderr


def test_a_lone_carriage_return_ends_no_line(say):
    given = b"the dog\rthe cat\n\r\nthe dog\r\n"
    rows = table(say("score", "lines", "--lines", input=given).ok().stdout)
    assert [row[3:] for row in rows] == [["1", "the dog\\rthe cat"], ["2", ""], ["3", "the dog"]]
    both = elman.load(say.folder / "lines").score(["the dog", "the cat"])
    assert float(rows[0][2]) == pytest.approx(sum(s.nats for s in both), abs=1e-3)


def test_the_text_of_a_row_is_the_line_as_it_came(say):
    say("train", "t.txt", "--lines", "--lowercase", *SMALL, "-o", "lower").ok()
    rows = table(say("score", "lower", "--lines", input="The DOG\nthe dog\n").ok().stdout)
    assert [row[4] for row in rows] == ["The DOG", "the dog"] and rows[0][:3] == rows[1][:3]


def test_an_empty_file_has_no_figures_and_stops_nothing(say):
    (say.folder / "empty.txt").write_text("")
    run = say("score", "text", "empty.txt", "t.txt").ok()
    assert run.stdout.splitlines()[0] == "empty.txt: empty" and "t.txt: " in run.stdout
    row = json.loads(say("score", "lines", "empty.txt", "--json").ok().stdout)
    assert row["file"] == "empty.txt" and row["nats"] is row["symbols"] is None
    say("score", "text", "t.txt", "gone.txt").refused((1,), ("gone.txt",))


def test_a_byte_model_takes_no_errors(say):
    say("train", "t.txt", "--tokens", "byte", *SMALL, "-o", "bytes").ok()
    say("score", "bytes", "--errors", "replace", "t.txt").refused((2,), ("--errors",))
