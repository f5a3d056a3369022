"""Instruction levels and threads as seen from a process."""

import os
import subprocess
import sys

import pytest

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")


@pytest.mark.parametrize("name", _core.levels())
def test_the_environment_chooses_the_level(name):
    code = "from elman._native import _core; print(_core.level())"
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ELMAN_ISA": name},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == name


def test_an_unknown_level_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=_core.levels()[-1]):
        _core.choose_level("v9")


def test_a_forked_child_has_its_own_threads():
    code = """
import os, sys, numpy as np
from elman._native import _core, layers
_core.set_threads(2)
x = np.ones((1, 300, 300), np.float32)
layers.affine(x, x[0], None)
pid = os.fork()
if pid == 0:
    os._exit(0 if (layers.affine(x, x[0], None)[0] == 300).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60).returncode == 0
