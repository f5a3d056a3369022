"""The view "Follow the numbers", in a real browser: its numbers are those of the engine."""

from __future__ import annotations

import re

import numpy as np
import pytest

import elman

VIEW = "views.numbers"
CELLS = [("rnn", 1), ("gru", 1), ("lstm", 2), ("embedded", 1)]
# Every part of every move, for each of its gates: what is written and what is computed.
PARTS = """
(() => {
  const { moves } = window.__elman.views.numbers;
  return moves.flatMap(({ phase, t, kind, layer, title, parts }) => parts.flatMap((part) =>
    (part.gates ?? [null]).map((gate) => {
      const { equation, columns, vector, matrix, addends, result, ...rest } =
        part.by ? { ...part, ...part.by(gate ?? "a") } : part;
      return { phase, t, kind, layer, title, id: part.id, name: part.name, gate, equation, columns,
        vector, matrix, addends, result, works: rest.work ? [0, 1].map(rest.work) : [] };
    })));
})()
"""


def ask(look, model: str, text: str = "the cat", steps: int = 4) -> dict:
    """Open the view on a text, and wait for its numbers."""
    look.open("numbers", f"{model}.safetensors")
    look.until("window.__elman.views.numbers?.status === 'ready'")
    look.page.get_by_label("Text", exact=True).fill(text)
    look.page.get_by_role("combobox", name="Steps").select_option(str(steps))
    look.until(
        f"window.__elman.{VIEW}.status === 'ready' && window.__elman.{VIEW}.data.text.join('')"
        f" === '{text}' && window.__elman.{VIEW}.data.steps === {steps}"
    )
    return look.state(f"{VIEW}.data")


def state(look, expression: str):
    return look.state(f"{VIEW}.{expression}")


def engine(models, name, text, steps):
    """Loss, probabilities, hidden states and gradient of a model, by its own engine."""
    model = elman.load(models / f"{name}.safetensors")
    network = model.network
    ids = model.vocabulary.encode(text).astype(np.int32)[: steps + 1, None]
    newline = model.vocabulary.encode("\n").astype(np.int32)[:, None]  # is read first
    _, zero = network.predict(newline, network.zero_state(1))
    weights = np.ones((steps, 1), network.dtype)
    loss, _ = network.loss_and_gradient(ids[:-1], ids[1:], weights, zero)
    logits, _ = network.predict(ids[:-1], zero)
    p = np.exp(logits[:, 0].astype(float))
    return network, loss, p / p.sum(axis=1, keepdims=True)


def flat(values) -> np.ndarray:
    if isinstance(values, dict):
        return np.concatenate([np.array(part) for part in values.values()], axis=-1)
    return np.array(values)


@pytest.mark.parametrize(
    ("name", "layers"),
    [CELLS[0], *(pytest.param(*cell, marks=pytest.mark.slow) for cell in CELLS[1:])],
)
def test_forward_a_symbol_at_a_time_and_backward_an_edge_at_a_time(look, models, name, layers):
    data = ask(look, name)
    network, loss, p = engine(models, name, "the cat", 4)
    forward = look.page.locator(".graph-head .primary")
    assert state(look, "position") == 0 and state(look, "move.kind") == "read"
    for t in range(4):
        assert (state(look, "move.phase"), state(look, "move.t")) == ("forward", t)
        shown = state(look, f"data.forward[{t}]")
        np.testing.assert_allclose(shown["p"], p[t, data["symbols"]], atol=1e-6)
        assert look.page.locator(".node.reached .loss").count() == t + 1
        assert not state(look, "sums"), "no gradient has arrived yet"
        forward.click()
    assert data["loss"] == pytest.approx(loss, abs=1e-5)

    kinds = []
    while True:
        assert state(look, "move.phase") == "backward"
        kinds.append((state(look, "move.t"), state(look, "move.kind")))
        if forward.inner_text().startswith("Update"):
            break
        forward.click()
    edges = ["loss", "readout"]
    for layer in range(layers):
        edges += ["sum", "cell", "weights", "before"] + ["cell before"] * (name == "lstm")
        edges += ["below"] * (layer < layers - 1 or name == "embedded")
    assert kinds == [(t, kind) for t in (3, 2, 1, 0) for kind in edges]

    sums = state(look, "sums")
    assert set(sums) == set(network.parameters)
    units, symbols = np.array(data["units"]), np.array(data["symbols"])
    H = network.config.hidden_size
    columns = np.concatenate([units + k * H for k in range(len(data["gates"]))])
    for parameter, gradient in network.gradient.items():
        kind = parameter.split(".")[1]
        one_hot = parameter == "layer0.W_x" and not network.config.embedding_size
        rows = symbols if one_hot else np.arange(len(gradient)) if kind == "W_x" else units
        expected = {
            "W_x": lambda g, rows=rows: g[np.ix_(rows, columns)],
            "W_h": lambda g: g[np.ix_(units, columns)],
            "b": lambda g: g[columns], "c_n": lambda g: g[units],
            "W_y": lambda g: g[np.ix_(units, symbols)], "b_y": lambda g: g[symbols],
            "E": lambda g: g[symbols],
        }[kind](gradient)  # fmt: skip
        np.testing.assert_allclose(flat(sums[parameter]), expected, atol=1e-6, err_msg=parameter)


