"""The view "Write", in a real browser."""

from __future__ import annotations

import math

import pytest

import elman

from .conftest import events

SYMBOLS = "window.__elman.views.write.symbols"
DONE = "window.__elman.views.write.status === 'done'"


def write(look, prime="<b", length=80, **fields):
    look.page.get_by_label("Prompt").fill(prime)
    for label, value in {"Length": length, **fields}.items():
        look.page.get_by_label(label).fill(str(value))
    look.page.get_by_role("button", name="Write", exact=True).click()


def written(look) -> str:
    return look.page.evaluate(f"{SYMBOLS}.map(s => s.text).join('')")


def sampled(server, **arguments) -> list[dict]:
    """The symbols that the interface gives for the same request."""
    with (
        server.client() as client,
        client.stream("POST", "/api/sample", json=arguments) as response,
    ):
        return [event["data"] for event in events(response) if event["event"] == "symbol"]


def test_text_streams_in_and_is_what_the_interface_samples(look, server):
    look.open("write", "html.safetensors")
    write(look, "<b", 80, Seed=3)
    look.until(DONE)
    expected = sampled(
        server, model="html.safetensors", prime="<b", length=80, temperature=0.8, seed=3
    )
    shown = look.page.evaluate(f"{SYMBOLS}.map(s => [s.id, s.text, s.probability])")
    assert shown == [[s["id"], s["text"], s["probability"]] for s in expected]
    assert look.page.locator(".symbols").inner_text().replace("\xa0", " ").startswith("<b")
    assert look.page.locator(".symbol").count() == 80


def test_every_character_is_shaded_by_its_probability(look):
    look.open("write", "html.safetensors")
    write(look, "<b", 60)
    look.until(DONE)
    pairs = look.page.evaluate(
        "[...document.querySelectorAll('.symbol')].map((span, i) => ["
        "Number(span.style.getPropertyValue('--surprise-of')),"
        f"{SYMBOLS}[i].probability, getComputedStyle(span).backgroundColor])"
    )
    darkest = math.log2(len(look.state("model.vocabulary")))
    shades = {}
    for shade, probability, colour in pairs:
        bits = -math.log2(probability)
        assert shade == pytest.approx(min(1, bits / darkest), abs=1e-3)
        shades[shade] = colour
    assert len(set(shades.values())) > 3, "the shades all look the same"


def test_text_with_html_stays_text(look):
    look.open("write", "html.safetensors")
    write(look, "<script>alert(3)</script> & <b>", 400, Temperature=1)
    look.until(DONE)
    text = written(look)
    assert "<" in text and ">" in text and "&" in text, "the model should write HTML"
    assert look.page.locator(".symbols").text_content() == (
        "<script>alert(3)</script> & <b>" + text
    )
    assert look.page.locator(".transcript :is(b, i, img, script)").count() == 0
    assert look.page.locator("script").count() == 2  # theme.js and app.js


def test_hover_shows_the_likeliest_symbols_with_probabilities(look):
    look.open("write", "html.safetensors")
    write(look, "<b", 40)
    look.until(DONE)
    look.page.locator(".symbol").nth(5).hover()
    popup = look.page.locator(".popup")
    popup.wait_for(state="visible")
    symbol = look.state("views.write.symbols[5]")
    assert popup.locator("button").count() >= len(symbol["alternatives"])
    first = popup.locator("button").first
    probability = symbol["alternatives"][0][2]
    assert f"{100 * probability:.0f}"[:1] in first.inner_text()
    look.page.get_by_label("Prompt").hover()
    popup.wait_for(state="hidden")


def test_branch_from_an_alternative(look, server):
    look.open("write", "html.safetensors")
    write(look, "<b", 60, Seed=1)
    look.until(DONE)
    before = look.state("views.write.symbols")
    place = next(i for i, s in enumerate(before) if i > 8 and s["alternatives"][1][0] != s["id"])
    look.page.locator(".symbol").nth(place).click()
    chosen = before[place]["alternatives"][1]
    look.page.locator(".popup button").nth(1).click()
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 2")
    after = look.state("views.write.symbols")
    assert [s["id"] for s in after[: place + 1]] == [s["id"] for s in before[:place]] + [chosen[0]]
    assert after[place]["probability"] == chosen[2]
    behind = sampled(
        server, model="html.safetensors", prime="<b", temperature=0.8, seed=2,
        written=[s["id"] for s in after[: place + 1]], length=len(after) - place - 1,
    )  # fmt: skip
    assert [s["id"] for s in after[place + 1 :]] == [s["id"] for s in behind]
    assert look.page.locator(".branches button").last.inner_text().endswith("seed 2")
    # The first text is still there.
    look.page.get_by_role("button", name="First text").click()
    assert look.state("views.write.symbols") == before


