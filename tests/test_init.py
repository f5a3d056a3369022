"""The public names, and that looking at them costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import elman

HEAVY = ("numpy", "safetensors", "rich", "pooch", "threadpoolctl", "requests", "sklearn",
         "matplotlib", "pandas", "IPython")  # fmt: skip


def loaded_by(program: str) -> set[str]:
    """Top-level packages that a Python program has imported when it ends."""
    report = "import sys; print('loaded:', *{name.partition('.')[0] for name in sys.modules})"
    whole = f"import atexit\natexit.register(lambda: exec({report!r}))\n{program}"
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True)
    assert "loaded:" in done.stdout, done.stderr
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize(
    "program",
    [
        "import elman; elman.__version__",
        "import sys; sys.argv = ['elman', '--help']; from elman.cli import main; main()",
        "import sys; sys.argv = ['elman', '--version']; from elman.cli import main; main()",
        "import sys; sys.argv = ['elman', 'train', '--help']; from elman.cli import main; main()",
        "import sys; sys.argv = ['elman', 'sample', '--help']; from elman.cli import main; main()",
    ],
    ids=["import elman", "--help", "--version", "train --help", "sample --help"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(program):
    found = loaded_by(program)
    assert "elman" in found
    assert not found & set(HEAVY)


def test_the_public_names_are_there():
    for name in elman.__all__:
        assert getattr(elman, name) is not None
    assert dir(elman) == sorted([*elman.__all__, "bulk", "estimators", "plots", "settings"])
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = elman.nonsense


@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("import elman; elman.settings.Settings", "elman"),
        ("import elman; elman.plots.training", "numpy"),
        ("import elman; elman.estimators.LanguageModel", "sklearn"),
    ],
)
def test_modules_are_there_when_they_are_named(program, module):
    if module == "sklearn":
        pytest.importorskip(module)
    found = loaded_by(program)
    assert module in found
    assert "matplotlib" not in found


def test_without_scikit_learn_the_estimators_say_what_to_install():
    """As the errors that programs expect which can do without them."""
    program = """
import sys; sys.modules["sklearn"] = None
import inspect
import elman
try:
    elman.estimators
except AttributeError as error:
    print("said:", error)
try:
    import elman.estimators
except ModuleNotFoundError as error:
    print("said:", error)
try:
    from elman import estimators
except ModuleNotFoundError as error:
    print("said:", error)
print(hasattr(elman, "estimators"), dict(inspect.getmembers(elman)).keys() >= {"plots", "train"})
help(elman)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    said = "said: elman.estimators needs scikit-learn (not installed); install with: "
    lines = done.stdout.splitlines()
    assert lines[:3] == [f"{said}pip install '.[sklearn]' in the folder of the clone"] * 3
    assert lines[3] == "False True"
    assert "Train a model of text" in done.stdout
    assert done.stderr == ""


def test_errors_are_one_family_and_know_their_exit_code():
    from elman import errors

    kinds = [errors.UsageError, errors.CorpusError, errors.ModelFileError,
             errors.UnknownSymbolError, errors.DivergedError]  # fmt: skip
    assert all(issubclass(kind, elman.ElmanError) for kind in kinds)
    assert [kind.exit_code for kind in kinds] == [2, 1, 1, 1, 1]
    assert issubclass(errors.UsageError, ValueError)
