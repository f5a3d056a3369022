"""`elman sample` for many whole samples: names, poems, texts, bytes; only new ones; what is cut."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path
from shlex import split

import pytest

GRU = split(
    """
    --cell gru --hidden-size 32 --seq-len 24 --batch-size 16 --learning-rate 0.01
    --optimizer adam --validation 0 --schedule constant --threads 1
    """
)
BEGINNINGS = ["Bara", "Droel", "Ora", "Wim", "Peto", "Lua", "Hale", "Mor", "Vene", "Hal"]
MIDDLES = ["", "in", "an", "or"]
ENDS = ["by", "wick", "ford", "stow", "gate", "mere", "holt", "ness"]


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Names of places, three of four of those that could be made."""
    every = ["".join(parts) for parts in product(BEGINNINGS, MIDDLES, ENDS)]
    return [name for number, name in enumerate(every) if number % 4]


@pytest.fixture(scope="module")
def folder(module_elman, names, make_english) -> Path:
    """Models of names, of poems that a blank line ends, of running text and of bytes."""
    where = module_elman.folder

    def train(model, corpus, text, *flags):
        (where / corpus).write_text(text, encoding="utf-8", newline="")
        module_elman("train", corpus, *GRU, *flags, "-o", f"{model}.safetensors").ok()

    train("names", "names.txt", "\n".join(names) + "\n", "--lines", "--steps", 300)
    poems = "\n\n".join(f"The {a}\nand the {b}." for a, b in product(BEGINNINGS, ENDS))
    train("poems", "poems.txt", poems, "--separator", r"\n\n", "--steps", 200)
    train("text", "english.txt", make_english(6000), "--steps", 100)
    train("bytes", "euro.txt", "€ é " * 900, "--steps", 200, "--tokens", "byte")
    return where


@pytest.fixture
def say(module_elman, folder):
    """say(model, ...) -> what `elman sample` did."""

    def run(model, *args):
        return module_elman("sample", f"{model}.safetensors", *args)

    return run


# --------------------------------------------------------------------------- how many


def test_so_many_whole_names(say, names):
    run = say("names", "-n", 25, "--seed", 1).ok()
    lines = run.stdout.splitlines()
    assert len(lines) == 25 and all(lines)
    assert run.stderr == ""
    assert sum(line in names for line in lines) > 5, "it has learned them"
    assert say("names", "--count", 25, "--seed", 1).ok().stdout == run.stdout
    assert say("names", "-n", 25, "--seed", 2).ok().stdout != run.stdout
    assert say("names", "-n", 1, "--seed", 1).ok().stdout.splitlines() == lines[:1]


def test_rows_for_other_programs(say):
    lines = say("names", "-n", 4, "--prime", "Mor", "--seed", 1).ok().stdout.splitlines()
    rows = say("names", "-n", 4, "--prime", "Mor", "--seed", 1, "--json").ok().events
    assert rows == [
        {"text": line, "cut": False, "new": None, "prime": "Mor", "seed": 1} for line in lines
    ]
    assert all(line.startswith("Mor") for line in lines)


def test_python_has_the_same(say, folder):
    import elman

    model = elman.load(folder / "names.safetensors")
    lines = say("names", "-n", 6, "--temperature", 1.5, "--seed", 9).ok().stdout.splitlines()
    assert model.sample(n=6, temperature=1.5, seed=9) == lines


def test_between_running_texts_stands_a_rule(say):
    run = say("text", "-n", 3, "--length", 40, "--seed", 1).ok()
    rows = say("text", "-n", 3, "--length", 40, "--seed", 1, "--json").ok().events
    texts = [row["text"] for row in rows]
    assert [len(text) for text in texts] == [40] * 3
    assert not any(row["cut"] for row in rows)
    ended = [text if text.endswith("\n") else f"{text}\n" for text in texts]
    assert run.stdout == "---\n".join(ended)
    one = say("text", "--length", 40, "--seed", 1).ok().stdout
    assert one == ended[0], "a text starts where training ended, alone or among others"


def test_between_poems_stands_what_ends_them(say, folder):
    run = say("poems", "-n", 5, "--seed", 3).ok()
    rows = say("poems", "-n", 5, "--seed", 3, "--json").ok().events
    assert run.stdout == "\n\n".join(row["text"] for row in rows) + "\n"
    assert run.stdout.count("\nand the ") > 3


