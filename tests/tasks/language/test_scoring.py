"""Perplexity and its meaning; every prediction counted once; texts."""

from __future__ import annotations

from math import exp, inf, log, log2, prod

import numpy as np
import pytest

from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language import symbols
from elman.tasks.language.ngram import NGram
from elman.tasks.language.scoring import Score, evaluate, rank
from elman.text.parts import Part
from elman.text.vocabulary import BEGIN, END, UNKNOWN, Vocabulary
from elman.text.words import SPACE_BEFORE

from ...oracles import nats_of

LETTERS = Vocabulary("char", ["\n", *"abcde"])
LINES = Vocabulary("char", [*"abcde", BEGIN, END])
V = len(LETTERS)


class Table:
    """A model without state that gives every target the probability p[target]."""

    def __init__(self, p):
        self.p = np.asarray(p, float)
        self.vocabulary_size = len(self.p)

    def zero_state(self, batch_size):
        return np.zeros((1, batch_size))

    def nats(self, inputs, targets, state, mask=None):
        with np.errstate(divide="ignore"):
            return -np.log(self.p[targets]), state

    def predict(self, ids, state):
        with np.errstate(divide="ignore"):
            return np.broadcast_to(np.log(self.p), (*ids.shape, len(self.p))), state


class Recorder(Table):
    """The uniform model; notes what it is asked, where a mask lets it count."""

    def __init__(self, size):
        super().__init__(np.full(size, 1 / size))
        self.seen = []

    def nats(self, inputs, targets, state, mask=None):
        mask = np.ones(inputs.shape, bool) if mask is None else mask
        self.seen += list(zip(inputs[mask].tolist(), targets[mask].tolist(), strict=True))
        return super().nats(inputs, targets, state)


def network(vocabulary=LETTERS, cell="gru", layers=2):
    config = NetworkConfig(len(vocabulary), cell, 5, layers)
    net = Network(config, np.float64)
    initialise(net.parameters, config, "uniform", None, np.random.default_rng(0))
    net.parameters.flat[:] *= 2
    return net


# --------------------------------------------------------------------------- perplexity


def perplexity(model, text):
    return evaluate(model, Part(LETTERS.encode(text)), LETTERS).perplexity


def test_the_perfect_model_has_perplexity_one():
    assert perplexity(Table([0, 1, 0, 0, 0, 0]), "aaaaaaa") == 1


def test_the_uniform_model_has_the_size_of_the_vocabulary():
    assert perplexity(Table(np.full(V, 1 / V)), "abcde\nabba") == pytest.approx(V)


def test_the_impossible_model_has_perplexity_infinity():
    assert perplexity(Table([0.5, 0, 0.5, 0, 0, 0]), "aab") == inf


def test_perplexity_is_the_geometric_mean_of_inverse_probabilities():
    """Not a harmonic mean: with probabilities 1/2, 1/8, 1/8, 1/4 the means differ.

    The geometric mean of the inverses is the inverse of the geometric mean of the
    probabilities. The harmonic mean of the probabilities is the inverse of the
    *arithmetic* mean of the inverses, which is what the exercise of Dive into Deep
    Learning asks for; it gives another number.
    """
    p = [0, 1 / 2, 1 / 8, 1 / 8, 1 / 4, 0]
    text = "eabcd"  # predicted: a b c d
    inverses = [1 / p[i] for i in LETTERS.encode(text)[1:]]
    assert inverses == [2, 8, 8, 4]
    found = perplexity(Table(p), text)
    geometric = prod(inverses) ** (1 / 4)
    assert found == pytest.approx(geometric, rel=1e-14)
    assert found == pytest.approx(1 / prod(1 / x for x in inverses) ** (1 / 4), rel=1e-14)
    arithmetic, harmonic = sum(inverses) / 4, 4 / sum(1 / x for x in inverses)
    assert (geometric, arithmetic, harmonic) == pytest.approx((2 ** (9 / 4), 5.5, 4.0))
    harmonic_of_probabilities = 4 / sum(inverses)
    assert 1 / harmonic_of_probabilities == pytest.approx(arithmetic)
    assert found not in (pytest.approx(arithmetic), pytest.approx(harmonic))


def test_units():
    score = Score(nats=10 * log(8), symbols=10, characters=20)
    assert score.perplexity == pytest.approx(8)
    assert score.bits_per_character == pytest.approx(1.5)
    assert score.nats_per_character == pytest.approx(1.5 * log(2))
    assert log2(score.perplexity) * 10 / 20 == pytest.approx(score.bits_per_character)


WORDS = Vocabulary("word", ["\n", " ", ",", "a", "b", UNKNOWN])
UNIFORM = Table(np.full(len(WORDS), 1 / len(WORDS)))


