"""Weights under the names of PyTorch: the same numbers there, and the same bits back here."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import elman
from elman.errors import CorpusError, ModelFileError, UsageError
from elman.nn.optimizers import OPTIMIZERS
from elman.nn.tagger import Letters
from elman.share import importing, pytorch

from .conftest import H, chain, classifier, letters, lm, tagger

KINDS = ["rnn tanh", "rnn relu", "lstm", "gru"]
SHAPES = [(1, 0, True), (2, 0, False), (2, 4, True)]
shapes = pytest.mark.parametrize(("layers", "embedding", "bias"), SHAPES)


def built(make, kind, layers, embedding, bias, **options):
    cell, _, activation = kind.partition(" ")
    return make(cell, letters(), layers, embedding, bias, activation or "tanh", **options)


def back(model, path):
    """The model through PyTorch's names and a file."""
    path.write_bytes(pytorch.pack(model))
    return elman.import_weights(path, like=model)


# -- out and in again -------------------------------------------------------------------


@shapes
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [lm, classifier])
def test_the_same_bits_come_back(tmp_path, make, dtype, kind, layers, embedding, bias):
    model = built(make, kind, layers, embedding, bias, dtype=dtype)
    model.network.parameters.flat[::7] = -0.0
    again = back(model, tmp_path / "w.safetensors")
    assert type(again) is type(model)
    assert again.network.parameters.flat.tobytes() == model.network.parameters.flat.tobytes()
    assert again.config == model.config
    assert again.vocabulary == model.vocabulary


@shapes
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [lm, classifier])
@pytest.mark.parametrize("size", [5, 40])
def test_so_do_those_of_an_onnx_file(tmp_path, make, kind, layers, embedding, bias, size):
    pytest.importorskip("onnx")
    cell, _, activation = kind.partition(" ")
    model = make(cell, letters(size), layers, embedding, bias, activation or "tanh")
    model.export(tmp_path / "m.onnx")
    again = elman.import_weights(tmp_path / "m.onnx")
    assert again.network.parameters.flat.tobytes() == model.network.parameters.flat.tobytes()
    assert again.config == model.config
    assert again.vocabulary == model.vocabulary
    assert again.classes == model.classes


