"""Writing with a model and judging text with it: `elman sample`, `elman score`, and the same
from Python.
"""

from __future__ import annotations

import math
import re
import subprocess
from pathlib import Path
from shlex import split

import numpy as np
import pytest

GRU = split(
    """
    --cell gru --hidden-size 40 --seq-len 24 --batch-size 16 --learning-rate 0.01
    --optimizer adam --steps 250 --validation 0 --schedule constant --threads 1
    """
)

# The triple of the issue, made gentle: a sentence of the kind learned, its words in disorder,
# letters in disorder.
TRIPLE = [
    "The old dog sees the quiet bird.",
    "The the dog old bird sees quiet.",
    "Teh eht god dlo drib sese tieuq.",
]


@pytest.fixture(scope="module")
def folder(module_elman, make_english) -> Path:
    """A folder with one corpus and three models trained on it: gru, chain, lines."""
    corpus = module_elman.folder / "english.txt"
    corpus.write_text(make_english(12_000), encoding="utf-8", newline="")
    module_elman("train", "english.txt", *GRU, "-o", "gru.safetensors").ok()
    module_elman(
        "train", "english.txt", "--cell", "ngram", "--order", 4, "-o", "chain.safetensors"
    ).ok()
    module_elman(
        "train", "english.txt", *GRU, "--steps", 150, "--lines", "-o", "lines.safetensors"
    ).ok()
    return corpus.parent


@pytest.fixture
def say(module_elman, folder):
    """say(verb, model, ...) -> the run, having succeeded."""

    def run(verb, model, *args, **options):
        return module_elman(verb, f"{model}.safetensors", *args, **options).ok()

    return run


MODELS = ["gru", "chain", "lines"]

# --------------------------------------------------------------------------- sample


@pytest.mark.parametrize("model", MODELS)
def test_same_seed_same_text(say, model):
    texts = [say("sample", model, "--length", 80, "--seed", seed).stdout for seed in (7, 7, 8)]
    assert texts[0] == texts[1], "the same seed wrote two texts"
    assert texts[0] != texts[2], "two seeds wrote one text"


@pytest.mark.parametrize("model", ["gru", "chain"])
@pytest.mark.parametrize("length", [0, 1, 50])
def test_prime_then_so_many_symbols_then_a_newline(say, model, length):
    run = say("sample", model, "--prime", "The dog", "--length", length, "--seed", 1)
    assert run.stdout.startswith("The dog")
    generated = run.stdout.removeprefix("The dog")
    assert len(generated) in (length, length + 1), f"--length {length} generated {generated!r}"
    assert run.stdout.endswith("\n"), "the output should end in a newline"
    if len(generated) == length + 1:
        assert generated.endswith("\n")


def test_json(say):
    (row,) = say("sample", "gru", "--prime", "The ", "--length", 30, "--seed", 3, "--json").events
    assert row["prime"] == "The "
    assert row["seed"] == 3
    plain = say("sample", "gru", "--prime", "The ", "--length", 30, "--seed", 3).stdout
    assert row["text"] in (
        plain.rstrip("\n"),
        plain,
        plain.removeprefix("The ").rstrip("\n"),
        plain.removeprefix("The "),
    )


def test_without_a_prime_it_starts_too(say):
    assert len(say("sample", "gru", "--length", 40, "--seed", 0).stdout.rstrip("\n")) >= 38
    assert len(say("sample", "chain", "--length", 40, "--seed", 0).stdout.rstrip("\n")) >= 38


def test_it_learned_to_write(say, folder):
    text = say(
        "sample", "gru", "--prime", "The ", "--length", 600, "--temperature", 0.5, "--seed", 1
    ).stdout
    words = [word.strip(".!?").lower() for word in text.split()]
    known = set(re.findall(r"\w+", (folder / "english.txt").read_text(encoding="utf-8").lower()))
    share = sum(word in known for word in words) / len(words)
    assert share > 0.6, f"only {share:.0%} of the words are words: {text!r}"