def test_every_move_shows_its_equation_and_numbers_that_fit_it(look):
    ask(look, "rnn", "the", 2)
    for _ in range(state(look, "moves.length") - 1):
        look.page.locator(".graph-head .primary").click()
        assert look.page.locator(".equation").inner_text().strip()
        assert look.page.locator(".numbers-table td").count() > 8
        if state(look, "move.kind") == "sum":
            columns = state(look, "shown.columns")
            total = np.add(columns[0]["values"], columns[1]["values"])
            np.testing.assert_allclose(columns[2]["values"], total, atol=1e-6)
        if state(look, "move.kind") == "before":
            shown = state(look, "shown")
            product = np.array(shown["matrix"]) @ shown["vector"]["values"]
            np.testing.assert_allclose(shown["result"]["values"], product, atol=1e-6)
            cells = look.page.locator(".numbers-table tbody tr").nth(1).locator("td")
            text = cells.nth(0).inner_text().replace("−", "-")
            assert float(text) == pytest.approx(shown["matrix"][0][0], abs=1e-3)


@pytest.mark.parametrize(("name", "layers"), CELLS)
def test_what_is_written_is_what_is_computed(look, name, layers):
    data = ask(look, name)
    parts = look.page.evaluate(PARTS)
    gated = name != "rnn"
    for part in parts:
        if part["id"] in ("before sum", "x sum", "sum"):
            *terms, total = [column["values"] for column in part["columns"]]
            np.testing.assert_allclose(np.sum(terms, axis=0), total, atol=1e-6, err_msg=part["id"])
            terms, total = numbers(part["works"][0])
            assert sum(terms) == pytest.approx(total, abs=0.0005 * (len(terms) + 1)), part["works"]
        if part["matrix"] and part["vector"]:  # all of these models are shown whole
            product = np.array(part["matrix"]) @ part["vector"]["values"]
            product = product + sum(np.array(one["values"]) for one in part["addends"])
            np.testing.assert_allclose(part["result"]["values"], product, atol=1e-6)
    seen = {part["id"] for part in parts}
    assert ("before sum" in seen) == gated
    assert ("x sum" in seen) == (name in ("embedded", "lstm"))
    assert ("cell" in seen) == (name == "lstm")
    for part in parts:
        where = f"{part['kind']} {part['id']}: {part['equation']}"
        if name == "lstm" and part["id"] not in ("y", "p", "dy", "above", "readout.W_y"):
            # Both layers have names of their own.
            assert "^{(" in part["equation"] or part["equation"].startswith("part of"), where
        if part["t"] == data["steps"] - 1 and part["phase"] == "backward":
            n = data["start"] + data["steps"] + 1
            assert f"_{{{n}}}" not in part["equation"], f"there is no step {n}: {where}"


def numbers(work: str) -> tuple[list[float], float]:
    """The terms and the sum of "(−0.1) + 0.2 = 0.1"."""
    plain = re.sub(r"[()]", "", work).replace("−", "-")
    terms, _, total = plain.partition(" = ")
    return [float(term) for term in terms.split(" + ")], float(total)


