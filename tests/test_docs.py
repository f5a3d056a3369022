"""The pages of docs/ say what the code says: quoted lines, examples, figures, links."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from textwrap import indent
from types import ModuleType

import numpy as np
import pytest

import elman
from elman import cells

from .test_rooms import LONGEST_CHAIN, LONGEST_MODULE, MOST_AT_THE_TOP, ORDER

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MATHEMATICS = ROOT / "docs" / "mathematics.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
# A comment names the file; a line with a link may show it to the reader.
QUOTE = re.compile(r"<!-- (\S+) -->\n(?:\[`\1`\]\(\.\./\1\)\n)?```python\n(.*?)```\n", re.S)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
SPAN = re.compile(r"`([^`\n]+)`")  # code within a line


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
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


def load_drawings():
    path = ROOT / "docs" / "images" / "draw.py"
    spec = importlib.util.spec_from_file_location("draw", path)
    draw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(draw)
    return draw


def test_the_drawings_are_those_of_their_script():
    for name, make in load_drawings().DRAWINGS.items():
        path = ROOT / "docs" / "images" / f"{name}.svg"
        assert path.read_text(encoding="utf-8") == str(make())


# -- docs/architecture.md -----------------------------------------------------------


def spans(page):
    return SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


def in_the_package(name):
    """What a dotted name leads to, from `elman` on; skips where an extra is missing."""
    thing = elman
    for part in name.removeprefix("elman").strip(".").split("."):
        child = f"{thing.__name__}.{part}"
        if hasattr(thing, "__path__") and part and importlib.util.find_spec(child):
            thing = pytest.importorskip(child)
        elif part:
            thing = getattr(thing, part)
    return thing


def names_of_the_architecture():
    found = {span for span in spans(ARCHITECTURE) if re.fullmatch(r"[\w.]+", span)}
    return sorted(n for n in found if not re.search(r"^model\.|\.(py|md|safetensors)$", n))


@pytest.mark.parametrize("name", names_of_the_architecture())
def test_every_name_of_the_architecture_leads_somewhere(name):
    assert in_the_package(name) is not None


def test_every_path_of_the_architecture_leads_somewhere():
    paths = [span for span in spans(ARCHITECTURE) if re.search(r"^[\w./-]+(/|\.py)", span)]
    assert len(paths) > 5
    for path in paths:  # without a folder it is what every task has
        assert (ROOT / path if "/" in path else ROOT / "src/elman/tasks/language" / path).exists()


def test_the_architecture_names_every_room_from_the_ground_up():
    page = ARCHITECTURE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.M)
    assert rows == [room for floor in ORDER for room in floor]
    assert ORDER[::-1] == load_drawings().FLOORS
    limits = re.search(r"^- A module has at most (.*?)\.$", page, re.S | re.M)[1]
    assert [int(n) for n in re.findall(r"\d+", limits)] == [
        LONGEST_MODULE, MOST_AT_THE_TOP, LONGEST_CHAIN,
    ]  # fmt: skip


def test_the_numbers_of_the_architecture_are_those_of_its_picture():
    page = ARCHITECTURE.read_text(encoding="utf-8")
    way = page.partition("## The path of a text")[2].partition("\n## ")[0]
    steps = re.split(r"^\d+\. ", way, flags=re.M)[1:]
    for (_, names), step in zip(load_drawings().WAY, steps, strict=True):
        for name in names.split(", "):
            assert re.search(rf"\b{name}`", step), f"{name} is not in: {step}"


def imported_by_the_documents():
    """Our modules that the examples of all pages import."""
    code = "\n".join(code for page in PAGES for _, code in FENCE.findall(page.read_text("utf-8")))
    for package, names in re.findall(r"^(?:>>> )?from (elman[\w.]*) import (.+)$", code, re.M):
        for name in names.split(", "):
            is_module = isinstance(in_the_package(f"{package}.{name}"), ModuleType)
            yield f"{package}.{name}" if is_module else package


def test_public_is_what_the_documents_import():
    said = ARCHITECTURE.read_text(encoding="utf-8").partition("## What is public")[2]
    public = set(re.findall(r"`(elman\.[\w.]+)`", said))
    found = set(imported_by_the_documents())
    for name in found:
        assert public & {name, name.rpartition(".")[0]}, f"{name} is imported and not said"
    for name in public:
        assert any(f"{one}.".startswith(f"{name}.") for one in found), f"nobody imports {name}"


@pytest.mark.parametrize("kind", ["a network", "a chain", "a classifier"])
def test_the_public_attributes_of_a_model_are_there(poem_file, kind):
    small = {"hidden_size": 4, "steps": 0}
    rows = [(f"{label}{i}", label) for label in "ab" for i in range(20)]
    model = {
        "a network": lambda: elman.train(poem_file, **small),
        "a chain": lambda: elman.train(poem_file, cell="ngram"),
        "a classifier": lambda: elman.train(rows, task="classify", **small),
    }[kind]()
    names = {span for span in spans(ARCHITECTURE) if span.startswith("model.")} - {"model.py"}
    assert len(names) == 10
    if kind == "a classifier":
        names -= {f"model.network.{n}" for n in ("vocabulary_size", "zero_state", "predict")}
    else:
        names -= {"model.classes", "model.report"}
    if kind == "a chain":
        names -= {"model.network.config", "model.network.parameters.flat"}
    for name in names:
        value = model
        for attribute in name.split(".")[1:]:
            value = getattr(value, attribute)


# -- CHANGELOG.md -------------------------------------------------------------------


def test_where_the_modules_went_is_where_they_are():
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.M)
    assert len(rows) == 38
    for _, new in rows:
        assert all(in_the_package(name) for name in SPAN.findall(new))


# -- CONTRIBUTING.md ----------------------------------------------------------------

# Files of src/elman that have the word of an example and nothing to change for another one.
MENTIONS = {
    "gru": {"__init__.py", "_native/engine.hpp", "estimators/base.py", "tasks/__init__.py",
            "tasks/training.py"},
    "rmsprop": set(),
    "classify": {"cli/embed.py", "cli/plot.py", "cli/sweep.py", "tasks/classify/__init__.py",
                 "tasks/language/task.py", "tasks/tag/settings.py", "tasks/tag/task.py"},
    "embed": {"tasks/classify/display.py", "estimators/__init__.py", "estimators/language.py",
              "nn/network.py", "tasks/classify/model.py"},
    "confusion": {"cli/tag.py", "tasks/classify/display.py", "tasks/tag/display.py",
                  "tasks/tag/report.py", "store/schema.py", "tasks/reports.py"},
}  # fmt: skip
WORDS = {"classify": r"classif(?:y|ier)", "gru": r"(?<![a-z])gru(?![a-z])"}


def test_every_file_of_the_contributing_is_there():
    paths = [span for span in spans(CONTRIBUTING) if re.search(r"^[\w.-]+(/\S+|\.md)$", span)]
    assert len(paths) > 50
    for path in paths:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("example", list(MENTIONS))
def test_where_to_go_is_all_that_has_the_example(example):
    page = CONTRIBUTING.read_text(encoding="utf-8")
    section = re.search(
        rf"^### An? \w+ \(example: `{example}`\)\n(.*?)(?=^##|\Z)", page, re.S | re.M
    )
    said = {name for name in SPAN.findall(section[1]) if "/" in name}
    word = re.compile(WORDS.get(example, rf"\b{example}\b"), re.I)
    source = ROOT / "src" / "elman"
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.suffix in (".py", ".cpp", ".hpp", ".js", ".html", ".css")
        and word.search(path.read_text(encoding="utf-8"))
    }
    found = {name for name in found if not name.startswith("recipes/")} - MENTIONS[example]
    assert {f"src/elman/{name}" for name in found} <= said
