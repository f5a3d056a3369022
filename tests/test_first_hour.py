"""The commands of README.md, docs/start.md and docs/do/ run as they stand, in their order.

In a folder with the texts that they name; with a few steps of a tiny network in place of minutes.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from elman.cli import cli

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
DO = ("own-text", "names", "classify", "tag", "inside", "resume", "logs", "machines", "share")
GUIDES = [DOCS / "start.md", *(DOCS / "do" / f"{name}.md" for name in DO)]
FENCE = re.compile(r"^```\n(.*?)^```$", re.S | re.M)  # of no language: commands and their output
ELSEWHERE = ("serve", "push")  # these open a page, or send to the network
ENDS = ("--minutes", "--epochs")
SURNAMES = {
    "German": ["Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Wagner", "Becker", "Koch"],
    "Italian": ["Rossi", "Bianchi", "Ferrari", "Russo", "Romano", "Colombo", "Ricci", "Morelli"],
}
PEOPLE, PLACES = ("Ada", "Grace", "Emmy", "Sophie"), ("London", "Vassar", "Bonn", "Paris")
TAGGED = "".join(f"{person}\tB-PER\nlived\tO\nin\tO\n{place}\tB-LOC\n\n"
                 for person in PEOPLE for place in PLACES)  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch, poem):
    """What the documents name: poems, names, a folder of surnames, tables, columns, logs."""
    surnames = [name for names in SURNAMES.values() for name in names]
    rows = [f"{name},{label},about {name}" for label, names in SURNAMES.items() for name in names]
    table = "text,label,subject\n" + "\n".join(rows) + "\n"
    log = "".join(f"12:{i % 60:02} GET /page/{i} 200\n" for i in range(200))
    tagged = "".join(f"{person} slept in {place}\n" for person in PEOPLE for place in PLACES)
    texts = {
        "poems.txt": "The sea\n" + poem, "other.txt": poem[:200], "more.txt": poem[200:900],
        "names.txt": "\n".join(surnames * 3) + "\n", "candidates.txt": "Weber\nRossi\nMorelli\n",
        "tunes.txt": "a b\nc d\n\nb a\nd c\n\n" * 20, "mail.csv": table, "new.csv": table,
        "test.tsv": table.replace(",", "\t"), "news.conll": TAGGED, "test.conll": TAGGED,
        "sentences.txt": "Ada slept\nGrace lived in London\n", "text.txt": tagged,
        "labels.txt": "PER O O LOC\n" * 16, "app.log": log, "today.log": log[:400] + "PÄNIC\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "surnames").mkdir()
    for label, names in SURNAMES.items():
        (tmp_path / "surnames" / f"{label}.txt").write_text("\n".join(names), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(page):
    """Every call of `elman` in the code of a page, with the file that is its input."""
    blocks = "".join(FENCE.findall(page.read_text(encoding="utf-8")))
    for line in blocks.replace("\\\n", " ").splitlines():
        for command in re.split(r"&&", line):
            if re.match(r"\s*(tail -f \S+ \| )?elman ", command):
                yield command.strip(), *taken_apart(command)


def taken_apart(command):
    """The words after `elman`, and the file of its input."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="<>|")
    lexer.whitespace_split = True
    before, _, own = " ".join(shlex.quote(word) for word in lexer).partition("elman ")
    words = shlex.split(own)
    given = before.split()[2] if before else None
    for mark in ("|", ">", "<"):
        if mark in words:
            given = words[words.index(mark) + 1] if mark == "<" else given
            words = words[: words.index(mark)]
    return words, given


def small(words):
    """The command with an end that comes soon."""
    if words[0] != "train":
        return words
    for end in ENDS:
        if end in words:
            at = words.index(end)
            words = words[:at] + words[at + 2 :]
    if "--resume" in words:
        return words
    ended = [*words, "--steps", "2", "--threads", "1"]
    if len(words) == 1:  # the standard library, millions of characters
        ended += ["--max-characters", "20000"]
    return ended if "--from" in words else [*ended, "--hidden-size", "8", "--num-layers", "1"]


def run(command, words, given):
    if words[0] in ELSEWHERE or "--live" in words or "--ranks" in words or "hf:" in command:
        return False
    if ".onnx" in command and not find_spec("onnx"):
        return False
    if given:  # the runner has no standard input that verbs could look ahead in
        with open(given, "rb") as file:
            done = subprocess.run([sys.executable, "-m", "elman", *words], stdin=file,
                                  capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)
    else:
        result = CliRunner().invoke(cli, small(words), prog_name="elman")
        assert result.exit_code == 0, (command, result.stderr, result.exception)
    return True


def test_the_commands_of_the_readme_run_in_their_order(folder):
    assert sum([run(*command) for command in commands(README)]) == 14


def test_the_commands_of_start_and_of_the_guides_run_in_their_order(folder):
    assert sum([run(*command) for page in GUIDES for command in commands(page)]) > 35


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_begins_with_the_command_and_ends_with_what_is_next(page):
    text = page.read_text(encoding="utf-8")
    if page.parent.name == "do":
        assert re.match(r"# [^\n]+\n\n```\n", text)
        assert re.findall(r"^## (.+)$", text, re.M)[-1] == "What next"


def test_the_readme_is_short_and_ends_with_the_line_that_runs_the_tests():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert text.endswith("\n```\npip install '.[test]' && python -m pytest\n```\n")
