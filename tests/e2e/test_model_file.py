"""What `elman train` writes: the names, shapes and figures that other programs rely on."""

from __future__ import annotations

import math
from shlex import split

import numpy as np
import pytest

TINY = split("--hidden-size 6 --seq-len 8 --batch-size 2 --threads 1")
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("cell", GATES)
def test_names_shapes_and_types(elman, read_model, corpus, cell, bias, dtype):
    flags = ["--cell", cell, "--num-layers", 2, "--embedding-size", 5, "--dtype", dtype]
    flags += [] if bias else ["--no-bias"]
    run = elman("train", corpus.name, *TINY, *flags, "--steps", 1, "-o", "m.safetensors", "--json")
    done = run.ok().done
    model = read_model(elman.folder / "m.safetensors")
    V, H, D, G = len(model.symbols), 6, 5, GATES[cell]
    expected = {"embedding.E": (V, D), "readout.W_y": (H, V)}
    for layer, width in ((0, D), (1, H)):
        expected |= {f"layer{layer}.W_x": (width, G * H), f"layer{layer}.W_h": (H, G * H)}
        if bias:
            expected |= {f"layer{layer}.b": (G * H,)}
            if cell == "gru":
                expected |= {f"layer{layer}.c_n": (H,)}
    if bias:
        expected |= {"readout.b_y": (V,)}
    assert {name: value.shape for name, value in model.weights.items()} == expected
    assert {value.dtype.name for value in model.weights.values()} == {dtype}
    assert done["parameters"] == sum(math.prod(shape) for shape in expected.values())
    assert model.metadata.keys() >= {"format", "config", "vocabulary", "summary", "digest"}
    assert model.config["cell"] == cell


def test_one_hot_input_has_no_embedding(elman, read_model, corpus):
    elman("train", corpus.name, *TINY, "--steps", 0, "-o", "m.safetensors").ok()
    model = read_model(elman.folder / "m.safetensors")
    assert "embedding.E" not in model.weights
    assert model.weights["layer0.W_x"].shape[0] == len(model.symbols)


def test_forget_gate_starts_open(elman, read_model, corpus):
    """The gates of an LSTM stand in the order i f g o; the bias of f starts at one."""
    for init in ("uniform", "normal", "orthogonal", "identity"):
        flags = ["--cell", "lstm", "--init", init, "--steps", 0]
        elman("train", corpus.name, *TINY, *flags, "-o", f"{init}.safetensors").ok()
        b = read_model(elman.folder / f"{init}.safetensors").weights["layer0.b"].reshape(4, 6)
        assert (b[1] == 1).all(), f"--init {init}: the forget gate's bias is {b[1]}"
        assert (np.abs(b[[0, 2, 3]]) < 1).all()


@pytest.mark.parametrize("cell", GATES)
def test_initialisations(elman, read_model, corpus, cell):
    def recurrent(init, *flags):
        flags = ["--cell", cell, "--init", init, "--steps", 0, *flags]
        elman("train", corpus.name, *TINY, *flags, "-o", "m.safetensors").ok()
        W = read_model(elman.folder / "m.safetensors").weights["layer0.W_h"].astype(float)
        return W.reshape(6, GATES[cell], 6).swapaxes(0, 1)

    for gate in recurrent("identity"):
        assert np.array_equal(gate, np.eye(6))
    for gate in recurrent("orthogonal"):
        np.testing.assert_allclose(gate @ gate.T, np.eye(6), atol=1e-6)
    assert np.abs(recurrent("uniform")).max() <= 1 / math.sqrt(6)
    assert np.abs(recurrent("normal", "--init-scale", 0.001)).max() < 0.01


