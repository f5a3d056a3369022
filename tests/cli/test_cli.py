"""The command line as a whole; what each verb does is tested end to end."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from elman.cli import VERBS, cli
from elman.errors import flag
from elman.nn.engine import ENGINES
from elman.tasks import all_settings


def run(*arguments, **options):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="elman", **options)


def test_help_lists_every_verb():
    result = run("--help")
    assert result.exit_code == 0
    for verb, what in VERBS.items():
        assert verb in result.output
        assert what in result.output


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_has_help_with_examples(verb):
    for option in ("--help", "-h"):
        result = run(verb, option)
        assert result.exit_code == 0
        assert "Examples:" in result.output
        assert f"elman {verb}" in result.output


def test_every_setting_is_a_flag_of_train():
    command = cli.get_command(click.Context(cli), "train")
    flags = {name for parameter in command.params for name in parameter.opts}
    assert not [name for name in all_settings() if flag(name) not in flags]


@pytest.mark.parametrize(
    "arguments",
    [["dance"], ["train", "--no-such-flag"], ["train", "--hidden-size", "many"], ["sample"]],
)
def test_wrong_usage_ends_with_two(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith("elman: error: ")


def test_a_setting_out_of_range_is_one_sentence_and_ends_with_two():
    result = run("train", "nowhere.txt", "--hidden-size", "0")
    assert result.exit_code == 2
    assert result.stderr.startswith("elman: error: --hidden-size must be")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_missing_corpus_is_one_sentence_and_ends_with_one(tmp_path):
    result = run("train", tmp_path / "nowhere.txt", "-o", tmp_path / "m.safetensors")
    assert result.exit_code == 1
    assert result.stderr.startswith("elman: error: there is no file or folder")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_corpora_lists_one_name_a_line_first():
    lines = run("corpora").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "stdlib",
        "shakespeare",
        "time-machine",
        "sherlock",
    ]
    rows = [json.loads(line) for line in run("corpora", "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == [line.split()[0] for line in lines]


def test_info_knows_the_engine():
    facts = json.loads(run("info", "--json").stdout)
    assert facts["engine"].split()[0] in ENGINES
    assert facts["threads"] >= 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--hiden-size", "3"], "no option --hiden-size; did you mean --hidden-size?"),
        (["--no-such"], "there is no option --no-such"),
        (["train", "--hidden-size"], "--hidden-size needs a value"),
        (["train", "--lines=3"], "--lines takes no value"),
        (["train", "--steps", "x"], "--steps: 'x' is not a whole number"),
        (["export", "m.safetensors"], "elman export needs --output FILE"),
        (["score"], "elman score needs MODEL"),
        (["dance"], "there is no verb 'dance'; elman --help lists the verbs"),
    ],
)
def test_what_was_typed_wrongly_is_one_sentence_and_a_hint(arguments, says):
    result = run(*arguments)
    first, *rest = result.stderr.splitlines()
    assert first == f"elman: error: {says}" or first.endswith(says)
    assert rest in ([], [f"hint: elman {arguments[0]} --help"])
    assert (result.exit_code, result.stdout) == (2, "")
