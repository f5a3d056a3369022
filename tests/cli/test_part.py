"""`--part I/N`: what the parts of a file write, one behind the other, is what the whole writes."""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman.nn.engine import ENGINES

from ..memory import megabytes
from .test_cli import run

TINY = {"hidden_size": 5, "steps": 2, "threads": 1, "progress": False, "seed": 1}

WORDS = ["Takov", "Mabini", "Tülov", "x", "", " ", "a\tb"]
NAMES = [("Takov", "Ov"), ("Mabini", "Ini"), ("Tülov", "Ov"), ("Rosini", "Ini")]

pytestmark = pytest.mark.skipif(
    "native" not in ENGINES, reason="the native engine's rows do not depend on their neighbours"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a tiny model of every kind."""
    folder = tmp_path_factory.mktemp("part")
    lines = "".join(f"{word}\n" for word in WORDS) * 9
    tunes = "".join(f"X:{number}\nabc|\n\n" for number in range(1, 30))
    texts, labels = zip(*NAMES * 12, strict=True)
    sequences = [(["Ada", "ran", "away"], ["B", "O", "O"]), (["so", "did", "I"], ["O", "O", "B"])]
    models = {
        "text": elman.train(text=lines, **TINY),
        "lines": elman.train(text=lines, lines=True, **TINY),
        "tunes": elman.train(text=tunes, separator="\n\n", **TINY),
        "names": elman.train(
            (list(texts), list(labels)),
            task="classify",
            seq_len=8,
            validation="0",
            test="0",
            **TINY,
        ),
        "tags": elman.train(
            tuple(map(list, zip(*sequences * 9, strict=True))),
            task="tag",
            tokens="word",
            validation="0",
            test="0",
            **TINY,
        ),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def say(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def said(*arguments):
        result = run(*arguments)
        assert result.exit_code == 0, (result.stderr, result.exception)
        return result.stdout

    return said


def parts(say, count, *arguments):
    return "".join(say(*arguments, "--part", f"{part}/{count}") for part in range(1, count + 1))


LINES = [
    ("score", "text.safetensors", "--lines"),
    ("score", "lines.safetensors", "--lines", "--json"),
    ("score", "lines.safetensors", "--symbols"),
    ("score", "text.safetensors", "--symbols", "--lines", "--json"),
    ("score", "tunes.safetensors", "--lines"),
    ("classify", "names.safetensors", "-f"),
    ("classify", "names.safetensors", "--all", "--json", "-f"),
    ("tag", "tags.safetensors", "-f"),
    ("embed", "names.safetensors", "--json", "-f"),
]


@pytest.mark.parametrize("arguments", LINES, ids=" ".join)
@settings(max_examples=6)
@given(
    st.lists(st.tuples(st.sampled_from([*WORDS, "X:1"]), st.sampled_from(["\n", "\r\n", "\n\n"]))),
    st.integers(1, 9),
)
def test_parts_of_lines(say, folder, arguments, lines, count):
    data = "".join(f"{line}{end}" for line, end in lines).removesuffix("\n")
    (folder / "q.txt").write_bytes(data.encode())
    assert parts(say, count, *arguments, "q.txt") == say(*arguments, "q.txt")


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--threshold", 0.6)], ids=str)
@settings(max_examples=6)
@given(
    st.lists(st.tuples(st.sampled_from(WORDS[:4]), st.sampled_from(["", '"a,\n"', '"\r\n"""']))),
    st.integers(1, 9),
)
def test_parts_of_a_table(say, folder, arguments, rows, count):
    data = "".join(f"{more},{text}\r\n" for text, more in rows)
    (folder / "q.csv").write_bytes(f"more,text\n{data}".encode())
    call = ("classify", "names.safetensors", *arguments, "-f", "q.csv")
    assert parts(say, count, *call) == say(*call)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
@pytest.mark.parametrize("form", ["conll", "jsonl"])
def test_parts_of_sequences(say, folder, form, count):
    rows = {
        "conll": "# c\n\nAda\tx\nran\ty\n\n\n \r\nso\tz\r\n-DOCSTART-\tx\n\n# d\nAda\tw\nI\tx",
        "jsonl": '{"tokens": ["Ada", "ran"]}\n\n{"tokens": "so did I"}\n{"tokens": []}',
    }[form]
    (folder / f"q.{form}").write_text(rows, newline="")
    for more in ((), ("--json",)):
        call = ("tag", "tags.safetensors", "-f", f"q.{form}", *more)
        assert parts(say, count, *call) == say(*call)


def test_vectors_of_parts_follow_each_other(say, folder):
    (folder / "q.txt").write_text("Takov\n\nMabini\nRosini\n")
    call = ("embed", "names.safetensors", "-f", "q.txt", "-o")
    say(*call, "all.npy")
    for part in (1, 2):
        say(*call, f"{part}.npy", "--part", f"{part}/2")
    found = [np.load(folder / f"{name}.npy") for name in ("all", 1, 2)]
    assert found[0].shape == (4, 10) and len(found[1]) and len(found[2])
    np.testing.assert_array_equal(found[0], np.concatenate(found[1:]))