def test_a_separator_within_a_line_stands_on_a_line_of_its_own(module_elman, folder):
    (folder / "tunes.txt").write_text("abc%%acb%%bca%%" * 50, encoding="utf-8")
    flags = ["--separator", "%%", "--steps", 20, "-o", "tunes.safetensors"]
    module_elman("train", "tunes.txt", *GRU, *flags).ok()
    run = module_elman("sample", "tunes.safetensors", "-n", 3).ok()
    assert run.stdout.split("\n")[1::2] == ["%%", "%%", ""]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-n", 0], "--count must be a whole number from 1, not 0"),
        (["--count", -1], "--count must be a whole number from 1, not -1"),
        (["-n", "three"], "three"),
        (["-n", 2, "--greedy"], "--greedy leaves nothing to chance"),
        (["-n", 2, "--temperature", 0], "--temperature 0 leaves nothing to chance"),
        (["-n", 2, "--top-k", 1], "--top-k 1 leaves nothing to chance"),
        (["-n", 2, "--beam", 4], "--beam leaves nothing to chance"),
        (["--new", "--greedy"], "--new draws until a sample is new"),
        (["-n", 1, "--new", "--beam", 2], "--new draws until a sample is new"),
        (["-n", 2, "--length", 0], "--length 0 leaves no room"),
        (["--no-prime"], "--no-prime"),
        (["--no-prime", "--prime", ""], "--no-prime"),
    ],
)
def test_what_makes_no_sense_is_refused(say, flags, words):
    run = say("names", *flags)
    run.refused((2,), (words,))
    assert run.stdout == ""


# --------------------------------------------------------------------------- whole or cut


def test_the_last_line_is_left_out_if_the_length_cuts_it(say, folder):
    import elman

    whole = elman.load(folder / "names.safetensors").sample(60, seed=1)
    assert not whole.endswith("\n") and whole.count("\n") > 3
    run = say("names", "--length", 60, "--seed", 1).ok()
    assert run.stdout == whole[: whole.rindex("\n") + 1]
    assert run.stderr == ""
    (row,) = say("names", "--length", 60, "--seed", 1, "--json").ok().events
    text = run.stdout.removesuffix("\n")
    assert row == {"text": text, "cut": False, "prime": "", "seed": 1}


def test_a_single_line_that_is_cut_is_shown_and_said(say):
    run = say("names", "--length", 2, "--seed", 1).ok()
    assert len(run.stdout) == 3
    assert run.stderr == "note: the sample is cut: --length 2 is too short for a whole one\n"
    (row,) = say("names", "--length", 2, "--seed", 1, "--json").ok().events
    assert row["cut"] is True and row["text"] == run.stdout[:-1]


def test_samples_that_are_cut_are_counted_and_marked(say):
    run = say("names", "-n", 20, "--length", 8, "--seed", 1).ok()
    rows = say("names", "-n", 20, "--length", 8, "--seed", 1, "--json").ok().events
    cut = [row["text"] for row in rows if row["cut"]]
    assert 0 < len(cut) < 20
    assert all(len(text) == 8 for text in cut)
    assert run.stderr.startswith(f"note: {len(cut)} of 20 samples are cut: --length 8 ")
    assert run.stdout.splitlines() == [row["text"] for row in rows]


@pytest.mark.parametrize("flags", [["--greedy"], ["--beam", 4], ["--temperature", 0]])
@pytest.mark.parametrize("prime", ["", "Mor"])
def test_what_leaves_nothing_to_chance_is_one_line(say, names, flags, prime):
    run = say("names", *flags, "--prime", prime).ok()
    assert run.stdout.count("\n") == 1 and run.stdout.startswith(prime)
    assert len(run.stdout) > 4, "no empty line, and no prime alone"
    assert say("names", *flags, "--prime", prime, "-n", 1).ok().stdout == run.stdout


def test_a_stop_text_ends_names_and_texts(say):
    rows = say("names", "-n", 30, "--stop", "o", "--seed", 1, "--json").ok().events
    texts = [row["text"] for row in rows]
    assert sum(text.endswith("o") for text in texts) > 10
    assert not any("o" in text[:-1] for text in texts)
    assert not any(row["cut"] for row in rows), "those without an o have their own end"
    rows = say("text", "-n", 5, "--stop", r".\n", "--length", 300, "--json").ok().events
    assert [row["cut"] for row in rows] == [not row["text"].endswith(".\n") for row in rows]
    assert not all(row["cut"] for row in rows)


def test_a_last_character_without_all_of_its_bytes_is_left_out(say):
    for length in range(1, 12):
        run = say("bytes", "--prime", "€ ", "--no-prime", "--length", length, "--greedy").ok()
        assert "�" not in run.stdout
        assert length - 3 < len(run.stdout.removesuffix("\n").encode()) <= length


# --------------------------------------------------------------------------- the prime


def test_a_prime_that_is_not_shown(say):
    shown = say("names", "-n", 5, "--prime", "Mor", "--seed", 1).ok().stdout.splitlines()
    hidden = say("names", "-n", 5, "--prime", "Mor", "--seed", 1, "--no-prime").ok().stdout
    assert hidden.splitlines() == [line.removeprefix("Mor") for line in shown]
    shown = say("text", "--prime", "The dog", "--length", 30).ok().stdout
    hidden = say("text", "--prime", "The dog", "--length", 30, "--no-prime").ok().stdout
    assert "The dog" + hidden == shown