def test_perplexity_of_words_is_per_word_or_mark():
    text = "a b, a\nzzz b"
    found = score_text(UNIFORM, WORDS, text)
    assert (found.symbols, found.words, found.unknown) == (10, 6, 1)
    assert found.nats == pytest.approx(10 * log(6))
    assert found.perplexity == pytest.approx(6 ** (10 / 6))
    assert found.bits_per_character == pytest.approx(10 * log2(6) / len(text))
    part = Part(WORDS.encode(f"\n{text}"))
    assert evaluate(UNIFORM, part, WORDS).perplexity == pytest.approx(found.perplexity)
    assert evaluate(UNIFORM, part, WORDS, parallel=3).words == 6  # padding is not counted


def test_the_end_of_a_record_is_no_word():
    lines = Vocabulary("word", [*WORDS.symbols, BEGIN, END])
    found = score_text(Table(np.full(8, 1 / 8)), lines, "a b")
    assert (found.symbols, found.words) == (4, 2)


def test_perplexity_of_words_by_the_older_rule_is_per_symbol():
    older = Vocabulary("word", ["a", " b", "\n"], SPACE_BEFORE)
    found = score_text(Table(np.full(3, 1 / 3)), older, "a b\n")
    assert (found.symbols, found.words) == (3, None)
    assert found.perplexity == pytest.approx(3)


def test_scores_of_words_add_up():
    total = Score(2.0, 5, 9, 0, 3) + Score(4.0, 3, 5, 1, 2)
    assert total == Score(6.0, 8, 14, 1, 5)
    assert total.perplexity == pytest.approx(exp(6 / 5))
    assert Score(2.0, 3, 3, words=0).perplexity == inf  # white space alone


def test_nothing_scored_is_infinitely_bad_and_a_huge_loss_does_not_overflow():
    assert Score(0.0, 0, 0).perplexity == Score(0.0, 0, 0).bits_per_character == inf
    assert Score(1e6, 10, 10).perplexity == inf
    assert Score(inf, 10, 10).perplexity == inf


# --------------------------------------------------------------------------- counting


