"""What models and figures say of themselves: a line, a table in a notebook, a frame."""

from __future__ import annotations

import sys
from math import inf, log

import pytest

import elman
from elman.errors import ElmanError
from elman.tasks.language.model import Model
from elman.tasks.reports import Report, report

from ..tasks.language.test_model import LETTERS, LINES, make, make_chain


def summarised(model, **summary):
    return Model(model.network, model.vocabulary, model.config, summary, model.training)


def test_a_model_in_a_line():
    figures = {"corpus": ["/texts/poems.txt"], "validation_bits_per_character": 2.3449}
    assert repr(summarised(make("gru", layers=1), **figures)) == (
        "Model(gru 1 × 6, 6 characters, 2.34 bits/character held out, poems.txt)"
    )
    assert repr(summarised(make("lstm", LINES))) == "Model(lstm 2 × 6, 5 characters)"
    several = {"corpus": ["a.txt", "b.txt", "c.txt"]}
    assert repr(summarised(make_chain(), **several)) == (
        "Model(chain of order 2, 6 characters, a.txt and 2 more)"
    )


def test_a_classifier_in_a_line():
    rows = [(stem + end, end) for stem in ("ka", "lo", "mi", "tu") for end in ("ov", "san")]
    made = elman.train(rows, task="classify", hidden_size=6, num_layers=2, steps=1, threads=1)
    made.summary |= {"test": report(["ov", "san"], [0, 0, 1, 1], [0, 1, 1, 1]).to_dict()}
    made.summary["corpus"] = ["names/"]
    assert repr(made) == "Classifier(bidirectional gru 2 × 6, 2 classes, accuracy 0.75, names)"
    assert "&#x27;ov&#x27;, &#x27;san&#x27;" in made._repr_html_()
    assert made.report.accuracy == 0.75
    made.summary.pop("test")
    made.summary.pop("validation", None)
    assert made.report is None
    assert repr(made) == "Classifier(bidirectional gru 2 × 6, 2 classes, names)"


@pytest.mark.parametrize(
    ("score", "line"),
    [
        (elman.Score(12 * 0.945 * log(2), 12, 12),
         "Score(0.945 bits/character, perplexity 1.93, 12 characters)"),
        (elman.Score(log(2), 1, 1, 1),
         "Score(1.000 bits/character, perplexity 2.00, 1 character, 1 unknown)"),
        (elman.Score(inf, 5, 5), "Score(inf bits/character, perplexity inf, 5 characters)"),
    ],
)  # fmt: skip
def test_a_score_in_a_line(score, line):
    assert repr(score) == line


def test_a_report_in_a_line_and_as_a_table():
    found = report(["a", "<b>"], [0, 0, 0, 1], [0, 0, 1, 1])
    assert repr(found) == "Report(accuracy 0.750, macro-F1 0.733, 4 texts, 2 classes)"
    html = found._repr_html_()
    assert "<b>Report</b>" in html  # the caption
    assert "&lt;b&gt;</th><td style='text-align: left'>F1 0.667, support 1<" in html
    many = Report([str(i) for i in range(30)], report(range(30), range(30), range(30)).confusion)
    assert "20 more classes" in many._repr_html_()


def test_what_a_model_holds_is_escaped_in_its_table():
    model = summarised(make(), corpus=["<script>.txt"])
    assert "&lt;script&gt;.txt" in model._repr_html_()
    assert "<script>" not in model._repr_html_()
    assert "parameters" in model._repr_html_() and "parameters" not in make_chain()._repr_html_()


def test_figures_as_a_dict():
    figures = elman.Score(2 * log(2), 2, 4, words=1).to_dict()
    assert list(figures)[:2] == ["bits_per_character", "perplexity"]
    assert figures["bits_per_character"] == 0.5
    assert figures["perplexity"] == pytest.approx(4)
    assert figures["words"] == 1
    assert report("ab", [0, 1], [0, 0]).to_dict()["classes"]["b"]["support"] == 1


def test_figures_as_a_frame():
    pytest.importorskip("pandas")
    frame = elman.Score(2 * log(2), 2, 4).to_frame()
    assert frame.shape[0] == 1 and frame.bits_per_character[0] == 0.5
    frame = report("ab", [0, 1, 1], [0, 0, 1]).to_frame()
    assert frame.index.tolist() == ["a", "b"]
    assert frame.loc["b"].tolist() == [1.0, 0.5, pytest.approx(2 / 3), 2]


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for figures in (elman.Score(1.0, 1, 1), report("ab", [0, 1], [0, 0])):
        with pytest.raises(ElmanError, match="pip install pandas"):
            figures.to_frame()


def test_a_word_model_counts_words():
    words = type(LETTERS)("word", ["a ", "b", "c"])
    assert "3 words" in repr(make("gru", words))
