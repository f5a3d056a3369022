"""The pages of docs/ say what the code says: quoted lines, examples, figures, links."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from textwrap import indent

import numpy as np
import pytest

from elman import cells

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MATHEMATICS = ROOT / "docs" / "mathematics.md"
# A comment names the file; a line with a link may show it to the reader.
QUOTE = re.compile(r"<!-- (\S+) -->\n(?:\[`\1`\]\(\.\./\1\)\n)?```python\n(.*?)```\n", re.S)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)


def quotes():
    found = []
    for page in PAGES:
        for path, code in QUOTE.findall(page.read_text(encoding="utf-8")):
            found.append(pytest.param(path, code, id=f"{page.stem}-{path}-{len(found)}"))
    return found


@pytest.mark.parametrize(("path", "code"), quotes())
def test_quoted_code_is_the_code(path, code):
    """Whole lines, without the indentation that they have in common."""
    source = "\n" + (ROOT / path).read_text(encoding="utf-8")
    forms = [indent(code, " " * spaces) for spaces in range(0, 24, 4)]
    assert any("\n" + form in source for form in forms), (
        f"{path} no longer has these lines:\n{code}"
    )


def test_the_mathematics_quotes_every_file_that_computes():
    quoted = {path for path, _ in QUOTE.findall(MATHEMATICS.read_text(encoding="utf-8"))}
    for name in ("cells/rnn", "cells/lstm", "cells/gru", "nn/layers", "nn/network", "nn/optimizers",
                 "tasks/language/scoring", "nn/check"):  # fmt: skip
        assert f"src/elman/{name}.py" in quoted


def test_the_examples_of_the_mathematics_give_what_the_page_says():
    blocks = [code for _, code in FENCE.findall(MATHEMATICS.read_text(encoding="utf-8"))]
    session = "\n".join(code for code in blocks if code.startswith(">>>"))
    test = doctest.DocTestParser().get_doctest(session, {}, MATHEMATICS.name, None, None)
    assert len(test.examples) > 20
    report: list[str] = []
    failures = doctest.DocTestRunner(verbose=False).run(test, out=report.append).failed
    assert not failures, "".join(report)


def test_the_steps_that_are_done_by_hand():
    """Every figure in the table of back-propagation through time, and the forgotten edge."""
    page = MATHEMATICS.read_text(encoding="utf-8")
    z = np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    states, _, _ = cells.rnn.forward({"W_h": np.array([[0.5]])}, z, np.zeros((1, 1, 1)))
    h = [0.0, *states.ravel()]
    after, forgotten = 0.0, 0.0
    for t in (3, 2, 1):
        dh, slope = 1 + after, 1 - h[t] ** 2
        da = dh * slope
        before = "0" if t == 1 else f"{h[t - 1]:.4f}"
        share = "0" if t == 1 else f"{h[t - 1] * da:.4f}"
        cells_of_row = [
            str(t), f"{h[t]:.4f}", "1", f"{after:.4f}" if after else "0",
            f"{dh:.4f}" if after else "1", f"{slope:.4f}", f"{da:.4f}", f"{0.5 * da:.4f}",
            f"{before} · {da:.4f} = {share}",
        ]  # fmt: skip
        assert f"| {' | '.join(cells_of_row)} |" in page
        after, forgotten = 0.5 * da, forgotten + h[t - 1] * slope
    assert f"= {forgotten:.4f}." in page


def test_the_powers_of_an_eigenvalue():
    page = MATHEMATICS.read_text(encoding="utf-8")
    assert "| 0.5 | 0.9 | 0.99 | 1 | 1.01 | 1.1 | 1.5 |" in page
    assert round(0.5**50, 15) == 0.000000000000001
    powers = ["0.000 000 000 000 001", *(f"{x**50:.1g}" for x in (0.9, 0.99)), "1"]
    powers += [f"{1.01**50:.1f}", f"{1.1**50:.0f}", f"{1.5**50:,.0f}"]
    assert f"| {' | '.join(powers)} |" in page


def test_the_three_units_of_a_loss():
    page = MATHEMATICS.read_text(encoding="utf-8")
    for unit, of in (("nats", np.log), ("bits", np.log2), ("perplexity", float)):
        row = re.search(rf"^\| {unit} \|[^|]*\| (\S+) \| (\S+) \|", page, re.M)
        assert [float(figure) for figure in row.groups()] == [round(of(n), 3) for n in (2, 65)]


def test_mathematics_that_github_renders():
    """Its Markdown comes before its mathematics: what Markdown would change is not used."""
    page = FENCE.sub("", MATHEMATICS.read_text(encoding="utf-8"))
    formulas = re.findall(r"\$\$(.+?)\$\$", page, re.S)
    formulas += re.findall(r"\$([^$\n]+)\$", re.sub(r"\$\$.+?\$\$", "", page, flags=re.S))
    assert len(formulas) > 100
    assert page.count("$") % 2 == 0
    for formula in formulas:
        assert not re.search(r"\\[^A-Za-z]", formula), f"an escape in {formula!r}"
        assert not re.search(r"[})\]]_|\*|<|>", formula), f"emphasis or a tag in {formula!r}"
        assert formula.count("{") == formula.count("}"), formula


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = page if not path else (page.parent / path)
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.M)
            names = {re.sub(r"[^\w\- ]", "", h).lower().replace(" ", "-") for h in headings}
            assert anchor in names, f"{page.name} links to {target}"


def test_the_drawings_are_those_of_their_script():
    path = ROOT / "docs" / "images" / "draw.py"
    spec = importlib.util.spec_from_file_location("draw", path)
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    for name, make in draw.DRAWINGS.items():
        assert (path.parent / f"{name}.svg").read_text(encoding="utf-8") == str(make())
