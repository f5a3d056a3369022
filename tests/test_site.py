"""The site: its pages that are made from the code are current, and every page has its place."""

from __future__ import annotations

import ast
import importlib.util
import json
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


def arguments_of_the_calls():
    """By name: the defaults with which `src/elman/web` reads an argument, if they are values.

    A name that is computed, as that of ids instead of a text, is left out.
    """
    found: dict[str, list] = {}
    kinds = {"text", "integer", "number", "flag", "ids"}
    for path in sorted((Path(elman.__file__).parent / "web").glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in kinds
                and ast.unparse(call.func.value) == "arguments"
                and isinstance(call.args[0], ast.Constant)
            ):
                values = found.setdefault(call.args[0].value, [])
                default = call.args[1] if len(call.args) > 1 else None
                if isinstance(default, ast.Constant) and call.func.attr != "ids":
                    values.append(default.value)
    return found


def test_the_page_of_the_calls_has_every_argument_with_its_default():
    page = (DOCS / "http.md").read_text(encoding="utf-8")
    said: dict[str, list] = {}
    for table in re.findall(r"^\| argument \|.*\n((?:\|.*\n)+)", page, re.M):
        for row in table.splitlines()[1:]:
            names, defaults = (cell.strip() for cell in row.split("|")[1:3])
            known = defaults.split(", ") if defaults else [""] * (names.count(",") + 1)
            for name, default in zip(names.split(", "), known, strict=True):
                value = [json.loads(default.strip("`"))] if default else []
                said.setdefault(name.strip("`"), []).extend(value)
    read = arguments_of_the_calls()
    assert len(read) > 25
    for name, defaults in read.items():
        assert name in said or f'"{name}"' in page, f"http.md does not name {name}"
        for default in defaults if name in said else ():
            assert default in said[name], (name, default)
    computed = {"corpus", "start", "end"}
    assert set(said) <= set(read) | computed, "http.md names arguments that no call reads"


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
