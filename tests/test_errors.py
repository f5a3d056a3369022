"""Messages name flags on the command line and arguments in Python; one place decides how."""

from __future__ import annotations

import subprocess
import sys

import pytest

import elman
from elman import errors
from elman.errors import UsageError, as_arguments
from elman.settings import kind_of, rule_of
from elman.tasks import all_settings

pytestmark = pytest.mark.arguments


@pytest.mark.parametrize(
    ("flags", "arguments"),
    [
        ("--hidden-size must be a whole number, not '8'",
         "hidden_size must be a whole number, not '8'"),
        ("--momentum needs --optimizer sgd (it is adam)",
         "momentum needs optimizer='sgd' (it is adam)"),
        ("try --learning-rate 0.0006 (now 0.006) or --clip-norm 1",
         "try learning_rate=0.0006 (now 0.006) or clip_norm=1"),
        ("--learning-rate 1e-05, --steps 3.", "learning_rate=1e-05, steps=3."),
        ("train with --unknown or --tokens byte", "train with unknown=True or tokens='byte'"),
        ("leave --no-bias out", "leave bias=False out"),
        ("give one of --epochs, --steps and --minutes", "give one of epochs, steps and minutes"),
        ("--encoding cp1252 reads; --encoding says", "encoding='cp1252' reads; encoding says"),
        ("give --encoding utf-8", "give encoding='utf-8'"),
        ("a new training from it with --from", "a new training from it with start_from"),
        ("name it: elman train PLACE --resume m.s", "name it: elman train PLACE --resume m.s"),
        ("there is no file 'a--b.txt', 'x--y'", "there is no file 'a--b.txt', 'x--y'"),
        ("--task classify needs --task", "task='classify' needs task"),
        ("seven -- eight", "seven -- eight"),
        # what somebody wrote is not ours
        ("'x --seed 5\\nb --lines' has --lines", "'x --seed 5\\nb --lines' has lines=True"),
        ("no file \"my --lines it's\", --lines", "no file \"my --lines it's\", lines=True"),
        ("my --lines.txt is gone", "my --lines.txt is gone"),
        ("b'a --lines', give --seed 5", "b'a --lines', give seed=5"),
        ("['a', 'b --lines …; leave --lines out", "['a', 'b --lines …; leave lines=True out"),
        ("don't use --lines, 'x --lines'", "don't use lines=True, 'x --lines'"),
    ],
)  # fmt: skip
def test_flags_become_arguments(flags, arguments):
    assert as_arguments(flags) == arguments
    assert str(UsageError(flags)) == arguments
    with errors.flags():
        assert str(UsageError(flags)) == flags  # nothing is lost
    assert str(UsageError(flags)) == arguments


def test_every_value_and_every_switch_of_a_setting_is_known():
    known = [field for fields in all_settings().values() for field in fields.values()]
    assert {choice for field in known for choice in rule_of(field).choices} <= errors.VALUES
    switches = {field.name for field in known if kind_of(field) is bool}
    assert switches - {"bias"} <= errors.SWITCHES  # which is on, so that its flag begins with no-


def test_python_speaks_of_arguments_the_command_line_of_flags():
    with pytest.raises(UsageError, match=r"^hidden_size must be a whole number, not '8'$"):
        elman.train(hidden_size="8")
    command = [sys.executable, "-m", "elman", "train", "--hidden-size", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "elman: error: --hidden-size must be at least 1" in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hiddensize", "there is no setting 'hiddensize', did you mean 'hidden_size'?"),
        ("learningrate", "did you mean 'learning_rate'?"),
        ("texts", "did you mean 'text'?"),
        ("progess", "did you mean 'progress'?"),
        ("outptu", "did you mean 'output'?"),
        ("from", "did you mean 'start_from'?"),
        ("xyz", "there is no setting 'xyz'; elman.settings has them"),
    ],
)
def test_a_misspelt_setting_has_a_neighbour(name, says):
    with pytest.raises(UsageError) as caught:
        elman.train(**{name: 3})
    assert says in str(caught.value)


def test_notes_in_python_speak_of_arguments():
    notes = []
    rows = [("ab" * 40 + str(i), "xy"[i % 2]) for i in range(20)]
    elman.train(rows, task="classify", hidden_size=4, steps=1, threads=1, seq_len=10,
                on_event=lambda e: notes.append(e.get("text", "")))  # fmt: skip
    assert any("seq_len changes that" in note for note in notes)
    assert not any("--" in note for note in notes)


LONG = "x" * 5000
BIG = [["karov", "lomini"]] * 1000


@pytest.fixture(scope="module")
def model():
    return elman.train(text="to be or not to be " * 20, hidden_size=4, steps=1, threads=1)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.score([BIG]),
        lambda model: model.score(5),
        lambda model: model.sample(5, prime=BIG),
        lambda model: model.sample(LONG),
        lambda model: model.sample(5, temperature=LONG),
        lambda model: model.sample(5, top_k=BIG),
        lambda model: model.sample(5, top_p=LONG),
        lambda model: model.sample(5, n=LONG),
        lambda model: model.sample(5, seed=LONG),
        lambda model: model.sample(5, beam=LONG),
        lambda model: model.sample(5, stop=BIG),
        lambda model: elman.load(LONG),
        lambda model: elman.load("m.safetensors", task=LONG),
        lambda model: elman.load("m.safetensors", engine=LONG),
        lambda model: elman.train(text=BIG),
        lambda model: elman.train(BIG),
        lambda model: elman.train(BIG, task="classify"),
        lambda model: elman.train((BIG, BIG), task="classify"),
        lambda model: elman.train((BIG, BIG), task="classify", validation=(BIG, BIG)),
        lambda model: elman.train(on_event=LONG),
        lambda model: elman.train(**{LONG: 1}),
        *(
            lambda model, name=name, value=value: elman.train(text="ab" * 90, **{name: value})
            for name in all_settings()
            for value in (LONG, BIG)
            if name not in ("separator", "delimiter", "text_column") or value is BIG
        ),
    ],
)
def test_a_message_quotes_little(model, call):
    with pytest.raises(elman.ElmanError) as caught:
        call(model)
    assert len(str(caught.value)) < 300
    assert "x" * errors.QUOTED not in str(caught.value)


def test_what_is_cut_ends_with_its_quotation_mark():
    assert errors.quoted("x" * 100) == repr("x" * 56 + " …")
    assert errors.quoted("short") == "'short'"
    assert errors.quoted(0.5) == "0.5"
    assert len(errors.quoted(BIG)) == errors.QUOTED


def test_messages_in_python_say_what_to_do_in_python(model, tmp_path):
    path = tmp_path / "m.safetensors"
    model.save(path)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    for call, says in (
        (lambda: model.sample("10"), "length must be a whole number between .*, not '10'"),
        (lambda: model.sample(3, temperature="1"), "temperature must be 0 or more, not '1'"),
        (lambda: model.sample(3, beam=2, top_k=4), "leave out temperature, top_k, top_p and gr"),
        (lambda: elman.load(path, task="classify"), "give task='lm', or leave task out"),
        (lambda: elman.load(tmp_path / "t.csv"), r"elman.train\(path, text_column=NAME\)"),
        (lambda: elman.train(text="ab", task="classifyy"), "task must be one of .*'classifyy'"),
        (lambda: elman.train("my --lines.txt"), "no file or folder 'my --lines.txt'"),
        (lambda: elman.train(text=["x --seed 5\nb --lines"]), r"'x --seed 5\\nb --lines'"),
    ):
        with pytest.raises(elman.ElmanError, match=says) as caught:
            call()
        assert "`" not in str(caught.value)
