"""`elman import`: what it says, what it refuses, and that nothing half done is left behind."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

import elman
from elman.cli import cli
from elman.errors import ElmanError, ModelFileError, UsageError
from elman.share import onnx, pytorch

from .conftest import chain, classifier, lm

onnx_package = pytest.importorskip("onnx")


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="elman")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Weights of PyTorch, a text with their symbols, ONNX of ours, and models."""
    monkeypatch.chdir(tmp_path)
    model = lm("rnn", layers=2, embedding=4)
    (tmp_path / "w.safetensors").write_bytes(pytorch.pack(model))
    (tmp_path / "letters.txt").write_text("abcdefghi")
    (tmp_path / "m.onnx").write_bytes(onnx.pack(model))
    model.save("m.safetensors")
    chain().save("chain.safetensors")
    return tmp_path


def test_it_says_what_it_understood_and_writes_the_model(folder):
    result = run("import", "w.safetensors", "-o", "new.safetensors", "--vocabulary", "letters.txt")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    first, note = result.stderr.splitlines()
    assert first == (
        "w.safetensors: rnn 2 × 6, embedding 4, 9 symbols (char), 243 parameters, float32"
    )
    assert "tanh was used" in note
    assert (
        elman.load("new.safetensors").score("abc").nats
        == lm("rnn", layers=2, embedding=4).score("abc").nats
    )


def test_like_a_model_nothing_is_guessed(folder):
    result = run("import", "w.safetensors", "-o", "new.safetensors", "--like", "m.safetensors")
    assert result.exit_code == 0, result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_our_onnx_comes_back_with_its_symbols(folder):
    assert run("import", "m.onnx", "-o", "new.safetensors").exit_code == 0
    assert elman.load("new.safetensors").sample(20, seed=3) == elman.load("m.safetensors").sample(
        20, seed=3
    )


NEW = ("-o", "new.safetensors")
LIKE = ("--like", "m.safetensors")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("w.safetensors", *NEW), 2, "add --vocabulary FILE or --like MODEL"),
        (("w.safetensors", *NEW, *LIKE, "--vocabulary", "letters.txt"), 2, "leave one out"),
        (("m.onnx", *NEW, *LIKE), 2, "contains its symbols"),
        (("w.safetensors", "-o", "new.pt", *LIKE), 2, "name it new.safetensors"),
        (("w.safetensors", "-o", "no/new.safetensors", *LIKE), 1, "the folder no does not exist"),
        (("no.safetensors", *NEW, *LIKE), 1, "cannot read the weights no.safetensors"),
        (("w.safetensors", *NEW, "--like", "no.safetensors"), 1, "cannot read the model"),
        (("w.safetensors", *NEW, "--like", "chain.safetensors"), 2, "not a Markov chain"),
        (("m.safetensors", *NEW, *LIKE), 1, "is a model of Elman already"),
        (("letters.txt", *NEW, *LIKE), 1, "is a text"),
        (
            ("w.safetensors", "-o", "w.safetensors", *LIKE),
            2,
            "is the file that is read; name another",
        ),
        (("w.safetensors", "-o", "", *LIKE), 2, "is empty; name a file"),
        (("w.safetensors", *LIKE), 2, "elman import needs --output "),
    ],
)
def test_wrong_usage_is_a_sentence_and_leaves_no_file(folder, arguments, code, said):
    before = sorted(folder.iterdir())
    result = run("import", *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert sorted(folder.iterdir()) == before


class Alarm:
    def __reduce__(self):
        return (open, ("rung.txt", "w"))


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_is_never_read(folder, protocol):
    (folder / "w.pt").write_bytes(pickle.dumps(Alarm(), protocol))
    result = run("import", "w.pt", "-o", "new.safetensors", "--like", "m.safetensors")
    assert result.exit_code == 1
    assert "is a pickle, which can run any code when it is read, so Elman never" in result.stderr
    assert "torch.load" not in result.stderr  # it is none of torch.save
    assert not (folder / "rung.txt").exists()


def convert(path):
    """Run the line of the message."""
    with pytest.raises(ModelFileError, match="a whole module must be saved again as") as caught:
        elman.import_weights(path, like="m.safetensors")
    assert "\n" not in str(caught.value)
    line = str(caught.value).partition("converted with: ")[2].replace("python", sys.executable, 1)
    return subprocess.run(line, shell=True, capture_output=True, timeout=120).returncode


@pytest.mark.parametrize("name", ["", "model", "state_dict", "model_state_dict"])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_line_that_converts_a_pickle_does(folder, name, zipped):
    torch = pytest.importorskip("torch")
    tensors = pytorch.state_dict(lm("rnn", layers=2, embedding=4))
    weights = {n: torch.from_numpy(np.asfortranarray(a)) for n, a in tensors.items()}
    checkpoint = {"epoch": 3, "model": "RNN", name: weights} if name else weights
    torch.save(checkpoint, "my w.pt", _use_new_zipfile_serialization=zipped)
    assert convert("my w.pt") == 0
    model = elman.import_weights("my w.safetensors", like="m.safetensors")
    assert model.score("abc").nats == elman.load("m.safetensors").score("abc").nats


def test_the_line_that_converts_a_pickle_replaces_no_file(folder):
    torch = pytest.importorskip("torch")
    torch.save({"weight": torch.zeros(2)}, "m.pt")
    torch.save({"weight": torch.zeros(2)}, "torch.safetensors")
    before = (folder / "m.safetensors").read_bytes()
    assert convert("m.pt") != 0
    assert (folder / "m.safetensors").read_bytes() == before
    assert convert("torch.safetensors") == 0
    assert (folder / "torch-converted.safetensors").exists()


# -- ONNX -------------------------------------------------------------------------------


def changed(folder, change):
    proto = onnx_package.load(folder / "m.onnx")
    change(proto)
    (folder / "new.onnx").write_bytes(proto.SerializeToString())
    return folder / "new.onnx"


def rewrite(proto, key, value):
    for entry in proto.metadata_props:
        if entry.key == key:
            entry.value = value


def spoil(proto, name, values):
    (tensor,) = (t for t in proto.graph.initializer if t.name == name)
    tensor.CopyFrom(onnx_package.numpy_helper.from_array(values, name))


def outside(proto):
    tensor = proto.graph.initializer[0]
    tensor.data_location = onnx_package.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


NAN = np.full((9, 4), np.nan, np.float32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: setattr(p, "producer_name", "pytorch"), "is an ONNX graph of pytorch"),
        (lambda p: p.ClearField("metadata_props"), "is an ONNX graph of"),
        (lambda p: rewrite(p, "format", "2"), "a newer Elman wrote it"),
        (lambda p: rewrite(p, "config", "{"), "is not a valid model: JSONDecodeError"),
        (lambda p: rewrite(p, "config", "[]"), "is not a valid model"),
        (lambda p: rewrite(p, "vocabulary", '{"kind": "char", "symbols": ["a"]}'), "vocabulary"),
        (lambda p: spoil(p, "embedding.E", NAN), "embedding.E holds NaN"),
        (lambda p: spoil(p, "embedding.E", NAN[:, :3]), r"has shape \(9, 3\)"),
        (lambda p: spoil(p, "layer1.B", NAN), "is not a valid model"),
        (lambda p: p.graph.initializer.pop(), "is not a valid model"),
        (outside, "is in another file"),
    ],
)  # fmt: skip
def test_a_foreign_or_damaged_graph_is_a_sentence(folder, change, said):
    with pytest.raises(ModelFileError, match=said) as caught:
        elman.import_weights(changed(folder, change))
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("new.onnx") == 1