def test_what_is_wrong_is_named_by_its_line_in_the_file(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "bad.txt").write_bytes(b"Takov\nMabini\nx\xff\nTakov\n")
    (folder / "bad.conll").write_text("Ada\tx\n\nran\ty\n\nI\tx\n\n\tz\n\n")
    (folder / "bad.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n{"texts": "c"}\n')
    for verb, name, line in (
        ("classify names", "bad.txt", "line 3 of bad.txt"), ("tag tags", "bad.conll", "line 7"),
        ("classify names", "bad.jsonl", "line 3"),
    ):  # fmt: skip
        verb, model = verb.split()
        answers = [run(verb, f"{model}.safetensors", "-f", name, "--part", f"{part}/2")
                   for part in (1, 2)]  # fmt: skip
        assert [answer.exit_code for answer in answers] == [0, 1]
        assert line in answers[1].stderr and answers[1].stderr.count("\n") == 1
    said = run("score", "text.safetensors", "--lines", "bad.txt", "--part", "2/2").stderr
    assert "line 3 of bad.txt" in said


def test_a_piped_file_and_a_list_of_neighbours(say, folder):
    (folder / "q.txt").write_text("Takov\nMabini\n")
    call = ("embed", "names.safetensors", "--nearest", 1, "--among", "q.txt", "-f", "q.txt")
    assert parts(say, 2, *call) == say(*call)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("classify names -f q.txt --part 0/2", "the number of a part"),
        ("classify names -f q.txt --part 3/2", "such as 1/4"),
        ("classify names -f q.txt --part two", "not 'two'"),
        ("classify names Takov --part 1/2", "takes one file, -f FILE"),
        ("classify names -f q.txt -f q.txt --part 1/2", "all parts are of one file"),
        ("classify names --part 1/2", "takes one file"),
        ("classify names - --part 1/2", "standard input has no parts"),
        ("classify names -f - --part 1/2", "standard input has no parts"),
        ("tag tags so --part 1/2", "takes one file"),
        ("score lines --lines --part 1/2", "takes one file"),
        ("score lines q.txt --part 1/2", "needs --lines or --symbols"),
        ("score lines q.txt --lines --rank --part 1/2", "not work with --rank"),
        ("score text q.txt --symbols --part 1/2", "needs --lines here"),
        ("score lines q.txt --lines --encoding utf-16 --part 1/2", "in UTF-8 first"),
        ("classify names -f q.txt.gz --part 1/2", "unpack it first"),
        ("classify names -f q.csv.gz --part 1/2", "unpack it first"),
        ("classify names -f /dev/null --part 1/2", "is a pipe"),
        ("classify names --evaluate q.csv --part 1/2", "--part"),
        ("tag tags --evaluate q.conll --part 1/2", "--part"),
        ("embed names -f q.txt --nearest 2 --part 1/2", "--among FILE"),
    ],
)
def test_refusals(folder, monkeypatch, call, words):
    import gzip

    monkeypatch.chdir(folder)
    (folder / "q.txt").write_text("Takov\nMabini\n")
    for name in ("q.txt", "q.csv"):
        (folder / f"{name}.gz").write_bytes(gzip.compress(b"text\nTakov\n"))
    verb, model, *rest = call.split()
    result = run(verb, f"{model}.safetensors", *rest)
    assert result.exit_code == 2, result.exception
    assert words in result.stderr and result.stderr.count("\n") == 1
    assert result.stdout == ""


def large(path, megabytes, texts, end="\n"):
    """A table with so much in it, every text in quotes and on two lines."""
    block = "".join(f'{i},"{text}\n, ""{i}"""{end}' for i, text in enumerate(texts)).encode()
    with open(path, "wb") as file:
        file.write(b"more,text" + end.encode())
        for _ in range(megabytes * 10**6 // len(block)):
            file.write(block)


def test_twenty_megabytes_in_seven_parts(say, folder):
    rare = np.random.default_rng(3)
    texts = ["Takov" + "y" * int(rare.integers(0, 9000)) for _ in range(60)]
    large(folder / "large.csv", 20, texts, "\r\n")
    call = ("classify", "names.safetensors", "-f", "large.csv", "--threads", 2)
    whole = say(*call)
    assert len(whole) > 19e6
    assert parts(say, 7, *call) == whole
    (folder / "large.csv").unlink()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_parts_of_two_hundred_megabytes(folder):
    texts = [f"{a}{b}" for a, b in product(("Takov", "Mabini"), ("y" * 500, "z" * 700))]
    large(folder / "large.csv", 200, texts)
    (folder / "large.txt").write_bytes((folder / "large.csv").read_bytes())
    for verb, part in (
        ("classify names -f large.csv", "1/5"), ("classify names -f large.csv", "5/5"),
        ("score lines --lines large.txt", "9/9"),
    ):  # fmt: skip
        verb, model, *rest = verb.split()
        used = megabytes(folder, verb, f"{model}.safetensors", *rest, "--part", part)
        assert used < 300, (verb, part)
