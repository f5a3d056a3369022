"""Bad input: one clear sentence on stderr, exit code 1 or 2, no traceback, nothing written or
overwritten.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from shlex import split

import numpy as np
import pytest

TINY = split("--hidden-size 6 --seq-len 8 --batch-size 2 --steps 3 --threads 1")
OLD = b"an older file that has to survive\n"


@pytest.fixture
def train(elman):
    """Run a training that has to be refused; neither a new file nor a change of an old one may
    remain.
    """

    def refused(*args, codes=(1, 2), mentions=(), input=None, **options) -> str:
        before = snapshot(elman.folder)
        sentence = elman("train", *args, "-o", "new.safetensors", input=input, **options).refused(
            codes, mentions
        )
        assert snapshot(elman.folder) == before, "the refused run left or changed something"
        (elman.folder / "old.safetensors").write_bytes(OLD)
        elman("train", *args, "-o", "old.safetensors", input=input, **options).refused(
            codes, mentions
        )
        assert (elman.folder / "old.safetensors").read_bytes() == OLD, (
            "the refused run destroyed the old output file"
        )
        (elman.folder / "old.safetensors").unlink()
        assert snapshot(elman.folder) == before, "the refused run left or changed something"
        return sentence

    return refused


def snapshot(folder: Path) -> dict[str, tuple]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".home" not in path.parts
    }


# --------------------------------------------------------------------------- the corpus


def test_missing_corpus(train):
    train("nowhere.txt", *TINY, codes=(1,), mentions=("nowhere.txt",))


def test_empty_corpus(elman, train):
    (elman.folder / "empty.txt").write_bytes(b"")
    train("empty.txt", *TINY, codes=(1,), mentions=("empty",))


def test_empty_standard_input(train):
    train("-", *TINY, codes=(1,), mentions=("standard input",), input=b"")


@pytest.mark.parametrize("lines", ["", "\n", "\n\n\n"])
def test_corpus_without_a_line(elman, train, lines):
    (elman.folder / "blank.txt").write_text(lines, encoding="utf-8")
    train("blank.txt", "--lines", *TINY, codes=(1,))


@pytest.mark.parametrize("length", [1, 2, 500])
def test_one_distinct_symbol_only(elman, train, length):
    (elman.folder / "same.txt").write_text("a" * length, encoding="utf-8")
    train("same.txt", *TINY, codes=(1,), mentions=("distinct",))


def test_binary_corpus(elman, train):
    data = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    (elman.folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + data)
    sentence = train("picture.png", *TINY, codes=(1,), mentions=("picture.png",))
    assert "byte" in sentence, (
        f"--tokens byte is what helps here, so the sentence should say it: {sentence!r}"
    )


def test_binary_that_happens_to_be_utf8(elman):
    """Zero bytes are valid UTF-8 and yet no text: either refused in a sentence, or trained on
    as asked.
    """
    (elman.folder / "zeros.bin").write_bytes(bytes(range(32)) * 200)
    run = elman("train", "zeros.bin", *TINY, "-o", "m.safetensors")
    if run.returncode:
        run.refused((1,), mentions=("zeros.bin",))


def test_folder_without_text(elman, train):
    (elman.folder / "folder" / "deeper").mkdir(parents=True)
    train("folder", *TINY, codes=(1,), mentions=("folder",))


def test_invalid_utf8_names_file_line_and_offset(elman, train):
    (elman.folder / "latin.txt").write_bytes(b"one\ntwo\ncaf\xe9 au lait\n" + b"more text\n" * 50)
    sentence = train("latin.txt", *TINY, codes=(1,), mentions=("latin.txt", "line 3"))
    assert "11" in sentence, f"the offset of the bad byte (11) is missing: {sentence!r}"
    assert "--errors" in sentence, f"the way out (--errors replace) is missing: {sentence!r}"


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf", b"\xe2\x82"]
)
def test_every_kind_of_invalid_utf8(elman, train, bad):
    """A stray byte, a broken sequence, a surrogate, beyond U+10FFFF, overlong, and cut off at
    the very end.
    """
    (elman.folder / "bad.txt").write_bytes(b"good line\n" * 20 + bad)
    train("bad.txt", *TINY, codes=(1,), mentions=("bad.txt", "line 21", "200"))


def test_unknown_named_corpus_is_a_missing_file(train):
    train("shakespear", *TINY, codes=(1, 2), mentions=("shakespear",))


# --------------------------------------------------------------------- as somebody without rights


@pytest.fixture
def unprivileged():
    """A folder and run options of an ordinary user; for root, permissions mean nothing."""
    if os.name != "posix":
        pytest.skip("needs POSIX permissions")
    folder = Path(tempfile.mkdtemp(prefix="elman-e2e-"))
    who = {}
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        who = {"user": 65534, "group": 65534, "extra_groups": []}
    folder.chmod(0o777)
    try:
        probe = [sys.executable, "-c", "import elman"]
        try:
            subprocess.run(probe, cwd=folder, capture_output=True, check=True, **who)
        except (OSError, subprocess.SubprocessError):
            pytest.skip("an ordinary user cannot run the package here")
        yield folder, {**who, "env": {"HOME": str(folder)}}
    finally:
        for path in folder.rglob("*"):
            path.chmod(0o777)
        shutil.rmtree(folder)


def test_unreadable_corpus(elman, unprivileged, make_english):
    folder, options = unprivileged
    corpus = folder / "secret.txt"
    corpus.write_text(make_english(500), encoding="utf-8")
    corpus.chmod(0)
    elman("train", "secret.txt", *TINY, "-o", "m.safetensors", cwd=folder, **options).refused(
        (1,), ("secret.txt",)
    )
    assert not (folder / "m.safetensors").exists()


def test_unwritable_folder_is_found_at_the_start(elman, unprivileged, make_english):
    folder, options = unprivileged
    (folder / "text.txt").write_text(make_english(500), encoding="utf-8")
    closed = folder / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    # a run that would never end: the refusal has to come before the training
    long = [*TINY, "--steps", 10_000_000]
    run = elman(
        "train", "text.txt", *long, "-o", "closed/m.safetensors", cwd=folder, timeout=30, **options
    )
    run.refused((1,), ("closed",))


# --------------------------------------------------------------------------- the output


def test_output_is_a_folder(elman, corpus):
    (elman.folder / "out").mkdir()
    elman("train", corpus.name, *TINY, "-o", "out").refused((1, 2), mentions=("out", "folder"))
    assert not any((elman.folder / "out").iterdir())


def test_output_in_a_missing_folder(elman, corpus):
    elman(
        "train",
        corpus.name,
        *TINY,
        "--steps",
        10_000_000,
        "-o",
        "no/where/m.safetensors",
        timeout=30,
    ).refused((1, 2), mentions=("no/where",))
    assert not (elman.folder / "no").exists()


def test_output_that_is_the_corpus(elman, corpus):
    """A slip of the hand (`-o poems.txt`) must not cost the poems."""
    text = corpus.read_bytes()
    elman("train", corpus.name, *TINY, "-o", corpus.name).refused((1, 2), mentions=(corpus.name,))
    assert corpus.read_bytes() == text, "the corpus was replaced by the model"


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize("old", [None, OLD], ids=["nothing there", "an old file"])
def test_a_disk_that_fills_up(elman, corpus, old):
    """No file of this process may grow beyond 2,000 bytes, as if the disk were full."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    if old is not None:
        (elman.folder / "m.safetensors").write_bytes(old)
    before = snapshot(elman.folder)
    run = elman("train", corpus.name, *TINY, "-o", "m.safetensors", preexec_fn=limit)
    assert run.returncode == 1, f"expected a failure:\n{run}"
    assert "Traceback" not in run.stderr, f"a traceback instead of a sentence:\n{run}"
    errors = [line for line in run.stderr.splitlines() if line.startswith("elman: error:")]
    assert len(errors) == 1, run
    assert "m.safetensors" in errors[0]
    assert snapshot(elman.folder) == before, "the old file was lost, or a part of a file is left"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_results_to_a_full_disk(elman, corpus):
    elman("train", corpus.name, *TINY, "-o", "m.safetensors").ok()
    with open("/dev/full", "wb") as full:
        run = elman.start("sample", "m.safetensors", "--length", 100_000, stdout=full)
        _, stderr = run.communicate(timeout=60)
    assert run.returncode == 1, stderr
    assert b"Traceback" not in stderr and b"Exception" not in stderr, stderr.decode()


