"""Records: what a separator ends."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.text.corpus import CorpusOptions, load
from elman.text.records import numbered

PIECES = st.lists(st.text("ab\n", max_size=6), max_size=8)


@pytest.mark.parametrize("separator", ["\n", "\n\n", "%%", "\n--\n"])
@given(records=PIECES)
def test_records_are_what_stands_between_separators(tmp_path_factory, separator, records):
    text = separator.join(records)
    expected = [r if separator == "\n" else r.strip("\n") for r in text.split(separator)]
    expected = [record for record in expected if record]
    assert [record for _, record in numbered(text, separator)] == expected
    for line, record in numbered(text, separator):
        assert record.split("\n")[0] in text.split("\n")[line - 1]
    if len(set("".join(expected))) < 2 or (separator != "\n" and separator not in text):
        return
    path = tmp_path_factory.mktemp("records") / "r.txt"
    path.write_text(text, encoding="utf-8")
    corpus = load([str(path)], CorpusOptions(separator=separator))
    ends = corpus.offsets
    decode = corpus.vocabulary.decode
    assert [decode(corpus.ids[a:b]) for a, b in pairwise(ends)] == expected


def test_the_end_of_a_file_ends_a_record(tmp_path):
    for name, text in (("a", "one\ntwo"), ("b", "three%%four")):
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    corpus = load([str(tmp_path)], CorpusOptions(separator="%%"))
    ends, decode = corpus.offsets, corpus.vocabulary.decode
    found = [decode(corpus.ids[a:b]) for a, b in pairwise(ends)]
    assert found == ["one\ntwo", "three", "four"]
