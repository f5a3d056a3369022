"""The options that a mistyped one may have meant, and values that are out of a range."""

import click
import pytest

from elman.cli import cli
from elman.cli.mistakes import sentence


def said(*arguments: str) -> str:
    with pytest.raises(click.ClickException) as caught:
        cli.main(list(arguments), "elman", standalone_mode=False)
    return sentence(caught.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--lr", "--learning-rate"), ("--batch", "--batch-size or --batching"),
        ("--units", "--hidden-size"), ("--layers", "--num-layers"), ("--seq", "--seq-len"),
        ("--hiden-size", "--hidden-size"), ("--learning_rate", "--learning-rate"),
    ],
)  # fmt: skip
def test_what_was_meant(typed, meant):
    assert said("train", typed, "3") == f"there is no option {typed}; did you mean {meant}?"


@pytest.mark.parametrize(
    "typed", ["--gpu", "--device", "--size", "--char", "--bytes", "--word", "-z"]
)
def test_nothing_is_better_than_a_wrong_guess(typed):
    assert said("train", typed) == f"there is no option {typed}"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (["serve", "--port", "99999"], "--port must be at least 0 and at most 65535, not 99999"),
        (["train", "--steps", "1.5"], "--steps: '1.5' is not a whole number"),
        (["train", "--learning-rate", "high"], "--learning-rate: 'high' is not a number"),
    ],
)
def test_a_wrong_value(given, wrong):
    assert said(*given) == wrong


def test_from_without_a_text_is_no_training_on_the_standard_library():
    from click.testing import CliRunner

    result = CliRunner().invoke(cli, ["train", "--from", "poems.safetensors"], prog_name="elman")
    assert result.exit_code == 2
    assert "--from needs a text to train on: elman train TEXT --from poems" in result.stderr
