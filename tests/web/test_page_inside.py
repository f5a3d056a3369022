"""The view "Look inside", in a real browser."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.inside import inspection, passages

VIEW = "views.inside"
TEXT = "the cat sees the old river, and the dog sings.\nthe bird finds the cat"
READY = f"window.__elman.{VIEW}?.status === 'ready' && window.__elman.{VIEW}.passages"


def state(look, expression: str):
    return look.state(f"{VIEW}.{expression}")


def read(look, model: str, text: str = TEXT) -> None:
    look.open("inside", f"{model}.safetensors")
    look.until(f"window.__elman.{VIEW}")
    look.page.get_by_label("Text", exact=True).fill(text)
    look.until(f"{READY} && window.__elman.{VIEW}.text === {text!r}")


def values(look) -> np.ndarray:
    listed = look.page.evaluate(f"Array.from(window.__elman.{VIEW}.values)")
    return np.array(listed).reshape(-1, state(look, "units"))


def cell_at(look, step: int, row: int) -> tuple[float, float]:
    """Where on the screen a cell of the heat map is, when it is not scrolled."""
    box = look.page.locator(".heat").bounding_box()
    height = max(4, min(22, round(330 / state(look, "units"))))
    return box["x"] + 44 + (step + 0.5) * 12, box["y"] + 24 + (row + 0.5) * height


@pytest.mark.parametrize(("model", "layer", "part"), [("gru", 0, "hidden"), ("lstm", 1, "f")])
def test_the_heat_map_shows_the_states(look, models, model, layer, part):
    read(look, model)
    look.page.get_by_role("combobox", name="Part").select_option(part)
    look.until(f"{READY} && window.__elman.{VIEW}.part === {part!r}")
    expected = inspection.states(elman.load(models / f"{model}.safetensors"), TEXT)[layer][part]
    np.testing.assert_allclose(values(look), expected, atol=1e-6)
    assert state(look, "layer") == layer

    order = state(look, "orders.cluster")
    look.page.mouse.move(*cell_at(look, 6, 3))
    tip = look.page.locator(".heat-tip").inner_text().replace("−", "-")
    assert f"unit {order[3]}" in tip and TEXT[6] in tip
    assert float(tip.split()[-1]) == pytest.approx(expected[6, order[3]], abs=1e-3)
    assert f"unit {order[3]}" in look.page.locator(".readout").inner_text()


def test_cells_have_the_colours_of_the_legend(look):
    read(look, "gru")
    look.page.mouse.move(0, 0)
    box = look.page.locator(".heat").bounding_box()
    found, order = values(look), state(look, "orders.cluster")
    cells = [(4, 2), (30, 10), (50, 20)]
    points = [cell_at(look, *cell) for cell in cells]
    places = [[round(x - box["x"]), round(y - box["y"])] for x, y in points]
    shown = look.page.evaluate(
        "places => { const canvas = document.querySelector('.heat-canvas');"
        " const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, 340);"
        " return places.map(([x, y]) => { const at = 4 * (y * width + x);"
        " return `rgb(${data[at]},${data[at + 1]},${data[at + 2]})` }) }",
        places,
    )
    for (step, row), colour in zip(cells, shown, strict=True):
        value = found[step, order[row]]
        assert colour == look.page.evaluate(f"window.__elman.{VIEW}.palette.css({value})")
    assert len(set(shown)) > 1


def test_orders_of_the_units(look, models):
    read(look, "gru")
    for name, expected in (("mean", passages.by_mean), ("variance", passages.by_variance)):
        look.page.get_by_role("combobox", name="Units").select_option(name)
        assert state(look, f"orders.{name}") == expected(values(look)).tolist()
        look.page.mouse.move(*cell_at(look, 2, 5))
        assert (
            f"unit {state(look, f'orders.{name}')[5]}"
            in look.page.locator(".heat-tip").inner_text()
        )
        look.page.mouse.move(0, 0)


def test_a_unit_colours_the_text_and_is_found_in_the_corpus(look, models, server):
    read(look, "gru")
    look.page.mouse.click(*cell_at(look, 10, 7))
    unit = state(look, "orders.cluster[7]")
    assert state(look, "unit") == unit
    look.until(f"window.__elman.{VIEW}.passages?.unit === {unit}")
    spans = look.page.evaluate(
        "[...document.querySelectorAll('.whole > span')].map(s => s.style.backgroundColor)"
    )
    css = look.page.evaluate(
        f"(v => v.symbols.map((_, t) => v.palette.css(v.values[t * v.units + {unit}])))"
        f"(window.__elman.{VIEW})"
    )
    assert [s.replace(" ", "") for s in spans] == css and len(set(spans)) > 5
    expected = server.post("unit", model="gru.safetensors", unit=unit).json()
    assert state(look, "passages")["passages"] == expected["passages"]
    assert look.page.locator(".passages li").count() == len(expected["passages"])
    look.page.get_by_role("button", name="Lowest").click()
    look.until(f"window.__elman.{VIEW}.sign === -1 && window.__elman.{VIEW}.passages")
    lowest = server.post("unit", model="gru.safetensors", unit=unit, sign=-1).json()
    assert state(look, "passages")["passages"] == lowest["passages"]


def test_a_selected_passage_finds_others(look, server):
    read(look, "gru")
    look.page.locator(".whole > span").nth(11).scroll_into_view_if_needed()
    box = [look.page.locator(".whole > span").nth(i).bounding_box() for i in (8, 11)]
    look.page.mouse.move(box[0]["x"] + 1, box[0]["y"] + 8)
    look.page.mouse.down()
    look.page.mouse.move(box[1]["x"] + box[1]["width"] - 1, box[1]["y"] + 8, steps=4)
    look.page.mouse.up()
    look.until(f"String(window.__elman.{VIEW}.range) === '8,12'")
    look.page.get_by_label("Threshold").fill("0.1")
    look.until(f"window.__elman.{VIEW}.similar && window.__elman.{VIEW}.threshold === 0.1")
    arguments = {"model": "gru.safetensors", "text": TEXT, "start": 8, "end": 12, "threshold": 0.1}
    expected = server.post("similar", **arguments).json()
    look.until(f"window.__elman.{VIEW}.similar?.units.length === {len(expected['units'])}")
    assert state(look, "similar") == expected and expected["passages"]
    marked = look.page.locator(".similar-section li").first.locator(".marked")
    place = expected["passages"][0]
    assert marked.all_inner_texts() == place["symbols"][place["start"] : place["end"]]
    look.page.get_by_label("What they have in common").select_option("contrast")
    expected = server.post("similar", **arguments, contrast=True).json()
    units = ",".join(map(str, expected["units"]))
    look.until(f"String(window.__elman.{VIEW}.similar?.units) === '{units}'")
    assert state(look, "similar") == expected
    assert "higher or lower here" in look.page.locator(".similar-section").inner_text()


def test_keyboard(look):
    read(look, "lstm")
    look.page.locator(".heat").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        look.page.keyboard.press(key)
    chosen = state(look, "unit")
    assert str(chosen) in look.page.locator("#spoken").inner_text()
    look.page.locator(".whole").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        look.page.keyboard.press(key)
    assert state(look, "range") == [2, 5]
    look.page.keyboard.press("Escape")
    assert state(look, "range") is None


def test_two_thousand_symbols_by_512_units_scroll(look, models, tmp_path_factory):
    """A frame is drawn at every step, wherever it is."""
    read(look, "wide", (TEXT + "\n") * 28)
    assert state(look, "symbols.length") > 1900 and state(look, "units") == 512
    look.page.evaluate(
        "new Promise(done => { const heat = document.querySelector('.heat');"
        " window.__elman.views.inside.frames.length = 0; let n = 0;"
        " (function step() { heat.scrollLeft += 160; heat.scrollTop += 20;"
        " if (++n < 120) requestAnimationFrame(step); else done() })() })"
    )
    frames = state(look, "frames")
    assert len(frames) > 60
    assert look.page.evaluate("document.querySelector('.heat').scrollLeft") > 10_000


def test_classifiers(look, models):
    read(look, "classifier", "aelkgz")
    model = elman.load(models / "classifier.safetensors")
    expected = inspection.states(model, "aelkgz")[state(look, "layer")]["hidden"]
    np.testing.assert_allclose(values(look), expected, atol=1e-6)
    look.page.get_by_role("combobox", name="Part").select_option("reverse.hidden")
    look.until(f"{READY} && window.__elman.{VIEW}.part === 'reverse.hidden'")
    assert not np.allclose(values(look), expected)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(new_look, server, scheme):
    look = new_look(server, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    read(look, "gru")
    assert look.page.evaluate("document.documentElement.scrollWidth") <= 390
    ink = look.page.evaluate(
        "getComputedStyle(document.querySelector('.readout strong, .readout')).color"
    )
    assert (sum(map(int, ink[4:-1].split(","))) > 380) == (scheme == "dark")
    assert look.page.locator(".heat").bounding_box()["width"] > 300


def test_text_stays_text(look):
    read(look, "html", "<b>bold</b>\n<img src=x onerror=alert(2)>")
    assert look.page.locator(".whole").inner_text().startswith("<b>bold</b>")
    assert look.page.locator("#view-inside img, #view-inside b").count() == 0


def test_without_a_text_nothing_is_shown(look):
    read(look, "gru")
    look.page.locator(".whole").focus()
    for key in ("ArrowRight", "Shift+ArrowRight"):
        look.page.keyboard.press(key)
    look.until(f"window.__elman.{VIEW}.similar")
    look.page.get_by_label("Text", exact=True).fill("")
    look.until(f"window.__elman.{VIEW}.status === 'empty'")
    assert look.page.locator(".readout").inner_text().startswith("Type a text")
    assert look.page.locator(".passages li, .whole span").count() == 0
    assert look.page.locator(".heat-canvas").evaluate("canvas => canvas.width") == 0
    assert "Select a passage" in look.page.locator(".similar-section").inner_text()
    look.page.get_by_label("Unit", exact=True).fill("3")  # nothing to colour, and no error
    look.page.get_by_label("Unit", exact=True).press("Enter")
    look.page.get_by_role("button", name="Lowest").click()
    read(look, "gru")
    assert look.page.locator(".heat-canvas").evaluate("canvas => canvas.width") > 300


def test_a_text_that_is_refused_takes_the_old_one_away(look):
    read(look, "gru")
    look.page.get_by_label("Text", exact=True).fill("the Ω")
    look.page.get_by_role("alert").wait_for(state="visible")
    assert state(look, "status") == "failed"
    assert look.page.locator(".passages li, .whole span").count() == 0
    look.page.get_by_label("Text", exact=True).fill("the cat")
    look.until(f"{READY} && window.__elman.{VIEW}.text === 'the cat'")
    assert not look.page.get_by_role("alert").is_visible()
    look.complaints.clear()  # the browser notes the status 400


def test_a_classifier_begins_with_a_text_of_letters_that_it_knows(look):
    look.open("inside", "classifier.safetensors")
    look.until(READY)
    assert state(look, "symbols.length") >= 3 and "<unk>" not in state(look, "symbols")


def test_a_long_text_is_cut_and_said_to_be(look):
    look.open("write", "html.safetensors")
    look.page.get_by_label("Length").fill("5000")
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.until("window.__elman.views.write.status === 'done'")
    look.page.get_by_role("button", name="Look inside this text").click()
    look.until(f"{READY} && window.__elman.{VIEW}.text.length === 4000")
    assert state(look, "symbols.length") == 4000
    assert "The first 4,000 of" in look.page.locator(".inside-text").inner_text()


def test_a_pattern_that_is_refused_takes_the_units_of_another_away(look):
    look.open("inside", "gru.safetensors")
    look.until("window.__elman.views.inside?.status === 'ready'")
    look.page.get_by_role("combobox", name="Pattern").select_option("word")
    look.until("document.querySelectorAll('.following li').length > 0")
    look.page.get_by_role("combobox", name="Pattern").select_option("")
    look.page.get_by_label("Regular expression").fill("[")
    look.page.get_by_role("button", name="Find", exact=True).click()
    look.page.get_by_role("alert").wait_for(state="visible")
    assert look.page.locator(".following li").count() == 0
    said = look.page.locator("#banner").inner_text()
    assert "'['" in said and "(?:" not in said
    look.complaints.clear()  # the browser notes the failed request
