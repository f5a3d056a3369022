"""The site: its pages that are made from the code are current, and every page has its place."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import elman
from elman.cli import VERBS

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODELS = Path(__file__).parent / "data" / "before_rooms"


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.arguments
@pytest.mark.parametrize("page", ["verbs.md", "settings.md", "reference.md"])
def test_the_pages_made_from_the_code_are_current(page):
    if page == "reference.md":
        for needed in ("sklearn", "matplotlib"):
            pytest.importorskip(needed)
    made = loaded("generate").PAGES[page]()
    assert (DOCS / page).read_text(encoding="utf-8") == made, "run: python docs/generate.py"


def test_the_page_of_the_verbs_has_every_verb_and_flag():
    page = (DOCS / "verbs.md").read_text(encoding="utf-8")
    assert re.findall(r"^## elman (\S+)$", page, re.M) == list(VERBS)
    for flag in ("--hidden-size", "--dry-run", "--top-p", "--threshold", "--nearest", "--study"):
        assert f"`{flag}" in page


def test_the_page_of_the_model_file_names_what_is_in_one(poem_file, tmp_path):
    from safetensors import safe_open

    page = (DOCS / "model-file.md").read_text(encoding="utf-8")
    output = str(tmp_path / "m.safetensors")
    elman.train(poem_file, output=output, hidden_size=4, steps=2)
    with safe_open(output, "numpy") as file:
        names, metadata = list(file.keys()), file.metadata()
    assert set(metadata) == set(re.findall(r"^\| `(\w+)` \| metadata", page, re.M))
    named = re.findall(r"`((?:layer0|readout)\.\w+)`", page)
    assert len(named) > 4
    assert set(named) <= set(names)
    assert any(name.startswith("training.") for name in names)


def test_the_page_of_the_calls_names_every_address():
    pytest.importorskip("starlette")
    from elman.web.app import make_app
    from elman.web.models import Models

    page = (DOCS / "http.md").read_text(encoding="utf-8")
    said = set()
    for method, path, others in re.findall(r"^## (GET|POST) (\S+?)((?:, [\w-]+)*)$", page, re.M):
        names = [path, *(path.rpartition("/")[0] + "/" + o for o in others.split(", ")[1:])]
        said |= {(method, name) for name in names}
    routes = make_app(Models(MODELS), "token").routes
    there = {(method, r.path) for r in routes for method in getattr(r, "methods", None) or ()}
    assert said == {(m, path) for m, path in there if m != "HEAD" and "static" not in path}


@pytest.fixture
def conf():
    pytest.importorskip("docutils.utils.math.latex2mathml", reason="needs the extra docs")
    return loaded("conf")


def test_every_page_has_one_place_on_the_site(conf):
    placed = [page for pages in conf.SECTIONS.values() for page in pages]
    there = [path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(placed) == sorted(set(there) - {"index"})


def test_the_home_page_names_every_page(conf):
    home = (DOCS / "index.md").read_text(encoding="utf-8")
    for pages in conf.SECTIONS.values():
        for page in pages:
            assert f"]({page}.md)" in home


@pytest.mark.parametrize(
    ("page", "folder", "link", "leads"),
    [
        ("engine", "docs", "[a](../CHANGELOG.md)", "[a](changes.md)"),
        ("do/names", "docs/do", "[a](../../README.md#x)", "[a](../index.md#x)"),
        ("changes", ".", "[a](docs/text.md)", "[a](text.md)"),
        ("engine", "docs", "[a](../src/elman/files.py)", "[a](../src/elman/files.py)"),
        ("engine", "docs", "see [a](../benchmarks)", "see a"),
        ("engine", "docs", "x[i](nothing)", "x[i](nothing)"),
    ],
)
def test_links_lead_to_pages_of_the_site(conf, page, folder, link, leads):
    there = (conf.DOCS / page).parent
    assert conf.LINK.sub(lambda m: conf.led_from(m, conf.ROOT / folder, there), link) == leads
