"""Numerical gradient check: does every pullback compute the derivative of its forward?

For a scalar loss f and a direction e_i, the central difference

    (f(x + ε·e_i) - f(x - ε·e_i)) / 2ε  =  ∂f/∂x_i + O(ε²)

is compared with the hand-derived gradient in float64, for every entry of every
parameter, of the first state and of the inputs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..cells import CELLS
from . import chain, layers
from .classifier import POOLINGS, ClassifierConfig, ClassifierNetwork
from .engine import Engine, select
from .network import BaseNetwork, Network, NetworkConfig, initialise
from .tagger import Letters, TaggerConfig, TaggerNetwork

EPSILON = 1e-5  # balances the truncation error, ε², with the rounding error, 1e-16/ε
TOLERANCE = 1e-6

Array = np.ndarray


@dataclass(frozen=True)
class Result:
    """One checked tensor: worst error max |a - b| / max |b| over its entries."""

    case: str
    tensor: str
    entries: int
    error: float

    @property
    def passed(self) -> bool:
        return self.error <= TOLERANCE


def numerical_gradient(f: Callable[[], float], x: Array) -> Array:
    """Central differences of f with respect to every entry of x, which f reads."""
    gradient = np.empty_like(x)
    flat, out = x.reshape(-1), gradient.reshape(-1)
    for i in range(flat.size):
        kept = flat[i]
        flat[i] = kept + EPSILON
        above = f()
        flat[i] = kept - EPSILON
        below = f()
        flat[i] = kept
        out[i] = (above - below) / (2 * EPSILON)
    return gradient


def relative_error(a: Array, b: Array) -> float:
    """max |a - b| / max |b|, the error of a tensor as a whole; 0 for two zeros."""
    difference = float(np.max(np.abs(a - b), initial=0))
    scale = float(np.max(np.abs(b), initial=0))
    return difference / scale if scale else difference


def check_all(engine: Engine | None = None) -> Iterator[Result]:
    """Check whole networks of every cell and task, and the cells with their inputs."""
    engine = engine or select("numpy")
    for cell, activation in (("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")):
        name = f"{cell} {activation}" if cell == "rnn" else cell
        for masked in (False, True):
            yield from _check_cell(name, cell, activation, masked, engine)
        for num_layers in (1, 2, 3):
            for loss in ("mean", "sum"):
                config = NetworkConfig(
                    vocabulary_size=5, cell=cell, hidden_size=3, num_layers=num_layers,
                    embedding_size=2 if num_layers == 2 else 0, activation=activation,
                    bias=num_layers != 3, dropout=0.3 if num_layers == 2 else 0.0,
                )  # fmt: skip
                extras = ["", "", ", embedding, dropout", ", no bias"][num_layers]
                masked = loss == "sum"
                label = f"{name} × {num_layers}, {loss}" + ", masked" * masked + extras
                yield from _check_network(label, config, loss, masked, engine)
        for pooling in POOLINGS:
            for both in (False, True):
                classifier = ClassifierConfig(
                    vocabulary_size=5, cell=cell, hidden_size=3, num_layers=1 + both,
                    embedding_size=2 * both, activation=activation, dropout=0.3 * both,
                    num_classes=4, bidirectional=both, pooling=pooling,
                )  # fmt: skip
                label = f"{name} × {1 + both}{', both ways' * both}, pooling {pooling}"
                yield from _check_classifier(label, classifier, engine)
        wide = ClassifierConfig(
            vocabulary_size=5, cell=cell, hidden_size=3, activation=activation, dropout=0.3,
            num_classes=4, wide=7, wide_ngrams=3,
        )  # fmt: skip
        yield from _check_classifier(f"{name} × 1, n-grams", wide, engine)
        for transitions in (False, True):
            for letters in (0, 2):
                tagger = TaggerConfig(
                    vocabulary_size=5, cell=cell, hidden_size=3, num_layers=1 + transitions,
                    embedding_size=letters, activation=activation, dropout=0.15 * letters,
                    bidirectional=True, num_classes=4, num_letters=3 * bool(letters),
                    letter_size=letters, transitions=transitions,
                    wide=7 * transitions, wide_ngrams=2 * transitions,
                )  # fmt: skip
                extras = ", n-grams, chain" * transitions
                label = f"{name} × {1 + transitions}, a label a step{extras}"
                yield from _check_tagger(label + ", letters" * bool(letters), tagger, engine)


def _check_cell(
    case: str, cell: str, activation: str, masked: bool, engine: Engine
) -> Iterator[Result]:
    """Gradients of W_h, c_n, the inputs z and the first state, for both outputs of a cell."""
    T, B, H = 4, 3, 3
    rng = np.random.default_rng(7)
    gates, states = CELLS[cell].GATES, CELLS[cell].STATES
    forward = engine.forward(cell, activation)
    params = {"W_h": rng.normal(0, 0.6, (H, gates * H))}
    if cell == "gru":
        params["c_n"] = rng.normal(0, 0.5, H)
    z, state = rng.normal(0, 1, (T, B, gates * H)), rng.normal(0, 0.7, (states, B, H))
    mask = np.arange(T)[:, None] < np.array([4, 1, 3]) if masked else None
    weight_h, weight_state = rng.normal(size=(T, B, H)), rng.normal(size=(states, B, H))

    def loss() -> float:
        h, final, _ = forward(params, z, state, mask)
        return float((h * weight_h).sum() + (final * weight_state).sum())

    if activation == "relu":
        _leave_kinks(lambda: forward(params, z, state, mask)[0], z, rng)
    _, _, pullback = forward(params, z, state, mask)
    dz, dstate, dparams = pullback(weight_h, weight_state)
    for tensor, gradient, x in (
        *((n, dparams[n], params[n]) for n in params),
        ("z", dz, z),
        ("first state", dstate, state),
    ):
        numerical = numerical_gradient(loss, x)
        label = f"{case} cell" + ", masked" * masked
        yield Result(label, tensor, x.size, relative_error(gradient, numerical))


def _check_network(
    case: str, config: NetworkConfig, loss: str, masked: bool, engine: Engine
) -> Iterator[Result]:
    """Gradients of every parameter and of the first state of a whole network."""
    T, B = 4, 3
    rng = np.random.default_rng(11)
    network = Network(config, np.float64, engine)
    initialise(network.parameters, config, "uniform", None, rng)
    network.parameters.flat[:] *= 1.5
    window = rng.integers(0, config.vocabulary_size, (T + 1, B)).astype(np.int32)
    mask = np.arange(T)[:, None] < np.array([4, 1, 3]) if masked else None
    inputs, targets = window[:-1], window[1:]
    weights = layers.loss_weights(inputs.shape, mask, loss, network.dtype)
    state = rng.normal(0, 0.5, network.zero_state(B).shape)

    def value() -> float:
        dropout = np.random.default_rng(3)  # the same masks every time
        logits, _, _ = network.forward(inputs, state, mask, dropout)
        nats, _ = network.engine.layers.softmax_cross_entropy(logits, targets)
        return float((nats * weights).sum())

    network.gradient.flat[:] = 0
    logits, _, pullback = network.forward(inputs, state, mask, np.random.default_rng(3))
    _, loss_pullback = network.engine.layers.softmax_cross_entropy(logits, targets)
    dstate = pullback(loss_pullback(weights), None)
    for tensor, x in network.parameters.items():
        error = relative_error(network.gradient[tensor], numerical_gradient(value, x))
        yield Result(case, tensor, x.size, error)
    yield Result(
        case, "first state", state.size, relative_error(dstate, numerical_gradient(value, state))
    )


def _check_classifier(case: str, config: ClassifierConfig, engine: Engine) -> Iterator[Result]:
    """Gradients of every parameter of a many-to-one network over texts of unlike length."""
    T, B = 4, 3
    rng = np.random.default_rng(13)
    network = ClassifierNetwork(config, np.float64, engine)
    initialise(network.parameters, config, "uniform", None, rng)
    network.parameters.flat[:] *= 1.5
    ids = rng.integers(0, config.vocabulary_size, (T, B)).astype(np.int32)
    _fill_table(network, rng)
    mask = np.arange(T)[:, None] < np.array([4, 1, 3])
    labels, weights = rng.integers(0, config.num_classes, B), rng.uniform(0.2, 1, B)

    def value() -> float:
        dropout = np.random.default_rng(3)  # the same masks every time
        logits, own, _ = network.forward(ids, mask, dropout)
        return 0.6 * loss(logits) + 0.4 * loss(own)

    def loss(logits: Array) -> float:
        nats = -np.log(layers.softmax(logits))
        smooth = 0.8 * nats[np.arange(B), labels] + 0.2 * nats.mean(axis=1)
        return float((smooth * weights).sum())

    network.loss_and_gradient(
        ids, labels, weights, mask, np.random.default_rng(3), smoothing=0.2, alone=0.4
    )
    yield from _compare(case, network, value)


def _check_tagger(case: str, config: TaggerConfig, engine: Engine) -> Iterator[Result]:
    """Gradients of every parameter of a network with a label for every symbol.

    Of the first segment two labels in the middle count, and it begins no sequence.
    """
    T, B, W = 5, 3, 4
    rng = np.random.default_rng(17)
    network = TaggerNetwork(config, np.float64, engine)
    initialise(network.parameters, config, "uniform", None, rng)
    network.parameters.flat[:] *= 1.5
    ids = rng.integers(0, config.vocabulary_size, (T, B)).astype(np.int32)
    _fill_table(network, rng)
    labels = rng.integers(0, config.num_classes, (T, B))
    mask = np.arange(T)[:, None] < np.array([5, 1, 3])
    weights = np.where(mask, [0.5, 0.2, 0.3], 0.0)
    weights[[0, 3, 4], 0] = 0
    borders = chain.Borders(np.array([False, True, True]), np.array([False, True, True]))
    words = None
    if config.letter_size:
        spelt = rng.integers(0, config.num_letters, (3, W)).astype(np.int32)
        long = np.arange(3)[:, None] < np.array([3, 1, 2, 3])
        words = Letters(spelt, long, rng.integers(0, W, (T, B)))

    def value() -> float:
        logits, _ = network.forward(ids, mask, words, np.random.default_rng(3))
        if not config.transitions:
            nats, _ = network.engine.layers.softmax_cross_entropy(logits, labels)
            return float((nats * weights).sum())
        total = 0.0
        for b, (start, end) in enumerate([(1, 3), (0, 1), (0, 3)]):
            part = slice(start, end), slice(b, b + 1)
            own = chain.Borders(borders.begin[b : b + 1], borders.end[b : b + 1])
            nats, _ = chain.linear_chain(logits[part], labels[part], network.transitions, None, own)
            total += float(nats[0]) * [0.5, 0.2, 0.3][b]
        return total

    network.loss_and_gradient(ids, labels, weights, mask, words, borders, np.random.default_rng(3))
    yield from _compare(case, network, value)


def _fill_table(network: BaseNetwork, rng: np.random.Generator) -> None:
    """First values of a table of n-grams, which starts with zeros."""
    if "wide.W" in network.parameters:
        table = network.parameters["wide.W"]
        table[...] = rng.normal(0, 0.5, table.shape)


def _compare(case: str, network: BaseNetwork, value: Callable[[], float]) -> Iterator[Result]:
    """The gradient that a network holds, compared with central differences."""
    gradient = network.gradient.flat.copy()
    numerical = numerical_gradient(value, network.parameters.flat)
    start = 0
    for tensor, x in network.parameters.items():
        part = slice(start, start + x.size)
        yield Result(case, tensor, x.size, relative_error(gradient[part], numerical[part]))
        start += x.size


def _leave_kinks(forward: Callable[[], Array], z: Array, rng: np.random.Generator) -> None:
    """Redraw the inputs until no ReLU is near its kink, where it has no derivative."""
    for _ in range(1000):
        h = forward()
        if not ((h > 0) & (h < 100 * EPSILON)).any():
            return
        z[...] = rng.normal(0, 1, z.shape)