def test_the_gradient_of_a_cell_and_of_an_inner_bias_have_their_numbers(look):
    data = ask(look, "lstm")
    parts = look.page.evaluate(PARTS)
    cells = [part for part in parts if part["kind"] == "cell before"]
    assert len(cells) == 8
    for part in cells:
        c, f, before = [column["values"] for column in part["columns"]]
        np.testing.assert_allclose(np.multiply(c, f), before, atol=1e-6)
        if part["t"]:  # it arrives at the step before
            arrived = data["backward"][part["t"] - 1]["layers"][part["layer"]]["next_cell"]
            np.testing.assert_allclose(before, arrived, atol=1e-6)
    data = ask(look, "gru")
    last = [part for part in look.page.evaluate(PARTS) if part["id"] == "layer0.c_n"][-1]
    expected = data["gradient"]["layer0.c_n"]["values"]
    np.testing.assert_allclose(last["columns"][-1]["values"], expected, atol=1e-6)


def test_a_model_without_bias_is_shown_without(look):
    ask(look, "embedded")
    for part in look.page.evaluate(PARTS):
        written = " ".join([part["title"], part["name"], part["equation"], *part["works"]])
        assert not re.search(r"\bb\b|b_y|c_n", written), written
        if isinstance(part["columns"], list):
            assert not {"b", "c_n", "b_y"} & {column["name"] for column in part["columns"]}


def test_words(look):
    """The view opens on words that the model knows, and they keep apart."""
    look.open("numbers", "words.safetensors")
    look.until(f"window.__elman.{VIEW}?.status === 'ready'")
    assert state(look, "data.steps") == 4
    assert all(re.fullmatch(r"\w+| ", word) for word in state(look, "data.text"))
    assert not look.state("errors")
    places = look.page.evaluate(
        "[...document.querySelectorAll('.graph [data-mark^=p]')].filter(p => /^p\\d/.test("
        "p.dataset.mark)).flatMap(p => { const name = p.querySelector('.node-name')"
        ".getBoundingClientRect(); return [...p.querySelectorAll('.p-symbol')].map(s => "
        "s.getBoundingClientRect().left - name.right) })"
    )
    assert len(places) == 20 and min(places) >= 0, "the names of p stand clear of the words"


def test_keyboard(look):
    ask(look, "gru")
    look.page.locator(".graph-box").focus()
    for key, position in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Home", -1)):
        look.page.keyboard.press(key)
        assert state(look, "position") == position
    look.page.keyboard.press("End")
    assert state(look, "position") == state(look, "moves.length") - 1
    look.page.keyboard.press("Shift+ArrowLeft")
    assert (state(look, "move.t"), state(look, "move.kind")) == (1, "before")
    look.page.get_by_label("Text", exact=True).focus()
    look.page.keyboard.press("Home")  # in the text, not in the story
    assert state(look, "move.t") == 1


def focused(look) -> str:
    return look.page.evaluate(
        "document.activeElement.dataset.mark ?? document.activeElement.textContent"
    )


def test_the_focus_stays_where_it_was(look):
    ask(look, "gru")
    for group, button in (
        ("What to show for this step", "gates"), ("Gate", "z"), ("Gate", "n"),
    ):  # fmt: skip
        control = look.page.get_by_role("group", name=group).get_by_role("button", name=button)
        control.focus()
        look.page.keyboard.press("Enter")
        assert control.get_attribute("aria-pressed") == "true" and focused(look) == button
    assert state(look, "gate") == "n"
    look.page.keyboard.press("ArrowRight")
    assert state(look, "position") == 1, "the arrow keys go on from there"
    look.page.get_by_role("button", name="From symbol 3, e").focus()
    look.page.keyboard.press("Enter")
    look.until(f"window.__elman.{VIEW}.data.start === 2")
    assert focused(look) == "e"

    forward = look.page.locator(".graph-head .primary")
    forward.focus()
    for _ in range(state(look, "moves.length") - 1):
        look.page.keyboard.press("Enter")
    assert state(look, "position") == state(look, "moves.length") - 1
    assert focused(look) == forward.inner_text() == "Update the weights ↓"
    look.page.keyboard.press("Enter")  # the story goes on there
    assert focused(look) == "Update the weights"
    forward.focus()
    look.page.keyboard.press("Home")
    assert state(look, "position") == -1


