"""The public names, and that looking at them costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import elman

HEAVY = ("numpy", "safetensors", "rich", "pooch", "threadpoolctl", "requests")


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
    assert dir(elman) == elman.__all__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = elman.nonsense


def test_errors_are_one_family_and_know_their_exit_code():
    from elman import errors

    kinds = [errors.UsageError, errors.CorpusError, errors.ModelFileError,
             errors.UnknownSymbolError, errors.DivergedError]  # fmt: skip
    assert all(issubclass(kind, elman.ElmanError) for kind in kinds)
    assert [kind.exit_code for kind in kinds] == [2, 1, 1, 1, 1]
    assert issubclass(errors.UsageError, ValueError)
