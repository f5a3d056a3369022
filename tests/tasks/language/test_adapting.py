"""A model that learns from what it scores, against the rule written down once more."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from elman.errors import UsageError
from elman.nn.engine import select
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language import adapting, symbols
from elman.tasks.language.model import Model
from elman.tasks.language.ngram import NGram
from elman.text.vocabulary import BEGIN, END, Vocabulary

LETTERS = Vocabulary("char", ["\n", *"abcde"])
LINES = Vocabulary("char", [*"abcde", BEGIN, END])
TEXT = "abcdeedcbaabcba\n" * 9
BOUND = {"float64": 1e-9, "float32": 1e-4}


def network(vocabulary, cell="gru", dtype="float64", engine="numpy"):
    config = NetworkConfig(len(vocabulary), cell, 7, 2)
    made = Network(config, dtype, select(engine))
    initialise(made.parameters, config, "uniform", 1.0, np.random.default_rng(3))
    return made


def expected(trained, ids):
    """The nats of every prediction: windows, one step of gradient descent after each."""
    theta = trained.parameters.flat.astype(np.float64)
    prior, scratch = theta.copy(), network(LETTERS, trained.config.cell)
    state, learned, squares = scratch.zero_state(1), [], []
    scratch.parameters.flat[:] = theta
    fixed = scratch.nats(ids[:-1, None], ids[1:, None], state)[0][:, 0]
    for start in range(0, len(ids) - 1, adapting.WINDOW):
        window = ids[start : start + adapting.WINDOW + 1, None]
        T = len(window) - 1
        scratch.parameters.flat[:] = theta
        learned += scratch.nats(window[:-1], window[1:], state)[0][:, 0].tolist()
        _, (state,) = scratch.loss_and_gradient(
            window[:-1], window[1:], np.full((T, 1), 1 / T), state
        )
        g = scratch.gradient.flat
        squares.append(g * g)
        root = np.sqrt(np.mean(squares, axis=0))
        rate = adapting.RATE * min(1.0, len(squares) / adapting.WARMUP)
        theta = theta - rate * T / adapting.WINDOW * g / (root + adapting.DAMPING * root.mean())
        theta = theta + adapting.DECAY * (prior - theta)
    return shared(np.array(learned), fixed)


def shared(learned, fixed):
    """Bayes' rule for two models, symbol by symbol."""
    weights, nats = np.array([0.5, 0.5]), []
    for both in np.exp(-np.stack([learned, fixed], 1)):
        nats.append(-np.log(weights @ both))
        weights = weights * both / (weights @ both)
    return nats


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(
    ("engine", "dtype"), [("numpy", "float64"), ("auto", "float64"), ("auto", "float32")]
)
def test_against_the_rule_in_float64(cell, engine, dtype):
    trained = network(LETTERS, cell, dtype, engine)
    weights = trained.parameters.flat.copy()
    found = symbols.Stream(adapting.AdaptingNetwork(trained), LETTERS).read(TEXT)
    ids = np.append(LETTERS.opening, LETTERS.look_up(TEXT))
    np.testing.assert_allclose(found.nats, expected(trained, ids), rtol=BOUND[dtype])
    np.testing.assert_array_equal(trained.parameters.flat, weights)


@pytest.mark.parametrize("cuts", [[1], [31, 32, 33], [5, 70, 71, 120]])
def test_windows_do_not_depend_on_pieces(cuts):
    whole = symbols.Stream(adapting.AdaptingNetwork(network(LETTERS)), LETTERS).read(TEXT)
    stream = symbols.Stream(adapting.AdaptingNetwork(network(LETTERS)), LETTERS)
    edges = [0, *cuts, len(TEXT)]
    pieces = [stream.read(TEXT[a:b]).nats for a, b in pairwise(edges)]
    np.testing.assert_allclose(np.concatenate(pieces), whole.nats, rtol=1e-12)


def test_what_is_left_of_a_text_is_learned_before_the_next():
    reader = adapting.AdaptingNetwork(network(LINES))
    stream = symbols.Stream(reader, LINES)
    stream.read("abc", ends=True)
    assert reader.steps == 0
    symbols.Stream(reader, LINES).read("abc", ends=True)
    assert reader.steps == 1


def test_texts_without_a_pattern_cost_at_most_a_bit_more(monkeypatch):
    monkeypatch.setattr(adapting, "RATE", 3.0)  # of a learner that goes astray
    model = Model(network(LINES), LINES, {})
    rng = np.random.default_rng(2)
    lines = ["".join(rng.choice(list("abcde"), 20)) for _ in range(30)]
    plain = sum(score.nats for score in model.score(lines))
    reader = model.adapting()
    together = sum(score.nats for score in reader.score(lines))
    assert reader.network.behind > 10
    assert together <= plain + np.log(2) + 1e-6


def test_it_learns_and_the_model_stays_as_it_is():
    model = Model(network(LETTERS), LETTERS, {})
    before = model.score(TEXT)
    reader = model.adapting()
    first, second = reader.score(TEXT), reader.score(TEXT)
    assert second.nats < first.nats < before.nats
    assert first.symbols == before.symbols and first.characters == before.characters
    assert model.score(TEXT) == before
    assert model.adapting().score(TEXT) == first


def test_a_copy_of_an_adapting_model_has_learned_nothing_yet():
    model = Model(network(LETTERS), LETTERS, {}, {"validation_bits_per_character": 1.5})
    first = model.adapting()
    expected = first.score(TEXT)
    again = first.adapting()
    assert again.score(TEXT) == expected
    assert again.network.trained is model.network
    assert again.summary == {} and again.training is None  # those figures are of other weights


def test_records_are_read_in_their_order():
    model = Model(network(LINES), LINES, {})
    lines = ["abc", "abc" * 14, "abc", "dd"]
    together = model.adapting().score(lines)
    reader = model.adapting()
    assert [reader.score(line) for line in lines] == together
    assert together[2].nats < together[0].nats  # it has been here before


def test_a_chain_is_refused():
    chain = Model(NGram(len(LETTERS), 2, None), LETTERS, {"cell": "ngram"})
    with pytest.raises(UsageError, match="cannot adapt"):
        chain.adapting()
