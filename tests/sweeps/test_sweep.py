"""Sweeps: what is tried, what is kept, and who shares it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.errors import ElmanError, UsageError
from elman.sweeps import study as studies
from elman.sweeps.sweep import Sweep

from ..cli.test_cli import run

pytest.importorskip("optuna")

SEARCH = "hidden-size=4,6 learning-rate=1e-4..1:log"
FIXED = {"steps": 20, "eval_every": 2, "threads": 1}
FLAGS = ["--steps", 20, "--eval-every", 2, "--threads", 1, "--search", SEARCH]


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("the quick brown fox jumps over it\n" * 40)
    return "t.txt"


def ended(events):
    return [event for event in events if event["event"] == "finished"]


def test_the_best_is_what_its_command_gives(text, tmp_path):
    found = elman.sweep(text, trials=6, search=SEARCH, output="best.safetensors", **FIXED)
    assert found["settings"].keys() == {"hidden_size", "learning_rate"}
    words = shlex.split(found["command"].replace("best.safetensors", "again.safetensors"))
    assert words[:3] == ["elman", "train", "t.txt"]
    assert run(*words[1:]).exit_code == 0
    one, two = (elman.load(f"{name}.safetensors", task="lm") for name in ("best", "again"))
    assert one.network.parameters.flat.tobytes() == two.network.parameters.flat.tobytes()
    assert one.summary["validation_bits_per_character"] == found["best_value"]


def test_trials_are_cut_short_and_failures_have_their_sentence(text):
    events = []
    found = elman.sweep(text, trials=14, search="hidden-size=4 learning-rate=1e-5..1e3:log",
                        optimizer="sgd", on_event=events.append, **FIXED)  # fmt: skip
    states = [event["state"] for event in ended(events)]
    assert len(states) == 14 == sum(found["trials"].values())
    assert states.count("pruned") == found["trials"]["pruned"] > 0
    for event in ended(events):
        assert (event["message"] is not None) == (event["state"] == "failed")
        assert (event["value"] is None) == (event["state"] == "failed")
    reported = [e for e in events if e["event"] == "report"]
    assert len(reported) > 30 and all(0 < e["progress"] <= 1 for e in reported)


@pytest.mark.parametrize("place", ["s.journal", "sqlite:///s.db"])
def test_a_study_goes_on(text, place):
    first = ended(Sweep([text], FIXED, 3, SEARCH, place).events())
    more = list(Sweep([text], FIXED, 5, SEARCH, place).events())
    assert [event["number"] for event in first + ended(more)] == [0, 1, 2, 3, 4]
    again = list(Sweep([text], FIXED, 5, SEARCH, place).events())
    assert [event["event"] for event in again] == ["sweep", "done"]
    assert again[-1] == more[-1] and again[-1]["trials"]["complete"] + again[-1]["trials"][
        "pruned"] == 5  # fmt: skip
    whole = ended(Sweep([text], FIXED, 5, SEARCH).events())
    assert [event["value"] for event in whole] == [e["value"] for e in first + ended(more)]


def test_a_study_of_something_else_is_refused(text):
    list(Sweep([text], FIXED, 1, SEARCH, "s.journal").events())
    for fixed, search, other in ((FIXED | {"steps": 9}, SEARCH, "different settings"),
                                 (FIXED, "hidden-size=4", "different search")):  # fmt: skip
        with pytest.raises(UsageError, match=other):
            Sweep([text], fixed, 1, search, "s.journal")
    Sweep([text], FIXED | {"threads": 2}, 1, SEARCH, "s.journal")
    shutil.copy(text, "same.txt")
    Sweep(["same.txt"], FIXED, 1, SEARCH, "s.journal")  # by whatever name
    Path(text).write_text("another text, which has the same name\n" * 40)
    with pytest.raises(UsageError, match="with a different text"):
        Sweep([text], FIXED, 1, SEARCH, "s.journal")


def test_a_model_that_is_not_there_is_trained_again(text):
    """The best trial of a study that ran without -o, or was killed before the file was written."""
    list(Sweep([text], FIXED, 2, SEARCH, "s.journal").events())
    elman.train(text, output="b.safetensors", **FIXED, hidden_size=4)  # of something else
    events = list(Sweep([text], FIXED, 2, SEARCH, "s.journal", "b.safetensors").events())
    assert [event["event"] for event in events] == ["sweep", "again", "done"]
    model = elman.load("b.safetensors", task="lm")
    assert model.summary["validation_bits_per_character"] == events[-1]["best_value"]
    assert model.summary["command"] == events[-1]["command"]
    events = list(Sweep([text], FIXED, 2, SEARCH, "s.journal", "b.safetensors").events())
    assert [event["event"] for event in events] == ["sweep", "done"]


@pytest.mark.parametrize("marks", ["other process", "none"])
def test_a_trial_whose_process_is_another_one_now_is_dead(text, marks, monkeypatch):
    """In a container the numbers of processes begin anew: the next one has that of the killed."""
    study = Sweep([text], FIXED, 1, SEARCH, "s.journal").study
    trial = study.ask()
    if marks == "other process":
        for name, value in studies.marks().items():
            trial.set_user_attr(name, "long ago" if name == "began" else value)
    else:
        assert studies.bury(study) == []  # it may just have begun
        monkeypatch.setattr(studies, "UNMARKED", -1.0)
    assert studies.bury(study) == [0]
    events = list(Sweep([text], FIXED, 1, SEARCH, "s.journal").events())
    assert [event["number"] for event in ended(events)] == [1]


def test_settings_are_those_of_train(text):
    shutil.copy(text, "v.txt")
    fixed = {"validation": Path("v.txt"), "steps": np.int64(3), "study": "s.journal"}
    found = elman.sweep(text, trials=1, search="hidden-size=4", **fixed)
    assert "--validation v.txt" in found["command"] and "--steps 3" in found["command"]


def test_ctrl_c_leaves_a_study_that_goes_on(text):
    events = Sweep([text], FIXED, 3, SEARCH, "s.journal").events()
    for event in events:
        if event["event"] == "report" and event["number"] == 1:
            break
    with pytest.raises(KeyboardInterrupt):
        events.throw(KeyboardInterrupt)
    more = list(Sweep([text], FIXED, 3, SEARCH, "s.journal").events())
    assert more[0]["killed"] == [] and [e["number"] for e in ended(more)] == [2, 3]
    assert sum(more[-1]["trials"].values()) == 3


def started(*arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "elman", "sweep", "t.txt", *map(str, arguments), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_no_trial_counts_as_killed(text, number):
    job = started("--trials", 3, "--steps", 10**6, "--study", "s.journal")
    assert job.stdout is not None
    while json.loads(job.stdout.readline())["event"] != "trial":
        pass
    job.send_signal(number)
    # CPython dies of the signal, though it was handled, if it came while a dataclass was made.
    assert job.wait(60) in (130, -signal.SIGINT)  # a shell says 130 of both
    events = Sweep([text], {"steps": 10**6}, 3, None, "s.journal").events()
    assert next(events)["killed"] == []


def test_a_killed_trial_is_known_and_done_again(text):
    process = started(*FLAGS, "--trials", 4, "--study", "s.journal")
    for line in process.stdout:
        if json.loads(line)["event"] == "trial":
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    found = run("sweep", "t.txt", *FLAGS, "--trials", 4, "--study", "s.journal")
    assert found.exit_code == 0, found.exception
    assert "note: trial 0 was killed; a new one replaces it" in found.stderr
    assert "4 of 4 ended" in found.stderr and found.stdout.startswith("elman train t.txt")


def test_two_processes_share_the_trials(text):
    call = (*FLAGS, "--trials", 8, "--study", "s.journal")
    outputs = [process.communicate()[0] for process in (started(*call), started(*call))]
    events = [[json.loads(line) for line in output.splitlines()] for output in outputs]
    numbers = [[event["number"] for event in ended(some)] for some in events]
    assert not set(numbers[0]) & set(numbers[1]) and len([*numbers[0], *numbers[1]]) == 8
    assert all(some[-1]["event"] == "done" for some in events)


def test_a_classifier_is_compared_by_its_f1(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{stem}{n}{end}\t{end}\n" for n in range(9) for stem in "abcd" for end in ("ov", "in")]
    (tmp_path / "n.tsv").write_text("text\tlabel\n" + "".join(rows))
    found = elman.sweep("n.tsv", trials=2, task="classify", search="hidden-size=4,6", steps=4)
    assert 0 <= found["best_value"] <= 1
    assert Sweep(["n.tsv"], {"task": "classify", "steps": 1}, 1).maximize


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cell", "ngram"], "settings of a network"),
        (["-"], "standard input can be read only once"),
        (["--search", "steps=1,2"], "the same in all trials"),
        (["--steps", 2, "--study", "."], "is a folder"),
        (["--steps", 2, "--pooling", "last"], "--pooling needs --task"),
        (["--steps", 2, "--validation", 0, "--search", "hidden-size=4"], "give --validation"),
    ],
)
def test_refusals(text, arguments, words):
    result = run("sweep", "t.txt", "--trials", 1, *arguments)
    assert result.exit_code == 2, result.exception
    assert words in result.stderr.splitlines()[-1]


def test_a_study_that_cannot_be_used(text, tmp_path):
    for place in ("nothing://here", str(tmp_path / "none" / "s.journal")):
        result = run("sweep", "t.txt", "--trials", 1, "--steps", 1, "--study", place)
        assert result.exit_code == 1 and result.stderr.count("\n") == 1, result.stderr


def test_without_optuna_there_is_a_sentence(text, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ElmanError, match=r"pip install '\.\[sweep\]' in the folder of the clone"):
        Sweep([text], FIXED, 1, SEARCH)


@pytest.mark.parametrize(
    "held", [b"one line", b'{"text": "another", "label": "file"}\n', b"\xb8\x01"]
)
def test_a_file_that_is_no_study_is_refused_and_stays(text, tmp_path, held):
    place = tmp_path / "mine"
    place.write_bytes(held)
    with pytest.raises(UsageError, match="is not the study of a sweep"):
        Sweep([text], FIXED, 1, SEARCH, str(place))
    assert place.read_bytes() == held
