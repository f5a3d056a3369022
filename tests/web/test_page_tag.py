"""The view "Tag", in a real browser."""

from __future__ import annotations

import pytest


def typed(look, text):
    look.page.get_by_label("Text", exact=True).fill(text)
    count = len(text.split())
    look.until(f"window.__elman.views.tag.answer?.lines.flat().length === {count}")


def test_every_word_has_its_label_and_what_else_it_could_be(look):
    look.open("tag", "tagger.safetensors")
    typed(look, "Aeiou sees\nthe cat")
    symbols = look.page.locator(".tagged-symbol")
    assert symbols.all_inner_texts()[0].split() == ["Aeiou", "B-<b>x</b>"]
    assert look.page.locator(".marked-label").count() == 1
    assert look.page.locator(".labels li").all_inner_texts() == ["<b>x</b>\n1"]
    assert look.page.locator("#view-tag :is(b, i)").count() == 0
    popup = look.page.locator("#view-tag .popup")
    symbols.nth(1).hover()
    assert popup.is_visible() and "O" in popup.inner_text() and "%" in popup.inner_text()
    look.page.locator("#tab-write").hover()
    assert not popup.is_visible()


def test_labels_by_keyboard(look):
    look.open("tag", "tagger.safetensors")
    typed(look, "Aeiou sees\nthe cat")
    look.page.keyboard.press("Tab")
    for key, place in {"ArrowRight": 1, "ArrowDown": 3, "Home": 0, "End": 3}.items():
        look.page.keyboard.press(key)
        assert look.state("views.tag.place") == place, key
    assert look.page.evaluate("document.activeElement.ariaLabel").startswith("cat: O, ")
    look.page.keyboard.press("Escape")
    assert not look.page.locator("#view-tag .popup").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen(new_look, server, scheme):
    look = new_look(server, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    look.open("tag", "tagger.safetensors")
    typed(look, "Aeiou sees the cat " * 12 + "x" * 200)
    assert look.page.evaluate("document.documentElement.scrollWidth") <= 390
    look.page.locator(".tagged-symbol").nth(3).click()
    box = look.page.locator("#view-tag .popup").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
