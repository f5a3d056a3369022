"""The numbers of some steps in JSON: those of the engine, whole or cut."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elman.errors import UsageError
from elman.inside.inspection import states
from elman.nn.layers import softmax
from elman.web.numbers import Change, steps

from ..inside.test_inspection import LETTERS, LINES, make, make_classifier

NEWLINE = LETTERS.encode("\n").astype(np.int32)[:, None]  # is read before running text
CASES = [
    ("rnn", 1, {}),
    ("rnn", 2, {"activation": "relu", "embedding_size": 5}),
    ("lstm", 2, {}),
    ("gru", 2, {"embedding_size": 3}),
    ("gru", 1, {"bias": False}),
]


def flat(values, gates):
    """The array of a cut parameter: gates side by side."""
    if isinstance(values, dict):
        return np.concatenate([values[gate] for gate in gates], axis=-1)
    return np.array(values)


@pytest.mark.parametrize(("cell", "layers", "options"), CASES)
def test_a_small_model_is_shown_whole_and_equals_the_engine(cell, layers, options):
    model = make(cell, layers=layers, **options)
    network = model.network
    shown = json.loads(json.dumps(steps(model, "abcabd", 1, 4)))
    assert [shown["symbol_texts"][shown["symbols"].index(i)] for i in shown["ids"]] == list("bcabd")
    ids = LETTERS.encode("abcabd").astype(np.int32)[:, None]
    _, state = network.predict(np.concatenate([NEWLINE, ids[:1]]), network.zero_state(1))
    nats, _ = network.loss_and_gradient(ids[1:-1], ids[2:], np.ones((4, 1)), state)
    assert shown["loss"] == pytest.approx(nats, abs=1e-12)
    assert sum(step["loss"] for step in shown["forward"]) == pytest.approx(nats, abs=1e-12)
    logits, _ = network.predict(ids[1:-1], state)
    np.testing.assert_allclose([step["p"] for step in shown["forward"]], softmax(logits[:, 0]))
    for name, expected in network.gradient.items():
        whole = shown["gradient"][name]
        assert whole["shape"] == list(expected.shape)
        assert whole["norm"] == pytest.approx(np.linalg.norm(expected), abs=1e-10)
        added = [flat(step["added"][name]["values"], shown["gates"]) for step in shown["backward"]]
        np.testing.assert_allclose(sum(added), expected, atol=1e-10, err_msg=name)
        values = flat(shown["weights"][name]["values"], shown["gates"])
        np.testing.assert_array_equal(values, network.parameters[name])


def test_states_and_gates_are_those_of_inspection():
    """Both of running text start after a newline, of lines after <begin>."""
    for cell in ("lstm", "gru"):
        model = make(cell, LINES)
        shown = steps(model, "abc", 1, 3)  # 0 reads <begin>
        for layer, parts in enumerate(states(model, "abc")):
            for part, values in parts.items():
                listed = [step["layers"][layer] for step in shown["forward"]]
                found = [(one["gates"] | one)[part] if part != "z" else one["gates"]["z"]
                         for one in listed]  # fmt: skip
                np.testing.assert_allclose(found, values[:3], atol=1e-12)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_equations_hold_in_what_is_shown(cell):
    model = make(cell, layers=1)
    shown = steps(model, "abca", 0, 3)
    W_y = np.array(shown["weights"]["readout.W_y"]["values"])
    for t, (ahead, back) in enumerate(zip(shown["forward"], shown["backward"], strict=True)):
        layer, edges = ahead["layers"][0], back["layers"][0]
        for gate in shown["gates"]:
            z = np.add(layer["xW"][gate], shown["weights"]["layer0.b"]["values"][gate])
            np.testing.assert_allclose(layer["z"][gate], z, atol=1e-12)
            W_h = np.array(shown["weights"]["layer0.W_h"]["values"][gate])
            np.testing.assert_allclose(layer["hW"][gate], layer["hidden_before"] @ W_h, atol=1e-12)
        onehot = np.equal(shown["symbols"], shown["ids"][t + 1])
        np.testing.assert_allclose(back["logits"], ahead["p"] - onehot, atol=1e-12)
        np.testing.assert_allclose(edges["above"], W_y @ back["logits"], atol=1e-12)
        np.testing.assert_allclose(edges["hidden"], np.add(edges["above"], edges["next"]))
        later = shown["backward"][t + 1]["layers"][0]["hidden_before"] if t < 2 else 0
        np.testing.assert_allclose(edges["next"], np.add(later, np.zeros(5)))
        if cell == "lstm":
            o, c = np.array(layer["gates"]["o"]), np.array(layer["cell"])
            dc = np.array(edges["next_cell"]) + edges["hidden"] * o * (1 - np.tanh(c) ** 2)
            np.testing.assert_allclose(edges["cell"], dc, atol=1e-12)
        if cell == "gru":
            du = np.array(edges["a"]["n"]) * layer["gates"]["r"]
            np.testing.assert_allclose(edges["u"]["n"], du, atol=1e-12)
        assert edges["norm"] == pytest.approx(np.linalg.norm(edges["hidden"]))
        assert shown["norms"]["all"][t][0] == edges["norm"]
    assert shown["norms"]["last"][2] == pytest.approx(shown["norms"]["all"][2])
    assert shown["norms"]["last"][0] != pytest.approx(shown["norms"]["all"][0])


@pytest.mark.parametrize(("cell", "layers", "options"), CASES)
def test_the_parts_of_the_gates_add_up(cell, layers, options):
    model = make(cell, layers=layers, **options)
    whole, cut = steps(model, "abcabd"), steps(model, "abcabd", most=2)
    for t, step in enumerate(whole["backward"]):
        for layer, edges in enumerate(step["layers"]):
            z = whole["forward"][t]["layers"][layer]["gates"].get("z") if cell == "gru" else 0
            direct = np.multiply(edges["hidden"], z)
            total = sum(np.array(part) for part in edges["uW"].values()) + direct
            np.testing.assert_allclose(edges["hidden_before"], total, atol=1e-12)
            if layer or options.get("embedding_size"):
                below = sum(np.array(part) for part in edges["aW"].values())
                np.testing.assert_allclose(edges["x"], below, atol=1e-12)
            else:
                assert edges["x"] is edges["aW"] is None
            # Of a cut model they are those of the whole matrices.
            for gate, part in cut["backward"][t]["layers"][layer]["uW"].items():
                np.testing.assert_allclose(part, edges["uW"][gate][:2], atol=1e-12)


def test_a_large_model_is_cut():
    model = make("gru", hidden=40, embedding_size=20, layers=2)
    shown = steps(model, "abcab\nd", 2, 16, most=3)
    assert (shown["start"], shown["steps"], shown["units"]) == (2, 4, [0, 1, 2])
    assert shown["dimensions"] == [0, 1, 2]
    # The symbols of the steps are there even if they are more.
    assert [shown["symbol_texts"][shown["symbols"].index(i)] for i in shown["ids"]] == list(
        "cab\nd"
    )
    W_h = shown["weights"]["layer1.W_h"]
    assert W_h["shape"] == [40, 120] and np.shape(W_h["values"]["z"]) == (3, 3)
    np.testing.assert_array_equal(
        W_h["values"]["z"], model.network.parameters["layer1.W_h"][:3, 40:43]
    )
    # Norms are of the whole, and so are the sums behind what is shown.
    assert W_h["norm"] == pytest.approx(np.linalg.norm(model.network.parameters["layer1.W_h"]))
    layer = shown["forward"][1]["layers"][1]
    assert len(layer["hidden"]) == 3
    assert np.abs(np.subtract(layer["hW"]["r"], layer["hidden_before"] @ np.array(
        W_h["values"]["r"]))).max() > 1e-3  # fmt: skip
    assert np.shape(shown["forward"][0]["embedding"]) == (3,)
    assert np.shape(shown["backward"][0]["layers"][0]["x"]) == (3,)


def test_what_has_no_steps():
    model = make("rnn")
    for start in (2, -1):
        with pytest.raises(UsageError, match="there is no step"):
            steps(model, "abc", start)
    for text in ("", "a"):
        with pytest.raises(UsageError, match="two symbols at least"):
            steps(model, text)
    with pytest.raises(UsageError, match="needs a language model"):
        steps(make_classifier(), "abc")
    lines = steps(make("rnn", LINES), "ab")
    assert lines["text"] == ["<begin>", "a", "b", "\n"]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_updates_go_down_the_gradient(cell):
    model = make(cell, layers=1)
    before = model.network.parameters.flat.copy()
    shown = steps(model, "abcabd", 1, 4, change=Change(rate=0.1, updates=3))
    losses = [one["loss"] for one in shown["updates"]]
    assert len(losses) == 4 and losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(shown["loss"], abs=1e-12)
    plain = steps(model, "abcabd", 1, 4)
    assert losses[0] == pytest.approx(plain["loss"], abs=1e-12)
    targets = [step["p"][plain["symbols"].index(plain["ids"][t + 1])]
               for t, step in enumerate(plain["forward"])]  # fmt: skip
    np.testing.assert_allclose(shown["updates"][0]["p"], targets, atol=1e-12)
    np.testing.assert_array_equal(model.network.parameters.flat, before)  # the model stays
    once = steps(model, "abcabd", 1, 4, change=Change(rate=0.1, updates=1))
    for name, weights in once["weights"].items():
        W, g = (flat(plain[of][name]["values"], plain["gates"]) for of in ("weights", "gradient"))
        np.testing.assert_allclose(flat(weights["values"], plain["gates"]), W - 0.1 * g, atol=1e-12)


def test_before_training():
    model = make("gru")
    first = steps(model, "abcabd", change=Change(untrained=True))
    again = steps(make("gru"), "abcabd", change=Change(untrained=True))
    assert first == again and first["weights"] != steps(model, "abcabd")["weights"]


def test_ids_in_place_of_a_text():
    model = make("lstm")
    ids = LETTERS.encode("abcabd")
    assert steps(model, ids, 1, 3) == steps(model, "abcabd", 1, 3)
    lines = make("rnn", LINES)
    ids = np.append(LINES.encode("ab"), LINES.end)  # as it was written
    assert steps(lines, ids) == steps(lines, "ab")
