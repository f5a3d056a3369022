"""An extension that was compiled from different C++ sources is recognised."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from elman._native import digest, is_stale

SOURCES = Path(__file__).parents[2] / "src" / "elman" / "_native"


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "a.hpp").write_text("int f(int);")
    (tmp_path / "b.cpp").write_text("int f(int x) { return x; }")
    return tmp_path


def test_the_digest_of_the_build_is_that_of_the_sources_of_the_checkout():
    from elman._native import _core

    assert digest(SOURCES) == _core.SOURCES


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.hpp").write_text("int f(long);"),
        lambda folder: (folder / "b.cpp").unlink(),
        lambda folder: (folder / "c.hpp").write_text(""),
    ],
    ids=["edited", "gone", "new"],
)
def test_any_change_of_the_sources_makes_the_extension_stale(sources, change):
    core = SimpleNamespace(SOURCES=digest(sources))
    assert not is_stale(core, sources)
    change(sources)
    assert is_stale(core, sources)


def test_what_an_editor_leaves_is_no_source(sources):
    before = digest(sources)
    (sources / ".#b.cpp").symlink_to("nowhere")
    (sources / "b.cpp~").write_text("")
    (sources / "cells.py").write_text("")
    assert digest(sources) == before


def test_an_installed_wheel_has_no_sources_to_differ_from(tmp_path):
    assert digest(tmp_path) == ""
    assert not is_stale(SimpleNamespace(SOURCES="of the build"), tmp_path)


def test_an_extension_from_before_the_digest_is_stale_everywhere(sources, tmp_path):
    assert is_stale(SimpleNamespace(), sources)
    assert is_stale(SimpleNamespace(), tmp_path / "none")
