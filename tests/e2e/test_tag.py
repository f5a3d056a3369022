"""Taggers from the command line: train, kill, resume, tag, evaluate, info, bad input."""

from __future__ import annotations

import json
import random
import signal
import subprocess

import pytest

SMALL = ["--hidden-size", 12, "--num-layers", 1, "--embedding-size", 8, "--letter-size", 6,
         "--batch-size", 8, "--learning-rate", 0.02, "--threads", 1]  # fmt: skip
MODEL = "people.safetensors"


def people(n=60, seed=0):
    """Sentences with a person and a place, whose letters give them away, in BIO."""
    draw = random.Random(seed)
    found = []
    for _ in range(n):
        first = "".join(draw.choices("aeiou", k=5)).title()
        place = "".join(draw.choices("xyzkt", k=5)).title()
        found.append(([first, "Lee", "went", "to", place], ["B-PER", "I-PER", "O", "O", "B-LOC"]))
    return found


def conll(rows):
    return "\n".join("".join(f"{t}\t{y}\n" for t, y in zip(*row, strict=True)) for row in rows)


def json_lines(rows):
    return "".join(json.dumps({"id": i, "tokens": t, "labels": y}) + "\n"
                   for i, (t, y) in enumerate(rows))  # fmt: skip


@pytest.fixture(scope="module")
def folder(module_elman):
    (module_elman.folder / "people.conll").write_text(conll(people(200)))
    (module_elman.folder / "test.conll").write_text(conll(people(12, seed=5)))
    module_elman("train", "people.conll", "--task", "tag", *SMALL, "--epochs", 10, "-o", MODEL).ok()
    return module_elman.folder


@pytest.fixture
def say(module_elman, folder):
    return module_elman


# --------------------------------------------------------------------------- train


def test_training_reports_on_the_test_part(elman):
    (elman.folder / "people.conll").write_text(conll(people()))
    run = elman("train", "people.conll", "--task", "tag", *SMALL, "--steps", 20, "--log-every", 1,
                "--json").ok()  # fmt: skip
    start, done = run.events[0], run.done
    assert start["classes"] == ["B-LOC", "B-PER", "I-PER", "O"] and start["scheme"] == "BIO"
    parts = [start[f"{part}_symbols"] for part in ("train", "validation", "test")]
    assert sum(parts) == start["symbols"] == 300 and min(parts) > 0
    assert [row["step"] for row in run.named("step")] == list(range(1, 21))
    losses = [row["train_loss"] for row in run.named("step")]
    assert losses[-1] < losses[0]
    report = done["report"]
    assert report["symbols"] == start["test_symbols"]
    assert {"precision", "recall", "f1", "support"} == set(report["spans"]["all spans"])
    assert 0 <= done["baselines"]["most frequent label"]["span_f1"] <= 1
    assert done["model"] == "people.safetensors" and (elman.folder / done["model"]).exists()


def test_the_report_is_text_for_people(elman):
    (elman.folder / "people.conll").write_text(conll(people()))
    run = elman("train", "people.conll", "--task", "tag", *SMALL, "--steps", 3).ok()
    assert run.stdout == ""
    for words in ("read as columns, one token per line: 60 sequences of 300 words",
                  "letters read by 6 units", "most frequent label", "all spans",
                  "sequences without a wrong label"):  # fmt: skip
        assert words in run.stderr


@pytest.mark.parametrize("form", ["other columns", "parallel", "json lines", "stdin"])
def test_every_form_of_the_data_gives_the_same_tagger(elman, read_model, form):
    rows = people(20)
    (elman.folder / "a.conll").write_text(conll(rows))
    arguments, given = ["a.conll"], None
    if form == "other columns":
        lines = conll(rows).split("\n")
        swapped = [f"{i} " + " ".join(reversed(line.split("\t"))) if line else ""
                   for i, line in enumerate(lines)]  # fmt: skip
        (elman.folder / "a.txt").write_text("\n".join(swapped))
        arguments = ["a.txt", "--token-column", 3, "--label-column", 2]
    elif form == "parallel":
        (elman.folder / "a.txt").write_text("".join(" ".join(t) + "\n" for t, _ in rows))
        (elman.folder / "a.labels").write_text("".join(" ".join(y) + "\n" for _, y in rows))
        arguments = ["a.txt", "--labels", "a.labels"]
    elif form == "json lines":
        (elman.folder / "a.jsonl").write_text(json_lines(rows))
        arguments = ["a.jsonl"]
    elif form == "stdin":
        arguments, given = ["-"], conll(rows)
    elman("train", "a.conll", "--task", "tag", *SMALL, "--steps", 1, "-o", "one.safetensors").ok()
    elman("train", *arguments, "--task", "tag", *SMALL, "--steps", 1, "-o", "two.safetensors",
          input=given).ok()  # fmt: skip
    one, two = (read_model(elman.folder / f"{n}.safetensors") for n in ("one", "two"))
    assert one.summary["sha256"] == two.summary["sha256"]
    for name, tensor in one.weights.items():
        assert tensor.tobytes() == two.weights[name].tobytes(), name