def test_reader_that_goes_away_is_no_error_message(elman, corpus):
    """`elman sample MODEL --length 1000000 | head -c 10`."""
    elman("train", corpus.name, *TINY, "-o", "m.safetensors").ok()
    run = elman.start("sample", "m.safetensors", "--length", 1_000_000)
    assert len(run.stdout.read(10)) == 10, "the text should stream out as it is drawn"
    run.stdout.close()
    stderr = run.stderr.read()
    run.wait(30)
    assert b"Traceback" not in stderr and b"BrokenPipe" not in stderr, stderr.decode()


def test_default_name_never_replaces(elman, corpus):
    for expected in ("english.safetensors", "english-2.safetensors", "english-3.safetensors"):
        before = snapshot(elman.folder)
        elman("train", corpus.name, *TINY).ok()
        after = snapshot(elman.folder)
        assert set(after) - set(before) == {expected}
        assert all(after[name] == before[name] for name in before), (
            "an existing file was replaced without -o"
        )


# --------------------------------------------------------------------------- hyper-parameters

NUMBERS = {
    "--hidden-size": ["0", "-1", "1.5", "nan"],
    "--num-layers": ["0", "1000000000"],
    "--embedding-size": ["-1"],
    "--seq-len": ["0"],
    "--batch-size": ["-5"],
    "--bptt": ["-1"],
    "--dropout": ["-0.1", "1", "nan"],
    "--learning-rate": ["0", "-0.1", "nan", "inf"],
    "--momentum": ["-0.1", "inf"],
    "--weight-decay": ["-1", "nan"],
    "--warmup": ["-1"],
    "--clip-norm": ["-1", "nan"],
    "--clip-value": ["-1", "nan"],
    "--init-scale": ["-1", "inf"],
    "--validation": ["-0.1", "1", "nan"],
    "--test": ["1.5", "nan"],
    "--steps": ["-1", "1.5"],
    "--patience": ["-1"],
    "--eval-every": ["-1"],
    "--save-every": ["-1"],
    "--log-every": ["-1"],
    "--sample-every": ["-1"],
    "--threads": ["-1"],
    "--vocabulary-size": ["-1"],
    "--max-characters": ["-1"],
    "--seed": ["x"],
    "--order": ["-1"],
}
WORDS = split(
    """
    --cell --activation --batching --optimizer --schedule --loss --init --dtype --tokens
    --errors --engine --task
    """
)


