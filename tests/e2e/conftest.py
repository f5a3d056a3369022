"""Fixtures of the end-to-end tests: they drive the real command in a process of its own.

Nothing here imports the package; what a test may rely on is the command line and the model file.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

COMMAND = [sys.executable, "-m", "elman"]


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: long tests, run by CI and by `pytest -m slow`")


def clean_environment(home: Path) -> dict[str, str]:
    """The caller's environment without what could change a result: caches, colours, thread
    counts.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ELMAN_")
    }
    environment.update(
        HOME=str(home),
        XDG_CACHE_HOME=str(home / ".cache"),
        NO_COLOR="1",
        PYTHONIOENCODING="utf-8",
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        MKL_NUM_THREADS="1",
    )
    return environment


@dataclass(frozen=True)
class Result:
    """What one run of the command left behind."""

    args: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        def shorten(text: str) -> str:
            return text if len(text) < 3000 else text[:1500] + "\n[...]\n" + text[-1500:]

        return (
            f"`elman {' '.join(self.args)}` ended with {self.returncode}\n"
            f"--- stdout\n{shorten(self.stdout)}\n--- stderr\n{shorten(self.stderr)}"
        )

    def ok(self) -> Result:
        """The run, having asserted that it succeeded and printed no traceback."""
        assert self.returncode == 0, f"expected success:\n{self}"
        assert "Traceback" not in self.stderr, f"a traceback in a successful run:\n{self}"
        return self

    @property
    def events(self) -> list[dict]:
        """The standard output of a `--json` run: one JSON object a line, nothing else."""
        rows = []
        for number, line in enumerate(self.stdout.splitlines(), 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                raise AssertionError(
                    f"line {number} of --json output is not JSON: {line!r}\n{self}"
                ) from None
            assert isinstance(row, dict), (
                f"line {number} of --json output is not an object: {line!r}"
            )
            rows.append(row)
        return rows

    def named(self, event: str) -> list[dict]:
        return [row for row in self.events if row.get("event") == event]

    @property
    def losses(self) -> list[float]:
        return [row["loss"] for row in self.named("step")]

    @property
    def done(self) -> dict:
        assert self.events and self.events[-1].get("event") == "done", (
            f"the last line is not `done`:\n{self}"
        )
        return self.events[-1]

    def refused(self, codes: tuple[int, ...] = (1, 2), mentions: tuple[str, ...] = ()) -> str:
        """The sentence of a refusal, having asserted that it is exactly one and that it says
        `mentions`.
        """
        assert "Traceback" not in self.stderr + self.stdout, (
            f"a traceback instead of a sentence:\n{self}"
        )
        assert self.returncode in codes, f"expected the exit code to be one of {codes}:\n{self}"
        lines = [line for line in self.stderr.splitlines() if line.strip()]
        said = [line for line in lines if line.startswith("elman: error:")]
        assert len(said) == 1, f"expected exactly one error line, got {len(said)}:\n{self}"
        rest = [line for line in lines if line is not said[0]]
        usage = [line for line in rest if re.match(r"(hint: |\s)", line)]
        assert rest == usage, f"more on stderr than one sentence:\n{self}"
        sentence = said[0].removeprefix("elman: error:").strip()
        assert len(sentence) > 10, f"the error says too little: {sentence!r}"
        for words in mentions:
            assert words.lower() in sentence.lower(), (
                f"the error does not mention {words!r}: {sentence!r}"
            )
        return sentence


class Elman:
    """Runs `python -m elman ...` in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.home = folder / ".home"
        self.home.mkdir(exist_ok=True)

    def __call__(self, *args, input=None, env=None, timeout=120, cwd=None, **popen) -> Result:
        arguments = tuple(str(a) for a in args)
        if isinstance(input, str):
            input = input.encode("utf-8")
        finished = subprocess.run(
            [*COMMAND, *arguments],
            input=b"" if input is None else input,
            capture_output=True,
            cwd=cwd or self.folder,
            env={**clean_environment(self.home), **(env or {})},
            timeout=timeout,
            **popen,
        )
        return Result(
            arguments,
            finished.returncode,
            finished.stdout.decode("utf-8", "surrogateescape"),
            finished.stderr.decode("utf-8", "backslashreplace"),
        )

    def start(self, *args, **popen) -> subprocess.Popen:
        """The command as a running process, for tests that interrupt it."""
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen(
            [*COMMAND, *(str(a) for a in args)],
            cwd=self.folder,
            env=clean_environment(self.home),
            **{**options, **popen},
        )

    @contextmanager
    def following(self, log: Path, *args):
        """`tail -f LOG | elman ...`, through a real pipe: what reads the next row."""
        command = [*COMMAND, *map(str, args)]
        with (
            subprocess.Popen(["tail", "-f", str(log)], stdout=subprocess.PIPE) as tail,
            subprocess.Popen(command, stdin=tail.stdout, stdout=subprocess.PIPE, text=True,
                             cwd=self.folder, env=clean_environment(self.home)) as verb,
        ):  # fmt: skip
            try:
                yield verb.stdout.readline
            finally:
                tail.kill()
                verb.kill()


@pytest.fixture
def elman(tmp_path) -> Elman:
    return Elman(tmp_path)


@pytest.fixture(scope="module")
def module_elman(tmp_path_factory) -> Elman:
    """The same, in a folder shared by the tests of one file (for models trained once)."""
    return Elman(tmp_path_factory.mktemp("module"))


# --------------------------------------------------------------------------- text


def english(characters: int = 4000, seed: int = 0) -> str:
    """English-like text from a tiny grammar: the same `seed` gives the same text everywhere."""
    nouns = ["dog", "cat", "bird", "farmer", "child", "river", "garden", "stone", "boat", "teacher"]
    adjectives = ["small", "old", "quiet", "happy", "green", "long"]
    verbs = ["sees", "finds", "follows", "likes", "carries", "watches"]
    places = ["in the garden", "near the river", "on the hill", "after the rain", "at night"]
    state = seed * 2654435761 + 12345

    def pick(words: list[str]) -> str:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return words[(state >> 33) % len(words)]

    def thing() -> str:
        return f"the {pick(adjectives)} {pick(nouns)}" if pick(["", "x"]) else f"the {pick(nouns)}"

    lines: list[str] = []
    length = 0
    while length <= characters:
        line = f"{thing()} {pick(verbs)} {thing()}"
        if pick(["", "x"]):
            line += f" {pick(places)}"
        line = line[0].upper() + line[1:] + pick([".", ".", ".", "!", "?"])
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines)[: characters - 1] + "\n"


@pytest.fixture(scope="session")
def make_english():
    return english


@pytest.fixture
def corpus(tmp_path) -> Path:
    """A file of 4,000 characters of English-like text."""
    path = tmp_path / "english.txt"
    path.write_text(english(4000), encoding="utf-8", newline="")
    return path


# --------------------------------------------------------------------------- model files

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


@dataclass(frozen=True)
class ModelFile:
    """A safetensors file taken apart by hand: the format is eight bytes of length, JSON, and
    data.
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return {
            name: value for name, value in self.tensors.items() if not name.startswith("training.")
        }

    @property
    def training(self) -> dict[str, np.ndarray]:
        return {name: value for name, value in self.tensors.items() if name.startswith("training.")}

    @property
    def config(self) -> dict:
        return json.loads(self.metadata["config"])

    @property
    def summary(self) -> dict:
        return json.loads(self.metadata["summary"])

    @property
    def vocabulary(self) -> dict:
        return json.loads(self.metadata["vocabulary"])

    @property
    def symbols(self) -> list[str]:
        return self.vocabulary["symbols"]


def take_apart(data: bytes) -> ModelFile:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length :]
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(body[begin:end], DTYPES[entry["dtype"]]).reshape(
            entry["shape"]
        )
    return ModelFile(tensors, metadata)