@pytest.mark.parametrize("model", ["gru", "chain"])
def test_greedy_does_not_depend_on_the_seed(say, model):
    greedy = [
        say("sample", model, "--prime", "The ", "--length", 60, "--greedy", "--seed", s).stdout
        for s in (1, 2)
    ]
    assert greedy[0] == greedy[1]
    for same in (["--top-k", 1], ["--top-p", 1e-9], ["--beam", 1], ["--temperature", 0.001]):
        text = say("sample", model, "--prime", "The ", "--length", 60, *same, "--seed", 3).stdout
        assert text == greedy[0], f"{same} should write what --greedy writes"


@pytest.mark.parametrize("model", ["gru", "chain"])
def test_limits_that_limit_nothing_change_nothing(say, model):
    plain = say("sample", model, "--prime", "The ", "--length", 60, "--seed", 5).stdout
    for same in (["--temperature", 1], ["--top-p", 1], ["--top-k", 1000]):
        assert (
            say("sample", model, "--prime", "The ", "--length", 60, *same, "--seed", 5).stdout
            == plain
        ), same


@pytest.mark.parametrize("model", ["gru", "chain"])
def test_a_wide_beam_finds_the_likeliest_text(say, folder, model):
    """As wide as the vocabulary, a beam misses no pair of symbols: compare with all pairs.

    `score` reads a newline before a text, so the prime begins with one.
    """
    text = (folder / "english.txt").read_text(encoding="utf-8")
    symbols = sorted(set(text) - {"\n"})
    pairs = [f"The {first}{second}" for first in symbols for second in symbols]
    ranked = say("score", model, "--lines", "--json", input="\n".join(pairs) + "\n").events
    best = min(ranked, key=lambda row: row["nats"])["text"]
    beam = [
        say(
            "sample", model, "--prime", "\nThe ", "--length", 2, "--beam", 40, "--seed", seed
        ).stdout
        for seed in (0, 9)
    ]
    assert beam[0] == beam[1], "a beam depends on no seed"
    assert beam[0].strip("\n") == best


def test_temperature_moves_between_dull_and_wild(say):
    def distinct(temperature):
        text = say(
            "sample",
            "gru",
            "--prime",
            "The ",
            "--length",
            400,
            "--temperature",
            temperature,
            "--seed",
            1,
        ).stdout
        return len({text[i : i + 4] for i in range(len(text) - 4)})

    low, high = distinct(0.2), distinct(2.0)
    assert low < high, f"{low} distinct 4-grams at temperature 0.2, {high} at 2.0"


@pytest.mark.parametrize("model", ["gru", "chain"])
def test_stop_string_ends_the_text(say, model):
    run = say("sample", model, "--prime", "The dog ", "--length", 500, "--stop", ".", "--seed", 4)
    generated = run.stdout.removeprefix("The dog ").rstrip("\n")
    assert len(generated) < 500 and generated.count(".") <= 1, (
        f"it wrote on after the stop string: {generated!r}"
    )
    assert "." not in generated[:-1]


def test_stop_string_of_several_characters(say):
    text = say(
        "sample", "gru", "--prime", "T", "--length", 800, "--stop", " the", "--seed", 4
    ).stdout
    assert " the" not in text.rstrip("\n")[:-4]
    assert len(text) < 500


def test_prime_file(say, folder):
    (folder / "prime.txt").write_text("The old dog", encoding="utf-8", newline="")
    from_file = say(
        "sample", "gru", "--prime-file", "prime.txt", "--length", 30, "--seed", 2
    ).stdout
    assert (
        from_file
        == say("sample", "gru", "--prime", "The old dog", "--length", 30, "--seed", 2).stdout
    )


def test_a_long_prime(say, folder):
    prime = (folder / "english.txt").read_text(encoding="utf-8")[:5000]
    (folder / "long.txt").write_text(prime, encoding="utf-8", newline="")
    assert say("sample", "gru", "--prime-file", "long.txt", "--length", 5).stdout.startswith(prime)