@pytest.mark.parametrize(
    ("flag", "value"), [(flag, value) for flag, values in NUMBERS.items() for value in values]
)
def test_impossible_number(elman, corpus, flag, value):
    before = snapshot(elman.folder)
    arguments = [corpus.name, *TINY, "-o", "m.safetensors", flag, value]
    if flag == "--order":
        arguments += ["--cell", "ngram"]
    elman("train", *arguments).refused((2,), mentions=(flag,))
    assert snapshot(elman.folder) == before, "the refused run left something behind"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--epochs", "-1"),
        ("--epochs", "nan"),
        ("--epochs", "inf"),
        ("--minutes", "-1"),
        ("--minutes", "nan"),
        ("--minutes", "inf"),
    ],
)
def test_impossible_duration(elman, corpus, flag, value):
    no_steps = ["--hidden-size", "6", "--seq-len", "8", "--batch-size", "2", "--threads", "1"]
    elman("train", corpus.name, *no_steps, "-o", "m.safetensors", flag, value, timeout=30).refused(
        (2,), (flag,)
    )
    assert not (elman.folder / "m.safetensors").exists()


@pytest.mark.parametrize("flag", WORDS)
def test_unknown_word(elman, corpus, flag):
    run = elman("train", corpus.name, *TINY, "-o", "m.safetensors", flag, "nonsense")
    run.refused((2,), mentions=(flag.strip("-"), "nonsense"))
    assert not (elman.folder / "m.safetensors").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-flag"],
        ["--steps", "5", "--epochs", "1"],
        ["--minutes", "1", "--steps", "5"],
        ["--epochs", "1", "--minutes", "1"],
    ],
)
def test_unknown_and_contradictory_flags(elman, corpus, arguments):
    bare = ["--hidden-size", "6", "--seq-len", "8", "--batch-size", "2", "--threads", "1"]
    elman("train", corpus.name, *bare, "-o", "m.safetensors", *arguments, timeout=30).refused((2,))
    assert not (elman.folder / "m.safetensors").exists()


def test_validation_and_test_that_leave_nothing(elman, corpus):
    elman(
        "train", corpus.name, *TINY, "-o", "m.safetensors", "--validation", "0.6", "--test", "0.5"
    ).refused((1, 2))


