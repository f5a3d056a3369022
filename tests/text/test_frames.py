"""Frames where texts are wanted: a column is read, and the names of the columns never are."""

from __future__ import annotations

import warnings

import pytest

import elman
from elman.errors import CorpusError, UsageError
from elman.inside.embedding import embed

pytestmark = pytest.mark.arguments

WORDS = [stem + end for stem in ("ka", "lo", "mi", "tu", "se") for end in ("ov", "ini")]
LABELS = ["Ov", "Ini"] * 5
SMALL = {"hidden_size": 4, "steps": 2, "threads": 1}


@pytest.fixture(scope="module", params=["pandas", "polars"])
def library(request):
    return pytest.importorskip(request.param)


@pytest.fixture(scope="module")
def model():
    return elman.train(text="karov lomini " * 20, **SMALL)


@pytest.fixture(scope="module")
def classifier():
    return elman.train((WORDS, LABELS), task="classify", **SMALL)


WAY = r"is not a text: give one column, .* elman.train\(frame, text_column='text'\)"


def test_a_frame_is_no_text(library, model, classifier):
    frame = library.DataFrame({"text": WORDS, "label": LABELS})
    for refused in (
        lambda: elman.train(text=frame, **SMALL),
        lambda: model.score(frame),
        lambda: embed(model, frame),
        lambda: classifier.predict(frame),
        lambda: classifier.predict_proba(frame),
        lambda: classifier.embed(frame),
        lambda: elman.train((frame, LABELS), task="classify", **SMALL),
    ):
        with pytest.raises(UsageError, match=f"a frame of columns {WAY}"):
            refused()


def test_a_dict_of_columns_is_no_text(model, classifier):
    for refused in (elman.train, model.score, classifier.predict):
        given = {"text": {"text": WORDS}} if refused is elman.train else [{"text": WORDS}]
        with pytest.raises(UsageError, match=f"a dict of columns {WAY}"):
            refused(**given) if refused is elman.train else refused(*given)


def test_a_series_is_texts(library, model, classifier):
    words = (
        library.Series("words", WORDS) if library.__name__ == "polars" else library.Series(WORDS)
    )
    assert classifier.predict(words) == classifier.predict(WORDS)
    assert [s.nats for s in model.score(words)] == [s.nats for s in model.score(WORDS)]


def test_a_column_that_is_there_twice_is_refused():
    pandas = pytest.importorskip("pandas")
    rows = list(zip(WORDS, LABELS, WORDS, strict=True))
    twice = pandas.DataFrame(rows, columns=["text", "label", "text"])
    for settings in ({"text_column": "text"}, {"task": "classify"}):
        with pytest.raises(UsageError, match="the frame has 2 columns 'text'; rename all but one"):
            elman.train(twice, **settings, **SMALL)
    labels = pandas.DataFrame(rows, columns=["label", "label", "text"])
    with pytest.raises(UsageError, match="the frame has 2 columns 'label'"):
        elman.train(labels, task="classify", **SMALL)
    assert elman.train(labels, text_column="text", **SMALL)  # the others do not matter


def test_columns_may_be_called_by_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(list(zip(WORDS, LABELS, strict=True)))
    found = elman.train(frame, task="classify", text_column=0, label_column=1, **SMALL)
    assert found.classes == ["Ini", "Ov"]


@pytest.mark.parametrize("gap", ["None", "nan", "NA", "NaT"])
def test_a_gap_is_named_with_what_to_do(gap):
    pandas = pytest.importorskip("pandas")
    value = {"None": None, "nan": float("nan"), "NA": pandas.NA, "NaT": pandas.NaT}[gap]
    labels = pandas.Series([value, *LABELS[1:]], dtype=object)
    frame = pandas.DataFrame({"text": WORDS, "label": labels})
    with pytest.raises(CorpusError, match="row 1 of the frame has no label: leave it out, or fill"):
        elman.train(frame, task="classify", **SMALL)
    with pytest.raises(CorpusError, match="row 1 has no text: leave it out, or fill it in"):
        elman.train((list(labels), WORDS), task="classify", **SMALL)


def test_a_lazy_frame_is_collected_first():
    lazy = pytest.importorskip("polars").LazyFrame({"text": WORDS, "label": LABELS})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for task in ("lm", "classify"):
            with pytest.raises(UsageError, match=r"is lazy.*give what its collect\(\) returns"):
                elman.train(lazy, task=task, text_column="text", **SMALL)