@pytest.mark.parametrize("model", MODELS)
def test_unknown_symbols_in_a_prime_are_named(module_elman, folder, model):
    run = module_elman("sample", f"{model}.safetensors", "--prime", "The d€g")
    run.refused((1, 2), mentions=("€",))
    assert run.stdout == ""


def test_lines_model_writes_lines(say):
    run = say("sample", "lines", "--length", 200, "--seed", 1)
    lines = run.stdout.splitlines()
    assert len(lines) >= 2, f"200 symbols of a model of lines of about 40: {run.stdout!r}"
    assert all(line[:1] in "TO" for line in lines if line), (
        f"each line starts from the beginning: {lines}"
    )
    primed = say(
        "sample", "lines", "--prime", "The ol", "--length", 120, "--seed", 1
    ).stdout.splitlines()
    assert all(line.startswith("The ol") for line in primed if line), primed


def test_novelty(say, folder):
    run = say("sample", "gru", "--length", 300, "--seed", 1, "--novelty")
    said = (run.stderr + run.stdout).lower()
    assert "10-gram" in said and "longest" in said, (
        f"--novelty reports the longest copied run and novel 10-grams:\n{run}"
    )
    # a chain of order 4 at zero temperature copies; noise does not
    (row,) = say("sample", "gru", "--length", 300, "--seed", 1, "--novelty", "--json").events
    text = (folder / "english.txt").read_text(encoding="utf-8")
    written = row["text"]
    grams = [written[i : i + 10] for i in range(len(written) - 9)]
    novel = sum(gram not in text for gram in grams) / len(grams)
    longest = max(
        length
        for start in range(len(written))
        for length in range(len(written) - start + 1)
        if written[start : start + length] in text
    )
    numbers = flat_numbers(row)
    assert any(abs(number - longest) <= 4 for number in numbers), (
        f"longest copied run is {longest}: {row}"
    )
    assert any(abs(number - novel) < 0.05 for number in numbers), (
        f"the share of novel 10-grams is {novel}: {row}"
    )


def flat_numbers(value) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in flat_numbers(item)]
    return [float(value)] if isinstance(value, (int, float)) else []


def test_text_streams_out(module_elman, folder):
    """The first characters arrive long before the last one is drawn."""
    run = module_elman.start(
        "sample", "gru.safetensors", "--length", 10_000_000, stderr=subprocess.DEVNULL
    )
    try:
        assert len(run.stdout.read(20)) == 20
        assert run.poll() is None
    finally:
        run.kill()
        run.wait()


# --------------------------------------------------------------------------- score


def rows_of(stdout: str) -> list[list[str]]:
    rows = [line.split("\t") for line in stdout.splitlines()]
    return [
        row
        for row in rows
        if len(row) == 5 and row[0].replace(".", "", 1).replace("e-", "", 1).isdigit()
    ]


@pytest.mark.parametrize("model", MODELS)
def test_lines_are_ranked_from_english_to_noise(say, model):
    shuffled = [TRIPLE[2], TRIPLE[0], TRIPLE[1]]
    given = "\n".join(shuffled) + "\n"
    rows = rows_of(say("score", model, "--lines", "--rank", input=given).stdout)
    assert [row[4] for row in rows] == TRIPLE, rows
    assert [int(row[3]) for row in rows] == [2, 3, 1], (
        "the fourth column is the number of the line in the input"
    )
    bits = [float(row[0]) for row in rows]
    assert bits == sorted(bits)
    for row in rows:
        bits_per_character, perplexity, nats = map(float, row[:3])
        assert perplexity == pytest.approx(2**bits_per_character, rel=0.01)
        predictions = nats / (bits_per_character * math.log(2))
        assert len(row[4]) - 1.5 < predictions < len(row[4]) + 1.5, (
            f"nats of a whole line, bits of one character: {row}"
        )


def test_lines_as_json(say):
    events = say("score", "gru", "--lines", "--json", input="\n".join(TRIPLE) + "\n").events
    assert len(events) == 3
    for event, text in zip(events, TRIPLE, strict=True):
        assert event["text"] == text
        assert event["perplexity"] == pytest.approx(
            math.exp(event["bits_per_character"] * math.log(2)), rel=1e-6
        )