@pytest.mark.parametrize("size", [400_000, 10_000_000])
def test_a_network_that_cannot_fit_is_refused_with_its_size(elman, corpus, size):
    arguments = [corpus.name, *TINY, "-o", "m.safetensors", "--hidden-size", size]
    run = elman("train", *arguments, timeout=30)
    sentence = run.refused((1, 2), mentions=("memory",))
    assert any(unit in sentence for unit in ("GB", "GiB", "TB", "TiB", "PB", "PiB", "EB", "EiB")), (
        f"the size that it would need is missing: {sentence!r}"
    )
    assert not (elman.folder / "m.safetensors").exists()


@pytest.mark.parametrize(("flag", "value"), [("--batch-size", 10**12), ("--seq-len", 10**12)])
def test_an_absurd_batch_is_shrunk_or_refused(elman, corpus, flag, value):
    """More than the corpus holds: shrink and say so. Never a traceback, never a hang."""
    run = elman(
        "train", corpus.name, *TINY, "--steps", 1, "-o", "m.safetensors", flag, value, timeout=30
    )
    if run.returncode:
        run.refused((1, 2))
    else:
        run.ok()
        assert flag.strip("-").split("-")[0] in run.stderr, f"shrunk in silence:\n{run}"


def test_divergence_says_when_why_and_what_to_try(elman, corpus):
    run = elman(
        "train",
        corpus.name,
        "--cell",
        "rnn",
        "--activation",
        "relu",
        "--optimizer",
        "sgd",
        "--learning-rate",
        10_000,
        "--clip-norm",
        0,
        "--clip-value",
        0,
        "--hidden-size",
        6,
        "--seq-len",
        8,
        "--batch-size",
        2,
        "--steps",
        200,
        "--save-every",
        1,
        "--threads",
        1,
        "--log-every",
        1,
        "--schedule",
        "constant",
        "-o",
        "m.safetensors",
        "--json",
    )
    assert run.returncode == 1, f"training with a learning rate of 10,000 should diverge:\n{run}"
    errors = [line for line in run.stderr.splitlines() if line.startswith("elman: error:")]
    assert len(errors) == 1 and "Traceback" not in run.stderr, run
    assert "Warning" not in run.stderr, f"NumPy warnings reached the user:\n{run}"
    for words in ("step", "gradient", "learning"):
        assert words in errors[0].lower(), f"the sentence should mention the {words}: {errors[0]!r}"
    if (elman.folder / "m.safetensors").exists():
        elman("info", "m.safetensors").ok()  # the last good checkpoint stands
        elman("sample", "m.safetensors", "--length", 5).ok()
    json_lines = run.stdout.splitlines()
    assert json_lines
    assert all(isinstance(json.loads(line), dict) for line in json_lines)
    assert "NaN" not in run.stdout and "Infinity" not in run.stdout, "NaN and Infinity are not JSON"


def test_figures_beyond_all_bounds_are_still_json(elman, corpus):
    """A loss of thousands of nats is finite, its perplexity is not: JSON has no Infinity and no
    NaN.
    """
    wild = ["--optimizer", "sgd", "--learning-rate", 10_000, "--steps", 20, "--log-every", 1]
    run = elman("train", corpus.name, *TINY, *wild, "--json", "-o", "m.safetensors")
    assert run.events
    for word in ("Infinity", "NaN"):
        assert word not in run.stdout, f"{word} is not JSON"
    if run.returncode == 0:
        scored = elman("score", "m.safetensors", "--json", input="The dog.\n").ok()
        assert "Infinity" not in scored.stdout, "Infinity is not JSON"


# --------------------------------------------------------------------------- sampling and scoring


@pytest.fixture(scope="module")
def model(module_elman, make_english) -> Path:
    """A tiny trained model; lower-case letters, no digits."""
    corpus = module_elman.folder / "english.txt"
    corpus.write_text(make_english(1200), encoding="utf-8", newline="")
    module_elman("train", "english.txt", *TINY, "--save-every", 1, "-o", "m.safetensors").ok()
    return module_elman.folder / "m.safetensors"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--length", "-1"),
        ("--length", "x"),
        ("--temperature", "-1"),
        ("--temperature", "nan"),
        ("--temperature", "inf"),
        ("--top-k", "-1"),
        ("--top-p", "-0.1"),
        ("--top-p", "1.5"),
        ("--top-p", "nan"),
        ("--beam", "-1"),
    ],
)
def test_impossible_sampling(elman, model, flag, value):
    run = elman("sample", model, flag, value)
    run.refused((2,), mentions=(flag,))
    assert run.stdout == "", "a refused sample should print nothing"