@pytest.mark.parametrize("letters_of", [0, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_tagger_comes_back_from_onnx(tmp_path, kind, letters_of):
    pytest.importorskip("onnx")
    model = built(tagger, kind, 2, 4 if letters_of else 0, True, letters_of=letters_of)
    model.export(tmp_path / "m.onnx")
    again = elman.import_weights(tmp_path / "m.onnx")
    assert again.network.parameters.flat.tobytes() == model.network.parameters.flat.tobytes()
    assert (again.config, again.classes) == (model.config, model.classes)
    assert getattr(again.letters, "symbols", None) == getattr(model.letters, "symbols", None)


def test_the_weights_of_a_tagger_leave_and_do_not_come_in(tmp_path):
    model = tagger(embedding=4, letters_of=3)
    found = pytorch.state_dict(model)
    assert found["rnn.weight_ih_l0_reverse"].shape == (3 * H, 4 + 6)
    assert found["letters.weight_hh_l0_reverse"].shape == (9, 3)
    assert found["chain.A"].shape == (3, 3) and found["decoder.weight"].shape == (3, 2 * H)
    with pytest.raises(UsageError, match="--like names a tagger"):
        back(model, tmp_path / "w.safetensors")


def test_the_file_is_one_that_others_read(tmp_path):
    lm("gru", embedding=4, layers=2).export(tmp_path / "w.safetensors", "pytorch")
    with safe_open(tmp_path / "w.safetensors", "numpy") as file:
        assert file.metadata() == {"format": "pt"}
        found = {name: tuple(file.get_tensor(name).shape) for name in file.keys()}  # noqa: SIM118
    assert found == {
        "encoder.weight": (9, 4), "decoder.weight": (9, H), "decoder.bias": (9,),
        "rnn.weight_ih_l0": (3 * H, 4), "rnn.weight_hh_l0": (3 * H, H),
        "rnn.bias_ih_l0": (3 * H,), "rnn.bias_hh_l0": (3 * H,),
        "rnn.weight_ih_l1": (3 * H, H), "rnn.weight_hh_l1": (3 * H, H),
        "rnn.bias_ih_l1": (3 * H,), "rnn.bias_hh_l1": (3 * H,),
    }  # fmt: skip


def test_a_chain_has_no_such_weights(tmp_path):
    with pytest.raises(UsageError, match="a Markov chain is not a network"):
        chain().export(tmp_path / "w.safetensors", "pytorch")
    assert list(tmp_path.iterdir()) == []


# -- against PyTorch ---------------------------------------------------------------------


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


def test_a_tagger_has_the_same_emissions(torch):
    """As docs/share.md says: a second GRU reads letters, its last states join the word's row."""
    model = tagger(embedding=4, letters_of=3)
    weights = {name: torch.from_numpy(a.copy()) for name, a in pytorch.state_dict(model).items()}
    module = torch.nn.ModuleDict({
        "encoder": torch.nn.Embedding(9, 4), "letters": torch.nn.GRU(9, 3, bidirectional=True),
        "rnn": torch.nn.GRU(10, H, bidirectional=True), "decoder": torch.nn.Linear(2 * H, 3),
    })  # fmt: skip
    module.load_state_dict({n: w for n, w in weights.items() if not n.startswith("chain.")})
    rng = np.random.default_rng(0)
    spelt, ids = rng.integers(0, 9, (4, 5)), rng.integers(0, 9, (5, 1))
    with torch.no_grad():
        one_hot = torch.nn.functional.one_hot(torch.from_numpy(spelt), 9).float()
        shapes = torch.cat(list(module["letters"](one_hot)[1]), dim=1)[:, None]
        x = torch.cat([module["encoder"](torch.from_numpy(ids)), shapes], dim=2)
        found = module["decoder"](module["rnn"](x)[0]).numpy()
    letters = Letters(spelt.astype(np.int32), None, np.arange(5)[:, None])
    expected, _ = model.network.forward(ids.astype(np.int32), None, letters)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def theirs(torch, model):
    """The usual character model, with the exported weights: see docs/share.md."""
    c = model.network.config
    both = getattr(c, "bidirectional", False)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            V, D = c.vocabulary_size, c.embedding_size or c.vocabulary_size
            options = {"nonlinearity": c.activation} if c.cell == "rnn" else {}
            if c.embedding_size:
                self.encoder = torch.nn.Embedding(V, D)
            self.rnn = getattr(torch.nn, c.cell.upper())(
                D, c.hidden_size, c.num_layers, bias=c.bias, bidirectional=both, **options
            )
            outputs = getattr(c, "num_classes", V)
            self.decoder = torch.nn.Linear(c.hidden_size * (1 + both), outputs, bias=c.bias)

        def forward(self, ids, state=None):
            if c.embedding_size:
                x = self.encoder(ids)
            else:
                x = torch.nn.functional.one_hot(ids, c.vocabulary_size).to(
                    self.decoder.weight.dtype
                )
            h, state = self.rnn(x, state)
            return self.decoder(h), state, h

    tensors = {n: torch.from_numpy(a.copy()) for n, a in pytorch.state_dict(model).items()}
    net = Net().to(next(iter(tensors.values())).dtype)
    net.load_state_dict(tensors)  # strict: all names, and no others
    return net


@shapes
@pytest.mark.parametrize("kind", KINDS)
def test_pytorch_has_the_same_logits(torch, kind, layers, embedding, bias):
    model = built(lm, kind, layers, embedding, bias)
    net, rng = theirs(torch, model), np.random.default_rng(4)
    for steps, limit in ((7, 2e-6), (50, 1e-5)):
        ids = rng.integers(0, 9, (steps, 3))
        expected = model.network.predict(ids.astype(np.int32), model.network.zero_state(3))[0]
        with torch.no_grad():
            found = net(torch.from_numpy(ids))[0].numpy()
        assert np.abs(found - expected).max() <= limit * np.abs(expected).max()


@shapes
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("both", [True, False])
def test_pytorch_has_the_same_logits_of_classes(torch, both, kind, layers, embedding, bias):
    model = built(classifier, kind, layers, embedding, bias, both=both, pooling="mean")
    ids = np.random.default_rng(4).integers(0, 9, (7, 3))
    net = theirs(torch, model)
    with torch.no_grad():
        found = net.decoder(net(torch.from_numpy(ids))[2].mean(dim=0)).numpy()
    expected = model.network.forward(ids.astype(np.int32))[0]
    assert np.abs(found - expected).max() <= 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_training_is_the_same(torch, kind, optimizer):
    """With `bias_hh` frozen but for the n part of a GRU: PyTorch trains two where we have one."""
    model = built(lm, kind, 2, 4, True, dtype=np.float64)
    network, net = model.network, theirs(torch, model)
    for name, parameter in net.named_parameters():
        if "bias_hh" in name:
            mask = torch.zeros_like(parameter)
            if kind == "gru":
                mask[2 * H :] = 1
            parameter.register_hook(lambda gradient, mask=mask: gradient * mask)
    ids = np.random.default_rng(5).integers(0, 9, (2, 7, 3))
    inputs, targets = (torch.from_numpy(part) for part in ids)
    torch.nn.functional.cross_entropy(
        net(inputs)[0].reshape(-1, 9), targets.reshape(-1), reduction="sum"
    ).backward()
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    kinds[optimizer](net.parameters(), lr=0.01).step()

    inputs, targets = ids.astype(np.int32)
    network.loss_and_gradient(inputs, targets, np.ones((7, 3)), network.zero_state(3))
    ours = OPTIMIZERS[optimizer](network.parameters.flat)
    ours.step(network.gradient.flat, 0.01)
    stepped = {name: tensor.detach().numpy() for name, tensor in net.named_parameters()}
    for name, expected in pytorch.read(stepped, {}).tensors.items():
        np.testing.assert_allclose(network.parameters[name], expected, atol=1e-9, err_msg=name)


# -- from elsewhere ----------------------------------------------------------------------

ROOT = np.random.default_rng(6)


def foreign(rows, D, H, layers=1, encoder="encoder", rnn="rnn", decoder="decoder", V=9, dtype="f4"):
    """A state_dict as other people's programs save it, both biases at random."""
    shapes = {} if encoder is None else {f"{encoder}.weight": (V, D)}
    for layer in range(layers):
        shapes |= {
            f"{rnn}.weight_ih_l{layer}": (rows * H, H if layer else D),
            f"{rnn}.weight_hh_l{layer}": (rows * H, H),
            f"{rnn}.bias_ih_l{layer}": (rows * H,), f"{rnn}.bias_hh_l{layer}": (rows * H,),
        }  # fmt: skip
    shapes |= {f"{decoder}.weight": (V, H), f"{decoder}.bias": (V,)}
    return {name: ROOT.normal(0, 0.5, shape).astype(dtype) for name, shape in shapes.items()}


# Layouts of public examples: their names, the cell, and whether one tensor has two names
LAYOUTS = {
    "word_language_model": (foreign(4, 6, 6, 2), "lstm", 6),
    "word_language_model in DataParallel": (
        {f"module.{n}": a for n, a in foreign(3, 5, 6, 2).items()}, "gru", 5,
    ),
    "char-rnn.pytorch": (foreign(3, 6, 6, 2), "gru", 6),
    "char-rnn.pytorch, lstm": (foreign(4, 6, 6), "lstm", 6),
    "one-hot, lstm and fc": (foreign(4, 9, 6, encoder=None, rnn="lstm", decoder="fc"), "lstm", 0),
    "a plain rnn": (foreign(1, 5, 6, encoder="embedding", decoder="linear"), "rnn", 5),
}  # fmt: skip


def read_as_they_do(tensors, cell, ids):
    """The logits by the equations of PyTorch's documentation."""
    names = {name.split(".")[-1]: array for name, array in tensors.items() if "_l" in name}
    embeddings = [a for n, a in tensors.items() if "enc" in n or "emb" in n]
    x = embeddings[0][ids] if embeddings else np.eye(9)[ids]
    sigma = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    for layer in range(sum(name.startswith("weight_hh") for name in names)):
        W, U, b, d = (
            names[f"{n}_l{layer}"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = c = np.zeros((x.shape[1], U.shape[1]))
        out = []
        for x_t in x:
            p, q = x_t @ W.T + b, h @ U.T + d
            if cell == "rnn":
                h = np.tanh(p + q)
            elif cell == "lstm":
                i, f, g, o = np.split(p + q, 4, axis=1)
                c = sigma(f) * c + sigma(i) * np.tanh(g)
                h = sigma(o) * np.tanh(c)
            else:
                (p_r, p_z, p_n), (q_r, q_z, q_n) = np.split(p, 3, axis=1), np.split(q, 3, axis=1)
                z = sigma(p_z + q_z)
                h = (1 - z) * np.tanh(p_n + sigma(p_r + q_r) * q_n) + z * h
            out.append(h)
        x = np.stack(out)
    ends = [n.removesuffix(".bias") for n in tensors if n.endswith(".bias")]
    return x @ tensors[f"{ends[0]}.weight"].T + tensors[f"{ends[0]}.bias"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_of_the_public_examples_comes_in(tmp_path, layout):
    tensors, cell, embedding = LAYOUTS[layout]
    save_file(tensors, tmp_path / "w.safetensors", {"format": "pt"})
    model = elman.import_weights(tmp_path / "w.safetensors", vocabulary=list("abcdefghi"))
    assert (model.network.config.cell, model.network.config.embedding_size) == (cell, embedding)
    ids = np.random.default_rng(7).integers(0, 9, (12, 2))
    found = model.network.predict(ids.astype(np.int32), model.network.zero_state(2))[0]
    expected = read_as_they_do(tensors, cell, ids)
    np.testing.assert_allclose(found, expected, atol=5e-6 * np.abs(expected).max())
    assert model.sample(20, prime="abc", seed=1)
    assert model.score("abcabc").nats > 0


def test_tied_weights_come_in(tmp_path):
    """As safetensors' save_model writes them: one tensor, and its other name in the metadata."""
    tensors = foreign(3, 6, 6)
    tied = {name: array for name, array in tensors.items() if name != "decoder.weight"}
    notes = {"format": "pt", "decoder.weight": "encoder.weight"}
    save_file(tied, tmp_path / "w.safetensors", notes)
    p = elman.import_weights(
        tmp_path / "w.safetensors", vocabulary=list("abcdefghi")
    ).network.parameters
    np.testing.assert_array_equal(p["readout.W_y"].T, p["embedding.E"])


def broken(**changes):
    tensors = foreign(3, 5, 6, 2)
    for name, shape in changes.items():
        name = name.replace("__", ".")
        tensors.pop(name, None)
        if shape is not None:
            tensors[name] = np.zeros(shape, np.float32)
    return tensors


NAN = {n: np.full_like(a, np.nan) if n == "rnn.bias_hh_l1" else a for n, a in broken().items()}
MIXED = broken() | {"decoder.bias": np.zeros(9)}
REFUSED = [
    (broken(rnn__weight_hh_l0=(20, 6)), r"weight_hh_l0 is \(20, 6\): an RNN has"),
    (broken(rnn__weight_hh_l0=(18, 6, 1)), r"weight_hh_l0 is \(18, 6, 1\): an RNN has"),
    (broken(rnn__weight_ih_l0=(18, 4)), r"weight_ih_l0 \(18, 4\).*encoder.weight \(9, 5\)"),
    (broken(rnn__weight_ih_l1=(18, 5)), r"weight_ih_l1 \(18, 5\) does not fit"),
    (broken(rnn__weight_ih_l1=(24, 6)), r"weight_ih_l1 \(24, 6\) .*weight_hh_l0 \(18, 6\)"),
    (broken(rnn__weight_hh_l1=(18, 7)), r"weight_hh_l1 \(18, 7\) .*weight_hh_l0 \(18, 6\)"),
    (broken(rnn__bias_hh_l1=(6,)), r"bias_hh_l1 \(6,\) .*weight_hh_l0 \(18, 6\)"),
    (broken(decoder__weight=(9, 5)), r"decoder.weight \(9, 5\) .*weight_hh_l0 \(18, 6\)"),
    (broken(decoder__bias=(8,)), r"decoder.bias \(8,\) does not fit decoder.weight \(9, 6\)"),
    (broken(decoder__weight=(7, 6), decoder__bias=(7,)), r"a readout of 7 rows for 9 symbols"),
    (broken(encoder__weight=(8, 5)), r"reads 8 symbols, the vocabulary has 9"),
    (broken(rnn__weight_hh_l1=None), "weight_hh_l1 is missing"),
    (broken(rnn__bias_ih_l0=None), "bias_ih_l0 is missing"),
    (broken(rnn__weight_hr_l0=(3, 6)), r"rnn.weight_hr_l0 \(3, 6\) does not fit"),
    (broken(rnn__weight_ih_l0_reverse=(18, 5)), "_reverse is missing"),
    (broken(second__weight=(3, 6), second__bias=(3,)), "there must be one linear readout"),
    (broken() | {"two.weight_hh_l0": np.zeros((18, 6), "f4")}, "belong to two stacks"),
    ({"a.weight": np.zeros((3, 3), "f4")}, "has no recurrent layer; it has a.weight"),
    (NAN, "rnn.bias_hh_l1 holds NaN"),
    (MIXED, "numbers of type F32, F64"),
    ({n: a.astype("f2") for n, a in broken().items()}, "numbers of type F16; Elman takes F32"),
    ({}, "numbers of type nothing"),
]


@pytest.mark.parametrize(("tensors", "said"), REFUSED)
def test_what_does_not_fit_is_a_sentence_with_the_shapes(tmp_path, tensors, said):
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(ModelFileError, match=said) as caught:
        importing.read(tmp_path / "w.safetensors", list("abcdefghi"))
    assert "\n" not in str(caught.value)


def test_no_shape_brings_it_down(tmp_path):
    """Each tensor away, or of another shape: a sentence, whatever the shape."""
    for name in broken():
        for shape in (None, (), (0,), (3,), (0, 0), (0, 6), (6, 0), (3, 3, 3)):
            if (name, shape) == ("decoder.bias", None):  # which may be missing
                continue
            save_file(broken(**{name: shape}), tmp_path / "w.safetensors")
            with pytest.raises(ModelFileError):
                importing.read(tmp_path / "w.safetensors", list("abcdefghi"))


def test_a_classifier_comes_in_like_another(tmp_path):
    model = classifier("lstm", pooling="max", temperature=1.5)
    path = tmp_path / "w.safetensors"
    again = back(model, path)
    assert again.predict_proba(["abc"]).tolist() == model.predict_proba(["abc"]).tolist()
    with pytest.raises(ModelFileError, match=r"reads in both directions.*--like"):
        elman.import_weights(path, vocabulary=list("abcdefghi"))
    with pytest.raises(ModelFileError, match="both directions"):
        elman.import_weights(path, like=lm("lstm"))
    path.write_bytes(pytorch.pack(lm("lstm")))
    with pytest.raises(ModelFileError, match="a readout of 9 rows for 3 classes"):
        elman.import_weights(path, like=model)


# -- symbols ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "symbols", "kind"),
    [
        ("v.json", json.dumps(list("ihgfedcba")), list("ihgfedcba"), "char"),
        ("v.json", json.dumps([*"abcdefgh", "<unk>"]), [*"abcdefgh", "<unk>"], "char"),
        ("v.json", json.dumps(["the", *"bcdefgh", "\n"]), ["the", *"bcdefgh", "\n"], "word"),
        ("v.json", json.dumps({"kind": "char", "symbols": list("abcdefghi")}), list("abcdefghi"),
         "char"),
        ("v.txt", "bad cafe\nhig", sorted(set("bad cafe\nhig")), "char"),
    ],
)  # fmt: skip
def test_symbols_come_from_json_or_a_text(tmp_path, name, content, symbols, kind):
    (tmp_path / name).write_text(content, encoding="utf-8")
    save_file(foreign(3, 5, 6, V=len(symbols)), tmp_path / "w.safetensors")
    model = elman.import_weights(tmp_path / "w.safetensors", vocabulary=tmp_path / name)
    assert model.vocabulary.symbols == symbols
    assert model.vocabulary.kind == model.config["tokens"] == kind


def test_symbols_of_bytes(tmp_path):
    save_file(foreign(3, 5, 6, V=256), tmp_path / "w.safetensors")
    model = elman.import_weights(tmp_path / "w.safetensors", vocabulary=list(range(256)))
    assert model.vocabulary.kind == "byte"
    model.save(tmp_path / "m.safetensors")
    assert elman.load(tmp_path / "m.safetensors").score(b"abc").nats == model.score(b"abc").nats


@pytest.mark.parametrize(
    ("name", "content", "kind", "said"),
    [
        ("v.json", "[1, 2", CorpusError, "is not JSON"),
        ("v.json", '"abc"', UsageError, "must be a list of symbols"),
        ("v.json", "[1.5]", UsageError, "must be a list of strings"),
        ("v.json", "[1, 2]", ModelFileError, "not text"),
        ("v.json", '["a", "a"]', ModelFileError, "repeated"),
        ("v.json", "[]", ModelFileError, "empty"),
        ("v.txt", "", CorpusError, "is empty"),
        ("no.json", None, CorpusError, "No such file"),
        ("no.txt", None, CorpusError, "no"),
    ],
)
def test_what_are_no_symbols_is_a_sentence(tmp_path, name, content, kind, said):
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    save_file(foreign(3, 5, 6), tmp_path / "w.safetensors")
    with pytest.raises(kind, match=said):
        elman.import_weights(tmp_path / "w.safetensors", vocabulary=tmp_path / name)