@pytest.mark.parametrize("model", MODELS)
def test_file_and_standard_input_score_alike(say, folder, model, make_english):
    text = make_english(1500, seed=5)
    (folder / "other.txt").write_text(text, encoding="utf-8", newline="")
    (from_file,) = say("score", model, "other.txt", "--json").events
    (from_stdin,) = say("score", model, "--json", input=text).events
    for key in ("nats", "bits_per_character", "perplexity"):
        assert from_file[key] == from_stdin[key], key
    assert from_file["perplexity"] == pytest.approx(2 ** from_file["bits_per_character"], rel=1e-6)
    assert from_file["nats"] > 0
    uniform = math.log2(len(set(text)))
    assert from_file["bits_per_character"] < 0.75 * uniform, (
        "a trained model should beat guessing by far"
    )
    plain = say("score", model, "other.txt").stdout
    numbers = [float(n) for n in re.findall(r"\d+\.\d+", plain)]
    for key in ("nats", "bits_per_character", "perplexity"):
        assert any(abs(n - from_file[key]) < 0.01 for n in numbers), (
            f"{key} of {from_file} in {plain}"
        )


def test_several_files_in_order(say, folder):
    for name, text in (("one.txt", TRIPLE[0]), ("two.txt", TRIPLE[2])):
        (folder / name).write_text(text + "\n", encoding="utf-8")
    first, second = say("score", "gru", "one.txt", "two.txt", "--json").events
    assert first["bits_per_character"] < second["bits_per_character"]
    (reverse, _) = say("score", "gru", "two.txt", "one.txt", "--json").events
    assert reverse["bits_per_character"] == second["bits_per_character"], (
        "one file influenced the score of the next"
    )


def test_score_is_the_probability_of_the_text(say):
    """The sum over every possible next symbol of its probability is one: exp(-nats) really is a
    probability.
    """
    symbols = sorted(set("".join(TRIPLE)))
    prefix = "The old dog"
    rows = say(
        "score",
        "gru",
        "--json",
        "--lines",
        input=f"{prefix}\n" + "".join(f"{prefix}{c}\n" for c in symbols if c != "\n"),
    )
    nats = {event["text"]: event["nats"] for event in rows.events}
    total = sum(
        math.exp(nats[prefix] - nats[prefix + c])
        for c in symbols
        if c != "\n" and prefix + c in nats
    )
    assert 0.5 < total <= 1.0001, f"the next symbols have probability {total} in all"


def test_unseen_text_has_finite_bits_under_a_chain(say):
    (row,) = say(
        "score",
        "chain",
        "--json",
        input="zgqb wvkx?!\n".replace("z", "s").replace("q", "h").replace("x", "k"),
    ).events
    assert math.isfinite(row["bits_per_character"])
    assert row["bits_per_character"] > 3


# --------------------------------------------------------------------------- the chain


def test_chain_file_and_figures(module_elman, folder):
    run = module_elman(
        "train",
        "english.txt",
        "--cell",
        "ngram",
        "--order",
        3,
        "--validation",
        0.1,
        "-o",
        "c3.safetensors",
        "--json",
    ).ok()
    done = run.done
    assert 0 < done["train_bits_per_character"] < done["validation_bits_per_character"] < 4
    assert done["model"].endswith("c3.safetensors")
    info = module_elman("info", "c3.safetensors").ok().stdout
    assert "ngram" in info
    longer = module_elman(
        "train",
        "english.txt",
        "--cell",
        "ngram",
        "--order",
        1,
        "--validation",
        0.1,
        "-o",
        "c1.safetensors",
        "--json",
    ).ok()
    assert longer.done["train_bits_per_character"] > done["train_bits_per_character"], (
        "more context explains more"
    )


