"""docs/python.md prints what it says; the notebooks of examples/ run from top to bottom."""

from __future__ import annotations

import doctest
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "python.md"
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.arguments
def test_the_examples_of_the_page_print_what_it_says(tmp_path, monkeypatch, poem):
    pytest.importorskip("pandas")
    (tmp_path / "poems.txt").write_text(poem, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```\n(>>>.*?)^```$", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, None, None)
    assert len(test.examples) > 20
    report: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(verbose=False, optionflags=flags)
    assert not runner.run(test, out=report.append).failed, "".join(report)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_without_an_error(path, tmp_path, monkeypatch):
    client = pytest.importorskip("nbclient", reason="nbclient runs notebooks; it is not installed")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    source = str(ROOT / "src")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(notebook, timeout=300, resources=resources).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in shown if output.output_type == "error"]
    assert not [output for output in shown if output.get("name") == "stderr"]


def test_the_notebooks_are_there_and_hold_no_output():
    """What they show is made anew: it would be old as soon as the code is another one."""
    import json

    assert [path.stem for path in NOTEBOOKS] == ["first_model", "line_length"]
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert cells[0]["cell_type"] == "markdown"
        assert not any(cell.get("outputs") for cell in cells)
