"""The calls that look inside a model: the numbers of `elman.inside.inspection`, over HTTP."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.inside import inspection, passages, patterns

TEXT = "the cat sees the old river"


def array(value: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(value["float32"]), "<f4").reshape(value["shape"])


def answer(response) -> dict:
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    ("name", "layer", "part"),
    [("gru", 0, "z"), ("lstm", 1, "cell"), ("rnn", 0, "hidden"), ("lines", 0, "hidden"),
     ("words", 0, "n"), ("bytes", 0, "hidden"), ("classifier", 0, "reverse.hidden")],
)  # fmt: skip
def test_states(server, models, name, layer, part):
    file = f"{name}.safetensors"
    got = answer(server.post("states", model=file, text=TEXT, layer=layer, part=part))
    model = elman.load(models / file)
    expected = inspection.states(model, TEXT)[layer][part]
    np.testing.assert_allclose(array(got["values"]), expected, atol=1e-6)
    assert got["symbols"] == inspection.symbols(model, TEXT)
    assert "".join(got["symbols"]) == TEXT or name == "classifier"
    for order in got["orders"].values():
        assert sorted(order) == list(range(expected.shape[1]))


def test_where_a_unit_is_most_active(server, models):
    model = elman.load(models / "gru.safetensors")
    text = (models / "text.txt").read_text()
    for sign in (1, -1):
        got = answer(server.post("unit", model="gru.safetensors", unit=5, sign=sign))
        assert got["source"].endswith("text.txt") and 1000 < got["searched"] < len(text)
        values = inspection.activations(model, text[: got["searched"]])[:, 5]
        best = got["passages"][0]
        value = best["values"][best["peak"]]
        assert value == pytest.approx(sign * (sign * values).max(), abs=1e-5)
        place = best["position"]
        assert "".join(best["symbols"]) == text[place : place + len(best["symbols"])]
        np.testing.assert_allclose(
            best["values"], values[place : place + len(best["values"])], atol=1e-5
        )


def test_a_corpus_that_is_sent_is_searched(server):
    got = answer(server.post("unit", model="gru.safetensors", unit=1, corpus="the cat sings."))
    assert got["source"] is None and got["searched"] == 14
    assert "".join(got["passages"][0]["symbols"]) == "the cat sings."


def test_similar_passages(server, models):
    model = elman.load(models / "lstm.safetensors")
    arguments = {"model": "lstm.safetensors", "layer": 1, "part": "cell", "threshold": 0.05}
    got = answer(server.post("similar", text=TEXT, start=17, end=20, **arguments))
    values = inspection.activations(model, TEXT, 1, "cell")
    units, signs, exclusive = passages.active_units(values, 17, 20, 0.05)
    assert (got["units"], got["signs"]) == (units.tolist(), signs.tolist())
    assert got["exclusive"] is exclusive and len(units) > 2
    text = (models / "text.txt").read_text()[: got["searched"]]
    there = inspection.activations(model, text, 1, "cell")
    for place in got["passages"]:
        begin = place["position"] + place["start"]
        assert "".join(place["symbols"][place["start"] : place["end"]]) == text[begin : begin + 3]
        for unit in place["shared"]:
            sign = got["signs"][got["units"].index(unit)]
            assert (there[begin : begin + 3, unit] * sign >= 0.05 - 1e-5).all()
    shared = [len(place["shared"]) for place in got["passages"]]
    assert shared == sorted(shared, reverse=True) and shared[0] > 1


def test_passages_with_the_same_contrast(server, models):
    model = elman.load(models / "gru.safetensors")
    arguments = {"model": "gru.safetensors", "threshold": 0.1, "contrast": True}
    got = answer(server.post("similar", text=TEXT, start=4, end=7, **arguments))
    values = inspection.activations(model, TEXT, 0, "hidden")
    units, signs = passages.contrasting_units(values, 4, 7, 0.1)
    assert (got["units"], got["signs"]) == (units.tolist(), signs.tolist()) and len(units) > 2
    text = (models / "text.txt").read_text()[: got["searched"]]
    there = passages.contrasts(inspection.activations(model, text, 0, "hidden"), 3)
    for place in got["passages"]:
        begin = place["position"] + place["start"]
        for unit in place["shared"]:
            sign = got["signs"][got["units"].index(unit)]
            assert there[begin, unit] * sign >= 0.1 - 1e-5
    assert got["passages"]
    whole = server.post("similar", text=TEXT, start=0, end=len(TEXT), **arguments)
    assert whole.status_code == 400 and "leaves some around" in whole.json()["error"]["message"]


def test_classifiers_look_through_their_texts(server, models):
    got = answer(server.post("unit", model="classifier.safetensors", unit=3))
    texts = {line for path in Path(models / "names").iterdir() for line in path.read_text().split()}
    passage = "".join(got["passages"][0]["symbols"]).split("\n")
    assert set(passage[1:-1]) <= texts and len(passage) > 4


def test_ids_are_looked_at_as_they_are(server, models):
    """Of words they say what their text cannot: that two were written without a space."""
    model = elman.load(models / "words.safetensors")
    ids = model.vocabulary.encode("the cat sees").tolist()
    ids = [i for i in ids if model.vocabulary.symbols[i] != " "]
    got = answer(server.post("states", model="words.safetensors", text_ids=ids))
    assert got["symbols"] == ["the", "cat", "sees"]
    expected = inspection.states(model, np.array(ids))[0]["hidden"]
    np.testing.assert_allclose(array(got["values"]), expected, atol=1e-6)
    lines = elman.load(models / "lines.safetensors")
    ids = [*lines.vocabulary.encode("the"), lines.vocabulary.end, *lines.vocabulary.encode("cat")]
    got = answer(server.post("states", model="lines.safetensors", text_ids=[int(i) for i in ids]))
    typed = answer(server.post("states", model="lines.safetensors", text="the\ncat"))
    assert got == typed


def test_units_that_follow_a_pattern(server, models):
    got = answer(server.post("following", model="gru.safetensors", pattern="line"))
    model = elman.load(models / "gru.safetensors")
    text = (models / "text.txt").read_text()[: got["searched"]]
    values = inspection.activations(model, text)
    wanted = patterns.place_in_line(text)
    for one in got["units"]:
        expected = np.corrcoef(values[:, one["unit"]], wanted)[0, 1]
        assert one["correlation"] == pytest.approx(expected, abs=1e-4)
    sizes = [abs(one["correlation"]) for one in got["units"]]
    assert sizes == sorted(sizes, reverse=True) and len(got["wanted"]) == len(got["symbols"]) == 160
    own = answer(server.post("following", model="gru.safetensors", pattern="cat|dog"))
    place = text.index("".join(own["symbols"]))
    shown = patterns.matches("cat|dog", text)[place : place + 160]
    assert own["wanted"] == shown.tolist() and 0 < sum(shown) < 160


def test_steps(server, models):
    from elman.web.numbers import steps

    got = answer(server.post("steps", model="rnn.safetensors", text=TEXT, **{"from": 3}, steps=4))
    model = elman.load(models / "rnn.safetensors")
    expected = steps(model, TEXT, 3, 4)
    assert [got[name] for name in ("symbols", "text", "ids")] == [
        expected[name] for name in ("symbols", "text", "ids")
    ]
    np.testing.assert_allclose(got["norms"]["last"], expected["norms"]["last"], rtol=1e-5)
    ids = model.vocabulary.encode(TEXT).astype(np.int32)[:, None]
    newline = model.vocabulary.encode("\n").astype(np.int32)[:, None]  # is read first
    before = np.concatenate([newline, ids[:3]])
    _, state = model.network.predict(before, model.network.zero_state(1))
    weights = np.ones((4, 1), np.float32)
    nats, _ = model.network.loss_and_gradient(ids[3:7], ids[4:8], weights, state)
    assert got["loss"] == pytest.approx(nats, abs=1e-5)
    W_h = got["gradient"]["layer0.W_h"]["values"]["a"]
    np.testing.assert_allclose(W_h, model.network.gradient["layer0.W_h"], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        ("states", {"text": ""}, "the text is empty"),
        ("states", {"text": "x" * 4001}, "at most 4,000"),
        ("states", {"text": "a", "part": "i"}, "part must be one of hidden, r, z, n, not"),
        ("states", {"text": "a", "layer": 1}, "layer must be a whole number from 0 to 0"),
        ("states", {"text": "€"}, "the model does not know '€'"),
        ("unit", {}, "the argument unit is missing"),
        ("unit", {"unit": 24}, "from 0 to 23"),
        (
            "similar",
            {"text": "the", "start": 2, "end": 2},
            "not a selection of a text of 3 symbols",
        ),
        ("steps", {"text": "t"}, "two symbols at least"),
        ("steps", {"text": "the", "updates": 51}, "from 0 to 50"),
        ("states", {"text": "a", "text_ids": [1]}, "give text or text_ids, not both"),
        ("states", {"text_ids": [1, 999]}, "999 is none"),
        ("following", {"pattern": "(a"}, "the regular expression '(a' is wrong"),
        ("following", {"pattern": "x{9}"}, "no unit follows it"),
        ("following", {}, "the argument pattern is missing"),
        ("steps", {"text": "the", "steps": 17}, "from 1 to 16"),
    ],
)
def test_what_is_refused(server, call, arguments, message):
    response = server.post(call, model="gru.safetensors", **arguments)
    assert response.status_code == 400 and message in response.json()["error"]["message"]


def test_models_without_an_inside(server):
    for call, arguments in (("states", {"text": "a"}), ("unit", {"unit": 0})):
        response = server.post(call, model="ngram.safetensors", **arguments)
        assert response.status_code == 400
        assert "no hidden state" in response.json()["error"]["message"]
    response = server.post("steps", model="classifier.safetensors", text="aelm")
    assert response.status_code == 400
    assert "needs a language model" in response.json()["error"]["message"]


def test_a_training_text_that_is_gone(server, models):
    path = models / "text.txt"
    kept = path.read_text()
    try:
        path.write_text(kept + "and more")
        response = server.post("unit", model="bytes.safetensors", unit=0)
    finally:
        path.write_text(kept)
    assert response.status_code == 422
    assert "has changed" in response.json()["error"]["message"]