@pytest.mark.parametrize("parallel", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("size", [2, 3, 50, 131])
def test_every_prediction_is_counted_exactly_once(size, parallel):
    ids = np.arange(size, dtype=np.uint16)
    model = Recorder(size)
    score = evaluate(model, Part(ids), LETTERS, parallel=parallel, chunk=4)
    assert sorted(model.seen) == [(i, i + 1) for i in range(size - 1)]
    assert score.symbols == score.characters == size - 1
    assert score.nats == pytest.approx((size - 1) * log(size))


def test_in_one_stream_the_state_is_carried_across_the_chunks():
    net = network()
    ids = LETTERS.encode("abcdeabba\ncadabeddaceb\nabc")
    expected = sum(nats_of(net.parameters, "gru", ids.tolist(), 2))
    for chunk in (1, 5, 256):
        score = evaluate(net, Part(ids), LETTERS, chunk=chunk)
        assert score.nats == pytest.approx(expected, rel=1e-11)


def test_parallel_streams_start_at_a_zero_state():
    net = network()
    ids = LETTERS.encode("abcdeabba\ncadabeddaceb\nabc")  # 25 predictions: 9, 9 and 7
    pieces = ids[:10], ids[9:19], ids[18:]
    expected = sum(sum(nats_of(net.parameters, "gru", p.tolist(), 2)) for p in pieces)
    found = evaluate(net, Part(ids), LETTERS, parallel=3)
    assert found.symbols == 25
    assert found.nats == pytest.approx(expected, rel=1e-11)


def lines_part(lines):
    ids = np.concatenate([LINES.encode(line) for line in lines])
    offsets = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    return Part(ids, offsets, np.arange(len(lines)))


def test_lines_are_scored_from_begin_to_end_each_alone():
    lines = ["abc", "e", "dadadadad", "bb"] * 20
    net = network(LINES, "lstm", 1)
    expected = sum(
        sum(nats_of(net.parameters, "lstm", [5, *LINES.encode(line).tolist(), 6], 1))
        for line in lines[:4]
    )
    part = lines_part(lines)
    for chunk in (3, 256):
        score = evaluate(net, part, LINES, chunk=chunk)
        assert score.symbols == part.predictions == sum(len(line) + 1 for line in lines)
        assert score.nats == pytest.approx(20 * expected, rel=1e-11)


def test_a_limit_ends_an_estimate_early_and_counts_what_it_read():
    model = Recorder(1000)
    score = evaluate(model, Part(np.arange(1000, dtype=np.uint16)), LETTERS, limit=100)
    assert sorted(model.seen) == [(i, i + 1) for i in range(100)]
    assert score.symbols == 100


def test_an_estimate_looks_at_all_of_the_part():
    model = Recorder(1001)
    ids = np.arange(1001, dtype=np.uint16)
    score = evaluate(model, Part(ids), LETTERS, parallel=10, limit=50)
    assert sorted(model.seen) == [
        (100 * s + i, 100 * s + i + 1) for s in range(10) for i in range(5)
    ]
    assert score.symbols == 50


def test_characters_are_symbols_times_their_mean_length():
    ids = LETTERS.encode("abcde")
    assert evaluate(Recorder(V), Part(ids), LETTERS).characters == 4
    assert evaluate(Recorder(V), Part(ids, characters=18), LETTERS).characters == 4 * 4.5


# --------------------------------------------------------------------------- texts


def score_text(model, vocabulary, text):
    return symbols.score(model, vocabulary, [text])[0]


def test_a_text_is_read_after_a_newline():
    net = network()
    ids = [0, *LETTERS.encode("abba").tolist()]
    score = score_text(net, LETTERS, "abba")
    assert score.nats == pytest.approx(sum(nats_of(net.parameters, "gru", ids, 2)), rel=1e-11)
    assert (score.symbols, score.characters) == (4, 4)


def test_a_line_of_a_lines_model_goes_from_begin_to_end():
    net = network(LINES)
    ids = [5, *LINES.encode("abba").tolist(), 6]
    score = score_text(net, LINES, "abba")
    assert score.nats == pytest.approx(sum(nats_of(net.parameters, "gru", ids, 2)), rel=1e-11)
    assert (score.symbols, score.characters) == (5, 5)


def test_without_a_newline_the_first_symbol_costs_the_logarithm_of_the_vocabulary():
    vocabulary = Vocabulary("char", list("abcde"))
    net = network(vocabulary)
    ids = vocabulary.encode("abba").tolist()
    expected = log(5) + sum(nats_of(net.parameters, "gru", ids, 2))
    assert score_text(net, vocabulary, "abba").nats == pytest.approx(expected, rel=1e-11)
    assert score_text(net, vocabulary, "a").nats == pytest.approx(log(5))


@pytest.mark.parametrize("chunk", [1, 3, 256])
def test_the_chain_rule(monkeypatch, chunk):
    """nats(text) is the sum of what each symbol adds, and the symbols that could have
    come next share the probability 1."""
    monkeypatch.setattr(symbols, "CHUNK", chunk)
    net = network()
    text = "abbadec"
    costs = [score_text(net, LETTERS, text[: n + 1]).nats for n in range(len(text))]
    steps = np.diff([0, *costs])
    assert (steps > 0).all()
    before = score_text(net, LETTERS, text).nats
    after = [score_text(net, LETTERS, text + s).nats for s in LETTERS.symbols]
    assert sum(exp(before - cost) for cost in after) == pytest.approx(1, rel=1e-10)
    ids = np.concatenate([[0], LETTERS.encode(text)])
    logits, _ = net.predict(ids[:-1, None].astype(np.int32), net.zero_state(1))
    log_p = logits[:, 0] - np.log(np.exp(logits[:, 0]).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(steps, -log_p[np.arange(len(text)), ids[1:]], rtol=1e-10)


def test_probabilities_of_all_texts_of_one_length_sum_to_one():
    vocabulary = Vocabulary("char", list("\nab"))
    net = network(vocabulary, "lstm", 1)
    texts = [a + b + c for a in "\nab" for b in "\nab" for c in "\nab"]
    total = sum(exp(-score_text(net, vocabulary, text).nats) for text in texts)
    assert total == pytest.approx(1, rel=1e-12)


def test_unknown_symbols_are_priced_as_unk_or_skipped():
    vocabulary = Vocabulary("char", ["\n", *"abcde", UNKNOWN])
    score = score_text(network(vocabulary), vocabulary, "abxyz")
    assert score.unknown == 3 and score.symbols == 5 and score.nats == score.nats_known < inf
    net = network()
    skipped, without = score_text(net, LETTERS, "xabyyza"), score_text(net, LETTERS, "aba")
    assert skipped.nats == skipped.perplexity == skipped.bits_per_character == inf
    assert (skipped.unknown, skipped.symbols, skipped.characters) == (4, 3, 7)
    assert skipped.nats_known == pytest.approx(without.nats, rel=1e-12)
    assert score_text(net, LETTERS, "xyz").nats_known == 0
    assert (skipped + without).nats_known == pytest.approx(2 * without.nats, rel=1e-12)


def test_chains_are_scored_like_networks():
    chain = NGram(V, 2)
    chain.train(LETTERS.encode("abcabcabcabdabc\nabc"))
    likely, unlikely = (score_text(chain, LETTERS, t).nats for t in ("abcabc", "cbacba"))
    assert likely < unlikely


def test_scores_of_texts_add_up():
    total = Score(2.0, 3, 4, 1) + Score(5.0, 6, 7.5)
    assert (total.nats, total.symbols, total.characters, total.unknown) == (7.0, 9, 11.5, 1)


def test_rank_puts_the_likeliest_first_and_keeps_ties_in_order():
    scores = [Score(9, 3, 3), Score(2, 2, 2), Score(4, 4, 4), Score(1, 9, 9)]
    assert rank(scores) == [3, 1, 2, 0]
