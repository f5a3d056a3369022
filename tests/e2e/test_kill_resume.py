"""A training that is killed and resumed, however often, ends in the bits of one that never stopped.

The processes are real and so is SIGKILL. Moments come from seeded generators: after so many
reported steps and so many milliseconds, which strikes anywhere in a step, and as every second step
saves, often enough in the middle of a save.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from shlex import split

import numpy as np
import pytest

COMMON = split(
    "--threads 1 --hidden-size 10 --seq-len 8 --batch-size 4 --save-every 2 --log-every 1"
)

CONFIGURATIONS = {
    "rnn-consecutive-adagrad": """
        --cell rnn --batching consecutive --optimizer adagrad --learning-rate 0.05 --clip-value 5
        --loss sum --validation 0""",
    "lstm-random-adam-dropout": """
        --cell lstm --num-layers 2 --batching random --optimizer adam --learning-rate 0.01
        --dropout 0.3 --schedule cosine --warmup 5 --validation 0.1 --eval-every 11""",
    "gru-lines-dropout": """
        --cell gru --lines --optimizer adam --learning-rate 0.01 --dropout 0.2
        --schedule constant --validation 0.2 --eval-every 9""",
    "rnn-bptt-longer-than-window": """
        --cell rnn --activation relu --batching consecutive --bptt 20 --optimizer sgd
        --momentum 0.9 --learning-rate 0.02 --clip-norm 1 --schedule constant --validation 0""",
    "gru-plateau-float64": """
        --cell gru --embedding-size 6 --batching consecutive --optimizer rmsprop
        --learning-rate 0.01 --weight-decay 0.01 --dtype float64 --schedule plateau
        --patience 0 --validation 0.1 --eval-every 5""",
    "rnn-words-no-bias": """
        --cell rnn --tokens word --vocabulary-size 20 --no-bias --batching random
        --optimizer adam --learning-rate 0.01 --validation 0""",
}


def flags(name: str) -> list[str]:
    return [*COMMON, *CONFIGURATIONS[name].split()]


class Watched:
    """A training process whose `--json` lines are read as they come."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.rows: list[dict] = []
        self.news = threading.Condition()
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue  # half a line: the process was killed while it wrote
            with self.news:
                self.rows.append(row)
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def steps(self) -> list[dict]:
        return [row for row in self.rows if row.get("event") == "step"]

    def wait_for_steps(self, count: int, timeout: float = 60) -> bool:
        """Whether `count` steps were reported while the process lived."""
        with self.news:
            arrived = self.news.wait_for(lambda: self.ended or len(self.steps()) >= count, timeout)
            assert arrived, (
                f"no {count} step lines within {timeout} s: is every --json line flushed?"
            )
            return len(self.steps()) >= count and self.process.poll() is None

    def end(self, sign: int | None = None, timeout: float = 60) -> tuple[int, str]:
        """Send a signal, wait for the end: (return code, stderr)."""
        if sign is not None:
            self.process.send_signal(sign)
        code = self.process.wait(timeout)
        with self.news:
            self.news.wait_for(lambda: self.ended, timeout)
        return code, self.process.stderr.read().decode("utf-8", "replace")


@pytest.fixture
def watch(elman):
    """Start `elman train ... --json` and read it; whatever still runs at the end of the test is
    killed.
    """
    started = []

    def start(*args) -> Watched:
        watched = Watched(elman.start("train", *args, "--json"))
        started.append(watched)
        return watched

    yield start
    for watched in started:
        if watched.process.poll() is None:
            watched.process.kill()
            watched.process.wait()


def leftovers(elman, *expected: str) -> list[str]:
    found = {path.name for path in elman.folder.iterdir()} - {".home", "english.txt", *expected}
    return sorted(found)


