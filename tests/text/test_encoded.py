"""Texts as ids, back to back."""

from __future__ import annotations

import numpy as np
import pytest

from elman.text import labelled
from elman.text.encoded import encode


@pytest.mark.parametrize("tokens", ["char", "byte", "word"])
def test_texts_are_encoded_back_to_back_and_cut(tokens):
    texts = ["ab cd", "é", "a b c d e f"]
    vocabulary = labelled.symbols_of(texts, tokens).build(unknown=True)
    encoded = encode(vocabulary, texts, 4)
    assert encoded.cut.tolist() == [len(vocabulary.encode(text)) > 4 for text in texts]
    for i, text in enumerate(texts):
        ids = encoded.ids[encoded.offsets[i] : encoded.offsets[i + 1]]
        np.testing.assert_array_equal(ids, vocabulary.encode(text)[:4])
    assert encoded.lengths.max() <= 4


def test_unknown_characters_have_a_symbol():
    vocabulary = labelled.symbols_of(["ab"], "char").build(unknown=True)
    ids = encode(vocabulary, ["aX"], 9).ids
    assert ids.tolist() == [vocabulary.ids["a"], vocabulary.unknown]
