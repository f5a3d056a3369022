"""Products of rounded operands: the rounding, the reference, and where a network uses them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.cells import CELLS
from elman.nn import bf16, layers
from elman.nn.classifier import ClassifierConfig, ClassifierNetwork
from elman.nn.engine import select
from elman.nn.network import Network, NetworkConfig, initialise

TINY = np.float64(np.finfo(np.float32).tiny)


def grid_of(x: float) -> float:
    """The distance of neighbouring bfloat16 numbers around x: 8 significant bits."""
    return 2.0 ** (np.floor(np.log2(abs(x))) - 7)


@settings(max_examples=300)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_rounding_is_to_the_nearest_and_ties_to_even(x):
    got = float(bf16.rounded(np.float32([x]))[0])
    if abs(x) < TINY:
        assert got == 0 and np.signbit(got) == np.signbit(x)
    elif abs(x) < 3.38e38:  # beyond, the nearest is infinity
        quotient = np.float64(x) / grid_of(x)
        assert got == np.rint(quotient) * grid_of(x)  # rint: ties to even


def test_what_is_no_number_stays_so():
    got = bf16.rounded(np.float32([np.inf, -np.inf, np.nan, 3.4e38, 0.0, -0.0]))
    np.testing.assert_array_equal(got, [np.inf, -np.inf, np.nan, np.inf, 0, 0])
    assert np.signbit(got[5])


def test_rounding_is_that_of_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is an oracle where it is installed")
    x = np.concatenate([(rng.standard_normal(10_000) * 10.0 ** rng.integers(-30, 30, 10_000)),
                        1 + np.arange(4096) / 2**14]).astype(np.float32)  # fmt: skip
    wanted = torch.from_numpy(x).bfloat16().float().numpy()
    np.testing.assert_array_equal(bf16.rounded(x), wanted)


def test_subnormal_results_are_zeros():
    a = np.full((1, 1, 1), 1e-20, np.float32)
    y, _ = bf16.affine(a, a[0], None)
    assert y[0, 0, 0] == 0
    x, W = np.float32([[[1, 1]]]), np.float32([[1.25e-38], [-1.2e-38]])
    assert bf16.affine(x, W, None)[0][0, 0, 0] == 0


def test_affine_multiplies_rounded_operands(rng):
    x, W, dy = (rng.standard_normal(s).astype(np.float32) for s in [(3, 4, 30), (30, 7), (3, 4, 7)])
    b = rng.standard_normal(7).astype(np.float32)
    y, pullback = bf16.affine(x, W, b)
    wide = [bf16.rounded(a).astype(np.float64) for a in (x, W)]
    wanted, wanted_pullback = layers.affine(*wide, b.astype(np.float64))
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)
    dx, dW, db = pullback(dy)
    wanted_dx, wanted_dW, _ = wanted_pullback(bf16.rounded(dy).astype(np.float64))
    np.testing.assert_allclose(dx, wanted_dx, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(dW, wanted_dW, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(db, dy.sum(axis=(0, 1)), rtol=1e-5, atol=1e-5)  # no product
    assert {type(a) for a in (y, dx, dW, db)} == {np.ndarray}


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_rounds_its_state_its_weights_and_its_gradients(cell, rng):
    """One step: what the rounded operands give in float64, everything else unrounded."""
    G, S, B, H = CELLS[cell].GATES, CELLS[cell].STATES, 5, 12
    params = {"W_h": rng.standard_normal((H, G * H)).astype(np.float32)}
    z, state = (rng.standard_normal(s).astype(np.float32) for s in [(1, B, G * H), (S, B, H)])
    dh = rng.standard_normal((1, B, H)).astype(np.float32)
    h, _, pullback = bf16.forward(CELLS[cell].forward, params, z, state)
    # h·W_h enters as z does, so a cell without W_h that gets it with z computes the same.
    product = bf16.rounded(state[0]).astype(np.float64) @ bf16.rounded(params["W_h"])
    if cell == "gru":
        wide = {"W_h": bf16.rounded(params["W_h"]).astype(np.float64)}
        rounded_state = bf16.rounded(state).astype(np.float64)
        wanted = CELLS[cell].forward(wide, z.astype(np.float64), rounded_state)[0]
        update = 1 / (1 + np.exp(-(z[0, :, H : 2 * H] + product[:, H : 2 * H])))
        wanted = wanted + update * (state[0] - rounded_state[0])  # z ⊙ h_{t-1} is not rounded
    else:
        none = {"W_h": np.zeros((H, G * H))}
        wanted = CELLS[cell].forward(none, z + product, state.astype(np.float64))[0]
    np.testing.assert_allclose(h, wanted, rtol=1e-4, atol=1e-5)
    dz, dstate, gradients = pullback(dh)
    assert {type(a) for a in (h, dz, dstate, gradients["W_h"])} == {np.ndarray}
    if cell != "gru":  # of a GRU the gradient of the product is not dz
        sums = bf16.rounded(state[0]).astype(np.float64).T @ bf16.rounded(dz[0])
        np.testing.assert_allclose(gradients["W_h"], sums, rtol=1e-4, atol=1e-5)
    if cell == "rnn":
        back = bf16.rounded(dz[0]).astype(np.float64) @ bf16.rounded(params["W_h"]).T
        np.testing.assert_allclose(dstate[0], back, rtol=1e-4, atol=1e-5)


def network_of(cell, name="numpy"):
    network = Network(NetworkConfig(11, cell, 24, 2), np.float32, select(name))
    initialise(network.parameters, network.config, "uniform", 1.0, np.random.default_rng(0))
    return network


@pytest.mark.parametrize("cell", CELLS)
def test_only_a_training_step_rounds(cell, rng):
    ids = rng.integers(0, 11, (9, 4)).astype(np.int32)
    weights = np.full((8, 4), 1 / 32, np.float32)
    network = network_of(cell)
    state, engine = network.zero_state(4), network.engine
    nats = network.nats(ids[:-1], ids[1:], state)[0]
    loss, _ = network.loss_and_gradient(ids[:-1], ids[1:], weights, state)
    gradient = network.gradient.flat.copy()
    network.bf16 = True
    np.testing.assert_array_equal(network.nats(ids[:-1], ids[1:], state)[0], nats)
    rounded_loss, _ = network.loss_and_gradient(ids[:-1], ids[1:], weights, state)
    assert network.engine is engine
    assert loss != rounded_loss == pytest.approx(loss, rel=1e-3)
    rounded = network.gradient.flat
    difference = np.linalg.norm(rounded - gradient) / np.linalg.norm(gradient)
    assert 1e-4 < difference < 0.02


def test_a_classifier_rounds_in_training_only(rng):
    config = ClassifierConfig(11, "gru", 16, num_classes=3, bidirectional=True)
    network = ClassifierNetwork(config, np.float32, select("numpy", 2))
    initialise(network.parameters, config, "uniform", 1.0, np.random.default_rng(0))
    ids, labels = rng.integers(0, 11, (6, 5)), np.array([0, 1, 2, 0, 1])
    weights = np.full(5, 0.2, np.float32)
    logits, _, _ = network.forward(ids)
    network.loss_and_gradient(ids, labels, weights, rng=np.random.default_rng(0))
    gradient = network.gradient.flat.copy()
    network.bf16 = True
    np.testing.assert_array_equal(network.forward(ids)[0], logits)
    network.loss_and_gradient(ids, labels, weights, rng=np.random.default_rng(0))
    difference = np.linalg.norm(network.gradient.flat - gradient) / np.linalg.norm(gradient)
    assert 1e-4 < difference < 0.02