@pytest.mark.parametrize("cut", [20, 300, 2000])
def test_a_truncated_graph_is_a_sentence(folder, cut):
    data = (folder / "m.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(data[:cut])
    with pytest.raises(ModelFileError):
        elman.import_weights("cut.onnx")


def test_no_bytes_bring_it_down(folder):
    """One to three bytes of others at random: a model, or a sentence."""
    data, rng = (folder / "m.onnx").read_bytes(), np.random.default_rng(8)
    refused = 0
    for _ in range(300):
        spoiled = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            spoiled[place] = rng.integers(256)
        (folder / "s.onnx").write_bytes(spoiled)
        try:
            elman.import_weights("s.onnx", like=None)
        except ElmanError:
            refused += 1
    assert refused > 50


def test_without_onnx_the_pip_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ElmanError, match=r"pip install '\.\[onnx\]'"):
        elman.import_weights("m.onnx")


@pytest.mark.arguments
def test_in_python_messages_name_arguments(folder):
    with pytest.raises(UsageError, match=re.escape("add vocabulary FILE or like MODEL")):
        elman.import_weights("w.safetensors")


@pytest.mark.parametrize(
    ("path", "given", "said"),
    [
        ("w.safetensors", {"like": 1}, "like must be a model or its file, not 1"),
        ("w.safetensors", {"like": []}, "like must be a model or its file"),
        (b"x", {"like": "m.safetensors"}, "a string or a Path"),
        (False, {"like": "m.safetensors"}, "a string or a Path"),
        ("", {"like": "m.safetensors"}, "is empty; name a file"),
        ("w.safetensors", {"vocabulary": 1}, "must be a list of symbols or a file, not 1"),
        ("w.safetensors", {"vocabulary": set("abc")}, "in the order of the rows, not of type set"),
        ("w.safetensors", {"vocabulary": b"abc"}, "not of type bytes"),
        ("w.safetensors", {"vocabulary": {"a": 1, "b": 2}}, "must number its symbols from 0"),
        ("w.safetensors", {"vocabulary": {"a": 0, "b": "1"}}, "must number its symbols from 0"),
        ("w.safetensors", {"vocabulary": [1.5]}, "must be a list of strings"),
    ],
)
@pytest.mark.arguments
def test_nonsense_in_python_is_a_usage_error(folder, path, given, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        elman.import_weights(path, **given)


def test_a_vocabulary_may_be_numbers_by_symbol_or_one_of_ours(folder):
    numbers = {c: n for n, c in enumerate("abcdefghi")}
    again = dict(sorted(numbers.items(), reverse=True))
    for given in (again, elman.load("m.safetensors").vocabulary):
        model = elman.import_weights("w.safetensors", vocabulary=given)
        assert model.vocabulary.symbols == list("abcdefghi")


def test_the_like_of_a_classifier_may_be_its_file(folder):
    model = classifier("gru", layers=2)
    model.save("c.safetensors")
    model.export("cw.safetensors", "pytorch")
    again = elman.import_weights("cw.safetensors", like="c.safetensors")
    assert again.predict(["abc", "hi"]) == model.predict(["abc", "hi"])


def test_a_damaged_file_is_a_sentence(folder):
    data = (folder / "w.safetensors").read_bytes()
    for broken in (data[:100], data[:-8], b"\x10" + b"\0" * 7 + b"{" * 16):
        (folder / "b.safetensors").write_bytes(broken)
        with pytest.raises(ModelFileError, match="or it is damaged"):
            elman.import_weights("b.safetensors", like="m.safetensors")
    save_file({"weight": np.zeros(3, np.float32)}, "b.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match="no recurrent layer"):
        elman.import_weights("b.safetensors", like="m.safetensors")