def test_a_run_that_was_killed_ends_in_the_same_bits(elman, read_model):
    (elman.folder / "people.conll").write_text(conll(people()))
    arguments = ["people.conll", "--task", "tag", *SMALL, "--steps", 30, "--save-every", 1,
                 "--log-every", 1, "--dropout", 0.3]  # fmt: skip
    elman("train", *arguments, "-o", "whole.safetensors").ok()
    process = elman.start("train", *arguments, "-o", "killed.safetensors", "--json")
    for line in process.stdout:
        if json.loads(line).get("step") == 12:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = elman("train", "--resume", "killed.safetensors", "--json").ok()
    assert 0 < run.events[0]["step"] < 30
    whole, killed = (read_model(elman.folder / f"{n}.safetensors") for n in ("whole", "killed"))
    assert whole.tensors.keys() == killed.tensors.keys()
    for name, tensor in whole.tensors.items():
        if "history" not in name:
            assert tensor.tobytes() == killed.tensors[name].tobytes(), name


# --------------------------------------------------------------------------- tag


def cells(text):
    return [line.split("\t") for line in text.splitlines()]


def test_a_text_comes_out_as_columns(say):
    run = say("tag", MODEL, "Aeiou Lee went to Kyzzt", "to").ok()
    found = cells(run.stdout)
    assert [row[:2] for row in found[:5]] == [
        ["Aeiou", "B-PER"], ["Lee", "I-PER"], ["went", "O"], ["to", "O"], ["Kyzzt", "B-LOC"],
    ]  # fmt: skip
    assert found[5] == [""] and found[6][0] == "to" and found[7:] == [[""]]
    assert all(0 < float(row[2]) <= 1 for row in found[:5])
    assert "read by their letters alone; the first is 'Aeiou'" in run.stderr


def test_lines_and_arguments_agree(say):
    texts = [" ".join(tokens) for tokens, _ in people(8, seed=3)]
    lines = "\r\n".join(texts).encode()
    (say.folder / "texts.txt").write_bytes(lines)
    expected = say("tag", MODEL, *texts).ok().stdout
    for given in ((), ("-",), ("-f", "texts.txt")):
        assert say("tag", MODEL, *given, input=lines).ok().stdout == expected, given


