"""How new what a model writes is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from elman.tasks.language.novelty import novelty


@given(st.lists(st.text("ab", max_size=12), max_size=3), st.text("ab", max_size=40),
       st.integers(1, 5))  # fmt: skip
def test_novelty_equals_brute_force(samples, corpus, n):
    found = novelty(samples, corpus, n)
    runs = [s[i:j] for s in samples for i in range(len(s)) for j in range(i + 1, len(s) + 1)]
    copied = [run for run in runs if run in corpus]
    assert len(found.longest_copy) == max(map(len, copied), default=0)
    assert found.longest_copy in "\n".join(samples)
    assert found.longest_copy in corpus
    grams = [sample[i : i + n] for sample in samples for i in range(len(sample) - n + 1)]
    expected = sum(g not in corpus for g in grams) / len(grams) if grams else 0.0
    assert found.novel_share == expected


def test_a_copy_is_not_new_and_a_foreign_text_is():
    corpus = "it was the best of times, it was the worst of times"
    assert novelty([corpus[5:30]], corpus).novel_share == 0
    assert novelty([corpus[5:30]], corpus).longest_copy == corpus[5:30]
    assert novelty(["zzzzzzzzzzzz"], corpus).novel_share == 1
    assert novelty(["zzzzzzzzzzzz"], corpus).longest_copy == ""


def test_no_run_goes_from_one_sample_into_the_next():
    found = novelty(["the best of t", "imes, it was"], "it was the best of times, it was")
    assert found.longest_copy == "the best of t"
    assert found.novel_share == 0