@pytest.fixture(scope="session")
def read_model():
    """read_model(path or bytes) -> ModelFile, independent of the package and of the safetensors
    library.
    """

    def read(source) -> ModelFile:
        return take_apart(source if isinstance(source, bytes) else Path(source).read_bytes())

    return read


def differences(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> list[str]:
    """What keeps two sets of tensors from being the same bits, as sentences."""
    found = [f"only one has {name}" for name in sorted(a.keys() ^ b.keys())]
    for name in sorted(a.keys() & b.keys()):
        x, y = a[name], b[name]
        if (x.dtype, x.shape) != (y.dtype, y.shape):
            found.append(f"{name} is {x.dtype}{x.shape} in one, {y.dtype}{y.shape} in the other")
        elif x.tobytes() != y.tobytes():
            unequal = np.count_nonzero(x.ravel().view(np.uint8) != y.ravel().view(np.uint8))
            found.append(f"{name} differs in {unequal} bytes of {x.nbytes}")
    return found


@pytest.fixture(scope="session")
def assert_same_weights(read_model):
    """Two model files hold the same weights, bit for bit (their training state may differ)."""

    def check(first, second, why: str = "") -> None:
        found = differences(read_model(first).weights, read_model(second).weights)
        assert not found, f"{why or 'the weights differ'}: " + "; ".join(found)

    return check