@pytest.mark.parametrize("temperature", ["1e-310", "1e-30", "1e300"])
def test_extreme_temperatures(elman, model, temperature):
    run = elman("sample", model, "--length", 20, "--temperature", temperature).ok()
    assert run.stderr == "", f"warnings reached the user:\n{run}"


def test_prime_and_prime_file_contradict(elman, model, corpus):
    elman("sample", model, "--prime", "The", "--prime-file", corpus).refused((2,))


def test_missing_prime_file(elman, model):
    elman("sample", model, "--prime-file", "nowhere.txt").refused((1, 2), mentions=("nowhere.txt",))


@pytest.mark.parametrize(
    ("prime", "named"),
    [("The dog @", "@"), ("naïve", "ï"), ("dog \U0001f600", "\U0001f600"), ("7", "7")],
)
def test_prime_with_an_unknown_symbol_names_it(elman, model, prime, named):
    run = elman("sample", model, "--prime", prime)
    run.refused((1, 2))
    assert named in run.stderr or f"{ord(named):04x}" in run.stderr.lower(), (
        f"{named!r} is not named:\n{run}"
    )
    assert run.stdout == ""


def test_scored_text_with_an_unknown_symbol_names_it(elman, model):
    run = elman("score", model, input="The dog sees 7 cats.\n").ok()
    assert "the first is '7'" in run.stderr and "inf nats" in run.stdout


def test_scoring_nothing_or_no_utf8(elman, model):
    elman("score", model, input=b"caf\xe9").refused((1,))
    assert elman("score", model, input=b"").ok().stdout == "standard input: empty\n"


def test_scoring_a_missing_file(elman, model):
    elman("score", model, "nowhere.txt").refused((1, 2), mentions=("nowhere.txt",))


# --------------------------------------------------------------------------- model files

VERBS = {
    "info": lambda path: ["info", path],
    "sample": lambda path: ["sample", path, "--length", 5],
    "score": lambda path: ["score", path],
    "resume": lambda path: ["train", "--resume", path],
    "from": lambda path: [
        "train",
        "english.txt",
        "--from",
        path,
        "--steps",
        1,
        "-o",
        "new.safetensors",
    ],
}


class Bomb:
    """A pickle that leaves a trace when somebody loads it."""

    def __reduce__(self):
        return (open, ("exploded", "w"))


def foreign_files(good: bytes) -> dict[str, bytes]:
    import io

    from safetensors.numpy import save

    archive = io.BytesIO()
    np.savez(archive, W=np.ones(3))
    header = int.from_bytes(good[:8], "little")
    return {
        "empty": b"",
        "text": b"The quick brown fox jumps over the lazy dog.\n" * 20,
        "zeros": bytes(4096),
        "pickle": pickle.dumps({"weights": Bomb()}),
        "npz": archive.getvalue(),
        "another safetensors": save({"model.weight": np.ones((3, 4), np.float32)}),
        "another safetensors with metadata": save({"w": np.ones(4, np.float32)}, {"format": "pt"}),
        "huge header": struct.pack("<Q", 2**62) + good[8:],
        "header beyond the end": struct.pack("<Q", len(good)) + good[8:],
        "trailing garbage": good + b"garbage",
        "header only": good[: 8 + header],
        "twice": good + good,
    }


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ["missing", "folder", "pickle", "another safetensors", "empty"])
def test_every_verb_refuses_what_is_no_model(elman, model, corpus, kind, verb):
    path = elman.folder / "bad.safetensors"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(foreign_files(model.read_bytes())[kind])
    before = snapshot(elman.folder)
    run = elman(*VERBS[verb](path.name), input="The dog.\n")
    run.refused((1, 2), mentions=("bad.safetensors",))
    assert run.stdout == ""
    assert not (elman.folder / "exploded").exists(), "the pickle was executed"
    assert snapshot(elman.folder) == before, "a file was written or changed"


KINDS = [
    "empty",
    "text",
    "zeros",
    "pickle",
    "npz",
    "another safetensors",
    "another safetensors with metadata",
    "huge header",
    "header beyond the end",
    "trailing garbage",
    "header only",
    "twice",
]


