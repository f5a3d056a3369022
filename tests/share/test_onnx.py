"""ONNX files compute what their models do, in ONNX Runtime and in the reference evaluator."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from elman.errors import ElmanError, UsageError
from elman.share import onnx as ours
from elman.share import onnx_check
from elman.text.vocabulary import BEGIN, END, UNKNOWN, Vocabulary

from .conftest import H, chain, classifier, letters, lm, tagger

onnx = pytest.importorskip("onnx")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "onnx_sample.py"

KINDS = ["rnn tanh", "rnn relu", "lstm", "gru"]
# Layers, embedding, biases, symbols: fewer symbols than columns of W_x, and more
SHAPES = [(1, 0, True, 5), (2, 0, False, 5), (1, 0, False, 30), (2, 0, True, 30), (2, 4, True, 9)]
shapes = pytest.mark.parametrize(("layers", "embedding", "bias", "size"), SHAPES)


def built(make, kind, layers, embedding, bias, size, **options):
    cell, _, activation = kind.partition(" ")
    return make(cell, letters(size), layers, embedding, bias, activation or "tanh", **options)


def reference(data):
    """The reference evaluator, taught ReLU, the one function that it lacks."""
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.ops.op_rnn import RNN_14

    class RNN(RNN_14):
        def choose_act(self, name, alpha, beta):
            if name == "Relu":
                return lambda x: np.maximum(x, 0)
            return super().choose_act(name, alpha, beta)

    evaluator = ReferenceEvaluator(onnx.load_model_from_string(data), new_ops=[RNN])
    return lambda feeds: dict(zip(evaluator.output_names, evaluator.run(None, feeds), strict=True))


def runtimes(data):
    pytest.importorskip("onnxruntime")
    return {"runtime": onnx_check.onnx_runtime(data), "reference": reference(data)}


@shapes
@pytest.mark.parametrize("kind", KINDS)
def test_a_language_model_has_the_same_logits_and_states(kind, layers, embedding, bias, size):
    model = built(lm, kind, layers, embedding, bias, size)
    data = ours.pack(model)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    rng = np.random.default_rng(2)
    for run in runtimes(data).values():
        assert onnx_check.compare_windows(model, run) <= 2e-6
        assert onnx_check.compare_fed_back(model, run) <= 1e-5
        ids = rng.integers(0, size, (7, 3)).astype(np.int32)
        state = rng.normal(size=model.network.zero_state(3).shape).astype(np.float32)
        out = run(onnx_check.feeds_of(ids, state))
        logits, after = model.network.predict(ids, state)
        np.testing.assert_allclose(out["logits"], logits, atol=2e-6 * np.abs(logits).max())
        found = np.stack([out[kind] for kind in "hc" if kind in out], axis=1)
        np.testing.assert_allclose(found, after, atol=2e-6)


@shapes
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_classifier_has_the_same_logits(kind, both, pooling, layers, embedding, bias, size):
    model = built(classifier, kind, layers, embedding, bias, size, both=both, pooling=pooling)
    data = ours.pack(model)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    for name, run in runtimes(data).items():
        assert onnx_check.compare_classifier(model, run, padded=name == "runtime") <= 5e-6


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("rows", "both", "pooling"), [(64, True, "last"), (1000, False, "max")])
def test_a_table_of_n_grams_leaves_with_its_hash(rows, both, pooling, bias):
    model = classifier("gru", letters(9), bias=bias, both=both, pooling=pooling, wide=rows)
    data = ours.pack(model)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    for name, run in runtimes(data).items():
        assert onnx_check.compare_classifier(model, run, padded=name == "runtime") <= 5e-6


@pytest.mark.parametrize(("layers", "embedding", "size", "letters_of"),
                         [(1, 0, 5, 0), (2, 0, 30, 0), (1, 4, 9, 3), (2, 4, 9, 3)])  # fmt: skip
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_tagger_has_the_same_emissions(kind, both, layers, embedding, size, letters_of):
    model = built(tagger, kind, layers, embedding, layers == 1, size, both=both,
                  letters_of=letters_of)  # fmt: skip
    data = ours.pack(model)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    for name, run in runtimes(data).items():
        assert onnx_check.compare_tagger(model, run, padded=name == "runtime") <= 5e-6


@pytest.mark.parametrize(("rows", "letters_of"), [(64, 0), (5000, 3)])
def test_a_table_of_n_grams_by_place_leaves_with_its_hash(rows, letters_of):
    model = tagger("lstm", letters(9), embedding=letters_of, letters_of=letters_of, wide=rows)
    data = ours.pack(model)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    for name, run in runtimes(data).items():
        assert onnx_check.compare_tagger(model, run, padded=name == "runtime") <= 5e-6


def test_the_labels_of_a_tagger_can_be_found_from_its_file_alone():
    """Emissions, and the chain of the metadata over all labellings of a short sequence."""
    pytest.importorskip("onnxruntime")
    model = tagger("lstm", embedding=4, letters_of=3)
    data = ours.pack(model)
    found = ours.metadata(model)
    assert json.loads(found["classes"]) == model.classes and json.loads(found["scheme"]) == "IO"
    assert json.loads(found["letters"]) == model.letters.symbols
    scores = {name: np.array(a) for name, a in json.loads(found["transitions"]).items()}
    words = ["wa", "cab", "we", "hhh"]
    symbols, spelt = (json.loads(found[name]) for name in ("vocabulary", "letters"))
    ids = [symbols["symbols"].index(w if w in symbols["symbols"] else UNKNOWN) for w in words]
    lengths = np.array([len(word) for word in words])
    letters = np.array([[spelt.index(c if c in spelt else UNKNOWN) for c in word.ljust(3)]
                        for word in words]).T  # fmt: skip
    run = onnx_check.onnx_runtime(data)
    logits = run({
        "ids": np.array([ids]).T, "lengths": np.array([4]), "letters": letters,
        "letter_lengths": lengths, "places": np.arange(4)[:, None],
    })["logits"][:, 0]  # fmt: skip
    best = max(itertools.product(range(3), repeat=4), key=lambda y: (
        scores["start"][y[0]] + scores["end"][y[-1]] + sum(logits[range(4), y])
        + sum(scores["A"][a, b] for a, b in itertools.pairwise(y))))  # fmt: skip
    assert [model.classes[i] for i in best] == model.predict([words])[0]


def test_the_graph_is_one_that_others_know():
    proto = onnx.load_model_from_string(ours.pack(lm("lstm", layers=2)))
    assert (proto.ir_version, proto.opset_import[0].version) == (8, 17)
    graph = proto.graph
    shape = [[d.dim_param or d.dim_value for d in t.type.tensor_type.shape.dim]
             for t in (*graph.input, *graph.output)]  # fmt: skip
    state = [2, "batch", H]
    assert shape == [["time", "batch"], state, state, ["time", "batch", 9], state, state]
    assert [t.name for t in graph.input] == ["ids", "h0", "c0"]
    assert [t.name for t in graph.output] == ["logits", "h", "c"]
    assert [n.op_type for n in graph.node].count("LSTM") == 2
    weights = {t.name: list(t.dims) for t in graph.initializer}
    assert weights["layer1.R"] == [1, 4 * H, H]


def test_the_graph_of_a_classifier_starts_from_nothing():
    graph = onnx.load_model_from_string(ours.pack(classifier("gru"))).graph
    assert [t.name for t in graph.input] == ["ids", "lengths"]
    assert [t.name for t in graph.output] == ["logits"]
    (gru,) = (n for n in graph.node if n.op_type == "GRU")
    settings = {a.name: onnx.helper.get_attribute_value(a) for a in gru.attribute}
    assert settings == {
        "hidden_size": H, "linear_before_reset": 1, "direction": b"bidirectional",
    }  # fmt: skip


@pytest.mark.parametrize(("size", "kind"), [(5, "OneHot"), (30, "Gather")])
def test_one_hot_symbols_take_the_cheaper_way_in(size, kind):
    graph = onnx.load_model_from_string(ours.pack(lm("rnn", letters(size)))).graph
    assert graph.node[0].op_type == kind
    columns = {t.name: t.dims for t in graph.initializer}["layer0.W"][2]
    assert columns == min(size, H)


def test_the_same_model_is_the_same_bytes():
    assert ours.pack(lm("lstm", layers=2)) == ours.pack(lm("lstm", layers=2))


def test_nothing_of_the_training_goes_along():
    model = lm()
    bare = ours.pack(model)
    model.training = ({"training.best": np.ones(1000, np.float32)}, {"settings": {}})
    assert abs(len(ours.pack(model)) - len(bare)) < 10


def test_metadata_say_what_a_reader_needs():
    vocabulary = Vocabulary("char", [*"abc", UNKNOWN, BEGIN, END])
    found = ours.metadata(lm(vocabulary=vocabulary, lowercase=True, separator=None, lines=True))
    assert found["task"] == "lm"
    assert json.loads(found["vocabulary"]) == vocabulary.to_json()
    assert json.loads(found["special"]) == {UNKNOWN: 3, BEGIN: 4, END: 5}
    assert json.loads(found["treatment"]) == {"tokens": "char", "lowercase": True, "lines": True}
    model = lm()
    assert ours.metadata(model)["source_sha256"] == model.digest()
    found = ours.metadata(classifier(temperature=1.5))
    assert json.loads(found["classes"]) == ["Ov", "Ini", "San"]
    assert json.loads(found["temperature"]) == 1.5
    assert "/home" not in str(found)


def test_float64_leaves_as_float32():
    model = lm("lstm", dtype=np.float64)
    run = onnx_check.reference(ours.pack(model))
    assert onnx_check.compare_windows(model, run) <= 2e-6


@pytest.mark.parametrize("make", [lm, classifier, tagger])
def test_the_check_finds_a_difference(make):
    model = make("lstm")
    data = ours.pack(model)
    assert all("the same logits" in line for line in onnx_check.check(model, data))
    model.network.parameters["readout.W_y"][0, 0] += 0.01
    with pytest.raises(ElmanError, match=r"does not match the model: logits differ by \d"):
        onnx_check.check(model, data)


def test_the_check_says_what_cannot_run_relu(monkeypatch):
    model = lm("rnn", activation="relu")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ElmanError, match=r"does not know ReLU.*pip install onnxruntime"):
        onnx_check.check(model, ours.pack(model))


def test_what_onnx_cannot_hold_is_refused(monkeypatch):
    with pytest.raises(UsageError, match=r"a Markov chain is not a network.*weights.*hub"):
        ours.pack(chain())
    monkeypatch.setattr(ours, "LARGEST", 1 << 20)
    with pytest.raises(UsageError, match="GB as ONNX, whose files hold at most"):
        ours.pack(lm())


# -- examples/onnx_sample.py -----------------------------------------------------------


def sample(path, *arguments):
    pytest.importorskip("onnxruntime")
    command = [sys.executable, EXAMPLE, path, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=60)
    if done.returncode:
        return done.returncode, done.stderr.decode()
    return done.stdout.decode().removesuffix("\n")


RECORDS = Vocabulary("char", [*"abcdefghi", UNKNOWN, BEGIN, END])


@pytest.mark.parametrize(
    ("cell", "vocabulary"),
    [("lstm", letters()), ("gru", RECORDS), ("rnn", Vocabulary("byte", list(range(256))))],
    ids=["characters", "lines", "bytes"],
)
def test_the_example_writes_the_greedy_text(tmp_path, cell, vocabulary):
    model = lm(cell, vocabulary, layers=2)
    (tmp_path / "m.onnx").write_bytes(ours.pack(model))
    text = sample(tmp_path / "m.onnx", "abc", 30, 0)
    assert len(text) > 3
    written = model.sample(30, prime="abc", greedy=True)
    assert text == (written.split("\n")[0] if vocabulary is RECORDS else written)


def test_the_example_classifies(tmp_path):
    model = classifier("gru", layers=2, temperature=1.7, lowercase=True)
    (tmp_path / "m.onnx").write_bytes(ours.pack(model))
    texts = ["abc", "HIGFEDBA" * 4, "i"]
    rows = [line.split("\t") for line in sample(tmp_path / "m.onnx", *texts).splitlines()]
    assert [row[0] for row in rows] == model.predict(texts)
    found = [float(row[1]) for row in rows]
    np.testing.assert_allclose(found, model.predict_proba(texts).max(axis=1), rtol=1e-5)
    assert [row[2] for row in rows] == texts


def test_the_example_treats_a_text_as_elman_does(tmp_path):
    """Around it no white space; the normal form comes before lower case."""
    known = Vocabulary("char", ["i", "\N{COMBINING DOT ABOVE}", " ", *"abcdefgh"])
    model = classifier("gru", known, strip=True, normalize="NFKC", lowercase=True)
    (tmp_path / "m.onnx").write_bytes(ours.pack(model))
    dotted = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"
    wide = "\N{FULLWIDTH LATIN CAPITAL LETTER A}"
    texts = ["  abc \r\n", f"{dotted}ab", f"{wide}b"]
    rows = sample(tmp_path / "m.onnx", *texts)
    found = [float(p) for p in re.findall(r"(?m)^\w+\t([\d.]+)\t", rows)]
    np.testing.assert_allclose(found, model.predict_proba(texts).max(axis=1), rtol=1e-5)


def test_the_example_refuses_in_a_sentence(tmp_path):
    models = {"lm": lm(), "classes": classifier(strip=True), "tags": tagger(),
              "words": lm(vocabulary=Vocabulary("word", ["the", UNKNOWN]))}  # fmt: skip
    for name, model in models.items():
        (tmp_path / f"{name}.onnx").write_bytes(ours.pack(model))
    for name, text, said in (
        ("lm", "abz", "the model does not know 'z'\n"),
        ("lm", "", "there is nothing to read: give a text that is not empty\n"),
        ("classes", "  ", "there is nothing to read: give a text that is not empty\n"),
        ("classes", "é", "the model does not know 'é'\n"),
        ("words", "the", "this example knows models that write or classify characters or bytes\n"),
        ("tags", "abc", "this example knows models that write or classify characters or bytes\n"),
    ):
        assert sample(tmp_path / f"{name}.onnx", text) == (1, said)
