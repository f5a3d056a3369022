"""Patterns of a text, and the units that follow them."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import UsageError
from elman.inside import inspection, patterns

TEXT = 'He said "yes, 12" (or [so]).\nThen “no”.\n\nAn "open one\n\nends.'


def where(values, of=TEXT) -> str:
    return "".join(c for c, value in zip(of, values, strict=True) if value)


def test_patterns():
    found = {name: pattern(TEXT) for name, pattern in patterns.PATTERNS.items()}
    assert where(found["quotes"]) == '"yes, 12“no"open one'
    assert where(found["digits"]) == "12" and where(found["capitals"]) == "HTA"
    assert where(found["word"]) == "Hsy1osTnAooe"
    brackets = dict(zip(TEXT[18:27], found["brackets"][18:27].tolist(), strict=True))
    assert brackets == {"(": 1, "o": 2, "r": 1, " ": 1, "[": 2, "s": 2, "]": 1, ")": 0}
    line = found["line"]
    assert line[:3].tolist() == [1, 2, 3] and line[TEXT.index("Then")] == 1
    assert line[TEXT.index("\n")] == 0
    assert where(patterns.matches("[0-9]+|no", TEXT)) == "12no"
    assert all(len(pattern("")) == 0 for pattern in patterns.PATTERNS.values())


def test_symbols_have_the_number_of_their_last_character():
    values = np.array([0.0, 1.0, 2.0, 3.0])
    assert patterns.over_symbols(values, ["ab", "", "c", "d"]).tolist() == [1, 1, 2, 3]


def test_expressions_that_are_wrong_or_slow(monkeypatch):
    with pytest.raises(UsageError, match="is wrong"):
        patterns.matches("(", TEXT)
    monkeypatch.setattr(patterns, "SECONDS", 0.05)
    with pytest.raises(UsageError, match="takes more than"):
        patterns.matches("(a|aa)+$", "a" * 60 + "b")


def test_correlations_are_those_of_numpy():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 6)).astype(np.float32)
    values[:, 2] = 0.5  # never changes
    pattern = rng.normal(size=200)
    found = patterns.correlations(values, pattern)
    for unit in (0, 1, 3, 4, 5):
        expected = np.corrcoef(values[:, unit], pattern)[0, 1]
        assert found[unit] == pytest.approx(expected, abs=1e-6)
    assert found[2] == 0


def test_a_unit_that_must_count_is_found():
    """After a's come as many b's: somewhere the network keeps their number."""
    rng = np.random.default_rng(1)
    text = "".join("a" * n + "b" * n + "\n" for n in rng.integers(1, 9, 600).tolist())
    model = elman.train(
        text=text, cell="lstm", hidden_size=12, steps=400, batch_size=16, seq_len=40,
        learning_rate=0.02, dropout=0.0, progress=False, threads=1,
    )  # fmt: skip
    shown = text[:2000]
    number, open_ones = 0, []
    for symbol in shown:
        number = number + 1 if symbol == "a" else max(0, number - (symbol == "b"))
        open_ones.append(number)
    cells = inspection.activations(model, shown, 0, "cell")
    assert np.abs(patterns.correlations(cells, np.array(open_ones, float))).max() > 0.8