def test_order_k_is_k_characters_of_context(module_elman):
    """`abcabd…`: the character after `ab` depends on the one before: order 3 knows it, order 2
    does not.
    """
    (module_elman.folder / "pattern.txt").write_text("xabcyabd" * 300, encoding="utf-8")
    bits = {}
    for order in (2, 3):
        run = module_elman(
            "train",
            "pattern.txt",
            "--cell",
            "ngram",
            "--order",
            order,
            "--validation",
            0.1,
            "--json",
            "-o",
            f"p{order}.safetensors",
        ).ok()
        bits[order] = run.done["validation_bits_per_character"]
    assert bits[3] < 0.1 < 0.2 < bits[2], f"bits per character by order: {bits}"


# --------------------------------------------------------------------------- info


@pytest.mark.parametrize("model", MODELS)
def test_info_says_what_a_file_holds(say, model):
    text = say("info", model).stdout
    for words in ("english.txt",):
        assert words in text, text


def test_info_without_a_model(module_elman):
    text = module_elman("info").ok().stdout
    for words in ("numpy", np.__version__, "engine"):
        assert words.lower() in text.lower(), text


# --------------------------------------------------------------------------- from Python


def test_python_interface(tmp_path, folder, say, monkeypatch):
    import elman

    monkeypatch.chdir(tmp_path)
    model = elman.train(
        folder / "english.txt",
        cell="gru",
        hidden_size=16,
        steps=20,
        seq_len=16,
        batch_size=8,
        threads=1,
        seed=0,
    )
    assert [path.name for path in tmp_path.iterdir()] == [], (
        "elman.train in Python writes no file unless asked"
    )
    text = model.sample(50, prime="The ", temperature=0.8, seed=1)
    assert isinstance(text, str)
    assert text == model.sample(50, prime="The ", temperature=0.8, seed=1)
    assert text != model.sample(50, prime="The ", temperature=0.8, seed=2)
    score = model.score("The old dog.")
    assert score.perplexity == pytest.approx(2**score.bits_per_character, rel=1e-6)
    model.save("again.safetensors")
    again = elman.load("again.safetensors")
    assert again.sample(50, prime="The ", temperature=0.8, seed=1) == text
    assert again.score("The old dog.").nats == score.nats


def test_python_and_command_agree(folder, say):
    import elman

    model = elman.load(folder / "gru.safetensors")
    text = model.sample(40, prime="The ", temperature=0.7, seed=11)
    written = say(
        "sample", "gru", "--length", 40, "--prime", "The ", "--temperature", 0.7, "--seed", 11
    ).stdout
    assert text.removeprefix("The ").rstrip("\n") == written.removeprefix("The ").rstrip("\n")
    (row,) = say("score", "gru", "--json", input="The old dog.").events
    assert model.score("The old dog.").nats == pytest.approx(row["nats"], rel=1e-9)


def test_python_errors_are_ones_own(folder):
    import elman
    from elman.errors import ElmanError, UsageError

    model = elman.load(folder / "gru.safetensors")
    assert model.score("The d€g").nats == math.inf
    with pytest.raises(ElmanError):
        model.score("")
    with pytest.raises(ElmanError):
        model.sample(10, prime="d€g")
    with pytest.raises(UsageError):
        model.sample(10, temperature=-1)
    with pytest.raises((UsageError, TypeError)):
        elman.train(folder / "english.txt", hidden_size=-3)
    with pytest.raises(ElmanError):
        elman.load(folder / "nowhere.safetensors")
    with pytest.raises(ElmanError):
        elman.train(folder / "nowhere.txt")


def test_python_and_command_train_alike(tmp_path, folder, module_elman, assert_same_weights):
    import elman

    settings = {
        "cell": "lstm",
        "hidden_size": 8,
        "steps": 10,
        "seq_len": 16,
        "batch_size": 8,
        "threads": 1,
        "seed": 3,
    }
    flags = [
        part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", value)
    ]
    module_elman("train", "english.txt", *flags, "-o", "command.safetensors").ok()
    elman.train(folder / "english.txt", **settings).save(tmp_path / "python.safetensors")
    assert_same_weights(folder / "command.safetensors", tmp_path / "python.safetensors")