def test_a_beam_is_the_likeliest_text_and_draws_nothing(look, models):
    look.open("write", "html.safetensors")
    look.page.get_by_label("Beam").fill("3")
    write(look, "<b", 40)
    look.until("window.__elman.views.write.status === 'done'")
    model = elman.load(models / "html.safetensors")
    text = "".join(symbol["text"] for symbol in look.state("views.write.symbols"))
    assert "<b" + text == model.sample(40, prime="<b", beam=3)
    assert "beam=3" in look.page.url and "temperature" not in look.page.url


def test_stop_ends_the_stream_at_once(look):
    look.open("write", "html.safetensors")
    write(look, "<b", 20000)
    # From within the page: 20,000 symbols of so small a model are there in a second.
    stop = look.page.get_by_role("button", name="Stop")
    stop.evaluate(
        "button => new Promise(done => { const timer = setInterval(() => {"
        f"if ({SYMBOLS}.length > 50) {{ clearInterval(timer); button.click(); done(); }} }}); }})"
    )
    assert look.state("views.write.status") == "stopped"
    count = look.state("views.write.symbols.length")
    look.page.wait_for_timeout(300)
    assert look.state("views.write.symbols.length") == count < 20000
    assert not look.page.get_by_role("button", name="Stop").is_enabled()


def test_copied_text_is_the_text(look):
    look.open("write", "html.safetensors")
    write(look, "<b", 1500)
    look.until(DONE)
    assert look.page.locator(".symbols > div").count() > 1
    copied = look.page.evaluate(
        "() => { const data = new DataTransfer(); const text = document.querySelector('.symbols');"
        "getSelection().selectAllChildren(text); text.dispatchEvent(new ClipboardEvent('copy',"
        "{clipboardData: data, bubbles: true, cancelable: true})); return data.getData('text'); }"
    )
    assert copied == "<b" + written(look)


def test_a_character_that_the_model_does_not_know_is_named(look):
    look.open("write", "html.safetensors")
    write(look, "Ω")
    banner = look.page.get_by_role("alert")
    banner.wait_for(state="visible")
    assert "Ω" in banner.inner_text()
    assert "Ω" not in look.page.locator(".transcript").inner_text()
    look.page.get_by_role("button", name="Close").click()
    banner.wait_for(state="hidden")
    look.complaints.clear()  # the browser notes the status 400


def test_lines_begin_with_the_prime_again(look):
    look.open("write", "lines.safetensors")
    write(look, "the", 200)
    look.until(DONE)
    text = look.page.locator(".symbols").text_content()
    assert len(text.splitlines()) > 2
    assert all(line.startswith("the") for line in text.splitlines())


