"""`elman plot` as a user meets it: a file for a model, one sentence for a mistake."""

from __future__ import annotations

import os

import pytest

SMALL = ["--hidden-size", 12, "--seq-len", 16, "--batch-size", 8, "--threads", 1]


@pytest.fixture(scope="module")
def folder(module_elman, make_english):
    folder = module_elman.folder
    (folder / "text.txt").write_text(make_english(4000), encoding="utf-8")
    module_elman(
        "train", "text.txt", *SMALL, "--steps", 20, "--log-every", 1, "-o", "m.safetensors"
    ).ok()
    module_elman("export", "m.safetensors", "-o", "small.safetensors").ok()
    module_elman("train", "text.txt", "--cell", "ngram", "-o", "chain.safetensors").ok()
    return folder


@pytest.fixture
def say(module_elman, folder):
    return module_elman


def need_matplotlib():
    pytest.importorskip("matplotlib")


def test_a_model_file_becomes_a_picture(say, folder):
    need_matplotlib()
    run = say("plot", "m.safetensors", "-o", "training.png").ok()
    assert run.stdout == run.stderr == ""
    assert (folder / "training.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("chain.safetensors", "no training history"),
        ("small.safetensors", "was exported"),
        ("text.txt", "text.txt"),
        ("nowhere.safetensors", "nowhere.safetensors"),
    ],
)
def test_what_has_no_training_to_show_is_refused(say, folder, model, words):
    need_matplotlib()
    before = sorted(folder.iterdir())
    say("plot", model, "-o", "a.png").refused(mentions=(words,))
    assert sorted(folder.iterdir()) == before


def test_an_unknown_ending_is_refused_before_anything_is_read(say):
    say("plot", "nowhere.safetensors", "-o", "a.gif").refused((2,), mentions=("a.gif", ".png"))


def test_without_an_output_it_is_a_mistake(say):
    say("plot", "m.safetensors").refused((2,), mentions=("--output",))


def test_a_folder_that_is_not_there(say):
    need_matplotlib()
    say("plot", "m.safetensors", "-o", "no/a.png").refused((1,), mentions=("does not exist",))


def test_without_matplotlib_the_message_says_what_to_install(say, folder, tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = say("plot", "m.safetensors", "-o", "b.png", env={"PYTHONPATH": path})
    run.refused((1,), mentions=("pip install '.[plot]' in the folder",))
    assert not (folder / "b.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--kind", "gradients"],
        ["m.safetensors", "small.safetensors", "--kind", "gradients"],
        ["m.safetensors", "--kind", "characters"],
        ["small.safetensors", "--kind", "states", "--text", "The old dog sees $x$."],
    ],
)
def test_every_kind_of_picture(say, folder, arguments):
    need_matplotlib()
    run = say("plot", *arguments, "-o", "a.svg")
    if "$" in arguments[-1]:  # the vocabulary has no such character
        run.refused((1,), mentions=("'$'",))
        say("plot", *arguments[:-1], "The old dog", "-o", "a.svg").ok()
    else:
        run.ok()
    assert (folder / "a.svg").read_bytes().startswith(b"<?xml")
    (folder / "a.svg").unlink()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "one MODEL"),
        (["m.safetensors", "m.safetensors"], "one MODEL"),
        (["m.safetensors", "--text", "a"], "--kind"),
        (["--kind", "gradients", "--text", "a"], "MODEL"),
        (["chain.safetensors", "--kind", "states"], "Markov chain"),
        (["m.safetensors", "--kind", "gradients", "--text", "a"], "too short"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(say, folder, arguments, words):
    need_matplotlib()
    say("plot", *arguments, "-o", "a.png").refused((2,), mentions=(words,))
    assert not (folder / "a.png").exists()
