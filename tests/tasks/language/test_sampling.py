"""How the next symbol is chosen; beams; where a sample stops; bytes and characters."""

from __future__ import annotations

from itertools import islice, product
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from elman.errors import UsageError
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language.ngram import NGram
from elman.tasks.language.sampling import (
    Found,
    SamplingOptions,
    Start,
    beam_search,
    decoder,
    distribution,
    generate,
)
from elman.text.vocabulary import Vocabulary

from ...oracles import log_softmax

LOGITS = arrays(np.float64, st.integers(1, 12), elements=st.floats(-30, 30, width=32))


def softmax(logits):
    return np.array([exp(x) for x in log_softmax(logits)])


# --------------------------------------------------------------------------- distributions


@given(LOGITS)
def test_by_default_nothing_is_changed(logits):
    np.testing.assert_allclose(distribution(logits, SamplingOptions()), softmax(logits), rtol=1e-9)


@given(LOGITS, st.floats(0.05, 20))
def test_temperature_divides_the_logits(logits, temperature):
    p = distribution(logits, SamplingOptions(temperature))
    np.testing.assert_allclose(p, softmax(logits / temperature), rtol=1e-7, atol=1e-300)


@given(LOGITS, st.sampled_from([0.0, 1e-3, 1e-30, 1e-300]))
def test_a_temperature_near_zero_is_greedy_and_does_not_overflow(logits, temperature):
    logits = np.round(logits)
    with np.errstate(invalid="raise", divide="raise"):
        p = distribution(logits, SamplingOptions(temperature))
    assert p.sum() == pytest.approx(1)
    assert (p[logits < logits.max()] == 0).all()


@given(LOGITS)
def test_greedy_takes_the_first_of_the_likeliest(logits):
    for options in (SamplingOptions(greedy=True), SamplingOptions(0.0)):
        p = distribution(logits, options)
        assert p[np.argmax(logits)] == 1
        assert p.sum() == 1


@given(LOGITS, st.integers(1, 15))
def test_top_k_keeps_the_k_likeliest_in_their_proportions(logits, k):
    p, full = distribution(logits, SamplingOptions(top_k=k)), softmax(logits)
    kept = p > 0
    assert kept.sum() <= k
    assert p.sum() == pytest.approx(1)
    if kept.sum() < len(logits):
        assert full[kept].min() >= full[~kept].max()
    np.testing.assert_allclose(p[kept], full[kept] / full[kept].sum(), rtol=1e-9)


def test_top_k_of_equals_keeps_k():
    assert (distribution(np.zeros(5), SamplingOptions(top_k=2)) > 0).sum() == 2


@given(LOGITS, st.floats(0.01, 0.999))
def test_top_p_keeps_the_smallest_set_that_reaches_p(logits, top_p):
    p, full = distribution(logits, SamplingOptions(top_p=top_p)), softmax(logits)
    kept = p > 0
    assert p.sum() == pytest.approx(1)
    assert full[kept].sum() >= top_p * (1 - 1e-9), "the set reaches p"
    assert full[kept].sum() - full[kept].min() < top_p * (1 + 1e-9), "none of it could be left out"
    if kept.sum() < len(logits):
        assert full[kept].min() >= full[~kept].max()
    np.testing.assert_allclose(p[kept], full[kept] / full[kept].sum(), rtol=1e-9)


@given(LOGITS, st.integers(1, 6), st.floats(0.05, 0.95), st.floats(0.2, 3))
def test_top_p_comes_after_temperature_and_top_k(logits, k, top_p, temperature):
    both = distribution(logits, SamplingOptions(temperature, k, top_p))
    by_k = distribution(logits, SamplingOptions(temperature, k))
    with np.errstate(divide="ignore"):
        then_p = distribution(np.log(by_k), SamplingOptions(top_p=top_p))
    np.testing.assert_allclose(both, then_p, rtol=1e-7, atol=1e-12)


@given(LOGITS, st.data())
def test_what_is_impossible_is_never_kept(logits, data):
    forbidden = data.draw(st.sets(st.integers(0, len(logits) - 1), max_size=len(logits) - 1))
    logits[list(forbidden)] = -np.inf
    for options in (SamplingOptions(), SamplingOptions(0.5, 3, 0.9), SamplingOptions(greedy=True)):
        assert not distribution(logits, options)[list(forbidden)].any()


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"temperature": -0.1}, "--temperature"),
        ({"temperature": float("nan")}, "--temperature"),
        ({"temperature": float("inf")}, "--temperature"),
        ({"top_k": -1}, "--top-k"),
        ({"top_p": 0.0}, "--top-p"),
        ({"top_p": 1.1}, "--top-p"),
        ({"top_p": float("nan")}, "--top-p"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options, flag):
    with pytest.raises(UsageError, match=flag):
        SamplingOptions(**options)


# --------------------------------------------------------------------------- drawing

V = 5


def network(seed=0, cell="lstm"):
    config = NetworkConfig(V, cell, 6, 2)
    net = Network(config, np.float64)
    initialise(net.parameters, config, "uniform", None, np.random.default_rng(seed))
    net.parameters.flat[:] *= 4
    return net


def chain():
    model = NGram(V, 2)
    model.train(np.random.default_rng(3).integers(0, V, 60))
    return model


def draw(model, count, options=SamplingOptions(), seed=0, ids=(0, 3), forbidden=()):
    start = Start(model.zero_state(1), np.array(ids))
    symbols = generate(model, start, options, np.random.default_rng(seed), list(forbidden))
    return list(islice(symbols, count))