def test_escapes_of_a_prime_are_those_of_a_stop_text(say, folder):
    (folder / "prime.txt").write_text("bird.\nThe", encoding="utf-8", newline="")
    from_file = say("text", "--prime-file", "prime.txt", "--length", 30).ok().stdout
    assert say("text", "--prime", r"bird.\nThe", "--length", 30).ok().stdout == from_file
    (row,) = say("text", "--prime", r"bird.\nThe", "--length", 30, "--json").ok().events
    assert row["prime"] == "bird.\nThe"
    say("text", "--prime", r"a\\n").refused((1,), ("'\\\\'",))
    (row,) = say("bytes", "--prime", r"\t\r\\n\x", "--length", 1, "--json").ok().events
    assert row["prime"] == "\t\r\\n\\x"


# --------------------------------------------------------------------------- new ones


def test_only_new_names_each_once(say, names):
    run = say("names", "-n", 30, "--new", "--seed", 1, "--json").ok()
    texts = [row["text"] for row in run.events]
    assert len(set(texts)) == len(texts) == 30
    assert not set(texts) & set(names)
    assert all(row["new"] is True and row["cut"] is False for row in run.events)
    plain = say("names", "-n", 30, "--new", "--seed", 1).ok()
    assert plain.stdout.splitlines() == texts
    every = say("names", "-n", 300, "--seed", 1).ok().stdout.splitlines()
    fresh = list(dict.fromkeys(line for line in every if line not in names))
    assert texts[: len(fresh)] == fresh[:30], "those of the same seed, the others left out"
    assert say("names", "--new", "--seed", 1).ok().stdout.splitlines() == texts[:1]


def test_names_that_were_held_out_are_not_new(module_elman, names, folder):
    flags = ["--lines", "--steps", 300, "--validation", 0.4, "-o", "held.safetensors"]
    module_elman("train", "names.txt", *GRU, *flags).ok()
    run = module_elman("sample", "held.safetensors", "-n", 60, "--new").ok()
    assert not set(run.stdout.splitlines()) & set(names)


def test_only_new_texts(say, folder):
    corpus = (folder / "english.txt").read_text(encoding="utf-8")
    flags = ["-n", 10, "--new", "--length", 12, "--temperature", 0.5, "--prime", "The "]
    rows = say("text", *flags, "--json").ok().events
    written = [row["text"].removeprefix("The ") for row in rows]
    assert len(set(written)) == 10
    assert not any(text in corpus for text in written)


def test_it_gives_up_with_what_it_has(module_elman, folder):
    (folder / "few.txt").write_text("ab\nba\n" * 60, encoding="utf-8")
    flags = ["--lines", "--steps", 150, "-o", "few.safetensors"]
    module_elman("train", "few.txt", *GRU, *flags).ok()
    arguments = ["few.safetensors", "-n", 4, "--new", "--length", 2, "--temperature", 0.8]
    run = module_elman("sample", *arguments)
    assert run.returncode == 1
    found = run.stdout.splitlines()
    assert len(found) < 4 and not {"ab", "ba"} & set(found)
    assert f"found {len(found)} new of 4 samples in 400 draws" in run.stderr
    assert "of the training text" in run.stderr and "a higher --temperature" in run.stderr
    rows = module_elman("sample", *arguments, "--json")
    assert rows.returncode == 1
    assert [json.loads(line)["text"] for line in rows.stdout.splitlines()] == found


def test_without_the_training_text_nothing_is_called_new(module_elman, folder, names):
    module_elman("export", "names.safetensors", "-o", "small.safetensors").ok()
    run = module_elman("sample", "small.safetensors", "--new")
    run.refused((1,), ("--new", "does not say where its training text is"))
    assert run.stdout == ""
    shutil.copy(folder / "names.txt", folder / "kept.txt")
    (folder / "names.txt").write_text("Other\n", encoding="utf-8")
    run = module_elman("sample", "names.safetensors", "-n", 3, "--new")
    shutil.move(folder / "kept.txt", folder / "names.txt")
    run.refused((1,), ("--new", "has changed"))


def test_novelty_counts_the_new_and_the_distinct(say, names):
    flags = ["--length", 400, "--seed", 1, "--novelty"]
    run = say("names", *flags).ok()
    lines = run.stdout.splitlines()
    (row,) = say("names", *flags, "--json").ok().events
    figures = (len(lines), len(set(lines)), sum(line not in names for line in lines))
    assert (row["records"], row["distinct_records"], row["new_records"]) == figures
    assert 0 < figures[2] < figures[1] < figures[0], figures
    assert "novelty: {} records, {} of them distinct, {} not in".format(*figures) in run.stderr
    assert {"longest_copy", "longest_copy_length", "novel_10_grams"} <= row.keys()
    (row,) = say("text", "--novelty", "--json").ok().events
    assert "records" not in row


def test_novelty_of_many_marks_each(say, names):
    flags = ["-n", 20, "--seed", 1, "--novelty"]
    rows = say("names", *flags, "--json").ok().events
    assert [row["new"] for row in rows] == [row["text"] not in names for row in rows]
    new = sum(row["new"] for row in rows)
    assert 0 < new < 20
    run = say("names", *flags).ok()
    assert f"20 records, {len({row['text'] for row in rows})} of them distinct, {new} not in" in (
        run.stderr
    )
    assert "the longest run copied" in run.stderr
