"""What somebody at a terminal meets: the start, hints, closed pipes, narrow windows."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from elman.cli import VERBS, cli, options
from elman.errors import UsageError
from elman.settings import Settings
from elman.tasks.language.display import TaskDisplay
from elman.tasks.language.settings import LanguageSettings
from elman.tasks.training import train


def run(*arguments, **options):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="elman", **options)


def test_elman_alone_says_how_to_start():
    done = run()
    assert done.exit_code == 0
    commands = [line for line in done.output.splitlines() if line.startswith("  elman ")]
    assert len(commands) == 5
    assert {line.split()[1] for line in commands} <= set(VERBS)
    assert max(map(len, done.output.splitlines())) <= 60


def test_the_version_begins_a_bug_report():
    assert run("--version").output.startswith("elman ")
    assert f"Python {sys.version.split()[0]}" in run("--version").output


@pytest.mark.parametrize(
    ("mistyped", "way"),
    [
        ("trian", "did you mean 'train'?"),
        ("help", "as in elman train --help"),
        ("xyz", "elman --help lists the verbs"),
    ],
)
def test_a_mistyped_verb_is_corrected(mistyped, way):
    done = run(mistyped)
    assert done.exit_code == 2
    assert f"there is no verb {mistyped!r}; " in done.stderr
    assert way in done.stderr


@pytest.mark.parametrize(
    ("there", "arguments", "meant"),
    [
        ("poems.txt", ["train", "poem.txt"], "poems.txt"),
        ("my poems.safetensors", ["sample", "my poem.safetensors"], "'my poems.safetensors'"),
        ("poems.safetensors", ["sample", "poems"], "poems.safetensors"),
        ("poems.safetensors", ["info", "x"], "poems.safetensors"),
    ],
)
def test_a_hint_names_the_file_that_was_meant(tmp_path, monkeypatch, there, arguments, meant):
    monkeypatch.chdir(tmp_path)
    (tmp_path / there).touch()
    error, hint = run(*arguments).stderr.splitlines()
    assert error.startswith("elman: error: ")
    assert hint == f"hint: did you mean {meant}?"


def test_without_a_similar_file_there_is_no_hint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(run("sample", "poems.safetensors").stderr.splitlines()) == 1


def test_a_broken_link_is_called_one(tmp_path):
    (tmp_path / "link.txt").symlink_to("gone.txt")
    assert "is a link to 'gone.txt', which does not exist" in (
        run("train", tmp_path / "link.txt").stderr
    )


def test_what_the_help_cannot_be_written_to_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([sys.executable, "-m", "elman", "--help"], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "elman: error: No space left on device\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "--help"], ["corpora"], ["info"]])
def test_a_closed_pipe_is_silent(arguments):
    command = [sys.executable, "-u", "-m", "elman", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


# --------------------------------------------------------------------------- a training

STEP = {
    "event": "step", "step": 100, "progress": 0.25, "seconds": 14.0,
    "characters_per_second": 63_653.0, "train_bits_per_character": 2.345,
}  # fmt: skip
DONE = {
    "event": "done", "steps": 10, "seconds": 60.0, "characters_per_second": 63_653.0,
    "validation_bits_per_character": 2.3, "validation_perplexity": 4.9,
    "test_bits_per_character": None,
    "baselines": {
        "uniform": {"bits_per_character": 6.5, "perplexity": 96.0},
        "chain of order 4": {"bits_per_character": 2.2, "perplexity": 4.6},
    },
}  # fmt: skip


def shown_in_the_bar(width):
    display = TaskDisplay(LanguageSettings())
    display.live, display.console = True, Console(width=width, stderr=True)
    with display:
        display._begin({"step": 0})
        display.held_out = "2.441"
        display.show(STEP)
        task = display.bar.tasks[0]
        return task.fields["clock"], task.fields["figures"]


def test_a_narrow_terminal_leaves_figures_out_and_keeps_the_bar(capsys):
    assert shown_in_the_bar(80) == (
        "0:14, 0:42 left", "63.7k chars/s  train 2.35  held out 2.441"
    )  # fmt: skip
    assert shown_in_the_bar(60) == ("0:14, 0:42 left", "train 2.345  held out 2.441")
    assert shown_in_the_bar(45) == ("0:14, 0:42 left", "held out 2.441")


@pytest.fixture
def printed(tmp_path, monkeypatch, capsys):
    """printed(events) -> the lines that a display shows of a run with a model of that name."""
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "my poems.safetensors"
    model.write_bytes(bytes(12_345))

    def show(settings: Settings, corpus, **changed):
        display = TaskDisplay(settings)
        display.corpus, display.steps = corpus, True
        with display:
            display.show(DONE | {"model": model.name} | changed)
        return capsys.readouterr().err.splitlines()

    return show


def test_the_next_commands_are_quoted(printed):
    lines = printed(LanguageSettings(minutes=1.0), ["a b.txt"], baselines=None)
    assert lines[-3:] == [
        "model: my poems.safetensors (12.3 kB)",
        "next:  elman sample 'my poems.safetensors'",
        "       elman serve 'my poems.safetensors'",
    ]


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({"minutes": 1.0}, "--minutes 3"),
        ({"epochs": 0.5}, "--epochs 1.5"),
        ({"steps": 2_000_000, "validation": 0.2}, "--validation 0.2 --steps 6000000"),
        ({"minutes": 1.0, "batch_size": 8}, "--batch-size 8 --minutes 3"),
        ({"steps": 2, "calibrate": False}, "--no-calibrate --steps 6"),
        (
            {
                "steps": 9,
                "learning_rate": 0.003,
                "schedule": "constant",
                "seed": 7,
                "shards": 2,
                "dropout": 0.1,
                "init": "normal",
                "eval_every": 3,
                "clip_norm": 5.0,
            },
            "--learning-rate 0.003 --schedule constant --clip-norm 5.0 --shards 2 --seed 7 "
            "--steps 27",
        ),
    ],
)
def test_a_network_behind_the_chain_gets_a_command_that_trains_on(printed, settings, end):
    lines = printed(LanguageSettings(**settings), ["a b.txt"])
    command = f"elman train 'a b.txt' --from 'my poems.safetensors' {end}"
    assert f"next:  {command}" in lines


def test_a_name_that_begins_with_a_dash_is_no_flag_in_the_command(printed):
    lines = printed(LanguageSettings(steps=1), ["-a.txt"])
    assert "next:  elman train ./-a.txt --from 'my poems.safetensors' --steps 3" in lines


def test_what_is_not_behind_or_cannot_be_read_again_gets_none(printed):
    settings = LanguageSettings(minutes=1.0)
    assert not any("--from" in line for line in printed(settings, [os.devnull]))
    ahead = {"validation_bits_per_character": 2.1}
    assert not any("--from" in line for line in printed(settings, ["a.txt"], **ahead))


def test_a_chain_is_not_told_to_take_steps(capsys):
    display = TaskDisplay(LanguageSettings(cell="ngram"))
    with display:
        display.show(DONE | {"steps": 0, "model": None})
    assert "no step" not in capsys.readouterr().err


def test_a_chain_that_is_ahead_is_said():
    text = "".join(f"the {word} sees the {word}\n" for word in ["dog", "cat", "bird"] * 100)
    events: list[dict] = []
    train(text=text, hidden_size=4, steps=20, progress=False, on_event=events.append)
    notes = [event["text"] for event in events if event["event"] == "message"]
    assert any(note.startswith("the chain of order 4 still predicts") for note in notes)


def test_texts_are_utf8_whatever_the_locale():
    read = partial(options.utf8, click.Context(cli), click.Argument(["texts"]))
    assert read(("Müller", "M\udcc3\udcbcller")) == ("Müller", "Müller")
    with pytest.raises(UsageError, match="is not UTF-8; give it in a file"):
        read(("M\udcfcller",))