def test_nodes_edges_and_rows_by_keyboard(look):
    ask(look, "lstm")
    stops = look.page.locator(".graph [data-mark][tabindex='0']")
    assert stops.count() == 1, "the tab key stops at the graph once"
    stops.focus()
    walked = [focused(look)]
    for _ in range(12):
        look.page.keyboard.press("ArrowUp")
        walked.append(focused(look))
    layers = [f"{kind}0.{layer}" for layer in (0, 1) for kind in ("xh", "hh", "cc", "h")]
    assert walked == ["x0", *layers, "hy0", "y0", "yp0", "p0"]
    look.page.keyboard.press("Shift+ArrowUp")
    assert focused(look) == "p1"
    look.page.keyboard.press("Enter")
    assert (state(look, "move.t"), state(look, "shown.id"), focused(look)) == (1, "p", "p1")
    look.page.keyboard.press("End")
    look.page.keyboard.press("Shift+ArrowDown")
    for _ in range(10):
        look.page.keyboard.press("ArrowDown")
    assert focused(look) == "hh0.0" and stops.get_attribute("data-mark") == "hh0.0"
    look.page.keyboard.press("Space")
    assert (state(look, "move.t"), state(look, "move.kind")) == (0, "before")
    assert stops.get_attribute("aria-label") == (
        "Edge W_h, from the hidden state before, layer 1, step 1 of 4"
    )

    look.page.locator(".numbers-box").focus()
    row = state(look, "row")
    look.page.keyboard.press("ArrowDown")
    look.page.keyboard.press("ArrowDown")
    assert state(look, "row") == row + 2
    worked = look.page.locator(".worked").inner_text()
    assert worked.startswith(f"unit {row + 2}:")
    assert look.page.locator(".numbers-table .picked th").inner_text() == str(row + 2)
    for _ in range(40):
        look.page.keyboard.press("ArrowDown")
    assert state(look, "row") == 23
    inside = "(() => { const [box, row] = ['.numbers-box', '.picked'].map(one => document"
    inside += ".querySelector(one).getBoundingClientRect()); return row.bottom <= box.bottom })()"
    assert look.page.evaluate(inside), "the row is in sight"


def test_the_result_of_a_wide_table_is_in_sight(look):
    ask(look, "gru")
    look.page.get_by_role("button", name="h·Wh").click()
    places = look.page.evaluate(
        "(() => { const box = document.querySelector('.numbers-box');"
        "const cell = box.querySelector('tbody tr:last-child td:last-child');"
        "const [outer, inner] = [box, cell].map(one => one.getBoundingClientRect());"
        "return [box.scrollWidth - box.clientWidth, outer.right - inner.right,"
        "box.parentElement.className] })()"
    )
    assert places[0] > 0 and 0 <= places[1] < 4
    assert "more-right" in places[2] and "more-left" not in places[2]


def test_a_click_on_an_edge_leads_to_its_numbers(look):
    ask(look, "lstm")
    look.page.locator(".edge-group .edge-label", has_text="Wy").nth(2).click(force=True)
    assert (state(look, "move.phase"), state(look, "move.t")) == ("forward", 2)
    assert state(look, "shown.id") == "y"
    look.page.get_by_label("Position in the walk-through").fill("9")
    assert state(look, "move.phase") == "backward"
    look.page.locator(".edge-group .edge-label", has_text="Wy").nth(1).click(force=True)
    assert (state(look, "move.phase"), state(look, "move.t")) == ("backward", 1)
    assert state(look, "move.kind") == "readout"
    assert "∂" in look.page.locator(".equation").inner_text()


