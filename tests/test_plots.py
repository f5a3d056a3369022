"""What the pictures show is what the model file holds."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import elman
from elman import plots
from elman.errors import ElmanError, UsageError
from elman.report import report

SMALL = {"cell": "gru", "hidden_size": 12, "seq_len": 16, "batch_size": 8, "threads": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory, poem):
    path = tmp_path_factory.mktemp("plots") / "poem.txt"
    path.write_text(poem, encoding="utf-8")
    return elman.train(path, **SMALL, steps=30, log_every=1, eval_every=10)


def labels(axes) -> list[str]:
    return [axes.get_xlabel(), axes.get_ylabel()]


def test_training_shows_the_history_in_bits(model):
    loss, norm, rate = plots.training(model).axes
    history = model.training[0]["training.history"]
    steps, bits = loss.lines[0].get_data()
    np.testing.assert_array_equal(steps, history[:, 0])
    np.testing.assert_allclose(bits, history[:, 2] / np.log(2))
    steps, bits = loss.lines[1].get_data()
    assert list(steps) == [10, 20, 30]
    assert bits[-1] == pytest.approx(model.summary["validation_bits_per_character"], rel=0.1)
    np.testing.assert_array_equal(norm.lines[0].get_ydata(), history[:, 4])
    np.testing.assert_array_equal(rate.lines[0].get_ydata(), history[:, 5])
    assert "bits per character" in loss.get_ylabel()
    assert norm.get_ylabel() == "gradient norm" and rate.get_ylabel() == "learning rate"
    assert rate.get_xlabel().startswith("step")


def test_training_shows_the_chain_that_has_to_be_beaten(model):
    lines = {line.get_label(): line for line in plots.training(model).axes[0].lines}
    chain = model.summary["baselines"]["chain of order 4"]["bits_per_character"]
    assert lines[f"chain of order 4, {chain:.3f}"].get_ydata()[0] == chain


def test_training_shows_where_gradients_are_clipped(poem_file):
    model = elman.train(poem_file, **SMALL, steps=3, log_every=1, clip_norm=0.01)
    norm = plots.training(model).axes[1]
    assert norm.lines[1].get_label() == "clipped to 0.01"
    assert norm.lines[1].get_ydata()[0] == 0.01


def test_a_run_without_a_held_out_part_has_one_curve(poem_file):
    model = elman.train(poem_file, **SMALL, steps=3, log_every=1, validation=0)
    assert [line.get_label() for line in plots.training(model).axes[0].lines] == ["training"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    table = tmp_path_factory.mktemp("classes") / "names.tsv"
    rows = [f"{name}{i}\t{name}" for i in range(30) for name in ("$ada$", "日本", "b" * 50)]
    table.write_text("text\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return elman.train(table, task="classify", hidden_size=8, steps=6, log_every=1, threads=1)


def test_classifiers_are_in_nats_per_text(classifier):
    loss = plots.training(classifier).axes[0]
    history = classifier.training[0]["training.history"]
    assert loss.get_ylabel() == "loss (nats per text)"
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), history[:, 2])


def test_confusion_shows_the_report_of_the_test_part(classifier):
    matrix, bars = plots.confusion(classifier).axes
    report = classifier.summary["test"]
    counts = np.array(report["confusion"])
    share = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(matrix.images[0].get_array(), share)
    written = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in matrix.texts}
    assert written == {
        (row, column): str(n) for (row, column), n in np.ndenumerate(counts) if n
    }  # fmt: skip
    assert [label.get_text() for label in matrix.get_yticklabels()] == [
        "$ada$",
        "b" * 19 + "…",
        "日本",
    ]
    f1 = [figures["f1"] for figures in report["classes"].values()]
    assert [bar.get_width() for bar in bars.patches] == pytest.approx(f1)
    assert f"accuracy {report['accuracy']:.3f}" in matrix.get_title(loc="left")


def test_names_of_classes_are_no_formulas_and_need_no_font(classifier, tmp_path, recwarn):
    plots.write(plots.confusion(classifier), tmp_path / "a.png")
    assert not recwarn.list


def test_a_hundred_classes_are_drawn_without_numbers(classifier):
    names = [f"class {i}" for i in range(100)]
    found = report(names, np.arange(100), np.arange(100) // 2)
    many = elman.Classifier(
        classifier.network, classifier.vocabulary, names, classifier.config,
        {"validation": found.to_json()},
    )  # fmt: skip
    matrix, bars = plots.confusion(many).axes
    assert not matrix.texts and len(matrix.get_yticklabels()) == 50 and len(bars.patches) == 100
    assert matrix.get_title(loc="left").startswith("validation part, 100 texts: accuracy 0.0")


def test_the_overview_is_all_that_the_model_holds(model, classifier):
    assert len(plots.overview(model).axes) == 3
    assert len(plots.overview(classifier).axes) == 3 + 2
    stripped = elman.Classifier(
        classifier.network, classifier.vocabulary, classifier.classes, classifier.config,
        classifier.summary,
    )  # fmt: skip
    assert len(plots.overview(stripped).axes) == 2
    stripped.summary = {}
    with pytest.raises(UsageError, match="no history"):
        plots.overview(stripped)
    with pytest.raises(UsageError, match="no report"):
        plots.confusion(stripped)


def test_a_language_model_has_no_confusion_matrix(model):
    with pytest.raises(UsageError, match="needs a classifier"):
        plots.confusion(model)


def test_words_are_in_bits_per_character(poem_file):
    model = elman.train(poem_file, **SMALL, tokens="word", steps=3, log_every=1)
    history = model.training[0]["training.history"]
    per_symbol = model.config["characters_per_symbol"]
    assert per_symbol > 2
    shown = plots.training(model).axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(shown, history[:, 2] / np.log(2) / per_symbol)


@pytest.mark.parametrize("what", ["ngram", "untrained", "stripped"])
def test_without_a_history_there_is_no_training_to_show(what, poem_file, tmp_path, model):
    if what == "ngram":
        model = elman.train(poem_file, cell="ngram")
    elif what == "untrained":
        model = elman.train(poem_file, **SMALL, steps=0)
    else:
        model.save(tmp_path / "m.safetensors", weights_only=True)
        model = elman.load(tmp_path / "m.safetensors")
    with pytest.raises(UsageError, match="holds no history"):
        plots.training(model)


@pytest.mark.parametrize(
    ("ending", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")]
)
def test_the_ending_decides_the_kind_of_file(ending, start, model, tmp_path):
    path = tmp_path / f"a{ending}"
    plots.write(plots.training(model), path)
    first = path.read_bytes()
    assert first.startswith(start)
    plots.write(plots.training(model), path)
    assert path.read_bytes() == first, "the same picture is not the same file"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["a.gif", "a", "png"])
def test_other_endings_are_refused(name, model, tmp_path):
    with pytest.raises(UsageError, match="end it in"):
        plots.write(plots.training(model), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(model, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    figure = plots.training(model)
    monkeypatch.setattr(figure, "savefig", lambda *a, **k: (_ for _ in ()).throw(ElmanError("no")))
    with pytest.raises(ElmanError, match="no"):
        plots.write(figure, path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
