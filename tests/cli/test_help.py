"""The help of every verb: sections, options that say what they do, examples that work."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from elman.cli import VERBS, cli
from elman.cli.help import Command, Option, option

from ..test_init import loaded_by

FLAG = re.compile(r"(?<![\w-])--?[a-z][\w-]*")


def command_of(verb):
    return cli.get_command(click.Context(cli), verb)


def page(*arguments, width=80, **options):
    environment = {"COLUMNS": str(width)} | options.pop("env", {})
    result = CliRunner(env=environment).invoke(
        cli, [*arguments, "--help"], prog_name="elman", **options
    )
    assert result.exit_code == 0
    return result.output


def sections(text):
    """The lines under each heading; those before the first one under ""."""
    found, heading = {"": []}, ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            heading = line[:-1]
            assert heading not in found, f"two headings {heading!r}"
            found[heading] = []
        else:
            found[heading].append(line)
    return found


def flags_of(command):
    context = click.Context(command, help_option_names=["-h", "--help"])
    return {
        flag
        for each in command.get_params(context)
        if isinstance(each, click.Option)
        for flag in (*each.opts, *each.secondary_opts)
    }


def examples(text):
    """The lines of the examples, each a whole command."""
    lines = "\n".join(sections(text)["Examples"])
    return [line for line in re.sub(r" \\\n +", " ", lines).split("\n") if line]


def run_by(line):
    """The words of every call of `elman` in an example, without pipes and redirections."""
    command = re.split(r"\s{2,}", line.strip())[0]
    calls = [shlex.split(re.split(r"[<>]", part)[0]) for part in command.split("|")]
    return [words[1:] for words in calls if words[0] == "elman"]


EVERY = pytest.mark.parametrize("verb", list(VERBS))


@EVERY
def test_a_page_starts_with_usage_and_purpose(verb):
    assert isinstance(command_of(verb), Command)
    usage, purpose, *_ = page(verb).split("\n\n")
    assert usage.startswith(f"Usage: elman {verb} ")
    assert purpose.startswith("  ")
    assert purpose.endswith(".")


@EVERY
@pytest.mark.parametrize("width", [80, 120])
def test_only_headings_stand_at_the_margin(verb, width):
    lines = page(verb, width=width).splitlines()
    margin = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert all(re.fullmatch(r"[A-Z][A-Za-z ]+:", line) for line in margin)
    assert margin
    assert margin.index("Options:") < margin.index("Examples:")


@EVERY
def test_every_option_is_once_under_the_heading_of_its_group(verb):
    command = command_of(verb)
    found = {heading: lines for heading, lines in sections(page(verb)).items()
             if heading not in ("", "What matters first", "Examples", "Notes")}  # fmt: skip
    for each in command.get_params(click.Context(command, help_option_names=["-h", "--help"])):
        if isinstance(each, click.Option):
            name = re.compile(rf"  (-\w, )?{each.opts[-1]}(\s|$)")
            where = [heading for heading, lines in found.items() if any(map(name.match, lines))]
            assert where == [getattr(each, "group", "Options")], each.opts


@EVERY
def test_every_option_says_what_it_does(verb):
    for each in command_of(verb).params:
        if isinstance(each, click.Option):
            assert re.match(r"[A-Z].*\.(  \[|$)", each.help or ""), (each.opts, each.help)


@EVERY
def test_examples_are_calls_that_the_verbs_understand(verb):
    lines = examples(page(verb))
    assert any(f"elman {verb}" in line for line in lines)
    for line in lines:
        calls = run_by(line)
        assert calls, f"no call of elman: {line!r}"
        for name, *arguments in calls:
            command_of(name).make_context(name, arguments)  # raises UsageError


def test_the_examples_of_the_group_are_calls_too():
    for line in examples(page()):
        for name, *arguments in run_by(line):
            command_of(name).make_context(name, arguments)


@EVERY
def test_only_flags_that_exist_are_named(verb):
    text = page(verb)
    named = {verb, *re.findall(r"elman ([a-z]+)", text)} & set(VERBS)
    known = set().union(*(flags_of(command_of(name)) for name in named))
    ours = re.sub(r"^ *\w+ .*\| (?=elman)", "", text, flags=re.M)  # not those of other programs
    assert set(FLAG.findall(ours)) <= known
    essentials = {flag for term in command_of(verb).essentials for flag in FLAG.findall(term)}
    assert essentials <= flags_of(command_of(verb))


@pytest.mark.parametrize(("width", "most"), [(60, 60), (80, 80), (100, 100), (200, 100)])
def test_lines_are_no_wider_than_the_terminal_and_than_a_reader_likes(
    width, most, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(width))  # CliRunner has 80, whatever this says
    for arguments in ([], *([verb] for verb in VERBS)):
        cli.main([*arguments, "--help"], prog_name="elman", standalone_mode=False)
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= most, arguments


def test_headings_are_bold_on_a_terminal_alone():
    assert "\x1b" not in page("sample")
    assert "\x1b[1mOutput:\x1b[0m\n" in page("sample", color=True, env={"TERM": "xterm"})
    assert "\x1b" not in page("sample", env={"TERM": "xterm"})


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_headings_are_plain_where_that_is_wished(environment):
    assert "\x1b" not in page("sample", color=True, env={"TERM": "xterm"} | environment)


@EVERY
def test_help_needs_none_of_the_slow_imports(verb):
    found = loaded_by(
        f"import sys; sys.argv = ['elman', {verb!r}, '--help']; from elman.cli import main; main()"
    )
    assert not found & {"numpy", "safetensors", "rich", "matplotlib", "starlette"}


def test_train_says_what_matters_first_and_has_its_groups_in_order():
    found = sections(page("train"))
    assert list(found)[1:] == [
        "What matters first", "Text", "Network", "Learning", "Labels", "Run and files",
        "Machine", "Page", "Options", "Examples", "Notes",
    ]  # fmt: skip
    first = " ".join(found["What matters first"])
    assert set(FLAG.findall(first)) == {"-o", "--minutes", "--task", "--resume", "--lines"}
    assert "Marked [lm] or [classify] or [tag]: only with that --task." in first


def test_flags_of_one_task_are_marked():
    found = sections(page("train", width=200))
    lines = found["Text"] + found["Network"] + found["Labels"]
    for flag, mark in (("--lines", "[lm]"), ("--pooling", "[classify]"), ("--hidden-size", "")):
        line = next(line for line in lines if line.startswith(f"  {flag} "))
        assert re.findall(r"  (\[(?:lm|classify)\]) ", line) == [mark] * bool(mark)


def test_a_command_of_its_own(capsys, monkeypatch):
    """Groups in the order that was asked for, tasks marked, what is long on a line of its own."""
    monkeypatch.setenv("COLUMNS", "57")

    @click.command(
        cls=Command,
        groups=("Second", "First"),
        essentials={"--loops N": "how many"},
        epilog="The end.",
    )
    @option("--loops", type=int, help="How many.", group="First")
    @option("--bidirectional/--no-bidirectional", help="Both ends.", group="Second", task="tag")
    @option("--rest", default="twelve", show_default=True, help="Anything at all, or nothing.")
    def command():
        """Do it."""

    command.params.append(Option(["--late"], type=float, help="Later.", group="Third"))
    command.main(["--help"], prog_name="do", standalone_mode=False)
    assert capsys.readouterr().out == (
        "Usage: do [OPTIONS]\n\n  Do it.\n\n"
        "What matters first:\n  --loops N    how many\n\n"
        "  Marked [tag]: only with that --task.\n\n"
        "Second:\n  --bidirectional / --no-bidirectional\n"
        "               [tag] Both ends.\n\n"
        "First:\n  --loops N    How many.\n\n"
        "Third:\n  --late X     Later.\n\n"
        "Options:\n  --rest TEXT  Anything at all, or nothing.\n"
        "               [default: twelve]\n"  # not parted, though its first word had room
        "  --help       Show this message and exit.\n\n"
        "  The end.\n"
    )
