"""`elman train --live`: watched, paused, steered, stopped, killed; and what a resumed run knows."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import httpx
import numpy as np
import pytest
from safetensors import safe_open

import elman
from elman import tasks
from elman.web.live import STEPS, Log
from tests import mpi

from .conftest import TEXT, Served, events, serving

LONG = ["--hidden-size", "16", "--batch-size", "4", "--seq-len", "32", "--steps", "1000000"]


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path / "text.txt"


@contextmanager
def training(corpus, *arguments):
    with serving("train", corpus, "-o", "m.safetensors", "--live", *(arguments or LONG),
                 cwd=corpus.parent) as served:  # fmt: skip
        yield served


def weights(path) -> dict[str, bytes]:
    with safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118


def summary(path) -> dict:
    return elman.load(path).summary


def state(served: Served) -> dict:
    return served.get("/api/model").json()["training"]


def reach(served: Served, wanted: str) -> dict:
    """Wait for a state of the training."""
    end = time.monotonic() + 30
    while (now := state(served))["state"] != wanted:
        assert time.monotonic() < end, f"still {now}, not {wanted}"
        time.sleep(0.02)
    return now


def ask(served: Served, what: str, **arguments) -> dict:
    response = served.post(f"train/{what}", **arguments)
    assert response.status_code == 200, response.text
    return response.json()


def follow(served: Served, last: str | None = None, until=lambda event: False) -> list[dict]:
    """Events until one satisfies `until`, or the stream ends."""
    found = []
    headers = {} if last is None else {"Last-Event-ID": last}
    with (
        served.client() as client,
        client.stream("GET", "/api/train/events", headers=headers) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        for event in events(response):
            assert event["event"] == event["data"]["event"]
            found.append(event)
            if until(event):
                break
    return found


def is_state(name: str):
    return lambda event: event["event"] == "state" and event["data"]["state"] == name


# -- what is shown ------------------------------------------------------------------


def test_live_does_not_change_a_run_that_nobody_touches(corpus, tmp_path):
    settings = ["--hidden-size", "16", "--steps", "60", "--dropout", "0.2", "--log-every", "1"]
    with training(corpus, *settings) as served:
        follow(served, until=is_state("ended"))
        reach(served, "ended")
        assert served.end() == 0
    plain = subprocess.run(
        [sys.executable, "-m", "elman", "train", corpus, "-o", "plain.safetensors", *settings],
        cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    assert plain.returncode == 0, plain.stderr
    live, alone = weights(tmp_path / "m.safetensors"), weights(tmp_path / "plain.safetensors")
    for tensors in (live, alone):
        tensors.pop("training.history")  # has seconds in it
    assert live == alone


def test_the_events_are_those_of_json_and_the_page_stays(corpus):
    with training(corpus, "--steps", "40", "--hidden-size", "16", "--log-every", "5") as served:
        shown = follow(served, until=is_state("ended"))
        assert "stays" in "".join(served.stderr) or served.process.poll() is None
        assert served.post("sample", length=5).status_code == 200  # after the end
        assert served.post("train/pause").status_code == 409
        assert served.end() == 0
    printed = [json.loads(line) for line in served.stdout]
    logged = [e["data"] for e in shown if e["event"] != "state"]
    assert logged == printed
    names = [e["event"] for e in shown]
    assert names[0] == "start" and names[-2:] == ["done", "state"]
    assert [e["data"]["state"] for e in shown if e["event"] == "state"] == [
        "preparing", "running", "ended",
    ]  # fmt: skip


def test_a_client_that_comes_back_gets_what_it_missed(corpus):
    with training(corpus) as served:
        first = follow(served, until=lambda e: e["data"].get("step", 0) >= 50)
        last = first[-1]["id"]
        rest = follow(served, last, until=lambda e: e["data"].get("step", 0) >= 120)
        numbers = [int(e["id"].split("-")[1]) for e in first + rest]
        assert numbers == list(range(1, len(numbers) + 1))
        for foreign in ("ffffff-3", "nonsense", "-", "1", last + "0" * 20):
            again = follow(served, foreign, until=lambda e: True)
            assert again[0]["event"] == "start", foreign
        new = follow(served, until=lambda e: e["data"].get("step", 0) >= 50)
        assert [e["id"] for e in new[: len(first)]] == [e["id"] for e in first]


def test_the_model_is_there_while_it_learns(corpus):
    with training(corpus) as served:
        model = served.get("/api/model").json()["model"]
        assert (model["name"], model["live"], model["kind"]) == ("m.safetensors", True, "lm")
        follow(served, until=lambda e: e["event"] == "step")
        assert served.post("score", text="the dog").status_code == 200
        assert served.post("states", text="the dog").status_code == 200
        assert served.post("score", model="other", text="the dog").status_code == 404


def test_a_classifier_is_shown_too(models, tmp_path):
    with serving("train", models / "names", "--task", "classify", "--live", "-o", "c.safetensors",
                 "--hidden-size", "8", "--steps", "30", cwd=tmp_path) as served:  # fmt: skip
        shown = follow(served, until=is_state("ended"))
        assert [e for e in shown if e["event"] == "evaluation"][-1]["data"]["validation_accuracy"]
        assert served.post("classify", text="karton").json()["classes"] == ["hard", "soft"]


def test_two_streams_are_no_more_than_one(corpus):
    with training(corpus) as served, served.client() as client:
        with client.stream("GET", "/api/train/events"), client.stream("GET", "/api/train/events"):
            pass
        assert state(served)["state"] in ("preparing", "running")


# -- what is asked ------------------------------------------------------------------


def test_pause_and_resume(corpus):
    with training(corpus) as served:
        follow(served, until=lambda e: e["event"] == "step")
        ask(served, "pause")
        paused = reach(served, "paused")
        time.sleep(1.5)
        assert state(served) == paused
        ask(served, "pause")  # again: nothing new
        assert served.post("sample", length=5).status_code == 200
        ask(served, "resume")
        reach(served, "running")
        shown = follow(served, until=lambda e: e["data"].get("step", 0) > paused["step"] + 20)
    steps = [e["data"] for e in shown if e["event"] == "step"]
    before = [s for s in steps if s["step"] <= paused["step"]][-1]
    after = next(s for s in steps if s["step"] > paused["step"])
    assert after["seconds"] - before["seconds"] < 1.4  # the pause does not count
    states = [e["data"]["state"] for e in shown if e["event"] == "state"]
    assert states == ["preparing", "running", "paused", "running"]


def test_stop_saves_and_a_resumed_run_goes_on(corpus):
    with training(corpus) as served:
        follow(served, until=lambda e: e["event"] == "step")
        assert ask(served, "stop")["state"] == "stopping"
        reach(served, "ended")
        shown = follow(served, until=is_state("ended"))
        assert shown[-2]["event"] == "interrupted"
        assert served.post("train/stop").status_code == 409
        assert served.end() == 0
    step = shown[-2]["data"]["step"]
    with serving("train", "--resume", "m.safetensors", "--live", "--steps", str(step + 20),
                 cwd=corpus.parent) as served:  # fmt: skip
        shown = follow(served, until=is_state("ended"))
        assert served.end() == 0
    assert shown[0]["data"]["step"] == step
    assert shown[1]["event"] == "history"
    column = shown[1]["data"]["columns"].index("step")
    assert shown[1]["data"]["rows"][-1][column] <= step
    assert next(e for e in shown if e["event"] == "done")["data"]["steps"] == step + 20


def test_stop_while_paused(corpus):
    with training(corpus) as served:
        ask(served, "pause")
        reach(served, "paused")
        ask(served, "stop")
        reach(served, "ended")
        assert served.end() == 0
    assert (corpus.parent / "m.safetensors").exists()


@pytest.mark.parametrize(("number", "paused"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_signals_save_and_end_it(corpus, number, paused):
    with training(corpus) as served:
        follow(served, until=lambda e: e["event"] == "step")
        if paused:
            ask(served, "pause")
            reach(served, "paused")
        assert served.end(number) == 128 + number
    assert "Traceback" not in "".join(served.stderr)
    assert summary(corpus.parent / "m.safetensors")
    assert not list(corpus.parent.glob(".m.safetensors*"))


def test_killed_it_ends_its_streams_and_leaves_a_model(corpus):
    with (
        training(corpus, *LONG, "--save-every", "10") as served,
        served.client() as client,
        client.stream("GET", "/api/train/events") as response,
    ):
        lines = response.iter_lines()
        while '"step":60' not in next(lines):
            pass
        served.end(signal.SIGKILL)
        with suppress(httpx.HTTPError):  # cut off, in the middle of a piece or between two
            for _ in lines:
                pass
    assert elman.load(corpus.parent / "m.safetensors").training[1]["state"]["step"] >= 10


def test_a_changed_learning_rate_is_taken_shown_and_recorded(corpus):
    with training(corpus, *LONG, "--schedule", "constant", "--learning-rate", "0.01",
                  "--log-every", "1") as served:  # fmt: skip
        ask(served, "pause")
        first = reach(served, "paused")["step"]
        ask(served, "learning-rate", factor=0.5)
        time.sleep(0.3)
        assert state(served)["factor"] == 0.5
        ask(served, "resume")
        follow(served, until=lambda e: e["data"].get("step", 0) >= first + 10)
        ask(served, "pause")
        second = reach(served, "paused")["step"]
        ask(served, "learning-rate", learning_rate=0.002)
        ask(served, "resume")
        shown = follow(served, until=lambda e: e["data"].get("step", 0) >= second + 10)
        ask(served, "stop")
        reach(served, "ended")
    rates = {e["data"]["step"]: e["data"]["learning_rate"] for e in shown if e["event"] == "step"}
    assert rates[first + 1] == pytest.approx(0.005)
    assert rates[second] == pytest.approx(0.005)
    assert rates[second + 1] == pytest.approx(0.002)
    changes = summary(corpus.parent / "m.safetensors")["rate_changes"]
    assert [step for step, _ in changes] == [first, second]
    assert [factor for _, factor in changes] == pytest.approx([0.5, 0.2])


@mpi.needed
def test_several_ranks_are_watched_paused_steered_and_stopped_by_rank_0(corpus):
    with training(corpus, *LONG, "--shards", "2", "--ranks", "2") as served:
        reach(served, "running")
        ask(served, "pause")
        step = reach(served, "paused")["step"]
        ask(served, "learning-rate", factor=0.5)
        time.sleep(0.3)  # every rank waits
        assert state(served)["step"] == step
        ask(served, "resume")
        reach(served, "running")
        ask(served, "stop")
        reach(served, "ended")
        while not any("the page stays" in line for line in served.stderr):
            time.sleep(0.02)  # rank 0 has let the other go
        assert served.end() == 0
    assert json.loads(served.stdout[-1])["event"] == "interrupted"
    assert summary(corpus.parent / "m.safetensors")["rate_changes"] == [[step, 0.5]]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"factor": 0}, {"factor": -1}, {"factor": "1"}, {"factor": None}, {"rate": 1},
     {"factor": 1, "learning_rate": 0.1}, {"learning_rate": 1e9}, {"factor": True}],
)  # fmt: skip
def test_a_learning_rate_that_is_none_is_refused(arguments, refusing):
    response = refusing.post("train/learning-rate", **arguments)
    assert response.status_code == 400
    assert len(response.json()["error"]["message"]) > 10
    assert refusing.post("train/pause", now=True).status_code == 400


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refusing")
    (folder / "text.txt").write_text(TEXT)
    with training(folder / "text.txt") as served:
        yield served


def test_a_resumed_run_knows_the_changed_rate(corpus, tmp_path):
    """Changed at step 10: 40 steps in one go and in two give the same bits."""
    settings = {"hidden_size": 16, "steps": 40, "eval_every": 10, "threads": 1, "seq_len": 32}

    def run(name: str, stop_at: int | None) -> None:
        run = tasks.begin([str(corpus)], settings, tmp_path / name)

        def between_steps() -> None:
            if run.learner.step == 10:
                run.learner.change_rate(0.25)
            run.learner.stop_requested = run.learner.step == stop_at

        run.learner.between_steps = between_steps
        for _ in run.events():
            pass

    run("whole.safetensors", None)
    run("parts.safetensors", 25)
    for _ in tasks.resume(tmp_path / "parts.safetensors", {}).events():
        pass
    whole, parts = weights(tmp_path / "whole.safetensors"), weights(tmp_path / "parts.safetensors")
    histories = [np.frombuffer(w.pop("training.history")).reshape(-1, 6) for w in (whole, parts)]
    assert whole == parts
    assert histories[0][:, -1].tolist() == histories[1][:, -1].tolist()  # learning rates


# -- what goes wrong ----------------------------------------------------------------


def command(*arguments, cwd) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "elman", *map(str, arguments)], cwd=cwd,
                          capture_output=True, text=True, timeout=60)  # fmt: skip


def refused(result: subprocess.CompletedProcess, code: int) -> str:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("elman: error:")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_a_training_that_diverges_says_so_to_both(corpus):
    unclipped = [
        "--optimizer",
        "sgd",
        "--learning-rate",
        "0.001",
        "--clip-norm",
        "0",
        "--cell",
        "rnn",
        "--activation",
        "relu",
    ]
    with training(corpus, *LONG, *unclipped) as served:

        def on_step(event: dict) -> bool:
            if event["event"] == "step" and event["data"]["step"] == 20:
                ask(served, "learning-rate", factor=1e6)
            return is_state("ended")(event)

        shown = follow(served, until=on_step)
        assert served.get("/api/model").json()["training"]["state"] == "ended"  # the page stays
        assert served.end() == 1
    assert shown[-2]["event"] == "failed" and "diverged" in shown[-2]["data"]["message"]
    assert is_state("ended")(shown[-1])
    assert "".join(served.stderr).count("elman: error:") == 1


def test_a_port_that_is_taken_is_said_before_anything_is_written(corpus, server, models):
    port = server.url.rstrip("/").rsplit(":", 1)[1]
    train = command("train", corpus, "--live", "--port", port, cwd=corpus.parent)
    assert f"port {port}" in refused(train, 1)
    assert [path.name for path in corpus.parent.iterdir()] == ["text.txt"]
    assert f"port {port}" in refused(command("serve", models, "--port", port, cwd=models), 1)


@pytest.mark.parametrize("option", [["--port", "0"], ["--no-browser"], ["--host", "127.0.0.1"]])
def test_options_of_the_page_need_the_page(corpus, option):
    result = command("train", corpus, *option, cwd=corpus.parent)
    assert option[0] in refused(result, 2)


def test_a_chain_is_not_shown(corpus):
    result = command("train", corpus, "--live", "--cell", "ngram", cwd=corpus.parent)
    assert "Markov" in refused(result, 2)


def test_serve_without_models(tmp_path):
    assert "elman train" in refused(command("serve", cwd=tmp_path), 2)
    assert "nothing" in refused(command("serve", "nothing", cwd=tmp_path), 1)


def test_serve_on_an_address_that_is_not_ours(models):
    for address in ("no.such.host.invalid", "192.0.2.1"):
        assert address in refused(command("serve", "--host", address, cwd=models), 1)


@pytest.mark.parametrize("verb", [["serve"], ["train", "text.txt", "--live"]])
@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(models, verb, missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = {verb!r}; "
        "from elman.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=models, capture_output=True,
                            text=True, timeout=60)  # fmt: skip
    assert "pip install '.[web]' in the folder" in refused(result, 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_serve_ends_at_a_signal(models, number, code):
    with serving("serve", models) as served:
        assert served.get("/api/model").status_code == 200
        assert served.end(number) == code
    assert served.stdout == []
    assert "Traceback" not in "".join(served.stderr)


# -- the log ------------------------------------------------------------------------


def test_the_log_thins_steps_and_nothing_else():
    log = Log()
    for step in range(3 * STEPS):
        log.append({"event": "step", "step": step})
        if step % 100 == 0:
            log.append({"event": "evaluation", "step": step})
    kept = [json.loads(block.split("data: ")[1]) for block in log.after(0)[0].decode().split("\n\n")
            if block]  # fmt: skip
    steps = [event["step"] for event in kept if event["event"] == "step"]
    evaluations = [event["step"] for event in kept if event["event"] == "evaluation"]
    assert evaluations == list(range(0, 3 * STEPS, 100))
    assert STEPS / 2 <= len(steps) <= STEPS
    assert steps == sorted(steps) and steps[-1] == 3 * STEPS - 1 and steps[0] < 10
    number = log.number(f"{log.mark}-5")
    assert number == 5 and log.after(log.after(0)[1])[0] == b""