def test_an_answer_comes_as_its_line_does(say):
    process = say.start("tag", MODEL, "-", stdin=subprocess.PIPE)
    for text in ("Aeiou", "Kyzzt"):
        process.stdin.write(f"{text}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(f"{text}\t".encode())
        assert process.stdout.readline() == b"\n"
    process.stdin.close()
    assert process.wait() == 0


def test_columns_come_out_as_they_were_with_two_more(say):
    given = "# a comment\nAeiou\tx\tB-PER\nLee\ty\tI-PER\n\n\n-DOCSTART-\nKyzzt\tz\tB-LOC\n"
    (say.folder / "given.conll").write_text(given)
    run = say("tag", MODEL, "-f", "given.conll").ok()
    lines = run.stdout.splitlines()
    assert len(lines) == len(given.splitlines())
    for before, after in zip(given.splitlines(), lines, strict=True):
        assert after.startswith(before)
        if "\t" in before:
            label, p = after.removeprefix(before).split("\t")[1:]
            assert label == before.split("\t")[2] and 0 < float(p) <= 1
        else:
            assert after == before
    other = "1 Aeiou\n2 Lee\n"
    (say.folder / "other.txt").write_text(other)
    found = say("tag", MODEL, "-f", "other.txt", "--token-column", 2).ok().stdout.splitlines()
    assert [line.split(" ")[:3] for line in found] == [["1", "Aeiou", "B-PER"],
                                                       ["2", "Lee", "I-PER"]]  # fmt: skip


def test_json_lines_come_out_as_they_were_with_two_more_keys(say):
    tokens = [row[0] for row in people(3, seed=4)]
    given = "".join(json.dumps({"id": i, "tokens": t}) + "\n" for i, t in enumerate(tokens))
    (say.folder / "given.jsonl").write_text(given + "\n" + json_lines(people(1, seed=4)))
    *rows, blank, labelled = say("tag", MODEL, "-f", "given.jsonl").ok().stdout.splitlines()
    for i, (row, words) in enumerate(zip(map(json.loads, rows), tokens, strict=True)):
        assert list(row) == ["id", "tokens", "labels", "probabilities"]
        assert row["id"] == i and row["tokens"] == words
        assert len(row["labels"]) == len(row["probabilities"]) == 5
    assert blank == ""
    assert list(json.loads(labelled)) == ["id", "tokens", "labels", "predicted_labels",
                                          "probabilities"]  # fmt: skip


def test_columns_are_read_as_in_training(say):
    for name, given, tokens in (
        ("hash.txt", "# B\nAeiou O\n\n# a comment\nLee O\n", ["#", "Aeiou", "", None, "Lee"]),
        ("nbsp.col", "10\u00a0000 O\n", ["10\u00a0000"]),
        ("brace.tsv", "{\tO\nLee\tO\n", ["{", "Lee"]),
    ):
        (say.folder / name).write_text(given)
        column = ["--token-column", 1] if name == "hash.txt" else []
        rows = say("tag", MODEL, "-f", name, *column).ok().stdout.splitlines()
        assert len(rows) == len(tokens)
        for row, before, token in zip(rows, given.splitlines(), tokens, strict=True):
            labelled = token not in (None, "")
            assert (row == before) is not labelled and (not labelled or row.startswith(before))
    ud = [["1-2", "du"], ["1", "Aeiou"], ["2", "Lee"], ["2.1", "x"]]
    lines = ["\t".join([*row, *"________"]) for row in ud]
    (say.folder / "ud.conllu").write_text("\n".join(lines))
    rows = say("tag", MODEL, "-f", "ud.conllu", "--token-column", 2).ok().stdout.splitlines()
    assert rows[0] == lines[0] and rows[3] == lines[3]
    assert rows[1].startswith(f"{lines[1]}\tB-PER") and rows[2].startswith(f"{lines[2]}\tI-PER")


@pytest.mark.parametrize("form", ["columns", "json"])
def test_line_ends_come_back(say, form):
    row = people(1)
    given = (conll(row) if form == "columns" else json_lines(row)).replace("\n", "\r\n")
    name = f"crlf.{'conll' if form == 'columns' else 'jsonl'}"
    (say.folder / name).write_bytes(given.encode())
    process = say.start("tag", MODEL, "-f", name)
    out = process.stdout.read()
    assert process.wait() == 0
    assert out.count(b"\r\n") == out.count(b"\n") == given.count("\r\n")


def test_json_is_known_by_its_content(say):
    (say.folder / "jl.txt").write_text("\n" + json_lines(people(2)))
    rows = say("tag", MODEL, "-f", "jl.txt").ok().stdout
    assert [len(json.loads(row)["predicted_labels"]) for row in rows.splitlines()[1:]] == [5, 5]
    assert say("tag", MODEL, "-", input=(say.folder / "jl.txt").read_bytes()).ok().stdout == rows
    say("tag", MODEL, "-f", "jl.txt", "--token-column", 2).refused(
        (2,), ("--token-column", "jl.txt is JSON lines")
    )


def test_arguments_and_standard_input_keep_their_order(say):
    found = cells(say("tag", MODEL, "one", "-", "two", input=b"between\n").ok().stdout)
    assert [row[0] for row in found] == ["one", "", "between", "", "two", ""]


def test_json_has_all_there_is(say):
    first, second = say("tag", MODEL, "--json", "Aeiou Lee", "to").ok().events
    assert first["tokens"] == ["Aeiou", "Lee"] and first["labels"] == ["B-PER", "I-PER"]
    assert first["unknown"] == 0.5 and second["unknown"] == 0
    assert len(second["probabilities"]) == 1


def test_evaluate_judges_by_labels(say):
    found = say("tag", MODEL, "--evaluate", "test.conll", "--json").ok().events[0]
    assert found["sequences"] == 12 and found["symbols"] == 60
    assert found["accuracy"] > 0.9 and 0 < found["macro_f1"] <= 1
    assert sum(map(sum, found["confusion"])) == 60
    assert list(found["classes"]) == ["B-LOC", "B-PER", "I-PER", "O"]
    assert 0 < found["sequence_accuracy"] <= 1 and found["unseen"]["symbols"] > 0
    assert set(found["spans"]) == {"LOC", "PER", "all spans"}
    shown = say("tag", MODEL, "--evaluate", "test.conll").ok()
    assert "all spans" in shown.stdout and f"accuracy {found['accuracy']:.4f}" in shown.stdout
    (say.folder / "t.txt").write_text("Aeiou went\n")
    (say.folder / "t.labels").write_text("B-PER O\n")
    run = say("tag", MODEL, "--evaluate", "t.txt", "--labels", "t.labels", "--json").ok()
    assert run.events[0]["symbols"] == 2


def test_characters(elman):
    draw = random.Random(1)
    words = ["".join(draw.choices("aeiotrn ", k=6)).strip() or "a" for _ in range(60)]
    rows = [(list(word), ["x" if c in "aeiou" else "o" for c in word]) for word in words]
    (elman.folder / "a.tsv").write_text(conll(rows))
    elman("train", "a.tsv", "--task", "tag", "--hidden-size", 8, "--num-layers", 1, "--epochs", 20,
          "--learning-rate", 0.03, "--threads", 1, "-o", "m.safetensors").ok()  # fmt: skip
    found = cells(elman("tag", "m.safetensors", "a ti").ok().stdout)
    assert [row[0] for row in found] == ["a", " ", "t", "i", ""]
    assert [row[1] for row in found[:-1]] == ["x", "o", "o", "x"]
    torn = elman("tag", "m.safetensors", "a\tb\nc").ok().stdout
    assert [row[0] for row in cells(torn)] == ["a", "\\t", "b", "\\n", "c", ""]
    lines = "a\n\n" * 9000 + "foo\n"  # more than are labelled at once
    (elman.folder / "m.conll").write_text(lines)
    (elman.folder / "w.jsonl").write_text('{"tokens": ["a"]}\n{"tokens": ["foo"]}\n')
    for name, line in (("m.conll", 18_001), ("w.jsonl", 2)):
        says = f"{name}, line {line}: the token 'foo', which is not a character"
        elman("tag", "m.safetensors", "-f", name).refused((1,), (says,))
    (elman.folder / "words.conll").write_text(conll(people(12)))
    train = ["train", "--task", "tag"]
    for arguments in (["tag", "m.safetensors", "--evaluate", "words.conll"],
                      [*train, "a.tsv", "--validation", "words.conll"],
                      [*train, "words.conll", "--from", "m.safetensors"]):  # fmt: skip
        says = elman(*arguments).refused((1,), ("are characters, but the token",))
        assert "--tokens" not in says


def test_info_shows_labels_and_scores(say):
    facts = say("info", MODEL, "--json").ok().events[0]
    assert facts["labels"] == ["B-LOC", "B-PER", "I-PER", "O"] and facts["spans"] == "BIO"
    assert 0.5 < facts["test accuracy"] <= 1 and "f1" in facts["span all spans"]
    assert facts["exports"] == ["weights", "onnx", "pytorch", "html", "hub"]


# --------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("content", "flags", "codes", "says"),
    [
        ("a\tx\nb\tx\n", [], (1,), ("only the label 'x'",)),
        ("a\tx\nb\n", [], (1,), ("bad.conll, line 2", "one column")),
        ("a\tx\nb\ty\n", ["--label-column", 3], (1,), ("line 1", "no column 3")),
        ("a\tx\nb\ty\n", ["--label-column", "kind"], (2,), ("--label-column", "'kind'")),
        ("ab\tB-P\nc\tI-Q\n", [], (1,), ("line 2", "I-Q is after B-P", "'c'")),
        ("ab\tx\nc\ty\n", ["--tokens", "char"], (2,), ("'ab'", "not a single character")),
        ("", [], (1,), ("bad.conll",)),
        ("a\tx\nb\ty\n", ["--lines"], (2,), ("--lines", "--task lm")),
        ("a\tx\nb\ty\n", ["--cell", "ngram"], (2,), ("ngram",)),
        ("a\tx\nb\ty\n", ["--labels", "gone.txt"], (1,), ("gone.txt",)),
    ],
)
def test_bad_data_and_flags(elman, content, flags, codes, says):
    (elman.folder / "bad.conll").write_text(content)
    elman("train", "bad.conll", "--task", "tag", "--steps", 1, *flags, "-o",
          "m.safetensors").refused(codes, says)  # fmt: skip
    assert not (elman.folder / "m.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("bad.jsonl", '{"tokens": ["a", "b"], "labels": ["x"]}\n', ("line 1", "2 tokens")),
        ("bad.jsonl", '{"tokens": [], "labels": []}\n', ("line 1", "no tokens")),
        ("bad.jsonl", '{"labels": ["x"]}\n', ("line 1", "'tokens'")),
        ("bad.jsonl", '{"tokens": ["a"], "labels": ["x"]}\nnonsense\n', ("line 2",)),
    ],
)
def test_bad_json_lines(elman, name, content, says):
    (elman.folder / name).write_text(content)
    elman("train", name, "--task", "tag", "--steps", 1, "-o", "m.safetensors").refused((1,), says)