def same_bits(read_model, first, second) -> list[str]:
    """Differences between two files: weights, and every tensor of the training state but the
    clock's.
    """
    a, b = read_model(first).tensors, read_model(second).tensors
    found = [f"only one file has {name}" for name in sorted(a.keys() ^ b.keys())]
    for name in sorted(a.keys() & b.keys()):
        if "history" in name or "seconds" in name:
            continue
        if (
            a[name].dtype != b[name].dtype
            or a[name].shape != b[name].shape
            or a[name].tobytes() != b[name].tobytes()
        ):
            found.append(f"{name} differs")
    return found


def killed_again_and_again(
    elman, watch, read_model, name: str, steps: int, kills: int, seed: int
) -> None:
    arguments = ["english.txt", *flags(name), "--steps", steps]
    whole = elman("train", *arguments, "-o", "whole.safetensors", "--json").ok()
    losses = {row["step"]: row["loss"] for row in whole.named("step")}
    assert list(losses) == list(range(1, steps + 1))

    moments = np.random.default_rng(seed)
    model = elman.folder / "killed.safetensors"
    done = 0
    latest = 0
    while done < kills:
        resuming = ["--resume", model.name] if model.exists() else [*arguments, "-o", model.name]
        run = watch(*resuming)
        # Every life but a rare one goes far enough to save something new, so this ends.
        ahead = int(moments.integers(1, max(2, 2 * (steps - 5) // kills)))
        alive = run.wait_for_steps(ahead)
        time.sleep(moments.uniform(0, 0.004))
        code, stderr = run.end(signal.SIGKILL)
        for row in run.steps():
            assert row["loss"] == losses[row["step"]], (
                f"{name}, after {done} kills: step {row['step']} has loss {row['loss']!r}, "
                f"in the run that was never killed {losses[row['step']]!r}"
            )
            latest = max(latest, row["step"])
        if not alive or code != -signal.SIGKILL:
            assert code in (0, -signal.SIGKILL), (
                f"resuming after {done} kills failed with {code}: {stderr}"
            )
            if code == 0:
                break
        done += 1
        if model.exists():
            info = elman("info", model.name)
            assert info.returncode == 0, (
                f"after kill {done} the file on disk cannot be loaded:\n{info}"
            )
    assert done >= kills // 2, (
        f"only {done} of {kills} kills struck before the run ended: the test needs more steps"
    )

    if model.exists():
        elman("train", "--resume", model.name).ok()
    else:
        elman("train", *arguments, "-o", model.name).ok()
    found = same_bits(read_model, elman.folder / "whole.safetensors", model)
    assert not found, f"{name}: after {done} kills (seed {seed}) the end differs: " + "; ".join(
        found
    )
    left = leftovers(elman, "whole.safetensors", "killed.safetensors")
    assert not left, (
        f"{done} kills left files behind that a completed run should have cleaned: {left}"
    )


@pytest.mark.parametrize(
    "name", ["rnn-consecutive-adagrad", "lstm-random-adam-dropout", "gru-lines-dropout"]
)
def test_a_few_kills(elman, watch, read_model, corpus, name):
    killed_again_and_again(elman, watch, read_model, name, steps=60, kills=2, seed=len(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_kills(elman, watch, read_model, corpus, name):
    """Up to four kills for each configuration; see the next test for many of one."""
    killed_again_and_again(elman, watch, read_model, name, steps=120, kills=4, seed=len(name) + 1)


@pytest.mark.slow
def test_at_least_twenty_five_kills_of_one_run(elman, watch, read_model, corpus):
    killed_again_and_again(
        elman, watch, read_model, "gru-plateau-float64", steps=900, kills=50, seed=1
    )


@pytest.mark.parametrize(
    "name", ["rnn-bptt-longer-than-window", "rnn-consecutive-adagrad", "rnn-words-no-bias"]
)
@pytest.mark.parametrize("at", [3, 20])
def test_stopping_in_the_middle_of_everything(elman, read_model, corpus, name, at):
    """Without any signal: a run in two parts, `--steps` few first and more afterwards."""
    constant = [*flags(name), "--schedule", "constant"]
    elman("train", "english.txt", "-o", "whole.safetensors", *constant, "--steps", 40).ok()
    elman("train", "english.txt", "-o", "parts.safetensors", *constant, "--steps", at).ok()
    elman("train", "--resume", "parts.safetensors", "--steps", 40).ok()
    found = same_bits(
        read_model, elman.folder / "whole.safetensors", elman.folder / "parts.safetensors"
    )
    assert not found, f"{name}: {at} steps, then on to 40, is not 40 steps: " + "; ".join(found)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", ["lstm-random-adam-dropout", "rnn-bptt-longer-than-window"])
def test_interrupt_saves_and_resume_continues(elman, watch, read_model, corpus, name, sign, code):
    arguments = ["english.txt", *flags(name), "--save-every", 100_000, "--steps", 400]
    whole = elman("train", *arguments, "-o", "whole.safetensors", "--json").ok()

    run = watch(*arguments, "-o", "stopped.safetensors")
    assert run.wait_for_steps(25), "the run ended before it could be interrupted"
    returned, stderr = run.end(sign)
    assert returned == code, f"{sign.name}: expected exit code {code}, got {returned}: {stderr}"
    assert "Traceback" not in stderr, f"{sign.name} ended in a traceback: {stderr}"
    assert "--resume" in stderr, f"the message should say how to go on: {stderr!r}"
    assert (elman.folder / "stopped.safetensors").exists(), f"{sign.name} did not save"
    elman("info", "stopped.safetensors").ok()

    rest = elman("train", "--resume", "stopped.safetensors", "--json").ok()
    before, after = [row["loss"] for row in run.steps()], rest.losses
    assert rest.named("step")[0]["step"] <= len(before) + 2, "the interrupt lost finished steps"
    assert rest.named("step")[0]["step"] > 20, "the interrupt did not save where it stopped"
    assert before == whole.losses[: len(before)]
    assert after == whole.losses[-len(after) :], (
        "the resumed losses are not those of the uninterrupted run"
    )
    found = same_bits(
        read_model, elman.folder / "whole.safetensors", elman.folder / "stopped.safetensors"
    )
    assert not found, f"{sign.name}, then --resume, is not the uninterrupted run: " + "; ".join(
        found
    )
    assert not leftovers(elman, "whole.safetensors", "stopped.safetensors")


def test_same_seed_same_bits_however_often_it_saves(elman, corpus, read_model):
    arguments = ["english.txt", *flags("lstm-random-adam-dropout"), "--steps", 25]
    elman("train", *arguments, "-o", "a.safetensors").ok()
    elman("train", *arguments, "-o", "b.safetensors", "--save-every", 7).ok()
    elman("train", *arguments, "-o", "c.safetensors", "--seed", 1).ok()
    a, b, c = (read_model(elman.folder / f"{n}.safetensors").weights for n in "abc")
    assert all(a[n].tobytes() == b[n].tobytes() for n in a), "saving more often changed the result"
    assert any(a[n].tobytes() != c[n].tobytes() for n in a), (
        "another seed should give another network"
    )


# ---------------------------------------------------------------- what --resume takes and refuses


@pytest.fixture(scope="module")
def stored(module_elman, make_english):
    """A finished run of twelve steps for tests that leave it alone."""
    corpus = module_elman.folder / "english.txt"
    corpus.write_text(make_english(4000), encoding="utf-8", newline="")
    arguments = [*flags("rnn-consecutive-adagrad"), "--schedule", "constant", "--steps", 12]
    module_elman("train", corpus.name, "-o", "m.safetensors", *arguments).ok()
    return module_elman.folder / "m.safetensors"


@pytest.fixture
def finished(elman, corpus):
    path = elman.folder / "m.safetensors"
    run = elman(
        "train",
        corpus.name,
        "-o",
        path.name,
        *flags("rnn-consecutive-adagrad"),
        "--schedule",
        "constant",
        "--steps",
        12,
    )
    run.ok()
    return path


def test_a_finished_run_ends_at_once(elman, finished, read_model):
    before = read_model(finished)
    run = elman("train", "--resume", finished.name, "--json").ok()
    assert run.named("step") == [], f"a finished run trained on:\n{run}"
    after = read_model(finished)
    assert all(before.tensors[n].tobytes() == after.tensors[n].tobytes() for n in before.tensors)


def test_more_steps_continue_a_finished_run(elman, finished):
    run = elman("train", "--resume", finished.name, "--steps", 20, "--json").ok()
    assert [row["step"] for row in run.named("step")] == list(range(13, 21))
    assert run.done["steps"] == 20


def test_more_epochs_continue_a_run_by_epochs(elman, corpus, read_model):
    constant = [*flags("rnn-consecutive-adagrad"), "--schedule", "constant"]
    elman("train", corpus.name, "-o", "whole.safetensors", *constant, "--epochs", 0.5).ok()
    elman("train", corpus.name, "-o", "parts.safetensors", *constant, "--epochs", 0.2).ok()
    elman("train", "--resume", "parts.safetensors", "--epochs", 0.5).ok()
    found = same_bits(
        read_model, elman.folder / "whole.safetensors", elman.folder / "parts.safetensors"
    )
    assert not found, "; ".join(found)


def test_minutes_resume(elman, corpus):
    arguments = [
        corpus.name,
        *flags("rnn-consecutive-adagrad"),
        "--save-every",
        100,
        "-o",
        "m.safetensors",
    ]
    first = elman("train", *arguments, "--minutes", 0.01, "--json").ok().done["steps"]
    assert first > 0
    again = elman("train", "--resume", "m.safetensors", "--json").ok()
    assert again.named("step") == [], "a run whose minutes are over trained on"
    more = (
        elman("train", "--resume", "m.safetensors", "--minutes", 0.02, "--json").ok().done["steps"]
    )
    assert more > first, "a larger --minutes should continue"


def test_output_elsewhere_leaves_the_first_file_alone(elman, finished, read_model):
    before = finished.read_bytes()
    elman("train", "--resume", finished.name, "-o", "other.safetensors", "--steps", 20).ok()
    assert finished.read_bytes() == before, "--resume FILE -o OTHER wrote to FILE"
    elman("train", "--resume", finished.name, "--steps", 20).ok()
    assert not same_bits(read_model, finished, elman.folder / "other.safetensors")


def test_a_changed_corpus_is_refused(elman, finished, corpus):
    before = finished.read_bytes()
    text = corpus.read_text(encoding="utf-8")
    corpus.write_text(
        text[:100] + ("x" if text[100] != "x" else "y") + text[101:], encoding="utf-8"
    )
    elman("train", "--resume", finished.name, "--steps", 20).refused(
        (1,), mentions=("corpus", "chang")
    )
    assert finished.read_bytes() == before
    corpus.unlink()
    elman("train", "--resume", finished.name, "--steps", 20).refused(
        (1,), mentions=("english.txt",)
    )
    assert finished.read_bytes() == before
    corpus.write_text(text, encoding="utf-8")
    elman("train", "--resume", finished.name, "--steps", 20).ok()


def test_a_corpus_with_a_new_symbol_has_changed(elman, finished, corpus):
    """What the user has to know is that the text changed, not that the model lacks a symbol."""
    with corpus.open("a", encoding="utf-8") as file:
        file.write("Ω")
    run = elman("train", "--resume", finished.name, "--steps", 20)
    run.refused((1,), mentions=("corpus", "chang"))


def test_a_changed_file_in_a_folder_is_refused(elman, corpus):
    folder = elman.folder / "texts"
    folder.mkdir()
    corpus.rename(folder / "a.txt")
    elman("train", "texts", "-o", "m.safetensors", *flags("gru-lines-dropout"), "--steps", 4).ok()
    elman("train", "--resume", "m.safetensors", "--steps", 6).ok()
    (folder / "b.txt").write_text("one more line\n", encoding="utf-8")
    elman("train", "--resume", "m.safetensors", "--steps", 8).refused((1,), mentions=("corpus",))


CONTRADICTIONS = [
    ("--cell", "lstm"),
    ("--hidden-size", "11"),
    ("--num-layers", "2"),
    ("--embedding-size", "3"),
    ("--activation", "relu"),
    ("--dropout", "0.5"),
    ("--seq-len", "9"),
    ("--batch-size", "5"),
    ("--batching", "random"),
    ("--bptt", "30"),
    ("--optimizer", "adam"),
    ("--learning-rate", "0.5"),
    ("--weight-decay", "0.5"),
    ("--schedule", "cosine"),
    ("--clip-value", "1"),
    ("--loss", "mean"),
    ("--dtype", "float64"),
    ("--tokens", "byte"),
    ("--validation", "0.2"),
    ("--seed", "7"),
    ("--max-characters", "100"),
]


@pytest.mark.parametrize(("flag", "value"), CONTRADICTIONS)
def test_a_contradicting_flag_is_refused_by_name(module_elman, stored, flag, value):
    before = stored.read_bytes()
    run = module_elman("train", "--resume", stored.name, "--steps", 14, flag, value)
    run.refused((2,), mentions=(flag,))
    assert stored.read_bytes() == before


@pytest.mark.parametrize("flag", ["--no-bias", "--lines", "--lowercase"])
def test_a_contradicting_switch_is_refused_by_name(module_elman, stored, flag):
    before = stored.read_bytes()
    run = module_elman("train", "--resume", stored.name, "--steps", 14, flag)
    run.refused((2,), mentions=(flag,))
    assert stored.read_bytes() == before


def test_flags_that_agree_with_the_file_are_welcome(elman, finished):
    agreeing = flags("rnn-consecutive-adagrad")
    run = elman(
        "train", "english.txt", "--resume", finished.name, *agreeing, "--steps", 14, "--json"
    ).ok()
    assert [row["step"] for row in run.named("step")] == [13, 14]


def test_another_corpus_on_the_command_line_is_refused(elman, finished, make_english):
    (elman.folder / "other.txt").write_text(make_english(3000, seed=9), encoding="utf-8")
    elman("train", "other.txt", "--resume", finished.name, "--steps", 14).refused()


def test_another_number_of_threads_is_said(elman, finished):
    run = elman("train", "--resume", finished.name, "--steps", 14, "--threads", 2)
    assert run.returncode in (0, 2) and "thread" in run.stderr, (
        f"the change of threads was hidden:\n{run}"
    )


def test_resume_uses_the_threads_of_the_run(elman, finished):
    """`--threads 1` was asked for once; resuming needs nothing else, and other threads change
    bits.
    """
    run = elman("train", "--resume", finished.name, "--steps", 14, "--json").ok()
    assert run.named("start")[0]["threads"] == 1, "the run's --threads 1 was forgotten"
    assert "different conditions" not in run.stderr


def test_resume_of_standard_input_needs_it_again(elman, corpus, read_model):
    text = corpus.read_bytes()
    arguments = [*flags("rnn-consecutive-adagrad"), "--schedule", "constant"]
    elman("train", "-", *arguments, "--steps", 9, "-o", "whole.safetensors", input=text).ok()
    elman("train", "-", *arguments, "--steps", 4, "-o", "parts.safetensors", input=text).ok()
    elman("train", "--resume", "parts.safetensors", "--steps", 9).refused((1, 2), ("input",))
    elman("train", "-", "--resume", "parts.safetensors", "--steps", 9, input=text).ok()
    found = same_bits(
        read_model, elman.folder / "whole.safetensors", elman.folder / "parts.safetensors"
    )
    assert not found, "; ".join(found)


def test_what_had_its_default_cannot_be_given_when_resuming(elman, corpus):
    elman("train", corpus.name, "--hidden-size", 6, "--steps", 1, "-o", "m.safetensors").ok()
    elman("train", "--resume", "m.safetensors", "--warmup", 10).refused(
        (2,), ("--warmup contradicts m.safetensors", "with the default of --warmup", "leave it out")
    )


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_an_initialised_model_can_be_trained(elman, corpus, schedule):
    """`--steps 0` writes a model; more steps continue it, at a learning rate that moves it."""
    arguments = ["--hidden-size", 6, "--seq-len", 8, "--batch-size", 4, "--threads", 1]
    arguments += ["--schedule", schedule, "--learning-rate", 0.01, "--warmup", 0, "--log-every", 1]
    elman("train", corpus.name, *arguments, "--steps", 0, "-o", "m.safetensors").ok()
    run = elman("train", "--resume", "m.safetensors", "--steps", 10, "--json").ok()
    rates = [row["learning_rate"] for row in run.named("step")]
    assert len(rates) == 10
    assert rates[0] == pytest.approx(0.01), f"ten steps from the start, at rates {rates}"
    assert rates[1] > 0.005, f"the schedule had no length to fall over: {rates}"


def test_resume_needs_a_file_that_can_be_resumed(elman, corpus):
    elman("train", "--resume", "missing.safetensors").refused(
        (1, 2), mentions=("missing.safetensors",)
    )
    elman("train", corpus.name, "--cell", "ngram", "--order", 2, "-o", "chain.safetensors").ok()
    run = elman("train", "--resume", "chain.safetensors")
    if (
        run.returncode
    ):  # a chain is finished as soon as it is made; ending at once with 0 is fine as well
        run.refused()


def test_finetuning_is_not_resuming(elman, finished, read_model):
    """--from starts a new run: step 1, the file's weights and vocabulary, the first file
    untouched.
    """
    before = finished.read_bytes()
    run = elman(
        "train",
        "english.txt",
        "--from",
        finished.name,
        "-o",
        "tuned.safetensors",
        "--steps",
        3,
        "--json",
        "--log-every",
        1,
        "--threads",
        1,
        "--learning-rate",
        0.01,
    ).ok()
    assert [row["step"] for row in run.named("step")] == [1, 2, 3]
    assert finished.read_bytes() == before
    old, new = read_model(finished), read_model(elman.folder / "tuned.safetensors")
    assert old.symbols == new.symbols
    assert {n: a.shape for n, a in old.weights.items()} == {
        n: a.shape for n, a in new.weights.items()
    }
    untouched = elman(
        "train", "english.txt", "--from", finished.name, "-o", "zero.safetensors", "--steps", 0
    ).ok()
    zero = read_model(elman.folder / "zero.safetensors").weights
    assert all(zero[n].tobytes() == old.weights[n].tobytes() for n in zero), (
        f"--from lost the weights:\n{untouched}"
    )
    elman("train", "--from", finished.name, "--resume", finished.name).refused((2,))


# ------------------------------------------------------------------------ two processes, one file


def test_two_processes_cannot_write_one_file(elman, watch, corpus):
    arguments = [
        "english.txt",
        *flags("rnn-consecutive-adagrad"),
        "--steps",
        1_000_000,
        "-o",
        "m.safetensors",
    ]
    first = watch(*arguments)
    assert first.wait_for_steps(5)
    started = time.monotonic()
    elman("train", *arguments).refused((1,), mentions=("m.safetensors",))
    assert time.monotonic() - started < 20, "the second process should not wait for the first"
    if (elman.folder / "m.safetensors").exists():
        elman("train", "--resume", "m.safetensors").refused((1,), mentions=("m.safetensors",))
        elman("info", "m.safetensors").ok()  # reading is allowed
    assert first.process.poll() is None, "the first process died of the second"
    first.end(signal.SIGKILL)
    third = elman("train", *arguments[:-4], "--steps", 8, "-o", "m.safetensors")
    assert third.returncode == 0, f"the lock outlived its process:\n{third}"
    left = leftovers(elman, "m.safetensors")
    assert not left, f"left behind: {left}"