def test_written_text_is_looked_at_by_keyboard_alone(look):
    look.open("write", "html.safetensors")
    look.page.get_by_label("Prompt").fill("<b")
    look.page.get_by_label("Length").fill("50")
    look.page.get_by_label("Prompt").press("Control+Enter")
    look.until(DONE)
    look.page.locator(".symbol[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        look.page.keyboard.press(key)
    focused = "document.activeElement.dataset.place"
    assert look.page.evaluate(focused) == "3"
    assert "%" in look.page.evaluate("document.activeElement.getAttribute('aria-label')")
    look.page.keyboard.press("ArrowDown")
    look.page.keyboard.press("ArrowUp")
    assert look.page.evaluate(focused) == "3"
    assert look.page.locator(".popup").is_visible()
    look.page.keyboard.press("Enter")
    assert look.page.evaluate("document.activeElement.className").startswith("option")
    look.page.keyboard.press("Escape")
    assert look.page.evaluate(focused) == "3"
    look.page.keyboard.press("Enter")
    look.page.keyboard.press("ArrowDown")
    look.page.keyboard.press("Enter")
    look.until("window.__elman.views.write.branches.length === 2")
    look.until(DONE)


def test_screen_readers_hear_the_text_in_pieces(look):
    look.open("write", "html.safetensors")
    write(look, "<b", 120)
    look.until(DONE)
    log = look.page.locator("[role=log]")
    assert log.get_attribute("aria-live") == "polite"
    assert log.text_content().replace("\n", "").strip() in written(look).replace("\n", "")
    assert log.locator("p").count() < 10


FOCUSED = "document.activeElement"


def test_the_keyboard_keeps_its_place(look):
    """After a branch, between branches, and when the text that it would stop is done."""
    look.open("write", "html.safetensors")
    write(look, "<b", 50)
    look.until(DONE)
    look.page.locator(".symbol[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "Enter", "ArrowDown", "Enter"):
        look.page.keyboard.press(key)
    assert look.page.evaluate(f"{FOCUSED}.dataset.place") == "2"
    assert not look.page.locator(".popup").is_visible()
    look.until(DONE)
    assert look.page.evaluate(f"{FOCUSED}.dataset.place") == "2"
    first = look.page.locator(".branches button").first
    first.focus()
    look.page.keyboard.press("Enter")
    assert look.state("views.write.branch") == 0
    assert look.page.evaluate(f"{FOCUSED}.textContent") == first.text_content()
    write(look, "<b", 20000)
    stop = look.page.get_by_role("button", name="Stop")
    stop.focus()
    look.page.keyboard.press("Enter")
    assert look.state("views.write.status") in ("stopped", "done")
    assert look.page.evaluate(f"{FOCUSED}.textContent") == "Stop"
    before = look.state("views.write.symbols.length")
    look.page.keyboard.press("Enter")  # it is off now
    assert look.state("views.write.symbols.length") == before


def test_branches_do_not_fall_back_into_the_first_text(look):
    """Nor into each other: a model forgets fast what a branch began with."""
    look.open("write", "lines.safetensors")
    write(look, "the ", 300, Temperature=1.5)
    look.until(DONE)
    for n in (2, 3):
        look.page.get_by_role("button", name="First text").click() if n > 2 else None
        look.page.locator(".symbol").nth(4).click()
        look.page.locator(".popup button").nth(1).click()
        look.until(f"{DONE} && window.__elman.views.write.branches.length === {n}")
    branches = look.state("views.write.branches")
    assert [branch["seed"] for branch in branches] == [1, 2, 3]
    texts = [[s["id"] for s in branch["symbols"] if "id" in s][10:260] for branch in branches]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        same = sum(x == y for x, y in zip(texts[a], texts[b], strict=True))
        assert same < 150, f"{same} of 250 symbols of branches {a} and {b} are the same"


@pytest.mark.parametrize("width", [1280, 390])
def test_words_stand_beside_their_bars(new_look, server, width):
    look = new_look(server, viewport={"width": width, "height": 844})
    look.open("write", "words.safetensors")
    look.page.locator(".settings").evaluate("settings => { settings.open = true; }")
    write(look, "the", 30)
    look.until(DONE)
    look.page.locator(".symbol").nth(3).click()
    popup = look.page.locator(".popup").bounding_box()
    assert popup["x"] + popup["width"] <= width
    starts = set()
    for option in look.page.locator(".option").all():
        word, bar, figure = (
            option.locator(part).bounding_box() for part in (".mono", ".bar", ".figure")
        )
        assert word["x"] + word["width"] <= bar["x"] < bar["x"] + 30 < figure["x"]
        starts.add(bar["x"])
    assert len(starts) == 1, "the bars begin in one line"


def test_it_opens_with_a_text_and_keeps_the_prompt_for_another_model(look):
    look.open("write", "html.safetensors")
    look.until(DONE)
    assert look.state("views.write.symbols.length") == 600
    write(look, "the", 40, Seed=5)
    look.until(f"{DONE} && window.__elman.views.write.prime === 'the'")
    first = written(look)
    look.page.get_by_label("Model", exact=True).select_option("lines.safetensors")
    look.until("window.__elman.model.name === 'lines.safetensors' && window.__elman.views.write")
    look.until(f"{DONE} && window.__elman.views.write.prime === 'the'")
    assert look.page.get_by_label("Prompt").input_value() == "the"
    assert look.state("views.write.branches[0].seed") == 5
    look.page.get_by_label("Model", exact=True).select_option("html.safetensors")
    look.until("window.__elman.model.name === 'html.safetensors' && window.__elman.views.write")
    look.until(DONE)
    assert written(look) == first
    look.page.reload()
    look.until(f"window.__elman?.ready && {DONE}")
    assert written(look) == first and "seed=5" in look.page.url


def test_a_refused_prompt_leaves_the_text(look):
    look.open("write", "html.safetensors")
    write(look, "<b", 40)
    look.until(f"{DONE} && window.__elman.views.write.prime === '<b'")
    text = written(look)
    look.page.get_by_label("Prompt").fill("Ω")
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.page.get_by_role("alert").wait_for(state="visible")
    assert written(look) == text and look.page.get_by_label("Prompt").input_value() == "Ω"
    look.complaints.clear()  # the browser notes the failed request


def test_the_surprises_of_a_pasted_text(look, server):
    look.open("write", "html.safetensors")
    look.until(DONE)
    look.page.get_by_label("Prompt").fill("<b>bold</b>")
    look.page.get_by_role("button", name="Show its surprises").click()
    look.until("window.__elman.views.write.branches[0].label === 'Your text'")
    expected = server.post("score", model="html.safetensors", text="<b>bold</b>").json()["each"]
    shown = look.page.evaluate(f"{SYMBOLS}.map(s => [s.id, s.text, s.probability])")
    assert shown == expected


def test_continue_another_text_and_without_a_unit(look, server):
    look.open("write", "gru.safetensors")
    write(look, "the", 30)
    look.until(f"{DONE} && window.__elman.views.write.prime === 'the'")
    first = look.state("views.write.symbols")
    look.page.get_by_role("button", name="Continue").click()
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 2")
    longer = look.state("views.write.symbols")
    assert longer[:30] == first and len(longer) > 30
    look.page.get_by_role("button", name="Another text").click()
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 3")
    assert look.state("views.write.branches[2].seed") == 2
    labels = [branch["label"] for branch in look.state("views.write.branches")]
    assert labels[0] == "First text" and labels[2] == "“the”", "nothing that was asked for is lost"
    look.page.get_by_role("tab", name="Look inside").click()
    look.until("window.__elman.views.inside?.status === 'ready'")
    unit = look.state("views.inside.unit")
    look.page.get_by_role("button", name="Write without it").click()
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 4")
    expected = sampled(
        server, model="gru.safetensors", prime="the", length=30, temperature=0.8, seed=2,
        silent_layer=0, silent_unit=unit,
    )  # fmt: skip
    assert [s["id"] for s in look.state("views.write.symbols")] == [s["id"] for s in expected]


def test_the_address_says_which_text(look):
    look.open("write", "gru.safetensors?length=60")
    look.until(DONE)
    first = written(look)
    look.open("write", "gru.safetensors?length=60&seed=7")
    look.until(DONE)
    second = written(look)
    assert first != second
    look.open("write", "gru.safetensors?length=-4&seed=1e99&top_k=x")  # as if they were not there
    assert look.page.get_by_label("Length").input_value() == "600"
    assert look.page.get_by_label("Seed").input_value() == "1"


def test_a_typed_prompt_goes_along_and_the_text_stays(look):
    look.open("write", "gru.safetensors?length=60")
    look.until(DONE)
    text = written(look)
    look.page.get_by_label("Prompt").fill("the cat")
    look.until("location.hash.includes('cat')")
    look.page.reload()
    look.until("window.__elman?.ready")
    assert look.page.get_by_label("Prompt").input_value() == "the cat"
    assert written(look) == text
    look.page.get_by_label("Model", exact=True).select_option("rnn.safetensors")
    look.until("window.__elman.model.name === 'rnn.safetensors'")
    look.until(DONE)
    assert look.state("views.write.prime") == "the cat"


def test_surprises_survive_a_reload_and_bytes_are_characters(look):
    look.open("write", "bytes.safetensors")
    look.page.get_by_label("Prompt").fill("the ca\N{LATIN SMALL LETTER E WITH ACUTE}t")
    look.page.get_by_role("button", name="Show its surprises").click()
    look.until("window.__elman.views.write.branches[0]?.label === 'Your text'")
    assert written(look) == "the ca\N{LATIN SMALL LETTER E WITH ACUTE}t"
    look.page.reload()
    look.until("window.__elman?.ready")
    assert written(look) == "the ca\N{LATIN SMALL LETTER E WITH ACUTE}t"


def test_without_a_unit_there_is_a_text_to_compare_with(look):
    look.open("inside", "gru.safetensors")
    look.until("window.__elman.views.inside?.status === 'ready'")
    look.page.get_by_role("button", name="Write without it").click()
    look.until("window.__elman.views.write?.branches.length === 2")
    look.until(DONE)
    labels = [branch["label"] for branch in look.state("views.write.branches")]
    assert labels[0] == "First text" and labels[1].startswith("without unit")


def test_a_text_with_symbols_that_the_model_does_not_know_ends_here(look):
    look.open("write", "gru.safetensors")
    look.page.get_by_label("Prompt").fill("the \N{SNOWMAN} cat")
    look.page.get_by_role("button", name="Show its surprises").click()
    look.until("window.__elman.views.write.branches[0]?.label === 'Your text'")
    for name in ("Continue", "Look inside this text"):
        button = look.page.get_by_role("button", name=name, exact=True)
        assert button.get_attribute("aria-disabled") == "true"


def choose(look, name):
    look.page.get_by_label("Model", exact=True).select_option(f"{name}.safetensors")
    look.until(f"window.__elman.model.name === '{name}.safetensors' && window.__elman.views.write")


def test_texts_stay_while_prompts_are_compared_on_two_models(look):
    look.open("write", "html.safetensors")
    write(look, "the", 40)
    look.until(f"{DONE} && window.__elman.views.write.prime === 'the'")
    first = written(look)
    look.page.get_by_role("button", name="Continue").click()
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 2")
    choose(look, "lines")
    write(look, "cat", 30)
    look.until(f"{DONE} && window.__elman.views.write.prime === 'cat'")
    choose(look, "html")
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 3")
    assert look.state("views.write.prime") == "cat", "what is asked for now"
    labels = [branch["label"] for branch in look.state("views.write.branches")]
    assert labels[0] == "First text" and labels[2] == "“cat”"
    look.page.locator(".branches button").first.click()
    assert look.state("views.write.prime") == "the" and written(look) == first
    assert look.page.locator(".symbols").text_content().startswith("the")


def test_a_branch_of_the_opening_text_is_not_lost(look):
    look.open("write", "html.safetensors")
    look.until(DONE)
    look.page.get_by_role("button", name="Continue").click()
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 2")
    write(look, "the", 30)
    look.until(f"{DONE} && window.__elman.views.write.branches.length === 3")
    assert look.state("views.write.branches[0].label") == "First text"


def test_a_scored_text_is_scored_by_a_model_that_wrote_the_same_prompt(look):
    look.open("write", "html.safetensors")
    write(look, "the", 30)
    look.until(f"{DONE} && window.__elman.views.write.prime === 'the'")
    choose(look, "gru")
    look.until(f"{DONE} && window.__elman.views.write.prime === 'the'")
    look.page.get_by_role("button", name="Show its surprises").click()
    look.until("window.__elman.views.write.branches.at(-1).label === 'Your text'")
    choose(look, "html")
    look.until("window.__elman.views.write.branches.at(-1)?.label === 'Your text'")
    assert written(look) == "the"


def test_another_model_has_a_text_even_if_the_prompt_was_refused(look):
    look.open("write", "html.safetensors")
    look.until(DONE)
    look.page.get_by_label("Prompt").fill("Ω")
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.page.get_by_role("alert").wait_for(state="visible")
    choose(look, "gru")
    look.until(f"{DONE} && window.__elman.views.write.symbols.length > 30")
    assert look.page.get_by_label("Prompt").input_value() == "Ω"
    look.complaints.clear()  # the browser notes the failed requests


def test_a_scored_text_is_scored_by_another_model_too(look, server):
    look.open("write", "html.safetensors")
    look.until(DONE)
    look.page.get_by_label("Prompt").fill("the cat")
    look.page.get_by_role("button", name="Show its surprises").click()
    look.until("window.__elman.views.write.branches.at(-1).label === 'Your text'")
    choose(look, "gru")
    look.until("window.__elman.views.write.branches.at(-1)?.label === 'Your text'")
    expected = server.post("score", model="gru.safetensors", text="the cat").json()["each"]
    assert look.page.evaluate(f"{SYMBOLS}.map(s => [s.id, s.text, s.probability])") == expected
