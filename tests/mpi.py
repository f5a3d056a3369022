"""What tests with several ranks need: the mpiexec that belongs to mpi4py, or a reason to skip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BESIDE = Path(sys.executable).parent / "mpiexec"
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
HERE = MPIEXEC is not None and find_spec("mpi4py") is not None

needed = pytest.mark.skipif(
    not HERE, reason="several ranks need MPI: pip install mpi4py mpich runs these tests"
)


def ranks(count: int, *command: object, **options) -> subprocess.CompletedProcess:
    """A Python command on so many ranks, to its end."""
    start = [] if count == 1 else [str(MPIEXEC), "-n", str(count)]
    return subprocess.run(
        [*start, sys.executable, *map(str, command)], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=300,
        **{"cwd": ROOT, **options},
    )  # fmt: skip
