"""What a network holds while it reads: equal to plain loops, for every cell and kind of model."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

import elman
from elman.errors import CorpusError, UnknownSymbolError, UsageError
from elman.inside import inspection
from elman.inside.embedding import embed
from elman.nn.classifier import ClassifierConfig, ClassifierNetwork
from elman.nn.engine import select
from elman.nn.layers import softmax
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.classify.model import Classifier
from elman.tasks.language.model import Model
from elman.tasks.language.ngram import NGram
from elman.text.vocabulary import BEGIN, END, UNKNOWN, Vocabulary

from ..oracles import STEPS, sigmoid

LETTERS = Vocabulary("char", list("\nabcdé"))
LINES = Vocabulary("char", [*"abcdé", BEGIN, END])
CELLS = ["rnn", "lstm", "gru"]


def make(cell="gru", vocabulary=LETTERS, layers=2, dtype=np.float64, hidden=5, **options):
    config = NetworkConfig(len(vocabulary), cell, hidden, layers, **options)
    network = Network(config, dtype, select("auto", 1))
    initialise(network.parameters, config, "uniform", None, np.random.default_rng(1))
    network.parameters.flat[:] *= 2
    return Model(network, vocabulary, asdict(config) | {"dtype": np.dtype(dtype).name})


def make_classifier(cell="lstm", bidirectional=True, layers=2):
    vocabulary = Vocabulary("char", [*"abcd", UNKNOWN])
    config = ClassifierConfig(
        len(vocabulary), cell, 5, layers, num_classes=3, bidirectional=bidirectional
    )
    network = ClassifierNetwork(config, np.float64)
    initialise(network.parameters, config, "uniform", None, np.random.default_rng(1))
    return Classifier(network, vocabulary, ["x", "y", "z"], asdict(config) | {"seq_len": 20})


def read_slowly(network, ids):
    """Hidden states and cells (T, H) of every layer, one number at a time."""
    p, config = network.parameters, network.config
    found = []
    x = np.eye(config.vocabulary_size)[ids]
    if config.embedding_size:
        x = x @ p["embedding.E"]
    for layer in range(config.num_layers):
        h = c = np.zeros(config.hidden_size)
        rows, cells = [], []
        for row in x @ p[f"layer{layer}.W_x"] + p.get(f"layer{layer}.b", 0):
            h, c = STEPS[config.cell](row, h, c, p[f"layer{layer}.W_h"], p.get(f"layer{layer}.c_n"))
            rows.append(h)
            cells.append(c)
        x = np.array(rows)
        found.append((x, np.array(cells)))
    return found


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", [{}, {"embedding_size": 3, "bias": False}])
def test_states_equal_plain_loops(cell, options):
    model = make(cell, **options)
    text = "abcab\ndéa"
    found = inspection.states(model, text)
    expected = read_slowly(model.network, LETTERS.encode("\n" + text))  # a text starts a line
    assert len(found) == 2
    for parts, (hidden, cells) in zip(found, expected, strict=True):
        assert list(parts) == inspection.parts_of(model)
        np.testing.assert_allclose(parts["hidden"], hidden[1:], atol=1e-12)
        if cell == "lstm":
            np.testing.assert_allclose(parts["cell"], cells[1:], atol=1e-12)


def test_the_gates_give_the_hidden_states():
    """Recomputed from the states before: by their equations they have to lead to the next."""
    for cell in ("lstm", "gru"):
        for parts in inspection.states(make(cell), "abcabdéabc"):
            h, before = parts["hidden"][1:], parts["hidden"][:-1]
            if cell == "gru":
                z, n = parts["z"][1:], parts["n"][1:]
                np.testing.assert_allclose(h, (1 - z) * n + z * before, atol=1e-12)
            else:
                i, f, g, o = (parts[k][1:] for k in "ifgo")
                c = f * parts["cell"][:-1] + i * g
                np.testing.assert_allclose(parts["cell"][1:], c, atol=1e-12)
                np.testing.assert_allclose(h, o * np.tanh(c), atol=1e-12)


def test_the_reset_gate_of_a_gru_and_the_gates_of_an_lstm_are_those_of_the_equations():
    # r does not show in h by its value alone, so it is computed once by hand.
    for cell, letter, column in (("gru", "r", 0), ("gru", "z", 5), ("lstm", "f", 5)):
        model = make(cell, layers=1)
        p = model.network.parameters
        parts = inspection.states(model, "ab")[0]
        before, b = parts["hidden"][0], LETTERS.encode("b")[0]
        for unit in range(5):
            k = column + unit
            a = p["layer0.W_x"][b, k] + p["layer0.b"][k] + before @ p["layer0.W_h"][:, k]
            assert parts[letter][1, unit] == pytest.approx(sigmoid(a), abs=1e-12)


def test_a_model_of_lines_starts_every_line_anew():
    model = make("lstm", LINES)
    whole = inspection.states(model, "ab\ncd\n")
    assert inspection.symbols(model, "ab\ncd\n") == ["a", "b", "\n", "c", "d", "\n"]
    for layer, parts in enumerate(whole):
        for part, values in parts.items():
            assert values.shape == (6, 5)
            for start, line in ((0, "ab"), (3, "cd")):
                alone = inspection.states(model, line)[layer][part]
                np.testing.assert_allclose(values[start : start + 2], alone, atol=1e-12)
            np.testing.assert_array_equal(values[2], values[5])  # both have read <begin>


@pytest.mark.parametrize("cell", CELLS)
def test_a_classifier_reads_both_ways(cell):
    model = make_classifier(cell)
    found = inspection.states(model, "abXca")
    assert [part for part in found[0] if part.endswith("hidden")] == ["hidden", "reverse.hidden"]
    assert inspection.symbols(model, "abXca") == ["a", "b", "<unk>", "c", "a"]
    last = np.concatenate([found[1]["hidden"][-1], found[1]["reverse.hidden"][0]])
    np.testing.assert_allclose(last, model.embed(["abXca"])[0], atol=1e-12)
    several = inspection.activations(model, "dab\nabXca\n\nc", 1, "reverse.hidden")
    assert "".join(inspection.symbols(model, "dab\nabca\n\nc")) == "dab\nabca\nc"
    np.testing.assert_allclose(several[4:9], found[1]["reverse.hidden"], atol=1e-12)
    assert not several[[3, 9]].any() and len(several) == 11


@pytest.mark.parametrize("data", [
    ([["Ab", "ran"], ["ran", "Ab", "cd"]] * 3, [["N", "O"], ["O", "N", "O"]] * 3),
    (["abra", "cad"] * 4, [list("OxOO"), list("OOx")] * 4),
], ids=["words", "characters"])  # fmt: skip
def test_a_tagger_reads_both_ways_and_words_by_their_letters(data):
    model = elman.train(data, task="tag", hidden_size=5, num_layers=2, steps=1, transitions=False,
                        wide=0)  # fmt: skip
    lines = ["Ab xyz ran", "ran"] if model.letters else ["abyd", "c"]
    shown = ["Ab ", "xyz ", "ran "] if model.letters else ["a", "b", "<unk>", "d"]
    found = inspection.states(model, "\n".join(lines))[1]
    assert inspection.symbols(model, "\n".join(lines))[: len(shown) + 1] == [*shown, "\n"]
    h = np.concatenate([found["hidden"], found["reverse.hidden"]], axis=1)
    logits, _ = model.network.write(h[:, None].astype(model.network.dtype))
    for line, start in zip(lines, (0, len(shown) + 1), strict=True):
        p = model.predict_proba([line])[0]
        np.testing.assert_allclose(
            softmax(logits[start : start + len(p), 0]), p, atol=1e-5, rtol=1e-4
        )
    assert not h[len(shown)].any()
    with pytest.raises(CorpusError, match="empty"):
        inspection.states(model, "\n\n")
    with pytest.raises(UsageError, match="a tagger has no vector"):
        embed(model, lines)


@pytest.mark.parametrize("cell", CELLS)
def test_a_long_text_is_read_in_stretches(cell, monkeypatch, rng):
    monkeypatch.setattr(inspection, "LONG", 300)
    monkeypatch.setattr(inspection, "STRETCH", 100)
    monkeypatch.setattr(inspection, "LEAD", 60)
    monkeypatch.setattr(inspection, "ROWS", 130)
    model = make(cell)
    model.network.parameters.flat[:] /= 4  # a network that forgets, so that leads suffice
    text = "".join(rng.choice(list("abcdé\n"), 1234))
    part = inspection.parts_of(model)[-1]
    found = inspection.activations(model, text, 1, part, np.array([3, 0]))
    monkeypatch.setattr(inspection, "LONG", 10_000)
    whole = inspection.states(model, text)[1][part][:, [3, 0]]
    assert found.shape == (1234, 2)
    np.testing.assert_allclose(found, whole, atol=1e-6)
    assert "".join(inspection.symbols(model, text)) == text


def test_many_lines_are_read_side_by_side(rng, monkeypatch):
    monkeypatch.setattr(inspection, "GROUP", 64)
    model = make("gru", LINES)
    lines = ["".join(rng.choice(list("abcd"), rng.integers(0, 7))) for _ in range(50)]
    found = inspection.activations(model, "\n".join(lines), 1, "n")
    place = 0
    for line in lines:
        if line:
            alone = inspection.states(model, line)[1]["n"]
            np.testing.assert_allclose(found[place : place + len(line)], alone, atol=1e-12)
        place += len(line) + 1
    assert place == len(found) + 1


def test_bytes_and_words():
    model = make("rnn", Vocabulary("byte", list(range(256))), dtype=np.float32)
    assert inspection.symbols(model, "aé\n") == ["a", "", "é", "\n"]
    assert inspection.states(model, "aé\n")[0]["hidden"].shape == (4, 5)
    words = make("rnn", Vocabulary("word", ["the", " ", "sea", "\n", UNKNOWN]))
    assert inspection.symbols(words, "the sea sings") == ["the", " ", "sea", " ", UNKNOWN]


def test_what_cannot_be_looked_into():
    chain = Model(NGram(len(LETTERS), 2), LETTERS, {"cell": "ngram", "order": 2})
    assert inspection.parts_of(chain) == []
    with pytest.raises(UsageError, match="a Markov chain has no hidden state"):
        inspection.states(chain, "ab")
    model = make("gru")
    with pytest.raises(CorpusError, match="empty"):
        inspection.states(model, "")
    with pytest.raises(UnknownSymbolError, match="'x'"):
        inspection.states(model, "axb")
    with pytest.raises(UsageError, match="no layer 2: this model has 2"):
        inspection.activations(model, "ab", 2)
    with pytest.raises(UsageError, match="no part 'cell': this model has hidden, r, z, n"):
        inspection.activations(model, "ab", 0, "cell")
