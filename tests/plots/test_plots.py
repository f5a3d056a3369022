"""What the pictures show is what the model file holds."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import elman
from elman import plots
from elman.errors import ElmanError, UsageError
from elman.inside import inspection
from elman.inside.unrolled import gradient_norms
from elman.plots.learned import apart, principal_components
from elman.tasks.reports import report

SMALL = {"cell": "gru", "hidden_size": 12, "seq_len": 16, "batch_size": 8, "threads": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory, poem):
    path = tmp_path_factory.mktemp("plots") / "poem.txt"
    path.write_text(poem, encoding="utf-8")
    return elman.train(path, **SMALL, steps=30, log_every=1, eval_every=10)


def test_training_shows_the_history_in_bits(model):
    loss, norm, rate = plots.training(model).axes
    history = model.training[0]["training.history"]
    steps, bits = loss.lines[0].get_data()
    np.testing.assert_array_equal(steps, history[:, 0])
    np.testing.assert_allclose(bits, history[:, 2] / np.log(2))
    steps, bits = loss.lines[1].get_data()
    assert list(steps) == [10, 20, 30]
    assert bits[-1] == pytest.approx(model.summary["validation_bits_per_character"], rel=0.1)
    step, bits = loss.lines[2].get_data()
    assert step == [model.summary["best_step"]]
    assert bits == [model.summary["validation_bits_per_character"]]
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
        {"validation": found.to_dict()},
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
    with pytest.raises(UsageError, match="no training history"):
        plots.overview(stripped)
    with pytest.raises(UsageError, match="no report"):
        plots.confusion(stripped)


@pytest.fixture(scope="module")
def tagger():
    X = [[f"{a}{b}", "went", "home"] for a in "ABCD" for b in "aeiou"]
    return elman.train((X, [["NAME", "O", "O"]] * 20), task="tag", hidden_size=8, steps=6,
                       log_every=1, threads=1)  # fmt: skip


def test_a_tagger_has_curves_a_confusion_matrix_and_states(tagger, model):
    loss, *_, matrix, bars = plots.overview(tagger).axes
    assert loss.get_ylabel() == "loss (nats per symbol)"
    assert f"{tagger.report.confusion.sum()} symbols: acc" in matrix.get_title(loc="left")
    assert bars.get_xlabel() == "F1 (symbols)"
    ticks = plots.states(tagger, "Aa went home").axes[0].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["Aa", "went", "home"]
    assert plots.characters(tagger).axes
    with pytest.raises(UsageError, match="a tagger writes no text"):
        plots.states(tagger)
    with pytest.raises(UsageError, match="a tagger predicts no next symbol"):
        plots.gradients({"m": model, "t": tagger})


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
    with pytest.raises(UsageError, match="has no training history"):
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


# --------------------------------------------------------------------------- what was learned


def gradient_lines(figure) -> dict[str, np.ndarray]:
    axes = figure.axes[0]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    return {name: line.get_ydata() for name, line in zip(names, axes.lines, strict=True)}


def test_gradients_vanish_explode_or_last():
    figure = plots.gradients(plots.untrained())
    lines = gradient_lines(figure)
    assert list(lines) == ["RNN", "LSTM", "LSTM, cell", "GRU", "RNN, Wₕ × 4"]
    assert all(len(norms) == 51 for norms in lines.values())
    assert lines["RNN"][50] < 1e-9 * lines["RNN"][0]
    assert lines["RNN, Wₕ × 4"][50] > 100 * lines["RNN, Wₕ × 4"][0]
    assert lines["RNN"][50] < lines["GRU"][50] < lines["LSTM"][50] < lines["LSTM, cell"][50]
    axes = figure.axes[0]
    assert axes.get_yscale() == "log" and "steps" in axes.get_xlabel()
    assert "nats" in axes.get_ylabel() and "c$_{t-k}$" in axes.get_ylabel()
    assert axes.get_ylim()[0] >= 1e-10 * max(norms.max() for norms in lines.values()) * 0.99


def test_gradients_of_a_model_are_those_of_unrolled(model, poem):
    lines = gradient_lines(plots.gradients({"poem": model}, poem[:300], steps=20))
    np.testing.assert_array_equal(lines["poem"], gradient_norms(model, poem[:300], 20)[-1, 0])


def test_without_a_cell_the_axis_names_none(model):
    label = plots.gradients({"poem": model}, "the river").axes[0].get_ylabel()
    assert label.endswith("(nats per unit of h)") and "cell" not in label


def test_gradients_over_a_short_text_have_fewer_steps(model):
    assert len(gradient_lines(plots.gradients({"a": model}, "the river"))["a"]) == 9 - 2 + 1


def test_gradients_of_a_model_of_lines(poem_file):
    model = elman.train(poem_file, **SMALL, lines=True, steps=3)
    assert len(gradient_lines(plots.gradients({"lines": model}))["lines"]) > 3


def test_gradients_of_a_classifier_are_refused(classifier):
    with pytest.raises(UsageError, match="name a language model"):
        plots.gradients({"a": classifier})


def test_principal_components_are_the_directions_of_largest_variance(rng):
    vectors = rng.normal(size=(40, 5)) * [5, 0.1, 2, 0.1, 0.1] + 3
    points, share = principal_components(vectors)
    centred = vectors - vectors.mean(axis=0)
    for column, axis in ((0, 0), (1, 2)):
        assert abs(np.corrcoef(points[:, column], centred[:, axis])[0, 1]) > 0.95
        assert points[np.abs(points[:, column]).argmax(), column] > 0
    np.testing.assert_allclose(share, points.var(axis=0) / centred.var(axis=0).sum())


def test_few_vectors_have_few_components():
    points, share = principal_components(np.array([[1.0], [3.0]]))
    assert points.shape == (2, 2) and share.tolist() == [1, 0]


def test_points_that_are_too_close_part_and_others_stay():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [0.3, 0.0], [5.0, 5.0]])
    moved = apart(points, 1.0)
    between = np.linalg.norm(moved[:, None] - moved, axis=2)
    assert between[~np.eye(4, dtype=bool)].min() >= 1
    np.testing.assert_allclose(moved[3], points[3], rtol=1e-6)
    np.testing.assert_array_equal(apart(points, 1.0), moved)
    assert np.abs(moved[:3]).max() < 1.5


def test_many_letters_in_one_place_do_not_hide_each_other(rng):
    moved = apart(rng.normal(size=(120, 2)), 0.17)
    between = np.linalg.norm(moved[:, None] - moved, axis=2) + 9 * np.eye(120)
    assert between.min() >= 0.16


def test_every_character_stands_at_its_projection(model):
    figure = plots.characters(model)
    axes = figure.axes[0]
    W = np.asarray(model.network.parameters["layer0.W_x"], np.float64)
    points, share = principal_components(W / np.linalg.norm(W, axis=1, keepdims=True))
    shown = {text.get_text(): text.get_position() for text in axes.texts}
    assert len(shown) == len(model.vocabulary)
    for i, symbol in enumerate(model.vocabulary.symbols):
        sign = {" ": "␣", "\n": "↵"}.get(symbol, symbol)
        others = np.delete(points, i, axis=0) - points[i]
        alone = np.abs(others / np.ptp(points, axis=0)).max(axis=1).min() > 0.1
        room = 1e-6 if alone else 0.05 * np.ptp(points, axis=0).max()  # neighbours are moved apart
        np.testing.assert_allclose(shown[sign], points[i], atol=room, err_msg=symbol)
    assert f"{share[0]:.0%} of the variance" in axes.get_xlabel()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(legend) == {"vowels", "other letters", "punctuation and white space"}


def test_an_embedding_is_shown_instead_of_the_rows_of_w_x(poem_file):
    model = elman.train(poem_file, **SMALL, embedding_size=3, tokens="word", steps=2)
    texts = plots.characters(model).axes[0].texts
    E = np.asarray(model.network.parameters["embedding.E"], np.float64)
    points, _ = principal_components(E / np.linalg.norm(E, axis=1, keepdims=True))
    assert "river" in [text.get_text() for text in texts]
    shown = np.array([text.get_position() for text in texts])
    assert np.median(np.linalg.norm(shown - points, axis=1)) < 0.1 * np.ptp(points)


def test_what_the_font_lacks_is_shown_by_its_number(poem_file):
    poem_file.write_text("日本 $x$ 山川 " * 200, encoding="utf-8")
    model = elman.train(poem_file, **SMALL, steps=2)
    shown = {text.get_text() for text in plots.characters(model).axes[0].texts}
    assert {"\\u65e5", "$", "x", "␣"} <= shown
    ticks = plots.states(model, "日 $x$").axes[0].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["\\u65e5", "␣", "$", "x", "$"]


def test_states_are_those_of_the_inspection(poem_file):
    model = elman.train(poem_file, **{**SMALL, "hidden_size": 40}, num_layers=2, steps=5)
    axes, bar = plots.states(model, "the river runs").axes
    shown = np.asarray(axes.images[0].get_array())
    units = [int(label.get_text()) for label in axes.get_yticklabels()]
    assert len(units) == len(set(units)) == 30
    values = inspection.states(model, "the river runs")[1]["hidden"]
    np.testing.assert_array_equal(shown, values[:, units].T)
    assert min(values[:, units].var(axis=0)) >= np.sort(values.var(axis=0))[10]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list("the␣river␣runs")
    assert axes.images[0].get_clim() == (-1, 1)
    assert axes.get_ylabel() == "hidden unit of the upper layer"
    assert "activation" in bar.get_ylabel()


def test_states_of_relu_units_are_not_cut_off(poem_file):
    model = elman.train(poem_file, **{**SMALL, "cell": "rnn"}, activation="relu", steps=2)
    model.network.parameters["layer0.b"][:] += 5
    low, high = plots.states(model, "the river").axes[0].images[0].get_clim()
    values = inspection.states(model, "the river")[0]["hidden"]
    assert high == -low == values.max() > 1


def test_states_without_a_text_are_those_of_a_sample(model):
    ticks = plots.states(model).axes[0].get_xticklabels()
    assert plots.states(model).axes[0].get_ylabel() == "hidden unit"
    written = model.sample(60, seed=0).replace(" ", "␣").replace("\n", "↵")
    assert "".join(tick.get_text() for tick in ticks) == written


def test_states_of_a_byte_model_that_writes_no_utf8(poem_file):
    poem_file.write_bytes(bytes(range(256)) * 20)
    model = elman.train(poem_file, **SMALL, tokens="byte", steps=2)
    ticks = plots.states(model).axes[0].get_xticklabels()
    assert 33 <= len(ticks) <= 99


def test_states_of_a_classifier_need_a_text(classifier):
    with pytest.raises(UsageError, match="--text"):
        plots.states(classifier)
    assert len(plots.states(classifier, "ada1").axes[0].get_xticklabels()) == 4


def test_states_of_a_long_text_are_refused(model, poem):
    with pytest.raises(UsageError, match="at most 100"):
        plots.states(model, poem[:101])


@pytest.mark.parametrize("kind", ["characters", "states", "gradients"])
def test_a_chain_has_nothing_to_show(kind, poem_file):
    chain = elman.train(poem_file, cell="ngram")
    with pytest.raises(UsageError, match="Markov chain"):
        getattr(plots, kind)({"chain": chain} if kind == "gradients" else chain)


@pytest.mark.parametrize("kind", ["characters", "states"])
def test_stripped_models_show_what_they_learned(kind, model, tmp_path):
    model.save(tmp_path / "m.safetensors", weights_only=True)
    plots.write(getattr(plots, kind)(elman.load(tmp_path / "m.safetensors")), tmp_path / "a.svg")


def test_a_figure_shows_itself_in_a_notebook(model):
    for figure in (plots.training(model), plots.characters(model), plots.overview(model)):
        png = figure._repr_png_()
        assert png.startswith(b"\x89PNG")
        width = int.from_bytes(png[16:20], "big")
        assert width == pytest.approx(100 * figure.get_figwidth(), abs=2)
