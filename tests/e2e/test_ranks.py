"""Several ranks through the real command and the real mpiexec: kills, signals, traps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests import mpi
from tests.e2e.conftest import clean_environment, english, take_apart

from elman.nn.engine import levels

pytestmark = mpi.needed

SMALL = ["--hidden-size", "16", "--seq-len", "16", "--batch-size", "8", "--shards", "4",
         "--dropout", "0.3", "--sample-every", "1000000"]  # fmt: skip
ENDLESS = [*SMALL, "--steps", "100000000", "--eval-every", "100000000", "--save-every", "20",
           "--json", "-o", "model.safetensors"]  # fmt: skip
SOON = 60.0  # seconds; far more than anything here needs


class Job:
    """Ranks that train: what rank 0 says, and their processes."""

    def __init__(self, folder: Path, *command: object, **environment: str):
        self.environment = clean_environment(folder) | environment
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def await_step(self, step: int) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{") and json.loads(line).get("step", 0) >= step:
                return
        raise AssertionError(self.process.communicate()[1])

    def pid(self, rank: int) -> int:
        """The process of a rank: a descendant whose environment says so."""
        return next(pid for pid in descendants(self.process.pid)
                    if f"PMI_RANK={rank}".encode() in environment(pid))  # fmt: skip

    def end(self) -> tuple[int, list[dict], str]:
        out, err = self.process.communicate(timeout=SOON)
        events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return self.process.returncode, events, err


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "text.txt").write_text(english(4000), encoding="utf-8")
    (tmp_path / "other.txt").write_text(english(4000, seed=9), encoding="utf-8")
    return tmp_path


def elman(*arguments: object) -> list[object]:
    return [sys.executable, "-m", "elman", "train", *arguments]


def mpiexec(count: int, *arguments: object) -> list[object]:
    return [mpi.MPIEXEC, "-n", count, *elman(*arguments)]


def run(folder: Path, *command: object, **environment: str) -> tuple[int, list[dict], str]:
    return Job(folder, *command, **environment).end()


def bits(path: Path) -> dict[str, bytes]:
    arrays = take_apart(path.read_bytes()).tensors
    return {n: a.tobytes() for n, a in arrays.items() if n != "training.history"}


def sentence(found: tuple[int, list[dict], str], code: int) -> str:
    """The only error that was said, and no traceback."""
    assert found[0] == code, found
    assert "Traceback" not in found[2]
    errors = [line for line in found[2].splitlines() if line.startswith("elman: error:")]
    assert len(errors) == 1, found[2]
    return errors[0]


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")


@needs_proc
def test_killed_on_two_ranks_and_resumed_on_any_number_it_ends_as_if_it_was_never_stopped(folder):
    flags = [*SMALL, "--steps", 500, "--eval-every", 50, "--save-every", 20, "--json"]
    job = Job(folder, *elman("text.txt", *flags, "--ranks", 2, "-o", "stopped.safetensors"))
    job.await_step(40)
    os.kill(job.pid(1), signal.SIGKILL)
    assert "a rank ended before the training did" in sentence(job.end(), 1)
    stopped = (folder / "stopped.safetensors").read_bytes()
    state = json.loads(take_apart(stopped).metadata["training"])["state"]
    assert 20 <= state["step"] < 500
    assert run(folder, *elman("text.txt", *flags, "-o", "never.safetensors"))[0] == 0
    for name, start in {"one": elman, "four": lambda *a: mpiexec(4, *a)}.items():
        copy = folder / f"{name}.safetensors"
        copy.write_bytes(stopped)
        code, events, said = run(folder, *start("--resume", copy.name, "--json"))
        assert code == 0 and events[-1]["steps"] == 500, said
        assert "different conditions" not in said
        assert bits(copy) == bits(folder / "never.safetensors")


@needs_proc
@pytest.mark.parametrize(
    ("number", "rank"),
    [(signal.SIGINT, None), (signal.SIGTERM, None), (signal.SIGUSR1, None), (signal.SIGINT, 1),
     (signal.SIGTERM, 1), (signal.SIGUSR1, 0)],
)  # fmt: skip
def test_a_signal_to_any_rank_saves_and_ends(folder, number, rank):
    job = Job(folder, *elman("text.txt", *ENDLESS, "--ranks", 2))
    job.await_step(10)
    os.kill(job.process.pid if rank is None else job.pid(rank), number)
    code, events, said = job.end()
    assert code == 128 + number, said
    assert events[-1]["event"] == "interrupted", said
    model = take_apart((folder / "model.safetensors").read_bytes())
    assert json.loads(model.metadata["summary"])["interrupted"] == events[-1]["step"]


@needs_proc
def test_when_rank_0_is_killed_the_others_end_and_the_file_stands(folder):
    job = Job(folder, *mpiexec(3, "text.txt", *ENDLESS))
    job.await_step(40)
    others = [job.pid(rank) for rank in (1, 2)]
    os.kill(job.pid(0), signal.SIGKILL)
    assert job.end()[0] != 0
    assert not any(environment(pid) for pid in others)
    take_apart((folder / "model.safetensors").read_bytes())


@needs_proc
def test_when_the_command_that_started_them_is_killed_the_ranks_save_and_end(folder):
    # A line after every step, which nobody reads any more.
    job = Job(folder, *elman("text.txt", *ENDLESS, "--eval-every", 1, "--ranks", 2))
    job.await_step(40)
    ranks = [job.pid(rank) for rank in (0, 1)]
    job.process.kill()
    job.process.communicate(timeout=SOON)
    until = time.monotonic() + SOON
    while any(environment(pid) for pid in ranks):
        assert time.monotonic() < until, "the ranks train on"
        time.sleep(0.05)
    model = take_apart((folder / "model.safetensors").read_bytes())
    assert json.loads(model.metadata["summary"])["interrupted"] >= 40


@needs_proc
def test_a_resume_waits_for_the_ranks_of_a_dead_job(folder):
    job = Job(folder, *elman("text.txt", *ENDLESS, "--ranks", 2))
    job.await_step(40)
    again = Job(folder, *elman("--resume", "model.safetensors", "--steps", 1, "--json"))
    time.sleep(2)  # it has found the file in use
    assert again.process.poll() is None
    os.kill(job.process.pid, signal.SIGTERM)
    assert job.end()[0] == 128 + signal.SIGTERM
    code, events, said = again.end()
    assert code == 0 and events[-1]["event"] == "done", said


QUICK = [*SMALL, "--steps", "2", "--json", "-o", "model.safetensors"]


def test_more_ranks_than_shards_are_refused(folder):
    found = run(folder, *elman("text.txt", *QUICK, "--shards", 1, "--ranks", 3))
    assert "3 ranks cannot share 1 shard: give --shards 4" in sentence(found, 2)


def test_ranks_that_were_not_connected_are_refused(folder):
    for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"):
        found = run(folder, *elman("text.txt", *QUICK), **{name: "2"})
        assert "each is alone" in sentence(found, 2) and name in found[2]
    assert not (folder / "model.safetensors").exists()


def test_without_mpi4py_several_processes_are_refused(folder):
    hidden = folder / "without"
    hidden.mkdir()
    (hidden / "mpi4py.py").write_text("raise ImportError")
    path = os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")])
    found = run(folder, *elman("text.txt", *QUICK), PMI_SIZE="2", PYTHONPATH=path)
    assert "pip install '.[mpi]' in the folder of the clone" in sentence(found, 1)


def unlike(first: list[object], second: list[object]) -> list[object]:
    """Two ranks, each with a command of its own."""
    return [mpi.MPIEXEC, "-n", 1, *first, ":", "-n", 1, *second]


def test_ranks_that_are_told_different_things_are_refused(folder):
    one, other = elman("text.txt", *QUICK), elman("text.txt", *QUICK, "--seed", 1)
    assert "rank 1 has other settings than rank 0" in sentence(run(folder, *unlike(one, other)), 2)


@pytest.mark.parametrize(
    ("flags", "words"),
    [(["-o", "other.safetensors"], "rank 1 has another -o than rank 0"),
     (["--steps", "many"], "rank 1: --steps: 'many'")],
)  # fmt: skip
@pytest.mark.parametrize("stumbling", [0, 1])
def test_a_rank_that_goes_no_further_ends_the_others(folder, flags, words, stumbling):
    commands = [elman("text.txt", *QUICK), elman("text.txt", *QUICK, *flags)]
    code, _, said = run(folder, *unlike(*commands[:: 1 if stumbling else -1]))
    assert code in (1, 2)
    assert (words if stumbling else words.removeprefix("rank 1: ")) in said
    assert not list(folder.glob("*.safetensors"))


def test_ranks_that_only_look_at_the_data_are_refused(folder):
    found = run(folder, *mpiexec(2, "text.txt", *SMALL, "--dry-run"))
    assert "several ranks" in sentence(found, 2)


def test_a_flag_that_no_rank_knows_is_said_once(folder):
    code, _, said = run(folder, *mpiexec(3, "text.txt", "--no-such-flag"))
    assert code == 2 and said.count("there is no option --no-such-flag") == 1


def test_ranks_that_read_different_texts_are_refused(folder):
    """As on two hosts, each of which reads for itself."""
    (folder / "a").mkdir(), (folder / "b").mkdir()
    for name, text in (("a", "text.txt"), ("b", "other.txt")):
        (folder / name / "text.txt").write_bytes((folder / text).read_bytes())
    there = (
        "import os, sys; os.chdir(sys.argv.pop(1)); from elman.learn import ranks as r;"
        "r.Ranks.once_a_host = r.Alone.once_a_host; from elman.cli import main; main()"
    )
    commands = ([sys.executable, "-c", there, name, "train", "text.txt", *QUICK] for name in "ab")
    found = run(folder, *unlike(*commands))
    assert "rank 1 has another corpus than rank 0" in sentence(found, 2)


def patched(code: str, *arguments: object) -> list[object]:
    """`elman train` after some lines of Python."""
    code = f"import os\n{code}\nfrom elman.cli import main; main()"
    return [sys.executable, "-c", code, "train", *arguments]


def test_one_rank_of_a_host_reads_the_text(folder):
    counting = ("from elman.text import corpus\n"
                "def load(*a, read=corpus.load):\n"
                "    open(f'read-{os.getpid()}', 'w').close(); return read(*a)\n"
                "corpus.load = load")  # fmt: skip
    command = patched(counting, "text.txt", *QUICK)
    assert run(folder, mpi.MPIEXEC, "-n", 3, *command)[0] == 0
    assert len(list(folder.glob("read-*"))) == 1


@pytest.mark.skipif(len(levels()) < 2, reason="needs two instruction levels")
def test_all_ranks_use_the_lowest_instruction_level(folder):
    lower = [levels()[0], levels()[-1]]
    commands = [patched(f"os.environ['ELMAN_ISA'] = '{level}'", "text.txt", *QUICK)
                for level in lower]  # fmt: skip
    assert run(folder, *unlike(*commands))[0] == 0
    mixed = (folder / "model.safetensors").read_bytes()
    machine = json.loads(take_apart(mixed).metadata["training"])["machine"]
    assert machine["instruction level"] == lower[0]
    assert run(folder, *unlike(*commands[::-1]))[0] == 0
    assert bits(folder / "model.safetensors") == {
        n: a.tobytes() for n, a in take_apart(mixed).tensors.items() if n != "training.history"
    }


def test_standard_input_is_refused(folder):
    assert "standard input" in sentence(run(folder, *mpiexec(2, "-", *QUICK)), 2)


def test_what_all_ranks_find_wrong_is_said_once(folder):
    assert "nothing.txt" in sentence(run(folder, *mpiexec(3, "nothing.txt", *QUICK)), 1)
    found = run(folder, *mpiexec(2, "text.txt", *SMALL, "--steps", 2, "-o", "no/m.safetensors"))
    assert "does not exist" in sentence(found, 1)
    (folder / "damaged.txt").write_bytes(b"abc \xff\xfe bad \x80")
    found = run(folder, *mpiexec(2, "damaged.txt", *SMALL, "--steps", 2))
    assert "damaged.txt is not UTF-8" in sentence(found, 1)


def test_a_rank_that_raises_ends_all(folder):
    code = ("import os; from elman.learn import loop, shards; from elman.errors import ElmanError\n"
            "def fail(self, values):\n"
            "    if self.ranks.rank == 1: raise ElmanError('the machine burns')\n"
            "    return total(self, values)\n"
            "total, shards.Shards.total = shards.Shards.total, fail\n"
            "from elman.cli import main; main()")  # fmt: skip
    command = [sys.executable, "-c", code, "train", "text.txt", *QUICK]
    found = run(folder, mpi.MPIEXEC, "-n", 2, *command)
    assert sentence(found, 1) == "elman: error: rank 1: the machine burns"


def test_a_run_by_the_clock_and_one_that_stops_early_end_on_all_ranks(folder):
    flags = [*SMALL, "--json", "--ranks", 2, "-o"]
    by_clock = run(folder, *elman("text.txt", "--minutes", 0.03, *flags, "clock.safetensors"))
    assert by_clock[0] == 0 and by_clock[1][-1]["event"] == "done", by_clock[2]
    early = run(folder, *elman("text.txt", "--steps", 10**6, "--patience", 1, "--eval-every", 1,
                               "--learning-rate", 2, *flags, "early.safetensors"))  # fmt: skip
    assert early[0] == 0 and early[1][-1]["steps"] < 10**6, early[2]


def test_the_figures_of_the_events_do_not_depend_on_the_ranks(folder):
    def figures(*command):
        code, events, said = run(folder, *command)
        assert code == 0, said
        return [{n: v for n, v in e.items() if n in ("event", "step", "loss", "gradient_norm",
                 "learning_rate", "best", "validation_bits_per_character", "text")}
                for e in events]  # fmt: skip

    flags = [*SMALL, "--steps", 40, "--sample-every", 15, "--json", "-o", "model.safetensors"]
    assert figures(*elman("text.txt", *flags)) == figures(*mpiexec(2, "text.txt", *flags))


def test_info_says_which_mpi_is_there(folder):
    command = [sys.executable, "-m", "elman", "info", "--json"]
    facts = json.loads(subprocess.check_output(command, env=clean_environment(folder)))
    assert "mpi4py" in facts["MPI"]
