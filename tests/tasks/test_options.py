"""The types of `elman.train` are made from the settings: `python -m tests.tasks.test_options`."""

from __future__ import annotations

import inspect
import pydoc
import re
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

import elman
from elman.settings import kind_of, rule_of
from elman.tasks import TASKS, all_settings, settings_of, training
from elman.tasks.described import meaning

PLACE = Path(training.__file__).with_name("options.py")

HEAD = '''"""The settings as types: what `elman.train` takes by name, for type checkers.

Made from the settings by `python -m tests.tasks.test_options`; not written by hand.
"""

from pathlib import Path
from typing import Literal, Required, TypedDict
'''


def type_of(field) -> str:
    rule, kind = rule_of(field), kind_of(field)
    if field.name == "task":
        task = f'Literal["{rule.choices[0]}"]'
        return f"{task} | None" if rule.choices == ("lm",) else f"Required[{task}]"
    if rule.choices:
        return f"Literal[{', '.join(f'{c!r}' for c in rule.choices)}] | None".replace("'", '"')
    return "float | str | Path | None" if rule.files else f"{kind.__name__} | None"


def made() -> str:
    types = {task: {f.name: type_of(f) for f in fields(settings_of(task))} for task in TASKS}
    first, *others = types.values()
    common = {n: t for n, t in first.items() if all(other.get(n) == t for other in others)}
    text = HEAD + made_class("CommonOptions", "TypedDict", "Settings of every task.", common)
    for task, own in types.items():
        kind = settings_of(task)
        name = kind.__name__.replace("Settings", "Options")
        about = f'Settings of `task="{task}"`, see `{kind.__module__}`.'
        rest = {n: t for n, t in own.items() if n not in common}
        text += made_class(name, "CommonOptions", about, rest)
    return text


def documented(setting: str) -> str:
    """What a setting is, as editors show it: a docstring under the key."""
    told = meaning(all_settings()[setting]).replace("\\", "\\\\")
    lines = textwrap.wrap(told, 90)
    if len(lines) == 1:
        return f'    """{told}"""'
    return "\n".join(['    """' + lines[0], *(f"    {line}" for line in lines[1:]), '    """'])


def made_class(name: str, base: str, about: str, types: dict[str, str]) -> str:
    lines = [f"    {setting}: {kind}\n{documented(setting)}" for setting, kind in types.items()]
    head = f'class {name}({base}, total=False):\n    """{about}"""'
    return "\n\n" + head + "\n\n" + "\n".join(lines) + "\n"


def formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "100", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_the_types_are_those_of_the_settings():
    pytest.importorskip("ruff")
    assert PLACE.read_text(encoding="utf-8") == formatted(made()), (
        "run: python -m tests.tasks.test_options"
    )


def test_help_and_completion_know_every_setting():
    parameters = inspect.signature(elman.train).parameters
    assert set(parameters) >= set(all_settings()) | {"corpus", "text", "output", "progress"}
    assert parameters["hidden_size"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["cell"].default == "gru"
    assert {"rnn", "lstm", "gru", "ngram"} == set(get_args(parameters["cell"].annotation))
    assert parameters["hidden_size"].default is None
    assert parameters["seq_len"].annotation == int | None
    assert parameters["test"].annotation == float | str | Path | None
    assert parameters["task"].default == "lm"
    assert set(get_args(parameters["task"].annotation)) == set(TASKS)
    assert all(p.annotation is not inspect.Parameter.empty for p in parameters.values())
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def test_help_says_what_every_setting_is_what_it_may_be_and_its_default():
    told = elman.train.__doc__
    for name in all_settings():
        assert f"\n{name} : " in told
    assert "cell : 'rnn' | 'lstm' | 'gru' | 'ngram'\n    Recurrent cell" in told
    assert "hidden_size : int\n    Units per layer. Default: 128 to 512, by text" in told
    assert "Default: 64 with task='lm'; 256 with task='classify'" in " ".join(told.split())
    assert "False leaves all biases out. Default: True." in told
    assert not re.search(r"--\w", told)
    assert elman.train.__doc__ in pydoc.plain(pydoc.render_doc(elman.train)).replace("\n    ", "\n")


PROGRAM = """
import elman
import elman.tasks.events
from elman.errors import ElmanError

# README
model = elman.train("poems.txt", cell="gru", hidden_size=256, minutes=3)
print(model.sample(200, prime="The sea", temperature=0.8, seed=1))
print(model.score("The sea is calm tonight").bits_per_character)
model.save("poems.safetensors")
reveal_type(model)
reveal_type(elman.train(text=["a", "b"], task="lm", validation="held.txt"))
names = elman.train((["a"], ["b"]), task="classify", bidirectional=True)
reveal_type(names)
reveal_type(names.predict("a"))
reveal_type(names.predict(["a"]))
reveal_type(elman.load("poems.safetensors", task="lm"))
reveal_type(elman.load("poems.safetensors", task="classify"))
elman.load("poems.safetensors", task="lm").score("a")
found = elman.load("poems.safetensors")
if isinstance(found, elman.Classifier):
    found.predict("a")
model = elman.load("poems.safetensors", task="lm")
report = names.report
if report is not None:
    report.to_frame()


def watch(event: elman.tasks.events.Event) -> None:
    if event["event"] == "evaluation":
        print(event["step"], event.get("validation_bits_per_character"))


elman.train("poems.txt", on_event=watch)
elman.plots.training(model)
reveal_type(elman.load("poems.safetensors"))
elman.load("poems.safetensors").save("copy.safetensors")
"""
SAYS = ["Model", "Model", "Classifier", "str", "list[str]", "Model", "Classifier",
        "Model | Classifier | Tagger"]  # fmt: skip
WRONG = """
import elman
elman.train("a.txt", hiddensize=3)
elman.train("a.txt", hidden_size="3")
elman.train("a.txt", cell="gruu")
elman.train("a.txt", bidirectional=True)
elman.train("a.txt").predict("a")
elman.train("a.txt", task="classify", order=3)
elman.load("a.safetensors").smaple(3)
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What mypy says of a program, line by line."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("types")

    def check(program):
        path = folder / "program.py"
        path.write_text(program, encoding="utf-8")
        source = Path(elman.__file__).parents[1]
        # mypy finds an installed package by itself, and refuses its folder as a path.
        found = {} if source.name == "site-packages" else {"MYPYPATH": str(source)}
        command = [sys.executable, "-m", "mypy", "--no-error-summary", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder,
                              env={**found, "PATH": ""})  # fmt: skip
        assert done.returncode in (0, 1), done.stderr + done.stdout
        return [line for line in done.stdout.splitlines() if line.startswith("program.py")]

    return check


def test_a_type_checker_accepts_what_the_documents_say(checked):
    said = checked(PROGRAM)
    assert not [line for line in said if ": error:" in line]
    revealed = [line.split('"')[1] for line in said if "Revealed type" in line]
    assert [re.sub(r"\w+\.", "", kind) for kind in revealed] == SAYS


def test_a_type_checker_sees_what_is_wrong(checked):
    said = checked(WRONG)
    lines = {int(line.split(":")[1]) for line in said if ": error:" in line}
    assert lines == set(range(3, 10))


if __name__ == "__main__":
    PLACE.write_text(formatted(made()), encoding="utf-8")