@pytest.mark.parametrize("kind", KINDS)
def test_info_refuses_foreign_files(elman, model, kind):
    (elman.folder / "bad.safetensors").write_bytes(foreign_files(model.read_bytes())[kind])
    elman("info", "bad.safetensors").refused((1,), mentions=("bad.safetensors",))


@pytest.fixture
def load(tmp_path):
    """elman.load on bytes: None when they were refused in a sentence, else the model."""
    import elman
    from elman.errors import ModelFileError

    def attempt(data: bytes):
        path = tmp_path / "bad.safetensors"
        path.write_bytes(data)
        try:
            return elman.load(path)
        except ModelFileError as refusal:
            sentence = str(refusal)
        assert "bad.safetensors" in sentence, f"the file is not named: {sentence}"
        assert "\n" not in sentence, f"not one sentence: {sentence}"
        return None

    return attempt


def test_truncated_at_any_length(load, elman, model):
    good = model.read_bytes()
    header = int.from_bytes(good[:8], "little")
    lengths = {*range(12), 8 + header - 1, 8 + header, 8 + header + 1, len(good) - 1, len(good) - 4}
    lengths |= set(np.random.default_rng(0).integers(0, len(good), 150).tolist())
    for length in sorted(lengths):
        assert load(good[:length]) is None, (
            f"a file cut to {length} of {len(good)} bytes was loaded"
        )
    for length in (0, 100, 8 + header, len(good) - 1):
        (elman.folder / "bad.safetensors").write_bytes(good[:length])
        elman("info", "bad.safetensors").refused((1,), mentions=("bad.safetensors",))


def parsed(metadata: dict[str, str]) -> dict:
    def value(text: str):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text

    return {name: value(text) for name, text in metadata.items()}


def same_content(a, b) -> bool:
    """The same tensors and, JSON spelling aside, the same metadata: a flip that changed nothing."""
    return (
        parsed(a.metadata) == parsed(b.metadata)
        and a.tensors.keys() == b.tensors.keys()
        and all(
            (a.tensors[n].dtype, a.tensors[n].shape) == (b.tensors[n].dtype, b.tensors[n].shape)
            and a.tensors[n].tobytes() == b.tensors[n].tobytes()
            for n in a.tensors
        )
    )


def flips(good: bytes, part: str, count: int) -> list[tuple[int, int]]:
    begin = 8 + int.from_bytes(good[:8], "little")
    rng = np.random.default_rng(len(part))
    if part == "length":
        return [(position, bit) for position in range(8) for bit in range(8)]
    low, high = (8, begin) if part == "header" else (begin, len(good))
    return [(int(rng.integers(low, high)), int(rng.integers(8))) for _ in range(count)]


@pytest.mark.parametrize("part", ["length", "header", "data"])
def test_flipped_bits_are_found_anywhere(load, model, read_model, part):
    """One bit at a time; a flip is refused, or leaves every value of the file as it was (1e5
    read as 1E5).
    """
    good = model.read_bytes()
    original = read_model(good)
    unnoticed, harmless = [], 0
    for position, bit in flips(good, part, 1500):
        flipped = bytearray(good)
        flipped[position] ^= 1 << bit
        if load(bytes(flipped)) is None:
            continue
        try:
            unchanged = same_content(original, read_model(bytes(flipped)))
        except (ValueError, KeyError):
            unchanged = False
        if unchanged:
            harmless += 1
        else:
            around = bytes(flipped[max(8, position - 25) : position + 25])
            unnoticed.append(f"byte {position}, bit {bit}: {around!r}")
    assert not unnoticed, (
        f"{len(unnoticed)} flipped bits in the {part} went unnoticed:\n" + "\n".join(unnoticed[:20])
    )
    assert harmless < 50


@pytest.mark.parametrize(
    ("part", "number"), [("header", 3), ("header", 200), ("data", 5), ("data", 50), ("data", 77)]
)
def test_flipped_bits_through_the_command(elman, model, part, number):
    good = bytearray(model.read_bytes())
    position, bit = flips(bytes(good), part, 300)[number]
    good[position] ^= 1 << bit
    (elman.folder / "bad.safetensors").write_bytes(good)
    elman("info", "bad.safetensors").refused((1,), mentions=("bad.safetensors",))
    elman("sample", "bad.safetensors").refused((1,), mentions=("bad.safetensors",))


