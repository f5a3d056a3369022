"""Which engine runs the recurrence, and with how many threads."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from elman import _native
from elman.cells import CELLS
from elman.errors import UsageError
from elman.nn import engine
from elman.nn.engine import ENGINES, available_cores, select


@pytest.mark.parametrize("name", ["auto", "numpy"])
def test_an_engine_is_selected_and_says_why(name):
    found = select(name, threads=1)
    assert found.name in ENGINES
    assert found.name != "auto"
    assert found.reason
    assert found.threads == 1


def test_an_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"'steam' is not one of auto.*numpy"):
        select("steam")


def test_by_default_it_uses_the_cores_that_there_are():
    assert select().threads == available_cores() >= 1


@pytest.mark.parametrize(
    ("cores", "quota", "expected"), [(8, None, 8), (8, 2.0, 2), (8, 0.3, 1), (2, 16.0, 2)]
)
def test_affinity_and_quota_limit_the_cores(monkeypatch, cores, quota, expected):
    monkeypatch.setattr(
        engine.os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False
    )
    monkeypatch.setattr(engine, "_cgroup_quota", lambda: quota)
    assert available_cores() == expected


@pytest.mark.parametrize(
    ("own", "files", "quota"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, None),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3.0),
        ("0::/a/b", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "300000 100000"}, 0.5),
        ("5:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "200000"}, 2.0),
        ("5:cpu,cpuacct:/a", {"cpu/a/cpu.cfs_quota_us": "-1"}, None),
        ("3:memory:/a", {"cpu.max": "100000 100000"}, None),
        ("0::/gone", {}, None),
    ],
)
def test_the_quota_is_the_least_of_the_cgroups_above(tmp_path, own, files, quota):
    (tmp_path / "own").write_text(own + "\n")
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        (path.parent / "cpu.cfs_period_us").write_text("100000\n")
    assert engine._cgroup_quota(tmp_path / "root", tmp_path / "own") == quota


@pytest.mark.parametrize("cell", list(CELLS))
def test_the_reference_runs_the_cells_as_they_are(rng, cell):
    forward = select("numpy").forward(cell, "tanh")
    gates, states = CELLS[cell].GATES, CELLS[cell].STATES
    arguments = (
        {"W_h": rng.normal(size=(3, 3 * gates))},
        rng.normal(size=(4, 2, 3 * gates)),
        rng.normal(size=(states, 2, 3)),
        None,
    )
    np.testing.assert_array_equal(forward(*arguments)[0], CELLS[cell].forward(*arguments)[0])


def test_the_activation_reaches_the_vanilla_cell():
    z = np.full((1, 1, 1), 3.0)
    run = select("numpy").forward("rnn", "relu")
    assert run({"W_h": np.zeros((1, 1))}, z, np.zeros((1, 1, 1)), None)[0].item() == 3


def test_threads_are_limited_only_inside_the_context():
    from threadpoolctl import threadpool_info

    def counts():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = counts()
    with select("numpy", threads=1).limit_threads():
        assert all(count == 1 for count in counts())
    assert counts() == before


def test_a_wrong_instruction_level_is_one_sentence():
    pytest.importorskip("elman._native._core", reason="installed without the native engine")
    ended = subprocess.run(
        [sys.executable, "-m", "elman", "info"], capture_output=True, text=True, timeout=60,
        env={**os.environ, "ELMAN_ISA": "v9"},
    )  # fmt: skip
    assert ended.returncode == 2
    assert "ELMAN_ISA" in ended.stderr and "v9" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture
def stale_extension(monkeypatch):
    """An extension that does not say which sources it was compiled from."""
    stale = ModuleType("elman._native._core")
    monkeypatch.setattr(_native, "_core", stale, raising=False)


def test_a_stale_extension_is_one_sentence(stale_extension):
    with pytest.raises(UsageError, match=r"different C\+\+ sources.*pip install \.") as error:
        select("native")
    assert "\n" not in str(error.value)


def test_numpy_computes_where_the_extension_is_stale(stale_extension):
    found = select("auto", threads=1)
    assert found.name == "numpy"
    assert "different C++ sources" in found.reason and "pip install ." in found.reason
    assert select("numpy").reason == "the reference, in NumPy"