def log_p_after(model, read):
    logits, _ = model.predict(np.array(read, np.int32)[:, None], model.zero_state(1))
    return log_softmax(logits[-1, 0])


@pytest.mark.parametrize("make", [network, chain])
def test_one_seed_gives_one_text_and_another_another(make):
    assert draw(make(), 40) == draw(make(), 40)
    assert draw(make(), 40) != draw(make(), 40, seed=1)


@pytest.mark.parametrize("make", [network, chain])
def test_greedy_follows_the_likeliest_symbol(make):
    model, read = make(), [0, 3]
    for symbol in draw(model, 15, SamplingOptions(greedy=True)):
        assert symbol == np.argmax(log_p_after(model, read))
        read.append(symbol)


def test_first_symbols_are_drawn_in_their_proportions():
    model, counts = network(), np.zeros(V)
    for seed in range(2000):
        counts[draw(model, 1, seed=seed)] += 1
    expected = np.exp(log_p_after(model, [0, 3]))
    np.testing.assert_allclose(counts / 2000, expected, atol=4 * np.sqrt(0.25 / 2000))


def test_forbidden_symbols_are_never_drawn():
    assert not {1, 4} & set(draw(network(), 300, forbidden=[1, 4]))


# --------------------------------------------------------------------------- beams


def search(model, width, length, ids=(0, 3), forbidden=(), end=None):
    start = Start(model.zero_state(1), np.array(ids))
    return beam_search(model, start, width, length, list(forbidden), end)


def cost(model, read, symbols):
    return sum(-log_p_after(model, [*read, *symbols[:i]])[s] for i, s in enumerate(symbols))


@pytest.mark.parametrize("make", [network, chain])
@pytest.mark.parametrize("length", [1, 2, 12])
def test_a_beam_of_width_one_is_greedy(make, length):
    model = make()
    assert search(model, 1, length) == draw(model, length, SamplingOptions(greedy=True))


@pytest.mark.parametrize("make", [lambda: network(1), lambda: network(2, "gru"), chain])
def test_a_beam_as_wide_as_all_texts_finds_the_likeliest(make):
    model, length = make(), 4
    best = min(product(range(V), repeat=length), key=lambda s: cost(model, (0, 3), s))
    assert search(model, V**length, length) == list(best)


@pytest.mark.parametrize("seed", range(5))
def test_a_wider_beam_is_never_much_worse_than_greedy(seed):
    model = network(seed)
    costs = [cost(model, (0, 3), search(model, width, 8)) for width in (1, 4, 64)]
    assert costs[2] <= costs[0] + 1e-12


def test_with_an_end_the_best_mean_per_symbol_wins():
    model, end, length = network(4), 4, 4
    candidates = [s for n in range(length) for s in product(range(4), repeat=n)]
    finished = [[*s, end] for s in candidates]
    unfinished = [list(s) for s in product(range(4), repeat=length)]
    best = min(finished + unfinished, key=lambda s: cost(model, (0, 3), s) / len(s))
    assert search(model, 1024, length, end=end) == best


def test_beams_avoid_what_is_forbidden_and_have_the_length_asked_for():
    found = search(network(), 5, 20, forbidden=[2, 4])
    assert len(found) == 20
    assert not {2, 4} & set(found)
    assert search(network(), 3, 0) == []


def test_a_beam_ends_with_its_first_symbol_only_where_it_may():
    model = network(4)
    model.parameters["readout.b_y"][4] += 20
    start = Start(model.zero_state(1), np.array([0, 3]))
    assert beam_search(model, start, 3, 5, [], 4) == [4]
    found = beam_search(model, start, 3, 5, [], 4, empty=False)
    assert len(found) == 2 and found[0] != 4 and found[1] == 4


@pytest.mark.parametrize("width", [-1, 1025])
def test_a_width_out_of_range_is_refused(width):
    with pytest.raises(UsageError, match="--beam"):
        search(network(), width, 3)


# --------------------------------------------------------------------------- stopping

LETTERS = Vocabulary("char", list("ab\n"))
BYTES = Vocabulary("byte", list(range(256)))


def written(vocabulary, symbols, length, stop=None) -> list[str]:
    pieces = list(map(decoder(vocabulary), symbols[:length]))
    return pieces[: Found(stop).up_to(pieces)]


def test_it_ends_after_the_length():
    assert "".join(written(LETTERS, [0, 1] * 10, 5)) == "ababa"


@pytest.mark.parametrize(
    ("stop", "text"), [("a", "a"), ("ba", "aba"), ("\n", "abab\n"), ("bb", "abab\nabab\nab")]
)
def test_it_ends_after_the_stop_string(stop, text):
    assert "".join(written(LETTERS, [0, 1, 0, 1, 2] * 2 + [0, 1], 12, stop)) == text


@given(st.lists(st.integers(0, 2), max_size=30), st.text("ab\n", min_size=1, max_size=4))
def test_the_stop_string_is_found_where_it_first_stands(symbols, stop):
    text = LETTERS.decode(symbols)
    found = "".join(written(LETTERS, symbols, 30, stop))
    place = text.find(stop)
    assert found == (text if place < 0 else text[: place + len(stop)])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_bytes_come_as_whole_characters(text):
    data = text.encode()
    pieces = written(BYTES, data, len(data))
    assert "".join(pieces) == text
    assert all(len(piece) <= 1 for piece in pieces)


def test_a_last_character_without_all_of_its_bytes_is_left_out():
    assert "".join(written(BYTES, "aé".encode(), 2)) == "a"
    assert "".join(written(BYTES, "a€".encode(), 3)) == "a"
    assert "".join(written(BYTES, b"a\xc3b", 3)) == "a�b", "within the text it is still marked"
