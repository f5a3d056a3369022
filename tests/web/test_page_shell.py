"""The shell of the page: tabs, models, theme, narrow screens, its policy."""

from __future__ import annotations

import re

import pytest

VIEWS = ["write", "inside", "numbers", "learn", "classify", "tag"]
SEEN = [(view, {"classify": "markup", "tag": "tagger"}.get(view, "html")) for view in VIEWS]


def test_nothing_moves_while_the_page_loads(new_look, server):
    look = new_look(server)
    look.page.add_init_script(
        "window.shifts = 0; new PerformanceObserver(list => { for (const e of list.getEntries())"
        " window.shifts += e.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    look.open("write", "html.safetensors")
    look.page.wait_for_timeout(300)
    look.open("numbers", "html.safetensors")
    look.until("window.__elman.views.numbers?.status === 'ready'")
    look.page.wait_for_timeout(300)
    assert look.page.evaluate("window.shifts") < 0.02


def test_everything_comes_from_the_server(new_look, server):
    look = new_look(server)
    urls = []
    look.page.on("request", lambda request: urls.append(request.url))
    for view in VIEWS:
        look.open(view)
    assert all(url.startswith((server.url, "about:", "data:")) for url in urls), urls


def test_the_policy_allows_neither_inline_script_nor_style(look):
    response = look.page.goto(look.url)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    html = response.text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", html) and "style=" not in html


def test_tabs_by_keyboard(look):
    look.open("write", "html.safetensors")
    look.page.get_by_role("tab", name="Write").focus()
    for view in (*VIEWS[1:], "write"):
        look.page.keyboard.press("ArrowRight")
        look.until(f"window.__elman.view === '{view}'")
        chosen = look.page.locator("[role=tab][aria-selected=true]")
        assert chosen.get_attribute("id") == f"tab-{view}"
        assert look.page.evaluate("document.activeElement.id") == f"tab-{view}"
        panel = look.page.locator(f"#view-{view}")
        panel.wait_for()
        assert panel.get_attribute("aria-labelledby") == f"tab-{view}"
        assert look.page.locator("[role=tabpanel]:visible").count() == 1
    look.page.keyboard.press("End")
    look.until("window.__elman.view === 'tag'")
    assert look.page.url.endswith("#tag/html.safetensors")


def test_the_keyboard_gets_past_the_tabs(look):
    look.open("classify", "markup.safetensors")
    look.page.evaluate("document.activeElement.blur()")
    look.page.locator(".skip").focus()
    look.page.keyboard.press("Enter")
    assert look.page.evaluate("document.activeElement.id") == "main"
    assert look.state("view") == "classify"


def test_the_address_keeps_view_and_model(look):
    look.open("classify", "markup.safetensors")
    look.page.reload()
    look.until("window.__elman?.ready")
    assert look.state("view") == "classify"
    assert look.state("model.name") == "markup.safetensors"
    assert look.page.get_by_label("Model", exact=True).input_value() == "markup.safetensors"


def test_choosing_a_model_changes_every_view(look):
    look.open("write", "html.safetensors")
    look.page.get_by_label("Model", exact=True).select_option("lines.safetensors")
    look.until("window.__elman.model.name === 'lines.safetensors' && window.__elman.views.write")
    look.page.get_by_label("Prompt").fill("the")
    look.page.get_by_label("Length").fill("5")
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.until("window.__elman.views.write.status === 'done'")
    assert look.page.locator(".symbols").text_content().startswith("the")


def test_a_view_that_does_not_fit_says_so(look):
    look.open("classify", "html.safetensors")
    empty = look.page.locator("#view-classify")
    assert "needs a classifier, and “html” is a language model" in empty.inner_text()
    offered = empty.get_by_role("button").all_inner_texts()
    assert offered == ["classifier", "forward", "markup"]
    empty.get_by_role("button", name="markup").click()
    look.until(
        "window.__elman.views.classify && window.__elman.model.name === 'markup.safetensors'"
    )
    assert not look.page.get_by_text("needs a classifier").count()


def test_dark_and_light(new_look, server):
    def colours(look):
        return look.page.evaluate(
            "(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))"
        )

    def brightness(colour):
        return sum(map(int, re.findall(r"\d+", colour)[:3]))

    for scheme, opposite in (("light", "dark"), ("dark", "light")):
        look = new_look(server, color_scheme=scheme)
        look.open("write", "html.safetensors")
        background, ink = colours(look)
        assert (brightness(background) > brightness(ink)) == (scheme == "light")
        look.page.get_by_role("button", name="Dark or light").click()
        assert look.state("theme") == opposite
        assert colours(look) != [background, ink]
        look.page.reload()  # the choice stays
        look.until("window.__elman?.ready")
        assert look.state("theme") == opposite


CONTRAST = """() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!text || !e.checkVisibility() || e.closest(":disabled, .hidden, svg, noscript")) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(new_look, server, scheme):
    look = new_look(server, color_scheme=scheme)
    for view, model in SEEN:
        look.open(view, f"{model}.safetensors")
        if view == "numbers":
            look.until("window.__elman.views.numbers?.status === 'ready'")
        assert look.page.evaluate(CONTRAST) == []


def test_a_narrow_screen_needs_no_sideways_scrolling(new_look, server):
    look = new_look(server, viewport={"width": 390, "height": 844}, has_touch=True)
    for view, model in SEEN:
        look.open(view, f"{model}.safetensors")
        if view == "classify":
            look.page.get_by_label("Text").fill("aelmnoaelmnoaelmnoag")
            look.until("window.__elman.views.classify.answer")
        width = look.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{view} is {width} pixels wide"
    look.open("write", "classifier.safetensors")  # of many models it offers those that fit
    for one in look.page.locator(".empty button").all():
        box = one.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_a_touch_shows_alternatives(new_look, server):
    look = new_look(server, viewport={"width": 390, "height": 844}, has_touch=True)
    look.open("write", "html.safetensors")
    look.page.get_by_label("Prompt").fill("<b")
    look.page.get_by_role("button", name="Write", exact=True).tap()
    look.until("window.__elman.views.write.symbols.length > 30")
    look.page.locator(".symbol").nth(7).tap()
    popup = look.page.locator(".popup")
    popup.wait_for(state="visible")
    box = popup.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    popup.locator("button").first.tap()
    look.until("window.__elman.views.write.branches.length === 2")


def test_every_control_has_a_name(look):
    for view, model in SEEN:
        look.open(view, f"{model}.safetensors")
        for control in look.page.locator(":is(button, input, select, textarea):visible").all():
            name = control.evaluate(
                "e => e.getAttribute('aria-label') || e.textContent.trim()"
                " || [...(e.labels ?? [])].map(l => l.textContent.trim()).join(' ')"
            )
            assert name, control.evaluate("e => e.outerHTML")


def test_without_a_server_the_page_says_so(look):
    look.open("write", "html.safetensors")
    look.page.route("**/api/**", lambda route: route.abort())
    look.page.get_by_role("button", name="Write", exact=True).click()
    banner = look.page.get_by_role("alert")
    banner.wait_for(state="visible")
    assert "is not responding" in banner.inner_text()
    look.complaints.clear()  # the browser notes the failed request


def test_an_error_goes_when_its_cause_does_or_its_view(look):
    look.open("write", "html.safetensors")
    banner = look.page.get_by_role("alert")

    def fail():
        look.page.get_by_label("Prompt").fill("Ω")
        look.page.get_by_role("button", name="Write", exact=True).click()
        banner.wait_for(state="visible")

    fail()
    look.page.get_by_label("Prompt").fill("<b")
    look.page.get_by_role("button", name="Write", exact=True).click()
    banner.wait_for(state="hidden")
    fail()
    look.page.get_by_role("tab", name="Watch it learn").click()
    banner.wait_for(state="hidden")
    look.complaints.clear()  # the browser notes the failed requests


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the prime is wrong", "The prime is wrong."),
        ("temperature must be 0 or more", "temperature must be 0 or more."),
        ("top_k must be a number", "top_k must be a number."),
        ("a.safetensors is no model file", "a.safetensors is no model file."),
    ],
)
def test_errors_are_sentences_and_names_stay_as_they_are(look, message, shown):
    look.open("write", "html.safetensors")
    answer = {"error": {"status": 400, "message": message}}
    look.page.route("**/api/sample", lambda route: route.fulfill(status=400, json=answer))
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.page.get_by_role("alert").wait_for(state="visible")
    assert look.page.get_by_role("alert").locator("span").inner_text() == shown
    look.complaints.clear()


def test_a_server_that_started_again_is_obeyed(look, server):
    """Its token is another one, which the page fetches."""
    look.open("write", "html.safetensors")
    sent = []

    def refuse_once(route):
        sent.append(route.request.headers["x-elman-token"])
        if len(sent) > 1:
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": {"status": 401, "message": "the token"}})

    look.page.route("**/api/sample", refuse_once)
    body = f'<meta name="elman-token" content="{server.token}">'
    old = "the token of an earlier start"
    look.page.route(look.url, lambda route: route.fulfill(body=body.replace(server.token, old)))
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.page.get_by_role("alert").wait_for(state="visible")
    assert sent == [server.token, old]
    look.page.unroute(look.url)
    look.page.get_by_role("button", name="Write", exact=True).click()
    look.until("window.__elman.views.write.status === 'done'")
    assert sent[2:] == [old, server.token]
    look.complaints.clear()


def test_the_address_leads_to_what_is_looked_at(look, models):
    look.page.goto(f"{look.url}#inside/lstm.safetensors?text=the+cat&layer=0&part=f&unit=7")
    ready = (
        "window.__elman?.views.inside?.status === 'ready' && window.__elman.views.inside.passages"
    )
    look.until(ready)
    shown = look.state("views.inside")
    assert [shown[name] for name in ("text", "layer", "part", "unit")] == ["the cat", 0, "f", 7]
    look.page.get_by_label("Unit", exact=True).fill("3")
    look.page.get_by_label("Unit", exact=True).press("Enter")
    look.until("location.hash.endsWith('unit=3')")
    look.page.goto(f"{look.url}#classify/markup.safetensors?text=aelm")
    look.until("window.__elman?.views.classify?.answer?.symbols.length === 4")


def test_every_view_says_what_it_is(look):
    for view, model in SEEN:
        look.open(view, f"{model}.safetensors")
        about = look.page.locator(f"#view-{view} .about")
        assert len(about.locator("summary .note").inner_text()) > 40
        about.locator("summary").click()
        assert about.locator("dt").first.is_visible()
