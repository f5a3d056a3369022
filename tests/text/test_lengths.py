"""Characters of a part of a text of words, `<unk>` included."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elman.text import lengths
from elman.text.corpus import load
from elman.text.lengths import Lengths
from elman.text.pieces import CorpusOptions
from elman.text.splits import divide
from elman.text.vocabulary import VocabularyBuilder
from elman.text.words import split_words

TEXTS = st.text("ab é\n'.\u202f", min_size=1, max_size=40)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(1, 4))
def test_the_characters_between_two_words_are_theirs(texts, size):
    builder = VocabularyBuilder("word", size)
    for text in texts:
        builder.add(text)
    vocabulary = builder.build()
    found, words, ids = Lengths(vocabulary), [], []
    for text in texts:
        words += split_words(text)
        ids.append(vocabulary.encode(text))
        found.add(text, ids[-1])
    all_ids = np.concatenate(ids)
    with patch.object(lengths, "AT_ONCE", 3):
        for begin in range(len(words)):
            for end in range(begin, len(words) + 1):
                assert found.between(all_ids, begin, end) == sum(map(len, words[begin:end]))


def test_those_of_records_are_theirs_and_their_ends(tmp_path):
    path = tmp_path / "records.txt"
    path.write_text("a b\nlonger words here\nc\n" * 10, encoding="utf-8")
    corpus = load([str(path)], CorpusOptions("word", 2, separator="\n"))
    parts = divide(corpus, 0.2, 0.2, 0).parts
    texts = path.read_text(encoding="utf-8").split("\n")
    for part in parts:
        assert part.characters == sum(len(texts[row]) + 1 for row in part.rows)
        assert part.characters_per_symbol == part.characters / part.predictions
