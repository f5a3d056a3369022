"""axe-core looks for what keeps people out: names, roles, contrast, order, in every view."""

from __future__ import annotations

import pytest

from .test_page_exported import load, open_page  # noqa: F401 (a fixture)
from .test_page_shell import SEEN

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra browser")

SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 390, "height": 844}}
# When a view has something to show.
THERE = {
    "write": "window.__elman.views.write.symbols.length > 30",
    "inside": "window.__elman.views.inside?.status === 'ready'",
    "numbers": "window.__elman.views.numbers?.status === 'ready'",
    "classify": "window.__elman.views.classify.answer",
    "tag": "window.__elman.views.tag.answer",
}


def findings(page) -> list[str]:
    """What axe-core finds, one line for each element."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{v['impact']}: {v['id']}: {node['html'][:120]} ({node['failureSummary']})"
        for v in found
        for node in v["nodes"]
    ]


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view(new_look, server, scheme, size):
    look = new_look(server, color_scheme=scheme, viewport=SIZES[size])
    for view, model in SEEN:
        look.open(view, f"{model}.safetensors")
        if view in THERE:
            look.until(THERE[view])
        assert findings(look.page) == [], view
        look.page.locator(f"#view-{view}").locator(".about summary").click()
        assert findings(look.page) == [], f"{view}, with its help"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["gru", "classifier", "tagger"])
def test_an_exported_page(open_page, models, scheme, name):  # noqa: F811
    look = open_page(load(models, name), color_scheme=scheme)
    assert findings(look.page) == []


def test_it_finds_what_is_wrong(look):
    """The oracle sees what it is here for."""
    look.open("write", "html.safetensors")
    look.page.evaluate("document.querySelector('label').remove()")
    assert any(line.startswith(("critical", "serious")) for line in findings(look.page))
