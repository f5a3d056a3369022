"""Classifiers from the command line: train, kill, resume, classify, embed, info, bad input."""

from __future__ import annotations

import csv
import json
import signal
import subprocess

import numpy as np
import pytest

SMALL = ["--hidden-size", 10, "--batch-size", 16, "--learning-rate", 0.03, "--threads", 1]


def rows(n=120, seed=0):
    """Made-up names of two countries, which their ends give away, and a third that is rare."""
    rng = np.random.default_rng(seed)
    made = {}
    for i in range(n):
        stem = "".join(rng.choice(list("abdeklmorstü"), rng.integers(2, 6)))
        label, ending = (("Ov", "ov"), ("Ini", "ini"), ("Ov", "ov"), ("San", "さん"))[i % 4]
        made[stem.capitalize() + ending] = label
    return list(made.items())


def tsv(pairs):
    return "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in pairs)


def write_csv(path, pairs, delimiter):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *pairs])


@pytest.fixture(scope="module")
def folder(module_elman):
    (module_elman.folder / "names.tsv").write_text(tsv(rows(240)), encoding="utf-8")
    module_elman(
        "train", "names.tsv", "--task", "classify", *SMALL, "--epochs", 25, "--bidirectional",
        "-o", "names.safetensors",
    ).ok()  # fmt: skip
    return module_elman.folder


@pytest.fixture
def say(module_elman, folder):
    return module_elman


# --------------------------------------------------------------------------- train


def test_training_reports_on_the_test_part(elman):
    (elman.folder / "names.tsv").write_text(tsv(rows()), encoding="utf-8")
    run = elman(
        "train", "names.tsv", "--task", "classify", *SMALL, "--steps", 30, "--log-every", 1,
        "--json",
    ).ok()  # fmt: skip
    start, done = run.events[0], run.done
    assert start["event"] == "start" and start["classes"] == ["Ini", "Ov", "San"]
    assert start["train_texts"] + start["validation_texts"] + start["test_texts"] == start["texts"]
    assert [row["step"] for row in run.named("step")] == list(range(1, 31))
    assert run.losses[-1] < run.losses[0]
    report = done["report"]
    assert sum(c["support"] for c in report["classes"].values()) == start["test_texts"]
    assert np.trace(report["confusion"]) / start["test_texts"] == pytest.approx(
        done["test_accuracy"]
    )
    assert 0 <= done["baselines"]["majority class"]["accuracy"] <= 1
    assert (elman.folder / done["model"]).exists() and done["model"] == "names.safetensors"


def test_the_report_is_text_for_people(elman):
    (elman.folder / "names.tsv").write_text(tsv(rows()), encoding="utf-8")
    run = elman("train", "names.tsv", "--task", "classify", *SMALL, "--steps", 5).ok()
    assert run.stdout == ""
    for words in ("precision  recall", "rows: true class", "majority class", "macro-F1"):
        assert words in run.stderr


@pytest.mark.parametrize("source", ["csv", "folder", "files", "stdin", "columns",
                                    "semicolons", "jsonl", "fasttext", "folders"])  # fmt: skip
def test_every_form_of_the_data_gives_the_same_classifier(elman, read_model, source):
    """The vocabulary and the counts; the order of the texts may differ between the forms."""
    pairs = rows(60)
    arguments, given = ["data.tsv"], None
    if source == "csv":
        write_csv(elman.folder / "data.csv", pairs, ",")
        arguments = ["data.csv"]
    elif source == "semicolons":
        write_csv(elman.folder / "data.csv", pairs, ";")
        arguments = ["data.csv"]
    elif source == "jsonl":
        lines = "".join(json.dumps({"text": t, "label": c}) + "\n" for t, c in pairs)
        (elman.folder / "data.jsonl").write_text(lines, encoding="utf-8")
        arguments = ["data.jsonl"]
    elif source == "fasttext":
        lines = "".join(f"__label__{label} {text}\n" for text, label in pairs)
        (elman.folder / "data.txt").write_text(lines, encoding="utf-8")
        arguments = ["data.txt"]
    elif source == "folders":
        for i, (text, label) in enumerate(pairs):
            (elman.folder / "data" / label).mkdir(parents=True, exist_ok=True)
            (elman.folder / "data" / label / f"{i}.txt").write_text(text, encoding="utf-8")
        arguments = ["data"]
    elif source in ("folder", "files"):
        (elman.folder / "data").mkdir()
        for name in ("Ov", "Ini", "San"):
            lines = "\n".join(text for text, label in pairs if label == name)
            (elman.folder / "data" / f"{name}.txt").write_text(lines, encoding="utf-8")
        arguments = (
            ["data"] if source == "folder" else [f"data/{n}.txt" for n in ("Ov", "Ini", "San")]
        )
    elif source == "stdin":
        arguments, given = ["-"], tsv(pairs)
    else:
        content = tsv(pairs).replace("text\tlabel", "name\tfrom")
        (elman.folder / "data.tsv").write_text(content, encoding="utf-8")
        arguments += ["--text-column", "name", "--label-column", "from"]
    run = elman("train", *arguments, "--task", "classify", *SMALL, "--steps", 2, "--json",
                "-o", "m.safetensors", input=given).ok()  # fmt: skip
    start = run.events[0]
    assert start["texts"] == len(pairs) and start["classes"] == ["Ini", "Ov", "San"]
    model = read_model(elman.folder / "m.safetensors")
    assert model.config["classes"] == ["Ini", "Ov", "San"]
    symbols = set(model.symbols) - {"<unk>"}
    assert symbols == set("".join(text for text, _ in pairs))


