"""What every symbol costs: side by side or piece by piece, alone or among others."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.nn.engine import select
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language import symbols
from elman.tasks.language.ngram import NGram
from elman.text.vocabulary import BEGIN, END, UNKNOWN, Vocabulary

LETTERS = Vocabulary("char", ["\n", *"abcde"])
BARE = Vocabulary("char", [*"abcde"])
LINES = Vocabulary("char", [*"abcde", BEGIN, END])
WORDS = Vocabulary("word", [" ", "\n", "a", "bc", "d", UNKNOWN])
BYTES = Vocabulary("byte", list(range(256)))
TEXTS = st.lists(st.text("abcde", min_size=1, max_size=30), max_size=12)


def network(vocabulary, cell="gru", hidden=5, dtype=np.float64, threads=1, engine="auto"):
    config = NetworkConfig(len(vocabulary), cell, hidden, 2)
    net = Network(config, dtype, select(engine, threads))
    initialise(net.parameters, config, "uniform", None, np.random.default_rng(0))
    return net


@pytest.mark.parametrize("vocabulary", [LETTERS, BARE, LINES, WORDS, BYTES], ids=lambda v: v.kind)
@given(texts=TEXTS)
def test_side_by_side_is_one_by_one(vocabulary, texts):
    net = network(vocabulary, "lstm")
    together = symbols.read(net, vocabulary, texts)
    assert len(together.offsets) == len(texts) + 1
    for i, text in enumerate(texts):
        own = slice(together.offsets[i], together.offsets[i + 1])
        alone = symbols.Stream(net, vocabulary).read(text, ends=True)
        np.testing.assert_array_equal(together.ids[own], alone.ids)
        np.testing.assert_allclose(together.nats[own], alone.nats, rtol=1e-10)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_neighbours_change_no_bit_on_the_native_engine(rng, cell, threads):
    if select("auto").name != "native":
        pytest.skip("needs the native engine")
    net = network(LINES, cell, 67, np.float32, threads)
    texts = ["".join(rng.choice(list("abcde"), n)) for n in rng.integers(1, 200, 150)]
    together = symbols.score(net, LINES, texts)
    for part in (slice(0, 1), slice(3, 6), slice(0, 40), slice(149, 150)):
        assert symbols.score(net, LINES, texts[part]) == together[part]
    other = network(LINES, cell, 67, np.float32, 3 - threads)
    assert symbols.score(other, LINES, texts) == together


def test_a_long_text_is_read_in_pieces_as_a_whole(monkeypatch):
    text = "abcde" * 50
    net = network(LINES)
    whole = symbols.score(net, LINES, [text, "ab"])
    monkeypatch.setattr(symbols, "LONG", 100)
    monkeypatch.setattr(symbols, "PIECE", 33)
    pieces = symbols.score(net, LINES, [text, "ab"])
    for a, b in zip(whole, pieces, strict=True):
        assert (a.symbols, a.characters, a.unknown) == (b.symbols, b.characters, b.unknown)
        assert a.nats == pytest.approx(b.nats, rel=1e-12)
    parts = [list(parts) for parts in symbols.each(net, LINES, [text, "ab"])]
    assert len(parts[0]) == 8 and len(parts[1]) == 1
    rows = list(symbols.named(LINES, parts[0], "\n"))
    assert "".join(symbol for _, symbol, _ in rows) == text + "\n"
    assert sum(nats for *_, nats in rows) == pytest.approx(whole[0].nats, rel=1e-12)


def test_no_word_goes_across_pieces(monkeypatch):
    text = "bc a\nd bc " * 20
    net = network(WORDS)
    whole = symbols.score(net, WORDS, [text])[0]
    monkeypatch.setattr(symbols, "LONG", 10)
    for piece in range(5, 20):
        monkeypatch.setattr(symbols, "PIECE", piece)
        found = symbols.score(net, WORDS, [text])[0]
        assert (found.symbols, found.words, found.unknown) == (whole.symbols, whole.words, 0)
        assert found.nats == pytest.approx(whole.nats, rel=1e-12)


def test_what_is_skipped_costs_infinitely_much_and_is_not_read():
    net = network(LINES)
    found = symbols.read(net, LINES, ["xay", "aé", "zz"])
    assert found.ids.tolist() == [-1, 0, -1, 6, 0, -1, 6, -1, -1, 6]
    assert np.isinf(found.nats).tolist() == (found.ids < 0).tolist()
    plain = symbols.read(net, LINES, ["a"])
    np.testing.assert_array_equal(found.nats[[1, 3]], plain.nats)
    a, b, c = found.scores(LINES, [4, 3, 3])
    assert (a.nats, a.unknown, a.symbols) == (inf, 2, 2) and (c.unknown, c.symbols) == (2, 1)
    assert a.nats_known == b.nats_known == plain.nats.sum()


def test_bytes_and_unknown_words_are_named_as_they_stand():
    (parts,) = symbols.each(network(BYTES), BYTES, ["aé\n"])
    assert [s for _, s, _ in symbols.named(BYTES, parts, "\n")] == ["a", "\\xc3", "\\xa9", "\n"]
    (parts,) = symbols.each(network(WORDS), WORDS, ["a zebra"])
    rows = list(symbols.named(WORDS, parts, "\n"))
    assert [s for _, s, _ in rows] == ["a", " ", "zebra"] and rows[2][0] == WORDS.unknown


def test_chains_read_side_by_side_too():
    chain = NGram(len(LINES), 2, LINES.begin)
    ids = np.concatenate([[LINES.begin, *LINES.encode(t), LINES.end] for t in ("abc", "abd", "e")])
    chain.train(ids)
    together = symbols.score(chain, LINES, ["abc", "e", "dddd"])
    alone = [symbols.score(chain, LINES, [text])[0] for text in ("abc", "e", "dddd")]
    assert [s.nats for s in together] == pytest.approx([s.nats for s in alone], rel=1e-12)
    assert together[0].nats < together[2].nats


def test_nothing_to_read():
    found = symbols.read(network(LINES), LINES, [])
    assert found.scores(LINES, []) == [] and found.offsets.tolist() == [0]
