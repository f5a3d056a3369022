"""Native products of rounded operands against the reference in `elman.nn.bf16`.

Both round the same operands, so one product differs only in the order of its sums. Over several
steps a state that differs in its last bit may be rounded to the next bfloat16, 2⁻⁸ away.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_core = pytest.importorskip("elman._native._core", reason="installed without the native engine")

from elman._native import layers  # noqa: E402
from elman.cells import CELLS  # noqa: E402
from elman.nn import bf16  # noqa: E402
from elman.nn.classifier import ClassifierConfig, ClassifierNetwork  # noqa: E402
from elman.nn.engine import select  # noqa: E402
from elman.nn.network import Network, NetworkConfig, initialise  # noqa: E402

from .test_network import batch, configs  # noqa: E402

size = st.integers(1, 90)


@pytest.fixture
def able(two_threads):
    if not _core.has_bf16():
        pytest.skip("this processor has no bf16 instruction (AVX512_BF16)")


@pytest.fixture(params=[1, 2, 5])
def threads(request, able):
    _core.set_threads(request.param)


def within_summation(got, wanted, terms, count):
    """The bound on a sum of `count` terms in float32, in whatever order."""
    bound = 2 * (count + 2) * np.finfo(np.float32).eps * terms + np.finfo(np.float32).tiny
    assert (np.abs(got - wanted) <= bound).all()


@settings(max_examples=60)
@given(
    rows=size,
    K=size,
    N=size,
    bias=st.booleans(),
    seed=st.integers(0, 99),
    scale=st.sampled_from([1, 1e-25, 1e15]),
)
@pytest.mark.usefixtures("able")
def test_affine(rows, K, N, bias, seed, scale):
    rng = np.random.default_rng(seed)
    x, W, dy = (
        rng.standard_normal(s).astype(np.float32) for s in [(1, rows, K), (K, N), (1, rows, N)]
    )
    x *= np.float32(scale)
    b = rng.standard_normal(N).astype(np.float32) if bias else None
    y, pullback = layers.affine(x, W, b, bf16=True)
    exact = [bf16.rounded(a).astype(np.float64) for a in (x[0], W, dy[0])]
    sizes = [np.abs(a) for a in exact]
    offset = 0 if b is None else b
    within_summation(y[0], exact[0] @ exact[1] + offset, sizes[0] @ sizes[1] + np.abs(offset), K)
    dx, dW, _ = pullback(dy)
    within_summation(dx[0], exact[2] @ exact[1].T, sizes[2] @ sizes[1].T, N)
    within_summation(dW, exact[0].T @ exact[2], sizes[0].T @ sizes[2], rows)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    "shape", [(700, 301, 65), (1, 65, 513), (513, 1, 65), (301, 1030, 200), (1025, 3, 7)]
)
def test_large_products(shape):
    test_affine.hypothesis.inner_test(*shape, True, 0, 1)


@pytest.mark.usefixtures("able")
def test_subnormal_operands_are_zeros():
    x = np.full((1, 2, 3), 1e-39, np.float32)
    y, _ = layers.affine(x, np.full((3, 4), 1e30, np.float32), None, bf16=True)
    assert not y.any()


def difference(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)


def check(config, T, B, seed=0, masked=False, cuts=(), detach=True):
    """Loss, states and gradient: nearer to the reference than rounding moves it."""
    inputs, targets, weights, state, mask = batch(config, T, B, np.dtype("float32"), seed, masked)
    found = []
    for name, rounds in (("native", True), ("numpy", True), ("numpy", False)):
        network = Network(config, np.float32, select(name))
        initialise(network.parameters, config, "uniform", 1.0, np.random.default_rng(seed))
        network.bf16 = rounds
        rng = np.random.default_rng(seed) if config.dropout else None
        loss, states = network.loss_and_gradient(
            inputs, targets, weights, state, mask, rng, cuts, detach
        )
        found.append((loss, np.stack(states), network.gradient.flat.copy()))
    (loss, states, gradient), (wanted, wanted_states, wanted_gradient), _ = found
    assert loss == pytest.approx(wanted, rel=2e-3, abs=2e-3)
    assert np.abs(states - wanted_states).max() < 0.02
    assert difference(gradient, wanted_gradient) < 0.02
    return found


@settings(max_examples=40)
@given(
    config=configs,
    T=st.integers(1, 12),
    B=st.integers(1, 20),
    seed=st.integers(0, 99),
    masked=st.booleans(),
    data=st.data(),
)
@pytest.mark.usefixtures("able")
def test_networks(config, T, B, seed, masked, data):
    places = st.sets(st.integers(1, T - 1), max_size=3) if T > 1 else st.just(set())
    check(config, T, B, seed, masked, sorted(data.draw(places)), data.draw(st.booleans()))


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("cell", CELLS)
def test_a_large_network(cell):
    native, emulated, plain = check(
        NetworkConfig(65, cell, 130, 2, dropout=0.25), 12, 33, masked=True
    )
    assert difference(native[2], emulated[2]) < difference(plain[2], emulated[2]) / 3


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_threads_changes_no_bit(cell):
    config = NetworkConfig(30, cell, 70, 2)
    inputs, targets, weights, state, mask = batch(config, 9, 6, np.dtype("float32"), 0, True)
    gradients = []
    for threads in (1, 2, 5):
        network = Network(config, np.float32, select("native", threads))
        initialise(network.parameters, config, "uniform", 1.0, np.random.default_rng(0))
        network.bf16 = True
        with network.limit_threads():
            network.loss_and_gradient(inputs, targets, weights, state, mask)
        gradients.append(network.gradient.flat.copy())
    for gradient in gradients[1:]:
        np.testing.assert_array_equal(gradient, gradients[0])


@pytest.mark.usefixtures("able")
def test_a_classifier(rng):
    config = ClassifierConfig(11, "lstm", 18, num_classes=3, bidirectional=True, num_layers=2)
    ids, labels = rng.integers(0, 11, (6, 5)).astype(np.int32), np.array([0, 1, 2, 0, 1])
    gradients = []
    for name in ("native", "numpy"):
        network = ClassifierNetwork(config, np.float32, select(name, 2))
        initialise(network.parameters, config, "uniform", 1.0, np.random.default_rng(0))
        network.bf16 = True
        weights = np.full(5, 0.2, np.float32)
        network.loss_and_gradient(ids, labels, weights, rng=np.random.default_rng(0))
        gradients.append(network.gradient.flat.copy())
    assert difference(*gradients) < 0.01


def test_levels_without_the_instruction_refuse(level):
    if _core.has_bf16():
        assert level == "v4bf16"
        return
    x = np.ones((1, 2, 3), np.float32)
    with pytest.raises(ValueError, match=f"{level} has no products of bf16"):
        layers.affine(x, np.ones((3, 4), np.float32), None, bf16=True)


def test_float64_is_refused(two_threads):
    x = np.ones((1, 2, 3))
    with pytest.raises(ValueError, match="float32, not float64"):
        layers.affine(x, np.ones((3, 4)), None, bf16=True)
