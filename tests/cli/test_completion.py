"""The Tab key: what is offered, and that the scripts of the shells work where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from elman.cli import VERBS, cli
from elman.recipes import RECIPES
from elman.text.corpora import DESCRIPTIONS


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """offered("train", "po") -> what is offered for the last word; FILE asks the shell."""
    monkeypatch.chdir(tmp_path)

    def ask(*words):
        found = ShellComplete(cli, {}, "elman", "_ELMAN_COMPLETE").get_completions(
            list(words[:-1]), words[-1]
        )
        return ["FILE" if item.type == "file" else item.value for item in found]

    return ask


def test_verbs_and_options_are_completed(offered):
    assert offered("") == list(VERBS)
    assert offered("s") == ["sweep", "sample", "score", "serve"]
    assert offered("train", "--hidden") == ["--hidden-size"]
    assert offered("train", "--cell", "l") == ["lstm"]


@pytest.mark.parametrize("verb", ["sample", "score", "classify", "tag", "embed", "info", "plot",
                                  "serve", "export"])  # fmt: skip
def test_models_are_offered_where_a_model_is_expected(offered, tmp_path, verb):
    assert offered(verb, "") == ["FILE"]  # a folder, perhaps
    for name in ("poems.safetensors", "names.safetensors", "poems.txt", ".x.safetensors"):
        (tmp_path / name).touch()
    assert offered(verb, "") == ["names.safetensors", "poems.safetensors"]
    assert offered(verb, "po") == ["poems.safetensors"]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "old.safetensors").touch()
    assert offered(verb, "models/") == ["models/old.safetensors"]


def test_the_shell_writes_names_that_need_quotes(offered, tmp_path):
    (tmp_path / "my poems.safetensors").touch()
    assert offered("sample", "my") == ["FILE"]


def test_files_come_before_corpora_and_these_where_no_file_begins_so(offered, tmp_path):
    assert offered("train", "") == list(DESCRIPTIONS)
    assert offered("train", "sher") == ["sherlock"]
    (tmp_path / "sheep.txt").touch()
    assert offered("train", "sh") == ["FILE"]
    assert offered("train", "sher") == ["sherlock"]
    assert offered("train", "nothing") == ["FILE"]


def test_options_with_files_and_models(offered, tmp_path):
    (tmp_path / "poems.safetensors").touch()
    assert offered("classify", "m", "-f", "") == ["FILE"]
    assert offered("train", "--validation", "") == ["FILE"]
    assert offered("train", "--resume", "p") == ["poems.safetensors"]
    assert offered("reproduce", "") == list(RECIPES)


SCRIPTS = {
    "bash": (["bash", "--norc", "-c"], """
        . ./complete
        COMP_WORDS=(elman sam); COMP_CWORD=1
        $(complete -p elman | sed 's/.*-F \\([^ ]*\\) .*/\\1/') elman
        printf '%s\\n' "${COMPREPLY[@]}"
    """),
    "zsh": (["zsh", "-f", "-c"], """
        autoload -U compinit && compinit -D && . ./complete
        compadd() { print -r -- sample }
        _describe() { print -r -- sample }
        words=(elman sam); CURRENT=2; _elman_completion
    """),
    "fish": (["fish", "--no-config", "-c"], """
        source ./complete
        complete --do-complete 'elman sam'
    """),
}  # fmt: skip


@pytest.mark.parametrize("shell", list(SCRIPTS))
def test_the_script_of_a_shell_completes_a_verb(tmp_path, shell):
    command, script = SCRIPTS[shell]
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    program = tmp_path / "bin" / "elman"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m elman "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
    }  # fmt: skip
    made = subprocess.run(
        ["elman"], env=environment | {"_ELMAN_COMPLETE": f"{shell}_source"}, capture_output=True,
        check=True,
    )  # fmt: skip
    (tmp_path / "complete").write_bytes(made.stdout)
    done = subprocess.run([*command, script], cwd=tmp_path, env=environment, capture_output=True,
                          text=True, timeout=60)  # fmt: skip
    assert done.stdout.split()[:1] == ["sample"], done.stderr


def test_bash_completes_files_where_nothing_else_is_offered(offered):
    from elman.cli.completion import Bash

    assert offered("sample", "m.safetensors", ">", "pu") == []
    assert "complete -o nosort -o default -F" in Bash.source_template
