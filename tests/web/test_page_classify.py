"""The view "Classifiers", in a real browser."""

from __future__ import annotations

import elman.loading


def typed(look, text):
    look.page.get_by_label("Text").fill("")
    look.page.get_by_label("Text").press_sequentially(text)
    look.until(f"window.__elman.views.classify.answer?.symbols.length === {len(text)}")


def test_probabilities_change_with_every_character(look, models):
    look.open("classify", "markup.safetensors")
    typed(look, "agka")
    answer = look.state("views.classify.answer")
    model = elman.loading.load(models / "markup.safetensors")
    expected = model.predict_proba(["a", "ag", "agk", "agka"])
    for row, row_expected in zip(answer["probabilities"], expected, strict=True):
        assert max(abs(a - b) for a, b in zip(row, row_expected, strict=True)) < 1e-5
    assert answer["classes"] == model.classes
    shares = look.page.evaluate(
        "[...document.querySelectorAll('.now-bar .bar')]"
        ".map(bar => Number(bar.style.getPropertyValue('--share')))"
    )
    assert max(abs(a - b) for a, b in zip(shares, expected[-1], strict=True)) < 1e-3
    assert look.page.locator("td.prefix").count() == 4 * len(model.classes)


def test_pointing_at_a_prefix_shows_its_classes(look):
    look.open("classify", "markup.safetensors")
    typed(look, "aelm")
    whole = look.page.locator(".verdict").inner_text()
    assert whole.startswith("aelm →")
    look.page.locator("tbody tr").first.locator("td.prefix").nth(1).hover()
    look.until("window.__elman.views.classify.column === 1")
    assert look.page.locator(".verdict").inner_text().startswith("ae →")
    look.page.get_by_label("Text").hover()
    look.until("window.__elman.views.classify.column === null")
    assert look.page.locator(".verdict").inner_text() == whole


def test_class_names_stay_text(look):
    look.open("classify", "markup.safetensors")
    typed(look, "<9>a")
    assert look.page.locator("tbody th").all_inner_texts() == look.state("model.classes")
    assert "<b>soft</b>" in look.state("model.classes")
    assert look.page.locator("#view-classify :is(b, i)").count() == 0
    assert look.page.locator("thead .unknown").count() == 3


def test_an_empty_text_has_no_classes(look):
    look.open("classify", "markup.safetensors")
    typed(look, "ae")
    look.page.get_by_label("Text").fill("")
    look.until("window.__elman.views.classify.answer === null")
    assert look.page.locator("td.prefix").count() == 0
    assert "Type" in look.page.locator(".verdict").inner_text()
