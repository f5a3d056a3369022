"""A training that is started over the interface of `elman serve`."""

from __future__ import annotations

import shutil
import time

import pytest

import elman

from .conftest import TEXT, serving


@pytest.fixture
def folder(models, tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    shutil.copy(models / "rnn.safetensors", served)
    return served


@pytest.fixture
def served(folder):
    with serving("serve", folder) as server:
        yield server


def start(served, **given):
    return served.post("train/start", **{"name": "mine", "text": TEXT, "minutes": 5} | given)


def state(served):
    return served.get("/api/model").json()["training"]


def test_one_training_at_a_time_which_saves_when_it_is_stopped(served, folder):
    assert served.get("/api/model").json()["starts"] is True and state(served) is None
    answer = start(served, lines=True)
    assert answer.status_code == 200 and answer.json()["model"] == "mine.safetensors"
    again = start(served, name="other")
    assert again.status_code == 409 and "in progress" in again.json()["error"]["message"]
    assert not (folder / "other.txt").exists()
    while state(served)["step"] < 5:
        time.sleep(0.05)
    served.post("train/stop")
    while state(served) is not None:
        time.sleep(0.05)
    model = elman.load(folder / "mine.safetensors")
    assert model.lines and (folder / "mine.txt").read_text() == TEXT
    assert start(served, name="other", minutes=0.02).status_code == 200


def test_a_training_saves_when_the_server_ends(served, folder):
    start(served)
    while state(served)["step"] < 5:
        time.sleep(0.05)
    served.end()
    assert elman.load(folder / "mine.safetensors").summary["steps"] >= 5


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"name": "../up"}, 400, "begin with"), ({"name": ".hidden"}, 400, "begin with"),
        ({"name": "a/b"}, 400, "begin with"), ({"name": "x\\y"}, 400, "begin with"),
        ({"name": "rnn"}, 409, "rnn.safetensors already"), ({"minutes": 11}, 400, "at most 10"),
        ({"minutes": 0}, 400, "above 0"), ({"text": ""}, 400, ""),
        ({"text": "ab"}, 422, "(with elman train, in a terminal)"),
        ({"text": "x" * (1 << 20)}, 413, "longer than"),
        ({"name": "mine", "other": 1}, 400, "no argument"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_refused_leaves_nothing_behind(served, folder, given, status, says):
    answer = start(served, **given)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]["message"]
    assert sorted(path.name for path in folder.parent.rglob("*.txt")) == []
    assert state(served) is None


def test_a_server_of_one_model_starts_none(folder):
    with serving("serve", folder / "rnn.safetensors") as served:
        assert served.get("/api/model").json()["starts"] is False
        assert start(served).status_code == 409


def test_a_server_that_others_can_reach_starts_none(folder):
    with serving("serve", folder, "--host", "0.0.0.0") as served:
        assert start(served).status_code == 403


def test_no_text_is_written_through_a_link(served, folder, tmp_path):
    (folder / "dang.txt").symlink_to(tmp_path / "outside.txt")
    assert start(served, name="dang").status_code == 409
    assert not (tmp_path / "outside.txt").exists()