def test_events(elman, corpus):
    counts = "--steps 20 --log-every 4 --eval-every 10 --sample-every 15 --patience 0"
    flags = [*TINY, *split(counts), "--validation", 0.1, "--json"]
    run = elman("train", corpus.name, *flags, "-o", "m.safetensors").ok()
    names = [row["event"] for row in run.events]
    assert names[0] == "start", names
    assert names[-1] == "done", names
    steps = run.named("step")
    assert [row["step"] for row in steps] == [4, 8, 12, 16, 20]
    for row in steps:
        assert {"loss", "gradient_norm", "learning_rate"} <= row.keys()
        assert all(math.isfinite(row[n]) for n in ("loss", "gradient_norm", "learning_rate"))
    evaluations = run.named("evaluation")
    assert [row["step"] for row in evaluations] == [10, 20]
    assert [row["step"] for row in run.named("sample")] == [15]
    expected = """steps seconds characters_per_second train_bits_per_character model parameters
        validation_bits_per_character validation_perplexity"""
    assert set(expected.split()) <= run.done.keys()
    assert run.done["steps"] == 20
    assert run.done["model"].endswith("m.safetensors")
    bits = run.done["validation_bits_per_character"]
    assert run.done["validation_perplexity"] == pytest.approx(2**bits, rel=1e-6)


def test_loss_as_the_flag_defines_it(elman, corpus):
    """`sum` is over time and a mean over the batch, so it is 8 times the `mean` of 8 steps."""
    first = []
    for loss in ("mean", "sum"):
        flags = [*TINY, "--loss", loss, "--steps", 1, "--log-every", 1, "--dtype", "float64"]
        run = elman("train", corpus.name, *flags, "--json", "-o", f"{loss}.safetensors").ok()
        first.append(run.losses[0])
    assert first[1] == pytest.approx(8 * first[0], rel=1e-12)
    assert first[0] == pytest.approx(math.log(29), rel=0.1), "about uniform to begin with"


def test_the_best_weights_have_the_names_and_the_current_ones_wait(elman, read_model, corpus):
    """Far too high a learning rate: the best held-out loss is not the last."""
    flags = split("--optimizer adam --learning-rate 0.5 --schedule constant --validation 0.2")
    flags += split("--steps 12 --eval-every 1 --patience 0")
    run = elman("train", corpus.name, *TINY, *flags, "--json", "-o", "m.safetensors").ok()
    figures = [row["validation_bits_per_character"] for row in run.named("evaluation")]
    assert figures.index(min(figures)) < len(figures) - 1, f"this test needs a worse end: {figures}"
    model = read_model(elman.folder / "m.safetensors")
    current = model.training["training.parameters"]
    best = np.concatenate([value.ravel() for value in model.weights.values()])
    assert sorted(current.ravel()) != sorted(best), "the weights are those of the last step"
    assert run.done["validation_bits_per_character"] == pytest.approx(min(figures), rel=0.02)


def test_early_stopping_is_said_and_counted(elman, corpus):
    flags = split("--learning-rate 0.5 --schedule constant --validation 0.2 --eval-every 1")
    flags += split("--steps 500 --patience 3")
    run = elman("train", corpus.name, *TINY, *flags, "--json", "-o", "m.safetensors").ok()
    figures = [row["validation_bits_per_character"] for row in run.named("evaluation")]
    assert run.done["steps"] < 500
    assert len(figures) - 1 - figures.index(min(figures)) == 3, figures
    assert "early" in run.stderr, f"stopped early in silence:\n{run}"
    resumed = elman("train", "--resume", "m.safetensors", "--json").ok()
    assert resumed.named("step") == [], "a run that stopped early is finished"


def test_a_model_is_not_written_under_the_name_of_another_format(elman, corpus):
    elman("train", corpus.name, *TINY, "--steps", 1, "-o", "m.safetensors").ok()
    for arguments in (
        ("export", "m.safetensors", "--format", "weights", "-o", "m.onnx"),
        ("train", corpus.name, *TINY, "--steps", 1, "-o", "m.pt"),
        ("train", "--resume", "m.safetensors", "--steps", 2, "-o", "m.json"),
    ):
        elman(*arguments).refused((2,), mentions=("name it m.safetensors",))
    assert sorted(path.name for path in elman.folder.glob("m.*")) == ["m.safetensors"]
    elman("export", "m.safetensors", "-o", "small").refused((2,), mentions=("add --format",))
    elman("export", "m.safetensors", "-o", "small.safetensors").ok()
    elman("info", "small.safetensors").ok()