def test_a_run_that_was_killed_ends_in_the_same_bits(elman, read_model):
    (elman.folder / "names.tsv").write_text(tsv(rows()), encoding="utf-8")
    arguments = ["names.tsv", "--task", "classify", *SMALL, "--steps", 40, "--save-every", 1,
                 "--log-every", 1, "--dropout", 0.3, "--bidirectional"]  # fmt: skip
    elman("train", *arguments, "-o", "whole.safetensors").ok()
    process = elman.start("train", *arguments, "-o", "killed.safetensors", "--json")
    for line in process.stdout:
        if json.loads(line).get("step") == 15:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = elman("train", "--resume", "killed.safetensors", "--json").ok()
    assert 0 < run.events[0]["step"] < 40
    whole, killed = (read_model(elman.folder / f"{n}.safetensors") for n in ("whole", "killed"))
    assert whole.tensors.keys() == killed.tensors.keys()
    for name, tensor in whole.tensors.items():
        if "history" not in name:
            assert tensor.tobytes() == killed.tensors[name].tobytes(), name


def test_an_interrupted_run_saves_and_says_how_to_go_on(elman):
    (elman.folder / "names.tsv").write_text(tsv(rows()), encoding="utf-8")
    process = elman.start("train", "names.tsv", "--task", "classify", *SMALL, "--epochs", 100000,
                          "--log-every", 1, "--json", "-o", "m.safetensors")  # fmt: skip
    for line in process.stdout:
        if json.loads(line).get("step") == 3:
            break
    process.send_signal(signal.SIGTERM)
    *_, last = process.stdout
    assert json.loads(last)["event"] == "interrupted"
    assert process.wait() == 143
    assert b"train --resume m.safetensors" in process.stderr.read()


# --------------------------------------------------------------------------- classify


def test_classify_gives_a_row_for_every_text_in_order(say):
    run = say("classify", "names.safetensors", "Takov", "Mabini", "Dosさん").ok()
    found = [line.split("\t") for line in run.stdout.splitlines()]
    assert [row[:2] for row in found] == [["Takov", "Ov"], ["Mabini", "Ini"], ["Dosさん", "San"]]
    assert all(0.3 < float(row[2]) <= 1 for row in found)
    assert run.stderr == ""


def test_standard_input_and_arguments_agree(say):
    texts = [text for text, _ in rows(40, seed=7)]
    lines = "\r\n".join(texts).encode()  # a file from Windows, without a line end at the end
    streamed = say("classify", "names.safetensors", "-", input=lines).ok().stdout
    assert streamed == say("classify", "names.safetensors", *texts).ok().stdout
    assert streamed == say("classify", "names.safetensors", input=lines).ok().stdout


def test_all_gives_every_class_the_likeliest_first(say):
    run = say("classify", "names.safetensors", "--all", "Takov", "Mabini").ok()
    found = [line.split("\t") for line in run.stdout.splitlines()]
    assert [row[0] for row in found] == ["Takov"] * 3 + ["Mabini"] * 3
    for part in (found[:3], found[3:]):
        p = [float(row[2]) for row in part]
        assert sorted(p, reverse=True) == p and sum(p) == pytest.approx(1, abs=2e-4)
        assert {row[1] for row in part} == {"Ini", "Ov", "San"}