# What follows forges files whose digest is right, so that the other checks have to speak.


@pytest.fixture
def forge(model, read_model, load):
    """forge(change) -> whether a file was refused whose content `change(tensors, metadata)`
    altered, digest renewed.
    """
    from safetensors.numpy import save

    def attempt(change) -> bool:
        original = read_model(model)
        tensors = {name: value.copy() for name, value in original.tensors.items()}
        metadata = dict(original.metadata)
        change(tensors, metadata)
        metadata["digest"] = digest(tensors, metadata)
        return load(save(tensors, metadata)) is None

    assert not attempt(lambda tensors, metadata: None), (
        "an unchanged copy should load: the test forges no right digest"
    )
    return attempt


def digest(tensors, metadata) -> str:
    from elman.store import checkpoint

    return checkpoint.digest(tensors, metadata)


def edit(metadata: dict[str, str], key: str, **changes) -> None:
    metadata[key] = json.dumps({**json.loads(metadata[key]), **changes})


def rename(tensors, old, new):
    tensors[new] = tensors.pop(old)


FORGERIES = {
    "wrong shape": lambda t, m: t.update({"layer0.W_h": t["layer0.W_h"][:-1].copy()}),
    "transposed": lambda t, m: t.update({"readout.W_y": np.ascontiguousarray(t["readout.W_y"].T)}),
    "one dimension too many": lambda t, m: t.update({"readout.b_y": t["readout.b_y"][None].copy()}),
    "missing tensor": lambda t, m: t.pop("readout.W_y"),
    "renamed tensor": lambda t, m: rename(t, "layer0.W_x", "layer0.weight_ih"),
    "unexpected tensor": lambda t, m: t.update({"layer7.W_x": np.zeros((2, 2), np.float32)}),
    "NaN": lambda t, m: t["layer0.W_h"].__setitem__((0, 0), np.nan),
    "infinity": lambda t, m: t["readout.W_y"].__setitem__((0, 0), np.inf),
    "integers": lambda t, m: t.update({"layer0.W_h": t["layer0.W_h"].astype(np.int32)}),
    "another dtype": lambda t, m: t.update({"layer0.W_h": t["layer0.W_h"].astype(np.float16)}),
    "no config": lambda t, m: m.pop("config"),
    "no vocabulary": lambda t, m: m.pop("vocabulary"),
    "config is no JSON": lambda t, m: m.update(config="{"),
    "config is a list": lambda t, m: m.update(config="[1, 2]"),
    "config is empty": lambda t, m: m.update(config="{}"),
    "vocabulary is empty": lambda t, m: m.update(vocabulary="{}"),
    "vocabulary too short": lambda t, m: edit(
        m, "vocabulary", symbols=json.loads(m["vocabulary"])["symbols"][:-1]
    ),
    "symbol twice": lambda t, m: edit(
        m,
        "vocabulary",
        symbols=[
            json.loads(m["vocabulary"])["symbols"][1],
            *json.loads(m["vocabulary"])["symbols"][1:],
        ],
    ),
    "symbols are numbers": lambda t, m: edit(
        m, "vocabulary", symbols=list(range(len(json.loads(m["vocabulary"])["symbols"])))
    ),
    "unknown kind of vocabulary": lambda t, m: edit(m, "vocabulary", kind="syllable"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_content_is_checked_behind_a_right_digest(forge, name):
    assert forge(FORGERIES[name]), f"a model file with this fault was loaded: {name}"


@pytest.mark.parametrize("version", ["2", "999", "1000000", "elman-99", ""])
def test_a_future_version_is_refused(model, read_model, load, tmp_path, forge, version):
    current = read_model(model).metadata["format"]
    if version == current:
        pytest.skip("this is the version")
    assert forge(lambda t, m: m.update(format=version)), (
        f"format {version!r} was loaded as {current!r}"
    )


def test_a_future_version_is_named_in_the_refusal(elman, model, read_model):
    """Without a right digest too: a future version may well compute it differently."""
    from safetensors.numpy import save

    original = read_model(model)
    data = save(original.tensors, {**original.metadata, "format": "999"})
    (elman.folder / "future.safetensors").write_bytes(data)
    elman("info", "future.safetensors").refused(
        (1,), mentions=("future.safetensors", "version", "999")
    )