def test_numbers_of_columns_stay_with_the_model(elman):
    rows = people(20)
    lines = ["".join(f"{i}\t{t}\tx\t{y}\t_\n" for i, (t, y) in enumerate(zip(*row, strict=True), 1))
             for row in rows]  # fmt: skip
    (elman.folder / "a.tsv").write_text("\n".join(lines))
    (elman.folder / "v.jsonl").write_text(json_lines(people(4, seed=1)))
    elman("train", "a.tsv", "--task", "tag", *SMALL, "--steps", 1, "-o", "m.safetensors",
          "--token-column", 2, "--label-column", 4, "--validation", "v.jsonl").ok()  # fmt: skip
    told = elman("tag", "m.safetensors", "-f", "a.tsv", "--json").ok().events
    assert [row["tokens"] for row in told] == [tokens for tokens, _ in rows]
    for name in ("a.tsv", "v.jsonl"):
        elman("tag", "m.safetensors", "--evaluate", name).ok()


def test_parallel_files_of_unlike_length(elman):
    (elman.folder / "a.txt").write_text("a b\nc\n")
    (elman.folder / "a.labels").write_text("x y\n")
    arguments = ["train", "a.txt", "--labels", "a.labels", "--task", "tag", "--steps", 1]
    elman(*arguments).refused((1,), ("2 lines", "the same number"))
    (elman.folder / "a.labels").write_text("x y\nx y\n")
    elman(*arguments).refused((1,), ("a.txt, line 2: 1 word", "2 labels"))