def test_json_has_all_there_is(say):
    run = say("classify", "names.safetensors", "--json", "--all", "Takov", "a\tb").ok()
    first, second = run.events
    assert first["label"] == "Ov" and second["text"] == "a\tb"
    assert first["probability"] == max(first["probabilities"].values())
    assert sum(first["probabilities"].values()) == pytest.approx(1)


def test_tabs_and_line_ends_do_not_break_the_rows(say):
    run = say("classify", "names.safetensors", "a\tb\nc").ok()
    assert run.stdout.startswith("a\\tb\\nc\t") and run.stdout.count("\n") == 1


def test_answers_come_as_the_lines_do(say):
    process = say.start("classify", "names.safetensors", "-", stdin=subprocess.PIPE)
    for text in ("Takov", "Mabini"):
        process.stdin.write(f"{text}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(f"{text}\t".encode())
    process.stdin.close()
    assert process.wait() == 0


def test_a_byte_order_mark_is_no_text(say):
    run = say("classify", "names.safetensors", "-", input=b"\xef\xbb\xbfTakov\r\nTakov\n").ok()
    first, second = run.stdout.splitlines()
    assert first == second and run.stderr == ""


def test_no_input_no_answer(say):
    assert say("classify", "names.safetensors", "-", input=b"").ok().stdout == ""
    say("embed", "names.safetensors", "-", "-o", "none.npy", input=b"").ok()
    assert np.load(say.folder / "none.npy").shape == (0, 20)


def test_unknown_characters_are_counted(say):
    run = say("classify", "names.safetensors", "Ta日ov", "Takov").ok()
    assert "note: 1 of 10 characters are unknown to the model and read as <unk>; the first is " in (
        run.stderr
    )
    assert len(run.stdout.splitlines()) == 2


# --------------------------------------------------------------------------- embed, info


def test_embed_gives_the_vectors_as_rows_or_as_an_array(say):
    texts = ["Takov", "Mabini", "Dosさん"]
    found = say("embed", "names.safetensors", *texts).ok().stdout.splitlines()
    assert [line.split("\t")[0] for line in found] == texts
    vectors = np.array([line.split("\t")[1:] for line in found], float)
    say("embed", "names.safetensors", "-o", "v.npy", "-", input="\n".join(texts)).ok()
    saved = np.load(say.folder / "v.npy")
    assert saved.shape == (3, 20) and saved.dtype == np.float32
    np.testing.assert_allclose(saved, vectors, rtol=1e-4, atol=1e-6)
    first = say("embed", "names.safetensors", "--json", "Takov").ok().events[0]
    np.testing.assert_allclose(first["vector"], saved[0], atol=1e-6)


def test_the_nearest_of_a_list(say):
    (say.folder / "list.txt").write_text("Rakov\nTolini\nBaさん\n", encoding="utf-8")
    run = say("embed", "names.safetensors", "--nearest", 2, "--among", "list.txt", "Takov").ok()
    found = [line.split("\t") for line in run.stdout.splitlines()]
    assert [row[0] for row in found] == ["Takov"] * 2 and found[0][1] == "Rakov"
    assert 1 >= float(found[0][2]) >= float(found[1][2]) >= -1
    run = say("embed", "names.safetensors", "--nearest", 9, "Takov", "Rakov", "Tolini").ok()
    found = [line.split("\t") for line in run.stdout.splitlines()]
    assert len(found) == 6 and all(row[0] != row[1] for row in found)


def test_a_language_model_embeds_too(elman, corpus):
    elman("train", corpus.name, "--hidden-size", 6, "--steps", 2, "-o", "lm.safetensors").ok()
    run = elman("embed", "lm.safetensors", "the", "a dog").ok()
    assert [len(line.split("\t")) for line in run.stdout.splitlines()] == [7, 7]
    elman("embed", "lm.safetensors", "日").refused((1,), ("日",))


def test_info_shows_classes_and_scores(say):
    facts = say("info", "names.safetensors", "--json").ok().events[0]
    assert facts["classes"] == ["Ini", "Ov", "San"]
    assert 0.5 < facts["test accuracy"] <= 1 and "support" in facts["class Ov"]
    assert "Ini, Ov, San" in say("info", "names.safetensors").ok().stdout


def test_plot_draws_the_confusion_matrix(say):
    pytest.importorskip("matplotlib")
    for flags in ([], ["--kind", "confusion"]):
        run = say("plot", "names.safetensors", *flags, "-o", "confusion.png").ok()
        assert run.stdout == run.stderr == ""
        assert (say.folder / "confusion.png").read_bytes().startswith(b"\x89PNG")


# --------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("content", "flags", "says"),
    [
        ("text\tlabel\na\tx\nb\tx\n", [], ("only the class 'x'",)),
        ("text\tlabel\na\tx\n\ty\n", [], ("bad.tsv", "line 3", "empty")),
        ("text\tlabel\na\tx\nb\n", [], ("bad.tsv", "line 3", "1 column")),
        ("text\tlabel\na\tx\nb\ty\n", ["--label-column", "kind"], ("'kind'", "--label-column")),
        ("", [], ("bad.tsv",)),
        ("text\tlabel\na\tx\nb\ty\n", ["--label-column", "text"], ("two columns",)),
        ("text\tlabel\na\tx\nb\0\ty\n", [], ("bad.tsv", "zero byte", "binary file")),
        ("text\tlabel\na\tx\nb\ty\n", ["--lines"], ("--lines", "--task lm")),
        ("text\tlabel\na\tx\nb\ty\n", ["--cell", "ngram"], ("ngram",)),
        ("text\tlabel\na\tx\nb\ty\n", ["--pooling", "best"], ("--pooling",)),
        ("text\tlabel\na\tx\nb\ty\n", ["--symbol-dropout", "2"], ("--symbol-dropout",)),
    ],
)
def test_bad_data_and_flags(elman, content, flags, says):
    (elman.folder / "bad.tsv").write_text(content, encoding="utf-8")
    elman("train", "bad.tsv", "--task", "classify", *SMALL, "--steps", 2, *flags,
          "-o", "m.safetensors").refused(mentions=says)  # fmt: skip
    assert not (elman.folder / "m.safetensors").exists()


