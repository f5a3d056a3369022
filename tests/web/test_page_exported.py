"""The HTML file that `elman export` writes, opened from the disk in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.share import html
from elman.tasks.tag.model import ranges_of
from elman.text.words import split_words

from ..share import conftest as made
from .look import Look

TEXTS = {
    "gru": "the cat sees", "lstm": "the old river", "rnn": "bird", "embedded": "the dog.\nthe",
    "lines": "the bird", "words": "the cat sees the dog.", "bytes": "the ca", "ngram": "the c",
    "html": '<b onclick="alert(1)">',
}  # fmt: skip
DTYPES = {"float32": 1e-5, "float16": 1e-2}
LANGUAGE = sorted(TEXTS)


@pytest.fixture
def open_page(browser, tmp_path):
    """open_page(model, dtype, name, **options of the context) -> Look at its file; no complaint
    may be left, and nothing but the file may have been asked for."""
    opened = []

    def new(model, dtype="float32", name="poem", **options) -> Look:
        data = html.pack(model, name, None if dtype == "counts" else dtype)
        path = tmp_path / f"page{len(opened)}.html"
        path.write_bytes(data)
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        look = Look(context.new_page(), path.as_uri())
        asked: list[str] = []
        look.page.on("request", lambda request: asked.append(request.url))
        opened.append((context, look, asked))
        look.page.goto(look.url)
        look.until("window.__elman?.ready")
        return look

    yield new
    for context, look, asked in opened:
        context.close()
        assert not look.complaints, "the browser's console: " + "; ".join(look.complaints)
        assert [url for url in asked if not url.startswith("data:")] == [look.url]


def load(models: Path, name: str):
    return elman.load(models / f"{name}.safetensors")


def bare(model):
    """The model as it leaves: without its training state."""
    model.training = None
    return model


def dtypes_of(name: str) -> dict[str, float]:
    return {"counts": 1e-5} if name == "ngram" else DTYPES


def call(look: Look, method: str, argument):
    return look.page.evaluate(f"argument => window.elman.{method}(argument)", argument)


def written(look: Look) -> str:
    return look.state("view.symbols.map(s => s.text).join('')")


def finished(look: Look) -> str:
    look.until("window.__elman.view.status === 'done'")
    return written(look)


# -- the numbers are Elman's ----------------------------------------------------------


def logits_after(model, text: str) -> np.ndarray:
    """The logits after the last symbol of a text, from a zero state."""
    network = model.network
    ids = model.vocabulary.encode(model.clean(text)).astype(np.int32)
    if model.lines:
        ids = np.append(np.int32(model.vocabulary.begin), ids)
    return network.predict(ids[:, None], network.zero_state(1))[0][-1, 0]


@pytest.mark.parametrize("name", LANGUAGE)
def test_the_logits_of_language_models_are_elmans(models, open_page, name):
    model = load(models, name)
    for dtype, limit in dtypes_of(name).items():
        look = open_page(model, dtype)
        found = call(look, "logits", TEXTS[name])
        np.testing.assert_allclose(found, logits_after(model, TEXTS[name]), rtol=0, atol=limit)


@pytest.mark.parametrize("name", LANGUAGE)
def test_the_greedy_text_and_a_drawn_one_are_those_of_elman_sample(models, open_page, name):
    model = bare(load(models, name))
    look = open_page(model, next(iter(dtypes_of(name))))
    prime = TEXTS[name]
    greedy = call(look, "write", {"prime": prime, "length": 300, "temperature": 0})
    assert greedy == model.sample(300, prime=prime, greedy=True, include_prime=False)
    drawn = call(look, "write", {"prime": prime, "length": 120, "temperature": 0.8, "topK": 9,
                                 "topP": 0.95, "seed": 5, "stop": "xyzzy"})  # fmt: skip
    assert drawn == model.sample(120, prime=prime, temperature=0.8, top_k=9, top_p=0.95, seed=5,
                                 include_prime=False)  # fmt: skip
    assert call(look, "write", {"length": 60, "seed": 3}) == model.sample(60, seed=3)


@pytest.mark.parametrize(
    "model",
    [made.classifier(), made.classifier("lstm", layers=2, pooling="mean", wide=64),
     made.classifier("rnn", both=False, embedding=4, pooling="max", bias=False, temperature=1.7,
                     activation="relu")],
    ids=["gru", "lstm", "rnn"],
)  # fmt: skip
def test_classifiers_give_elmans_logits_and_probabilities(open_page, model):
    text = "abcabdde"
    for dtype, limit in DTYPES.items():
        look = open_page(model, dtype)
        expected = model.logits(model.encode([text]))[0]
        np.testing.assert_allclose(call(look, "logits", text), expected, rtol=0, atol=limit)
        answer = call(look, "classify", text)
        p = model.predict_proba([text])[0]
        np.testing.assert_allclose(answer["probabilities"], p, rtol=0, atol=limit)
        assert answer["prediction"] == model.predict(text)


@pytest.mark.parametrize(
    ("model", "text"),
    [(made.tagger(wide=64), "abcabddeiabcdefxzqabcdefgh"),
     (made.tagger("lstm", letters_of=3, embedding=4), "wa wb zzz wc abcdefgh"),
     (made.tagger(layers=2, both=False, transitions=False, lowercase=True), "abCab")],
    ids=["characters", "letters", "plain"],
)  # fmt: skip
def test_taggers_give_elmans_scores_and_labels(open_page, model, text):
    for dtype, limit in DTYPES.items():
        look = open_page(model, dtype)
        tokens = model.tokens([text])
        expected = model.run(model.encode(tokens), ranges_of(tokens))
        np.testing.assert_allclose(call(look, "logits", text), expected, rtol=0, atol=limit)
        (line,) = call(look, "tag", text)
        tags = model.tag([text])[0]
        np.testing.assert_allclose([s["probability"] for s in line], tags.probabilities,
                                   rtol=0, atol=limit)  # fmt: skip
        if dtype == "float32":
            assert [s["label"] for s in line] == tags.labels
            assert [s["text"] for s in line] == list(tags.tokens)


def test_words_are_cut_as_elman_cuts_them(models, open_page):
    texts = ["Don't stop. It's 3.14, e.g. U.S.A.!", "a\u00a0b\u202fc  d\n\ne\tf",
             "ภาษาไทย ง่าย", "我们在家", "ひらがな カタカナ", "naïve cafe\u0301", "“Ça va ?”",
             "x_1-2 foo@bar.com", "עברית ـ العربية צה״ל", "한국어",
             "မြန်မာ", "👩\u200d👩\u200d👧 🇩🇪🇫🇷 👍🏽", "a\u200bb soft\u00adhyphen",
             "1,000.5 €5 10:30"]  # fmt: skip
    model = load(models, "words")
    for rule in ("uax29", "space before"):
        model.vocabulary.rule = rule
        look = open_page(model)
        for text in texts:
            found = look.page.evaluate("t => window.__elman.model.vocabulary.cut(t)", text)
            assert found == split_words(text, rule), rule


def test_a_text_is_treated_as_those_of_the_training(open_page):
    model = made.lm(lowercase=True, normalize="NFC")
    look = open_page(model)
    for text in ("A\r\nB\rC\n", "ΣΑΣ İ ẞ ǅ", "e\u0301 a\u030a \u1e9b\u0323"):
        found = look.page.evaluate("text => window.__elman.model.clean(text)", text)
        assert found == model.clean(text)
    look = open_page(made.classifier(strip=True))
    assert call(look, "logits", "\x1d abc\u3000\x85\n") == call(look, "logits", "abc")
    assert call(look, "logits", "a\ufeff".strip()[:1]) == call(look, "logits", "a")


# -- what is wrong is a sentence ------------------------------------------------------


def refusal(look: Look, method: str, argument) -> str:
    return look.page.evaluate(
        f"async argument => {{ try {{ await window.elman.{method}(argument) }}"
        " catch (error) { return error.message } }",
        argument,
    )


def test_what_cannot_be_done_is_a_sentence(models, open_page):
    look = open_page(load(models, "gru"))
    for request, said in (
        ({"lenght": 3}, "there is no lenght; there are prime, length"),
        ({"temperature": -1}, "temperature must be 0 or more, not -1"),
        ({"topP": 0}, "topP must be above 0 and at most 1, not 0"),
        ({"length": 1.5}, "length must be a whole number from 0, not 1.5"),
        ({"length": 10**7}, "length must be at most 100000, not 10000000"),
        ({"prime": "Ж?"}, "the model does not know “Ж”, “?”; leave it out"),
    ):
        assert said in refusal(look, "write", request)
    assert "the text is empty" in refusal(look, "logits", "")
    look.page.get_by_label("Prompt").fill("Ж")
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.until("!document.getElementById('banner').hidden")
    assert "does not know “Ж”" in look.page.locator("#banner").inner_text()
    refused = refusal(open_page(made.classifier()), "classify", "")
    assert "the text is empty: it has no class" in refused


# -- the page --------------------------------------------------------------------------


def test_it_has_written_a_first_text_and_writes_another(models, open_page):
    model = bare(load(models, "html"))
    look = open_page(model, name="markup")
    first = finished(look)
    assert first == model.sample(600, temperature=0.8, seed=1)
    assert look.page.locator(".symbols").text_content() == first
    assert look.page.locator(".transcript :is(b, i, img, script)").count() == 0
    look.page.get_by_role("button", name="Write", exact=True).click()
    assert finished(look) == model.sample(600, temperature=0.8, seed=2)
    assert look.page.title() == "markup"
    footer = look.page.locator("footer").inner_text()
    assert "html.txt" in footer and "gru 1 × 48" in footer and "works offline" in footer


def test_settings_are_used(models, open_page):
    model = bare(load(models, "html"))
    look = open_page(model)
    finished(look)
    fields = {"Prompt": "<b", "Temperature": "0.5", "Top-k": "5", "Top-p": "0.9", "Length": "150",
              "Seed": "7", "Stop at": "</b>"}  # fmt: skip
    for label, value in fields.items():
        look.page.get_by_label(label).fill(value)
    look.page.get_by_role("button", name="Write", exact=True).click()
    expected = model.sample(150, prime="<b", temperature=0.5, top_k=5, top_p=0.9, seed=7,
                            stop="</b>", include_prime=False)  # fmt: skip
    assert finished(look) == expected
    assert look.page.locator(".symbols").text_content() == "<b" + expected


def test_a_pasted_text_is_shaded_by_its_surprises(models, open_page):
    for name, text in (("html", "<b> & <i>"), ("lines", "the cat\nthe dog"), ("bytes", "the é")):
        model = load(models, name)
        look = open_page(model)
        finished(look)
        look.page.get_by_label("Prompt").fill(text)
        look.page.get_by_role("button", name="Show its surprises").click()
        shown = [text for _, text, _ in model.symbol_nats(text)]
        look.until(f"window.__elman.view.symbols.length === {len(shown)}")
        found = look.state("view.symbols.map(s => s.probability)")
        expected = [np.exp(-nats) for _, _, nats in model.symbol_nats(text)]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert written(look).removesuffix("\n") == text


def test_alternatives_by_pointer_and_by_keyboard(models, open_page):
    look = open_page(load(models, "html"))
    finished(look)
    look.page.locator(".symbol").nth(4).hover()
    look.until("!document.querySelector('.popup').hidden")
    assert look.page.locator(".popup .option").count() >= 8
    assert "%" in look.page.locator(".popup").inner_text()
    look.page.mouse.move(2, 2)
    look.until("document.querySelector('.popup').hidden")
    look.page.locator(".symbol[tabindex='0']").focus()
    look.page.keyboard.press("ArrowRight")
    look.page.keyboard.press("Enter")
    before = written(look)
    look.page.keyboard.press("ArrowDown")
    if look.page.evaluate("document.activeElement.matches('.written')"):  # no alternative
        look.page.keyboard.press("ArrowDown")
    look.page.keyboard.press("Enter")
    after = finished(look)
    assert after[0] == before[0] and after[1] != before[1]
    assert len(after) == 600


def test_a_long_text_can_be_stopped(models, open_page):
    look = open_page(load(models, "wide"))
    look.page.get_by_label("Length").fill("100000")
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.until("window.__elman.view.symbols.length > 5")
    look.page.get_by_role("button", name="Stop").click()
    assert look.state("view.status") == "stopped"
    assert 0 < len(written(look)) < 100_000


def test_a_class_that_would_end_the_script_is_text(open_page):
    model = made.classifier(summary={"command": "elman train '</script><b>x</b>'"})
    model.classes = ["</script><script>alert(1)</script>", "<b>x</b>", "<!--"]
    look = open_page(model, name="</title><img src=x onerror=alert(2)>")
    look.page.get_by_label("Text").fill("abcab")
    look.until("window.__elman.view.answer?.probabilities.length === 5")
    p = model.predict_proba(["abcab"])[0]
    shown = look.page.locator(".verdict strong").inner_text()
    assert shown == model.classes[p.argmax()]
    for name in model.classes:
        assert look.page.locator(".now th", has_text=name).count() == 1
    assert look.page.locator("main :is(b, script, img)").count() == 0
    assert look.page.locator("script").count() == 1
    assert look.page.title() == "</title><img src=x onerror=alert(2)>"


def test_a_tagger_labels_what_is_typed(models, open_page):
    model = load(models, "tagger")
    look = open_page(model)
    look.page.get_by_role("textbox", name="Text").fill("Aeiou sees the cat\n\nOuiea finds")
    look.until("window.__elman.view.answer?.lines.length === 3")
    labels = [s["label"] for line in look.state("view.answer.lines") for s in line]
    expected = model.predict(["Aeiou sees the cat", "Ouiea finds"])
    assert labels == [label for sequence in expected for label in sequence]
    assert look.page.locator(".tagged-symbol").count() == 6
    assert look.page.locator("main b").count() == 0


@pytest.mark.parametrize("kind", ["gru", "classifier", "tagger"])
def test_it_fits_a_phone_and_knows_light_and_dark(models, open_page, kind):
    look = open_page(load(models, kind), name="a_name_that_is_as_long_as_nobody_would_name_a_model",
                     viewport={"width": 390, "height": 844}, color_scheme="dark")  # fmt: skip
    if kind == "gru":
        finished(look)
    widths = look.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = look.page.evaluate(colour)
    look.page.get_by_role("button", name="Dark or light").click()
    light = look.page.evaluate(colour)
    assert (
        sum(map(int, re.findall(r"\d+", dark)))
        < 150
        < 600
        < sum(map(int, re.findall(r"\d+", light)))
    )


def test_everything_has_a_name_for_screen_readers(models, open_page):
    look = open_page(load(models, "gru"))
    finished(look)
    unnamed = look.page.evaluate(
        "[...document.querySelectorAll('button, input, textarea')].filter(e =>"
        " !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim()).length"
    )
    assert unnamed == 0
    assert look.page.locator("h1").count() == look.page.get_by_role("main").count() == 1
    assert look.page.get_by_role("log").count() == 1
    look.page.keyboard.press("Tab")
    assert look.page.evaluate("document.activeElement.className") == "skip"
    look.page.keyboard.press("Enter")
    assert look.page.evaluate("document.activeElement.id") == "main"


def test_a_page_that_embeds_it_can_call_it(models, open_page, browser, tmp_path):
    """Over HTTP: pages of files are strangers to each other."""
    model = bare(load(models, "gru"))
    host = b"<!doctype html><title>host</title><iframe src='/poem.html'></iframe>"
    page = browser.new_page()

    def answer(route):
        inner = route.request.url.endswith("/poem.html")
        body = html.pack(model, "poem", "float32") if inner else host
        route.fulfill(body=body, content_type="text/html")

    page.route("**", answer)
    page.goto("http://embedding.test/")
    page.frames[1].wait_for_selector(".symbol")
    text = page.evaluate("frames[0].elman.write({ prime: 'the', length: 40, temperature: 0 })")
    assert text == model.sample(40, prime="the", greedy=True, include_prime=False)
    page.close()


def test_a_refused_prompt_takes_no_text_away(models, open_page):
    look = open_page(load(models, "gru"))
    look.until("window.__elman.view.status === 'done'")
    before = look.page.evaluate("window.__elman.view.symbols.length")
    assert look.page.get_by_label("Beam").count() == 0
    look.page.get_by_label("Prompt").fill("\N{SNOWMAN}")
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.page.locator("#banner").wait_for()
    assert look.page.evaluate("window.__elman.view.symbols.length") == before > 0


@pytest.mark.parametrize(
    "called", ["write(null)", "logits()", "write({temperature: '1'})", "write({toString: 1})"]
)
def test_odd_calls_are_refused_in_a_sentence(models, open_page, called):
    look = open_page(load(models, "gru"))
    said = look.page.evaluate(
        f"(async () => {{ try {{ await elman.{called} }} catch (error) "
        "{ return `${error.name}: ${error.message}` } })()"
    )
    assert said.startswith("Error: ")
