"""What `elman classify` and `elman embed` answer to files, row by row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os

import numpy as np
import pytest

MODEL = "names.safetensors"
SMALL = ["--hidden-size", 10, "--batch-size", 16, "--learning-rate", 0.03, "--threads", 1]


def rows(n, seed=0):
    """Made-up names of two countries, which their ends give away."""
    draw = np.random.default_rng(seed)
    made = {}
    for i in range(n):
        stem = "".join(draw.choice(list("abdeklmorstü"), draw.integers(2, 6)))
        label, ending = (("Ov", "ov"), ("Ini", "ini"))[i % 2]
        made[stem.capitalize() + ending] = label
    return list(made.items())


def tsv(pairs):
    return "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in pairs)


def write_csv(path, pairs):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *pairs])


@pytest.fixture(scope="module")
def say(module_elman):
    folder = module_elman.folder
    (folder / "names.tsv").write_text(tsv(rows(240)), encoding="utf-8")
    module_elman(
        "train", "names.tsv", "--task", "classify", *SMALL, "--epochs", 25, "-o", MODEL
    ).ok()
    for label in {label for _, label in rows(240)}:
        (folder / "classes").mkdir(exist_ok=True)
        lines = "".join(f"  {text}\n" for text, of in rows(240) if of == label)
        (folder / "classes" / f"{label}.txt").write_text(lines, encoding="utf-8")
    module_elman("train", "classes", "--task", "classify", *SMALL, "--steps", 30, "--seq-len", 8,
                 "-o", "classes.safetensors").ok()  # fmt: skip
    return module_elman


def cells(text):
    return [line.split("\t") for line in text.splitlines()]


def test_every_line_of_a_file_has_a_row(say):
    lines = "Takov\n\nMabini\r\n \nTülov"
    (say.folder / "q.txt").write_bytes(lines.encode())
    found = cells(say("classify", MODEL, "-f", "q.txt").ok().stdout)
    assert [row[0] for row in found] == ["Takov", "", "Mabini", " ", "Tülov"]
    assert [row[1] for row in found][:4] == ["Ov", "", "Ini", ""]
    assert [bool(row[2]) for row in found] == [True, False, True, False, True]
    assert found == cells(say("classify", MODEL, "-", input=lines).ok().stdout)
    with gzip.open(say.folder / "q.txt.gz", "wb") as file:
        file.write(lines.encode())
    assert found == cells(say("classify", MODEL, "-f", "q.txt.gz").ok().stdout)
    packed = (say.folder / "q.txt.gz").read_bytes()
    assert found == cells(say("classify", MODEL, "-", input=packed).ok().stdout)
    run = say("classify", MODEL, "-f", "q.txt", "--json").ok()
    objects = list(map(json.loads, run.stdout.splitlines()))
    assert objects[1] == {"text": "", "label": None, "probability": None, "unknown": 0.0,
                          "cut": False}  # fmt: skip
    assert objects[4]["unknown"] == 0 and objects[0]["label"] == "Ov"


def test_files_arguments_and_standard_input_follow_each_other(say):
    (say.folder / "a.txt").write_text("Takov\n")
    (say.folder / "b.txt").write_text("Mabini\n")
    run = say("classify", MODEL, "Rotov", "-", "-f", "a.txt", "-f", "b.txt", input="Linini\n").ok()
    assert [row[0] for row in cells(run.stdout)] == ["Rotov", "Linini", "Takov", "Mabini"]
    sentence = say("classify", MODEL, "a.txt").refused((2,))
    assert "-f a.txt" in sentence
    assert "-f a.txt" in say("embed", MODEL, "a.txt").refused((2,))
    say("classify", MODEL, "-f", "gone.txt").refused((1,), ("gone.txt",))


def test_a_table_comes_out_as_it_came_in(say):
    pairs = rows(40, seed=3)
    write_csv(say.folder / "new.csv", pairs)
    run = say("classify", MODEL, "-f", "new.csv").ok()
    found = list(csv.reader(io.StringIO(run.stdout)))
    assert found[0] == ["text", "label", "predicted_label", "probability"]
    assert [tuple(row[:2]) for row in found[1:]] == pairs
    texts = [text for text, _ in pairs]
    one_by_one = cells(say("classify", MODEL, *texts).ok().stdout)
    assert [row[2:] for row in found[1:]] == [row[1:] for row in one_by_one]
    write_csv(say.folder / "more.csv", rows(8, seed=4))
    both = say("classify", MODEL, "-f", "new.csv", "-f", "more.csv").ok().stdout
    assert len(list(csv.reader(io.StringIO(both)))) == 1 + len(pairs) + len(rows(8, seed=4))
    (say.folder / "other.csv").write_text("text,n\nTakov,1\n")
    sentence = say("classify", MODEL, "-f", "new.csv", "-f", "other.csv").refused((2,))
    assert "new.csv and other.csv" in sentence
    say("classify", MODEL, "-f", "new.csv", "-f", "other.csv", "--json").ok()
    say("classify", MODEL, "-f", "new.csv", "--all").refused((2,), ("--json",))


def test_any_file_is_a_table_with_its_column(say):
    (say.folder / "t.dat").write_text("id|name\n1|Takov\n2|\n3|Mabini\n")
    run = say("classify", MODEL, "-f", "t.dat", "--text-column", "name").ok()
    found = [line.split("|") for line in run.stdout.splitlines()]
    assert [row[:3] for row in found] == [
        ["id", "name", "label"], ["1", "Takov", "Ov"], ["2", "", ""], ["3", "Mabini", "Ini"]
    ]  # fmt: skip
    assert "without a text" in run.stderr
    piped = say("classify", MODEL, "-", "--text-column", "name",
                input=(say.folder / "t.dat").read_text()).ok()  # fmt: skip
    assert piped.stdout == run.stdout
    say("classify", MODEL, "-f", "t.dat", "--text-column", "nme").refused((1,), ("'nme'",))


def test_rows_before_a_bad_one_are_answered(say):
    (say.folder / "bad.jsonl").write_text('{"text": "Takov"}\n{"name": "Mabini"}\n')
    run = say("classify", MODEL, "-f", "bad.jsonl")
    assert run.returncode == 1 and "line 2" in run.stderr
    assert json.loads(run.stdout)["label"] == "Ov"


def test_texts_are_stripped_where_those_of_training_were(say):
    run = say("classify", "classes.safetensors", " Takov\t", "Takov").ok()
    stripped, plain = cells(run.stdout)
    assert stripped[1:] == plain[1:] and stripped[0] == " Takov\\t"
    assert json.loads(say("info", "classes.safetensors", "--json").ok().stdout)["classes"]


def test_long_texts_are_cut_and_that_is_said(say):
    run = say("classify", "classes.safetensors", "Takovtakov", "Takov", "--json").ok()
    assert [json.loads(line)["cut"] for line in run.stdout.splitlines()] == [True, False]
    assert "the 8 symbols" in run.stderr and ": 1;" in run.stderr


def test_another_case_is_said(say):
    run = say("classify", MODEL, "TAKOV", "--json").ok()
    assert "--lowercase" in run.stderr and json.loads(run.stdout)["unknown"] > 0


def test_threshold_and_among(say):
    texts = [text for text, _ in rows(30, seed=5)]
    run = say("classify", MODEL, "--all", "--json", *texts).ok()
    every = list(map(json.loads, run.stdout.splitlines()))
    run = say("classify", MODEL, "--threshold", 0.985, *texts).ok()
    for row, known in zip(cells(run.stdout), every, strict=True):
        sure = known["probability"] >= 0.985
        assert row[1] == (known["label"] if sure else "")
        assert float(row[2]) == pytest.approx(known["probability"], abs=1e-4)
    assert any(row[1] == "" for row in cells(run.stdout))
    run = say("classify", MODEL, "--among", "Ov,Ini", "--json", "--threshold", 0.7, *texts).ok()
    for line, known in zip(run.stdout.splitlines(), every, strict=True):
        p = known["probabilities"]
        best = max(("Ini", "Ov"), key=p.get)
        probability = p[best] / (p["Ov"] + p["Ini"])
        found = json.loads(line)
        assert found["probability"] == pytest.approx(probability, rel=1e-4)
        assert found["label"] == (best if found["probability"] >= 0.7 else None)
    say("classify", MODEL, "--among", "Ov,Nowhere", "a").refused((2,), ("'Nowhere'",))
    say("classify", MODEL, "--threshold", "1.5", "a").refused((2,), ("--threshold",))
    say("classify", MODEL, "--threshold", "nan", "a").refused((2,), ("--threshold",))


def test_the_report_says_what_probabilities_are_worth(say):
    run = say("classify", MODEL, "--evaluate", "names.tsv", "--json").ok()
    report = json.loads(run.stdout)
    assert 0 <= report["calibration_error"] < 0.2 and report["temperature"] != 1
    shown = say("classify", MODEL, "--evaluate", "names.tsv").ok().stdout
    assert f"expected calibration error {report['calibration_error']:.3f}" in shown
    assert f"temperature {report['temperature']:.2f}" in shown


def test_vectors_keep_step_with_lines(say):
    (say.folder / "e.txt").write_text("Takov\n\nMabini\n")
    found = cells(say("embed", MODEL, "-f", "e.txt").ok().stdout)
    width = len(found[0])
    assert [len(row) for row in found] == [width] * 3 and set(found[1]) == {""}
    say("embed", MODEL, "-f", "e.txt", "-o", "v.npy").ok()
    vectors = np.load(say.folder / "v.npy")
    assert np.isnan(vectors[1]).all() and np.isfinite(vectors[[0, 2]]).all()
    near = cells(say("embed", MODEL, "-f", "e.txt", "--nearest", 1).ok().stdout)
    assert [row[:2] for row in near] == [["Takov", "Mabini"], ["", ""], ["Mabini", "Takov"]]
    (say.folder / "e.csv").write_text("n,text\n1,Takov\n2,Mabini\n")
    table = cells(say("embed", MODEL, "-f", "e.csv").ok().stdout)
    assert table == [found[0], found[2]]


@pytest.mark.skipif(os.name == "nt", reason="needs tail")
def test_lines_are_answered_as_they_arrive(say):
    """`tail -f LOG | elman classify MODEL -`, through a real pipe."""
    log = say.folder / "app.log"
    log.write_text("Takov\n")
    with say.following(log, "classify", MODEL, "-") as row:
        assert row().startswith("Takov\tOv\t")
        with open(log, "a") as file:
            file.write("Mabini\n")
        assert row().startswith("Mabini\tIni\t")


def test_a_damaged_table_with_a_quoted_header_is_refused_in_a_sentence(say):
    (say.folder / "d.csv").write_text('"id","text"\n"1","Takov"\n"2","Mabini" x\n')
    run = say("classify", MODEL, "-f", "d.csv")
    assert run.returncode == 1 and "d.csv, line 3" in run.stderr and "Traceback" not in run.stderr
    assert len(run.stdout.splitlines()) == 2


def test_answers_of_unlike_form_do_not_follow_each_other(say):
    (say.folder / "one.csv").write_text("id,text\n1,Takov\n")
    say("classify", MODEL, "Mabini", "-f", "one.csv").refused((2,), ("--json",))
    (say.folder / "h1.csv").write_text("1,Takov\n")
    (say.folder / "h2.csv").write_text("1,Takov,x\n")
    say("classify", MODEL, "-f", "h1.csv", "-f", "h2.csv", "--text-column", 2).refused((2,))
    (say.folder / "a.jsonl").write_text('{"text": "Takov"}\n')
    (say.folder / "b.jsonl").write_text('{"text": "Takov", "label": "x"}\n')
    say("classify", MODEL, "-f", "a.jsonl", "-f", "b.jsonl").refused((2,))


def test_the_line_in_which_excel_names_the_delimiter_stays(say):
    (say.folder / "excel.csv").write_text("sep=;\nid;text\n1;Takov\n")
    lines = say("classify", MODEL, "-f", "excel.csv").ok().stdout.splitlines()
    assert lines[:2] == ["sep=;", "id;text;label;probability"] and len(lines) == 3


def test_a_key_that_a_later_line_lacks(say):
    (say.folder / "lacks.jsonl").write_text('{"text": "Takov"}\n{"txt": "Mabini"}\n')
    run = say("classify", MODEL, "-f", "lacks.jsonl")
    assert "leave the line out" in run.stderr and len(run.stdout.splitlines()) == 1


@pytest.mark.parametrize("flags", [["--text-column", "x"], ["--delimiter", ";"],
                                   ["--encoding", "cp1252"], ["--errors", "replace"]])  # fmt: skip
def test_flags_about_files_are_refused_where_there_are_only_texts(say, flags):
    for verb in ("classify", "embed"):
        say(verb, MODEL, "Takov", *flags).refused((2,), (flags[0],))
    for among in ("", "Ov\rIni", '"Ov'):
        say("classify", MODEL, "--among", among, "Takov").refused((2,), ("--among",))


def test_embed_says_what_is_unknown_and_cut(say):
    run = say("embed", "classes.safetensors", "Takovtakov", "QQ", "", "--json").ok()
    rows = list(map(json.loads, run.stdout.splitlines()))
    assert [row["cut"] for row in rows] == [True, False, False]
    assert [row["unknown"] for row in rows] == [0, 1, 0] and rows[2]["vector"] is None
    assert "the 8 symbols" in run.stderr and "unknown" in run.stderr