def test_a_class_with_one_example_is_said(elman):
    (elman.folder / "names.tsv").write_text(tsv([*rows(40), ("Unique", "Rare")]))
    run = elman("train", "names.tsv", "--task", "classify", *SMALL, "--steps", 2).ok()
    assert "classes with a single example: 'Rare'" in run.stderr


def test_no_data_at_all(elman):
    elman("train", "--task", "classify").refused((2,), ("--task classify needs labelled texts",))


def test_undecodable_texts_and_flags_without_effect(say):
    say("classify", "names.safetensors", "-", input=b"a\xff\n").refused((1,), ("line 1", "0xff"))
    say("classify", "names.safetensors", "--errors", "replace", "-", input=b"a\xff\n").ok()
    say("embed", "names.safetensors", "--among", "x", "a").refused((2,), ("--nearest",))
    say("embed", "names.safetensors", "--nearest", 2, "a").refused((2,), ("--among FILE",))


def test_the_wrong_kind_of_model(say, make_english):
    (say.folder / "text.txt").write_text(make_english(2000), encoding="utf-8")
    say("train", "text.txt", "--hidden-size", 4, "--steps", 1, "-o", "lm.safetensors").ok()
    sentence = say("classify", "lm.safetensors", "a").refused((1,))
    assert "lm.safetensors is a language model, not a classifier" in sentence
    for verb in (["sample", "names.safetensors"], ["score", "names.safetensors", "text.txt"]):
        assert "names.safetensors is a classifier, not a" in say(*verb).refused((1,))


def test_labels_that_look_like_markup_are_shown_as_they_are(elman):
    pairs = [(text, {"Ov": "[/x]", "Ini": "[bold]C[/bold]"}.get(c, c)) for text, c in rows()]
    (elman.folder / "markup.tsv").write_text(tsv(pairs), encoding="utf-8")
    elman(
        "train", "markup.tsv", "--task", "classify", *SMALL, "--epochs", 1, "-o", "m.safetensors"
    ).ok()
    shown = elman("info", "m.safetensors").ok().stdout
    assert "[/x]" in shown and "class [bold]C[/bold]" in shown
    facts = json.loads(elman("info", "m.safetensors", "--json").ok().stdout)
    assert facts["classes"] == ["San", "[/x]", "[bold]C[/bold]"]
    assert 0 <= facts["class [/x]"]["precision"] <= 1


def test_lines_before_a_bad_one_are_answered(folder, module_elman):
    given = b"Antonov\n\xff\nRossini\n"
    run = module_elman("classify", "names.safetensors", "-", input=given)
    assert run.returncode == 1 and "line 2 of standard input is not UTF-8" in run.stderr
    assert run.stdout.startswith("Antonov\t") and len(run.stdout.splitlines()) == 1
