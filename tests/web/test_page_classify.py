"""The view "Classify", in a real browser."""

from __future__ import annotations

import pytest

import elman.tasks


def typed(look, text):
    look.page.get_by_label("Text").fill("")
    look.page.get_by_label("Text").press_sequentially(text)
    look.until(
        f"window.__elman.views.classify.text === {text!r}"
        f" && window.__elman.views.classify.answer?.symbols.length === {len(text)}"
    )


def test_probabilities_change_with_every_character(look, models):
    look.open("classify", "markup.safetensors")
    typed(look, "agka")
    answer = look.state("views.classify.answer")
    model = elman.tasks.load(models / "markup.safetensors")
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
    look.page.locator(".prefixes tbody tr").first.locator("td").nth(1).hover()
    look.until("window.__elman.views.classify.column === 1")
    assert look.page.locator(".verdict").inner_text().startswith("ae →")
    look.page.get_by_label("Text").hover()
    look.until("window.__elman.views.classify.column === null")
    assert look.page.locator(".verdict").inner_text() == whole


def test_class_names_stay_text(look):
    look.open("classify", "markup.safetensors")
    typed(look, "<9>a")
    assert look.page.locator(".now tbody th").all_inner_texts() == look.state("model.classes")
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


def test_prefixes_by_keyboard(look):
    look.open("classify", "markup.safetensors")
    typed(look, "aelm")
    answer = look.state("views.classify.answer")
    look.page.keyboard.press("Tab")
    for key, prefix in {"ArrowLeft": 3, "Home": 1, "ArrowRight": 2, "End": 4}.items():
        look.page.keyboard.press(key)
        assert look.state("views.classify.column") == prefix - 1
        assert look.page.locator(".verdict").inner_text().startswith("aelm"[:prefix] + " →")
        share = look.page.locator(".now .bar").first.evaluate(
            "bar => Number(bar.style.getPropertyValue('--share'))"
        )
        assert share == pytest.approx(answer["probabilities"][prefix - 1][0], abs=1e-4)
    look.page.keyboard.press("Escape")
    assert look.state("views.classify.column") is None


def test_the_table_is_that_of_the_text_whatever_was_typed_before(look):
    look.open("classify", "markup.safetensors")
    for text in ("aelm", "aegkr", "ae", "raegkr", "raegkraa"):
        look.page.get_by_label("Text").fill(text)
        look.until(f"window.__elman.views.classify.answer?.symbols.join('').length === {len(text)}")
        answer = look.state("views.classify.answer")
        shown = look.page.evaluate(
            "[...document.querySelectorAll('.prefixes tbody tr')].map(row => [...row.children]"
            ".map(cell => Number(cell.style.getPropertyValue('--share'))))"
        )
        for n, shares in enumerate(shown):
            expected = [row[n] for row in answer["probabilities"]]
            assert shares == pytest.approx(expected, abs=2e-4), text


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("text", ["agkrtz aelmno " * 6, "g" * 499], ids=["sentence", "one word"])
def test_classes_stay_in_sight_beside_a_long_text(new_look, server, width, text):
    look = new_look(server, viewport={"width": width, "height": 844})
    look.open("classify", "forward.safetensors")
    look.page.get_by_label("Text").fill(text)
    # Before that it is the answer to the short text that the view opened with.
    look.until("window.__elman.views.classify.answer?.symbols.length > 12", 20)
    assert look.page.evaluate("document.documentElement.scrollWidth") <= width
    for part in ("th[scope=row]", ".bar", ".figure", ".verdict strong"):
        for element in look.page.locator(f"#view-classify {part}").all():
            box = element.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, part
    # Only the prefixes scroll, to the one that was typed last, row by row beside the classes.
    box, last = (
        look.page.locator(f".prefixes{part}").first.bounding_box()
        for part in ("-box", " tbody td:last-child")
    )
    assert box["x"] + box["width"] == pytest.approx(last["x"] + last["width"], abs=2)
    rows = look.page.locator(".now tbody tr"), look.page.locator(".prefixes tbody tr")
    for n in range(rows[0].count()):
        now, prefixes = (r.nth(n).bounding_box() for r in rows)
        assert now["y"] == pytest.approx(prefixes["y"], abs=1)