def test_what_cannot_be_tagged(say):
    assert say("tag", MODEL, "").ok().stdout == "\n"  # nothing in it has a label
    say("tag", MODEL, "people.conll").refused((2,), ("people.conll", "-f"))
    say("tag", MODEL, "-f", "gone.txt").refused((1,), ("gone.txt",))
    say("tag", MODEL, "a", "--label-column", 2).refused((2,), ("--evaluate",))
    say("tag", MODEL, "a", "--evaluate", "test.conll").refused((2,), ("--evaluate",))
    say("tag", MODEL, "-", input=b"a\xff\n").refused((1,), ("line 1", "0xff"))
    (say.folder / "new.conll").write_text("a\tB-DATE\n")
    say("tag", MODEL, "--evaluate", "new.conll").refused((1,), ("'B-DATE'",))
    (say.folder / "one.jsonl").write_text('{"text": "a"}\n')
    say("tag", MODEL, "-f", "one.jsonl").refused((1,), ("line 1", "'tokens'"))


def test_the_wrong_kind_of_model(say, make_english):
    (say.folder / "text.txt").write_text(make_english(2000))
    say("train", "text.txt", "--hidden-size", 4, "--steps", 1, "-o", "lm.safetensors").ok()
    assert "is a language model, not a tagger" in say("tag", "lm.safetensors", "a").refused((1,))
    assert "is a tagger, not a" in say("classify", MODEL, "a").refused((1,))
    assert "a tagger has no vector" in say("embed", MODEL, "a").refused((2,))


def test_plot_draws_curves_and_labels(say):
    pytest.importorskip("matplotlib")
    say("plot", MODEL, "-o", "all.png").ok()
    assert (say.folder / "all.png").read_bytes().startswith(b"\x89PNG")
    say("plot", MODEL, "--kind", "gradients", "-o", "g.png").refused((2,), ("a tagger predicts",))
