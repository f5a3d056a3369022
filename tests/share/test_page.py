"""docs/share.md: every example runs, one after the other, and prints what the page says."""

from __future__ import annotations

import doctest
import re
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from elman.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "share.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
NETWORK = ("elman push", "elman sample hf://")  # tested in test_hub.py, against a local server


def session(code, names):
    test = doctest.DocTestParser().get_doctest(code, names, PAGE.name, None, None)
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    assert not runner.run(test, out=report.append, clear_globs=False).failed, "".join(report)
    return test.globs


def command(line):
    if line.startswith(NETWORK):
        return
    result = CliRunner().invoke(cli, line.split()[1:], prog_name="elman")
    assert result.exit_code == 0, (line, result.stderr)


def test_every_example_of_the_page_runs(tmp_path, monkeypatch, poem):
    pytest.importorskip("onnx")
    (tmp_path / "poems.txt").write_text(poem, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    left_out = set()
    for kind, code in FENCE.findall(PAGE.read_text(encoding="utf-8")):
        if code.startswith(">>>"):
            names = session(code, names)
        elif kind == "python":
            needed = set(re.findall(r"^(?:import|from) (\w+)", code, re.M))
            missing = {name for name in needed if find_spec(name) is None}
            left_out |= missing
            if not missing:
                said = StringIO()
                with redirect_stdout(said):
                    exec(code, names)  # as a reader who copies it
                names[f"said by {' '.join(sorted(needed))}"] = said.getvalue()
        elif kind != "js":  # which a browser runs: tests/web/test_page_exported.py
            for line in code.splitlines():
                command(line)
    assert left_out <= {"torch", "onnxruntime"}
    check_what_was_loaded(names)
    if left_out:
        pytest.skip(f"without {', '.join(sorted(left_out))}, whose examples were left out")


def check_what_was_loaded(names):
    """The logits of the loaded networks are the model's."""
    network = names["model"].network
    ids = names["model"].vocabulary.encode("the ").astype(np.int32)[:, None]
    expected = network.predict(ids, network.zero_state(1))[0]
    if "logits" in names:
        np.testing.assert_allclose(names["logits"], expected, atol=2e-6 * np.abs(expected).max())
        symbol = names["model"].vocabulary.symbols[expected[-1, 0].argmax()]
        assert names["said by json numpy onnxruntime"] == f"{symbol}\n"
    if "net" in names:
        import torch

        with torch.no_grad():
            found = names["net"](torch.from_numpy(ids.astype(np.int64)))[0].numpy()
        np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())


def test_every_form_has_a_section():
    from elman.share.exporting import FORMATS

    page = PAGE.read_text(encoding="utf-8")
    sections = {"weights": "Weights", "onnx": "ONNX", "pytorch": "PyTorch",
                "html": "One HTML file", "hub": "The Hugging Face hub"}  # fmt: skip
    assert set(sections) == set(FORMATS)
    for title in sections.values():
        assert f"\n## {title}\n" in page