def test_the_first_step_and_the_text_may_be_chosen(look):
    ask(look, "gru")
    look.page.locator(".window-strip button").nth(2).click()
    look.until(f"window.__elman.{VIEW}.data.start === 2")
    assert state(look, "data.forward[0].layers[0].hidden_before").count(0) == 0
    look.page.get_by_label("Text", exact=True).fill("the €")
    look.until("window.__elman.errors.length > 0")
    assert "does not know '€'" in look.page.locator("#banner").inner_text()
    look.complaints.clear()  # the page warns of what it showed
    look.page.get_by_label("Text", exact=True).fill("<b>the</b>")
    look.until("window.__elman.errors.length > 1")
    look.complaints.clear()


@pytest.mark.parametrize("model", ["rnn", "gru"])
def test_the_whole_picture_is_on_one_screen(new_look, server, model):
    """The graph with the bars of the gradient and what they say, and the numbers of a step."""
    look = new_look(server, viewport={"width": 1280, "height": 800})
    ask(look, model)
    for part in (".norm-base", ".graph-box + .note, .scrolling + .note", ".equation", ".worked"):
        box = look.page.locator(part).first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 800, part
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1280, part


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(new_look, server, scheme):
    look = new_look(server, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    ask(look, "lstm")
    for _ in range(8):
        look.page.locator(".graph-head .primary").click()
    wide = "document.documentElement.scrollWidth"
    assert look.page.evaluate(wide) <= 390, "the page itself must not scroll sideways"
    box = look.page.evaluate(
        "(() => { const b = document.querySelector('.graph-box');"
        "return [b.scrollWidth, b.clientWidth, b.scrollLeft] })()"
    )
    assert box[0] > box[1] and box[2] > 0, "the graph scrolls to the step in its own box"
    ink = look.page.evaluate("getComputedStyle(document.querySelector('.graph text')).fill")
    assert (sum(map(int, ink[4:-1].split(","))) > 400) == (scheme == "dark")


def test_the_theme_changes_the_colours_of_the_strips(look):
    ask(look, "rnn")
    colours = (
        "[...document.querySelectorAll('.strip-cell')].map(c => c.getAttribute('fill')).join()"
    )
    before = look.page.evaluate(colours)
    look.page.get_by_label("Dark or light").click()
    assert look.page.evaluate(colours) != before


def test_updates_make_the_loss_fall(look):
    ask(look, "rnn")
    before = state(look, "data.loss")
    update = look.page.get_by_role("button", name="Update the weights", exact=True)
    for n in (1, 2):
        update.click()
        look.until(f"window.__elman.{VIEW}.data.updates.length === {n + 1}")
    losses = [one["loss"] for one in state(look, "data.updates")]
    look.until(
        "document.querySelector('.updates-table tbody th').textContent === 'before training'"
    )
    rows = look.page.locator(".updates-table tbody tr").all_inner_texts()
    assert len(rows) == 4 and float(rows[0].split()[-1]) > losses[0], "the copy before training"
    assert losses[0] == pytest.approx(before) and losses[0] > losses[1] > losses[2]
    rows = look.page.locator(".updates-table tbody tr")
    assert [float(row.locator("td").last.inner_text()) for row in rows.all()[1:]] == [
        pytest.approx(loss, abs=6e-4) for loss in losses
    ]
    look.page.get_by_role("combobox", name="Weights").select_option("before")
    look.until(f"window.__elman.{VIEW}.data.updates.length === 1")
    assert state(look, "data.loss") > before


def test_play_goes_through_the_story(look):
    look.page.clock.install()
    look.open("numbers", "rnn.safetensors")
    look.until(f"window.__elman.{VIEW}?.status === 'ready'")
    look.page.get_by_role("button", name="Play").click()
    look.page.clock.run_for(5_000)
    assert state(look, "position") == 3
    look.page.get_by_role("button", name="Pause").click()
    look.page.clock.run_for(5_000)
    assert state(look, "position") == 3


def test_a_text_that_was_chosen_for_a_model_does_not_go_along(look):
    look.open("numbers", "gru.safetensors")
    look.until("window.__elman.views.numbers?.status === 'ready'")
    look.page.get_by_label("Model", exact=True).select_option("lines.safetensors")
    look.until("window.__elman.model.name === 'lines.safetensors'")
    look.until("window.__elman.views.numbers?.status === 'ready'")
    assert "text=" not in look.page.url
