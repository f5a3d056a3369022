"""The scikit-learn conventions, one by one: the string tag makes `check_estimator` skip them."""

from __future__ import annotations

import copy
import pickle
import signal
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

import elman
from elman.estimators import (
    LanguageModel,
    SequenceClassifier,
    SequenceTagger,
    SequenceVectorizer,
)
from elman.tasks.classify.trainer import ClassifierTrainer
from elman.tasks.language.trainer import Trainer

SMALL = {"hidden_size": 8, "threads": 1, "random_state": 0, "learning_rate": 0.03}
MAKERS = [SequenceClassifier, LanguageModel, SequenceVectorizer]
ALL = [*MAKERS, SequenceTagger]


def words(n=60, seed=0):
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for i in range(n):
        stem = "".join(rng.choice(list("abdeklmorst"), rng.integers(2, 5)))
        texts.append(stem + ("ov", "ini")[i % 2])
        labels.append(("Ov", "Ini")[i % 2])
    return texts, labels


@pytest.fixture(scope="module")
def fitted():
    return SequenceClassifier(**SMALL, epochs=15).fit(*words())


@pytest.mark.parametrize("make", ALL)
def test_init_stores_its_parameters_and_does_nothing_else(make):
    made = make(hidden_size=-5, cell="no such cell", epochs="many")
    assert made.get_params()["hidden_size"] == -5
    assert set(vars(made)) == set(made.get_params())
    assert clone(made).get_params() == made.get_params()
    assert made.set_params(hidden_size=7) is made and made.hidden_size == 7
    with pytest.raises(ValueError, match="Invalid parameter"):
        made.set_params(nonsense=1)
    assert "hidden_size=7" in repr(made)


@pytest.mark.parametrize("make", ALL)
def test_tags_say_that_x_is_strings(make):
    tags = get_tags(make())
    assert tags.input_tags.string and tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array


def test_fit_returns_itself_and_learns(fitted):
    texts, labels = words(40, seed=1)
    assert fitted.score(texts, labels) > 0.9
    assert fitted.predict(texts).shape == (40,)
    p = fitted.predict_proba(texts)
    assert p.shape == (40, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.classes_[p.argmax(axis=1)], fitted.predict(texts))
    np.testing.assert_array_equal(fitted.classes_, ["Ini", "Ov"])
    assert not hasattr(fitted, "n_features_in_")  # a string has no number of features


@pytest.mark.parametrize("kind", ["list", "tuple", "array", "objects", "series"])
def test_lists_arrays_and_series_are_taken(fitted, kind):
    texts = words(6)[0]
    if kind == "series":
        pandas = pytest.importorskip("pandas")
        X = pandas.Series(texts, index=range(10, 16))
    else:
        X = {"list": list, "tuple": tuple, "array": np.array,
             "objects": lambda t: np.array(t, object)}[kind](texts)  # fmt: skip
    np.testing.assert_array_equal(fitted.predict(X), fitted.predict(texts))


@pytest.mark.parametrize(
    "labels",
    [[3, -1] * 20, ["b", "a"] * 20, [True, False] * 20, np.array(["b", "a"] * 20, object)],
    ids=["integers", "strings", "booleans", "objects"],
)
def test_labels_of_any_kind_come_back_as_they_were(labels):
    texts, _ = words(40)
    made = SequenceClassifier(**SMALL, epochs=2).fit(texts, labels)
    np.testing.assert_array_equal(made.classes_, np.unique(np.asarray(labels).tolist()))
    assert set(made.predict(texts).tolist()) <= set(np.asarray(labels).tolist())
    assert made.model_.classes == [str(c) for c in made.classes_.tolist()]


@pytest.mark.parametrize("make", MAKERS)
def test_same_random_state_same_result(make):
    texts, labels = words(40)

    def weights(seed):
        made = make(**SMALL | {"random_state": seed}, epochs=2).fit(texts, labels)
        return made.model_.network.parameters.flat

    np.testing.assert_array_equal(weights(3), weights(3))
    np.testing.assert_array_equal(
        weights(np.random.RandomState(3)), weights(np.random.RandomState(3))
    )
    assert not np.array_equal(weights(3), weights(4))


@pytest.mark.parametrize("make", ALL)
def test_what_is_not_fitted_says_so(make, tmp_path):
    made = make()
    for method in ("predict", "predict_proba", "predict_marginals", "transform",
                   "score_samples", "sample"):  # fmt: skip
        if hasattr(made, method):
            with pytest.raises(NotFittedError):
                getattr(made, method)(*() if method == "sample" else (["a"],))
    with pytest.raises(NotFittedError):
        made.save(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        ("one string", ["a"], "one string"),
        ([1, 2], ["a", "b"], "a int at place 0"),
        (np.zeros((2, 2)), ["a", "b"], "2 dimensions"),
        (["a", ""], ["a", "b"], "text 1 of X is empty"),
        (["a", "b"], ["a"], "X has 2 texts"),
        (["a", "b"], [0.5, 0.25], "continuous"),
        (["a", "b"], [["a", "b"], ["b", "a"]], "1d array"),
        (["a", "b"], None, "array"),
        (["a", "b"], ["a", "a"], "at least 2 classes"),
        (["a", "b", "c"], np.array(["a", "b", float("nan")], object), "float, str"),
        ([], [], "no text"),
    ],
)
def test_bad_input_is_a_value_error(X, y, says):
    with pytest.raises(ValueError, match=says):
        SequenceClassifier().fit(X, y)


def test_a_column_of_labels_is_taken_with_a_warning(fitted):
    texts, labels = words(40)
    with pytest.warns(DataConversionWarning):
        made = clone(fitted).set_params(epochs=1).fit(texts, np.array(labels)[:, None])
    assert made.predict(texts).shape == (40,)


def test_a_copy_and_a_second_fit_are_the_same(fitted):
    texts, labels = words(40)
    made = clone(fitted).set_params(epochs=1).fit(texts, labels)
    p = made.predict_proba(texts)
    np.testing.assert_array_equal(copy.deepcopy(made).predict_proba(texts), p)
    np.testing.assert_array_equal(made.fit(texts, labels).predict_proba(texts), p)


def test_vectors_come_as_a_frame_where_one_is_asked_for():
    pandas = pytest.importorskip("pandas")
    texts = words(20)[0]
    made = SequenceVectorizer(**SMALL, epochs=1).set_output(transform="pandas")
    frame = made.fit_transform(pandas.Series(texts))
    assert list(frame.columns) == [f"sequencevectorizer{i}" for i in range(8)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("make", ALL)
def test_check_estimator_has_nothing_against_them(make):
    """It skips nearly everything for strings, which the tests above do by hand."""
    found = check_estimator(make(**SMALL, epochs=1), on_fail=None)
    assert [check for check in found if check["status"] == "failed"] == []


def test_wrong_settings_are_found_when_fitting():
    with pytest.raises(elman.ElmanError, match="--hidden-size"):
        SequenceClassifier(hidden_size=0).fit(*words())


def test_pickling_goes_through_the_model_file(fitted, tmp_path):
    function, (kind, data) = fitted.model_.__reduce__()
    assert kind is elman.Classifier and data[8:9] == b"{"
    assert function.__module__ == "elman.store.modelfile"
    again = pickle.loads(pickle.dumps(fitted))
    texts = words(10)[0]
    np.testing.assert_array_equal(again.predict_proba(texts), fitted.predict_proba(texts))
    fitted.save(tmp_path / "m.safetensors")
    assert elman.load(tmp_path / "m.safetensors").predict(texts) == fitted.predict(texts).tolist()


def test_partial_fit_learns_batch_by_batch_and_survives_a_pickle():
    texts, labels = words(120)
    made = SequenceClassifier(**SMALL)
    with pytest.raises(ValueError, match="needs all classes"):
        made.partial_fit(texts, labels)
    batches = [(texts[i : i + 40], labels[i : i + 40]) for i in range(0, 120, 40)] * 5
    for i, (X, y) in enumerate(batches):
        made.partial_fit(X, y, classes=["Ini", "Ov", "San"])
        if i == 3:
            made = pickle.loads(pickle.dumps(made))
    assert made.predict_proba(texts).shape == (120, 3)
    assert made.score(texts, labels) > 0.9
    with pytest.raises(ValueError, match="differ from those of the first call"):
        made.partial_fit(texts, labels, classes=["Ini", "Ov"])
    with pytest.raises(ValueError, match="'Other', which is not in classes"):
        made.partial_fit(["a"], ["Other"])
    before = made.model_.network.parameters.flat.copy()
    made.partial_fit(["日本", "tarov"], ["Ini", "Ov"])  # new characters, an uneven batch
    assert not np.array_equal(made.model_.network.parameters.flat, before)


def test_partial_fit_goes_on_after_fit(fitted):
    going_on = clone(fitted).set_params(epochs=3).fit(*words())
    before = going_on.model_.network.parameters.flat.copy()
    going_on.partial_fit(*words(20, seed=9))
    assert 0 < np.abs(going_on.model_.network.parameters.flat - before).max() < 1


def test_a_text_that_repeats_is_never_on_two_sides():
    """Rows are divided by text: all rows of one lie in training, or all are held out."""
    texts, labels = words(80)
    distinct = len(set(texts))
    made = SequenceClassifier(**SMALL, epochs=1).fit(texts * 3, labels * 3)
    held_out = made.model_.summary["validation"]["texts"]
    assert held_out % 3 == 0 or distinct < 80
    assert 0 < held_out <= 3 * 10


def test_cross_validation_grid_search_and_pipeline():
    texts, labels = words(60)
    scores = cross_val_score(SequenceClassifier(**SMALL, epochs=12), texts, labels, cv=2)
    assert scores.mean() > 0.7
    grid = GridSearchCV(SequenceClassifier(**SMALL, epochs=1), {"pooling": ["last", "max"]}, cv=2)
    grid.fit(texts, labels)
    assert grid.best_params_["pooling"] in ("last", "max")
    pipeline = make_pipeline(SequenceVectorizer(**SMALL, epochs=3), LogisticRegression())
    pipeline.fit(texts, labels)
    assert pipeline.score(texts, labels) > 0.8
    assert clone(pipeline).get_params()["sequencevectorizer__hidden_size"] == 8


# --------------------------------------------------------------------------- without labels


def test_a_vector_is_the_state_after_the_last_character():
    texts = words()[0]
    made = SequenceVectorizer(**SMALL, epochs=2)
    vectors = made.fit_transform(texts)
    assert vectors.shape == (60, 8) and vectors.dtype == np.float32
    np.testing.assert_array_equal(made.transform(texts), vectors)
    assert made.get_feature_names_out()[-1] == "sequencevectorizer7"
    vocabulary, network = made.model_.vocabulary, made.model_.network
    ids = np.concatenate([[vocabulary.begin], vocabulary.encode(texts[5])])[:, None]
    state = network.zero_state(1)
    for step in ids:
        _, state = network.predict(step[None], state)
    np.testing.assert_allclose(vectors[5], state[-1, 0, 0], atol=1e-6)


def test_a_language_model_prefers_what_it_has_read():
    texts = words()[0]
    made = LanguageModel(**SMALL, epochs=10).fit(texts)
    likely, unlikely = made.score_samples(["tarov", "vvvvv"])
    assert likely > unlikely
    assert made.score(["tarov", "vvvvv"]) == pytest.approx((likely + unlikely) / 2)
    assert np.isfinite(made.score(["日本"]))  # unknown characters have a probability too
    drawn = made.sample(3, random_state=1)
    assert len(drawn) == 3 and drawn == made.sample(3, random_state=1)
    assert all(drawn) and not any("\n" in text for text in drawn)
    with pytest.raises(ValueError, match="from 1, not 0"):
        made.sample(0)
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.score_samples(texts), made.score_samples(texts))
    with pytest.raises(ValueError, match="line end"):
        made.fit(["a\nb"])


def test_a_fit_that_fails_leaves_the_estimator_as_it_was():
    texts, labels = words()
    made = SequenceClassifier(**SMALL, epochs=1).fit(texts, labels)
    before = made.predict(texts)
    with pytest.raises(ValueError, match="at least 2 classes"):
        made.fit(texts, ["Ov"] * len(texts))
    with pytest.raises(ValueError, match="cell"):
        made.set_params(cell="foo").fit(texts, ["other " + label for label in labels])
    assert made.classes_.tolist() == ["Ini", "Ov"]
    assert made.predict(texts).tolist() == before.tolist()


@pytest.mark.filterwarnings("error")
def test_a_notebook_shows_fitted_estimators_without_a_warning(fitted):
    """scikit-learn reads the docstring for it, by the names that numpydoc gives to sections."""
    assert "SequenceClassifier" in fitted._repr_html_()
    texts = words(10)[0]
    for kind in (LanguageModel, SequenceVectorizer):
        made = kind(hidden_size=4, epochs=1, threads=1)
        assert kind.__name__ in make_pipeline(made.fit(texts))._repr_html_()


def test_scoring_refuses_what_fit_refuses():
    model = LanguageModel(**SMALL, epochs=1).fit(words()[0])
    vectors = SequenceVectorizer(**SMALL, epochs=1).fit(words()[0])
    for refused in (model.fit, model.score, model.score_samples, vectors.transform):
        for text in ("a\nb", "a\n", "\n", "a\rb"):
            with pytest.raises(ValueError, match="text 1 has a line end"):
                refused(["deb", text])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="there is no text to score"):
            model.score([])
        assert model.score_samples([]).shape == (0,)


def interrupt_steps(monkeypatch, kind, times):
    """Every training of a kind is interrupted at its third step, so many times."""
    before = kind._gradient

    def gradient(self, *arguments):
        if self.step == 3:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return before(self, *arguments)

    monkeypatch.setattr(kind, "_gradient", gradient)


@pytest.mark.parametrize("make", MAKERS)
def test_an_interrupted_fit_keeps_the_best_network_so_far(monkeypatch, make):
    kind = ClassifierTrainer if make is SequenceClassifier else Trainer
    interrupt_steps(monkeypatch, kind, 1)
    with pytest.warns(UserWarning, match="interrupted at step 4; .* best model so far") as caught:
        made = make(**SMALL, epochs=50, batch_size=8).fit(*words())
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert made.model_.summary["steps"] == 4
    answer = {SequenceClassifier: "predict", LanguageModel: "score_samples",
              SequenceVectorizer: "transform"}[make]  # fmt: skip
    assert len(getattr(made, answer)(["deb", "kov"])) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("make", MAKERS)
def test_a_second_interrupt_ends_the_fit_at_once(monkeypatch, make):
    kind = ClassifierTrainer if make is SequenceClassifier else Trainer
    interrupt_steps(monkeypatch, kind, 2)
    made = make(**SMALL, epochs=50, batch_size=8)
    with pytest.raises(KeyboardInterrupt):
        made.fit(*words())
    with pytest.raises(NotFittedError):
        made.save("m.safetensors")


# --------------------------------------------------------------------------- a label a symbol


def sentences(n=60, seed=0):
    """Words with a name whose ending says its label."""
    X, y = words(n, seed)
    return [["so", x, "went"] for x in X], [["O", f"B-{label}", "O"] for label in y]


@pytest.fixture(scope="module")
def tagging():
    return SequenceTagger(**SMALL, num_layers=1, epochs=20).fit(*sentences())


def test_a_tagger_learns_words_by_their_letters(tagging):
    X, y = sentences(30, seed=5)
    assert tagging.fit(*sentences()) is tagging and tagging.score(X, y) > 0.9
    assert tagging.classes_.tolist() == ["B-Ini", "B-Ov", "O"]
    assert isinstance(tagging.model_, elman.Tagger) and tagging.model_.letters is not None
    found = tagging.predict(X)
    right = sum(a == b for row in zip(found, y, strict=True) for a, b in zip(*row, strict=True))
    assert tagging.score(X, y) == pytest.approx(right / 90)
    assert tagging.predict(np.array(X)) == found == tagging.predict([tuple(x) for x in X])
    assert tagging.predict([]) == tagging.predict_marginals([]) == []


def test_marginals_are_probabilities_by_label(tagging):
    X, _ = sentences(4)
    found = tagging.predict_marginals(X)
    assert [len(row) for row in found] == [3] * 4
    for row, p in zip(found, tagging.model_.predict_proba(X), strict=True):
        assert [set(of) for of in row] == [set(tagging.classes_)] * 3
        np.testing.assert_allclose([[of[c] for c in tagging.model_.classes] for of in row], p)


def test_a_tagger_of_characters_gives_labels_back_as_they_were():
    texts, _ = words(20)
    labels = [[10 if c in "aeiou" else 9 for c in text] for text in texts]
    made = SequenceTagger(**SMALL, num_layers=1, epochs=15).fit(texts, labels)
    assert made.classes_.tolist() == [9, 10] and made.model_.classes == ["10", "9"]
    assert made.score(texts, labels) > 0.9
    assert {type(label) for label in made.predict(texts)[0]} == {int}
    assert set(made.predict_marginals(["ab"])[0][1]) == {9, 10}
    for tokens in ("word", None):  # the numbers of labels say it, too
        made = made.set_params(epochs=1, tokens=tokens).fit(["an b", "b"], [["x", "y"], ["y"]])
        assert len(made.predict(["b an b"])[0]) == 3
    for wrong in (None, 5, {"a": 1}, [{"a": 1}], [None]):
        with pytest.raises(ValueError, match="of type"):
            made.predict(wrong)


def test_a_tagger_pickles_saves_and_is_the_same_again(tagging, tmp_path):
    X, y = sentences(30)
    again = pickle.loads(pickle.dumps(tagging))
    assert again.predict_marginals(X) == tagging.predict_marginals(X)
    tagging.save(tmp_path / "m.safetensors")
    assert elman.load(tmp_path / "m.safetensors", task="tag").predict(X) == tagging.predict(X)
    one, two = (clone(tagging).set_params(epochs=1).fit(X, y) for _ in range(2))
    assert one.predict_marginals(X) == two.predict_marginals(X)
    assert "SequenceTagger" in tagging._repr_html_()


def test_a_tagger_in_a_grid_search():
    X, y = sentences(24)
    grid = GridSearchCV(
        SequenceTagger(**SMALL, num_layers=1, epochs=1), {"transitions": [True, False]}, cv=2
    )
    grid.fit(X, y)
    assert grid.best_params_["transitions"] in (True, False)
    assert 0 < grid.best_score_ <= 1


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        ("one string", ["a"], "X is one string"),
        ([1, 2], [["a"], ["b"]], r"X\[0\] is of type int"),
        ([["a", 1]], [["a", "b"]], r"X\[0\] has something of type int"),
        ([["a", None]], [["a", "b"]], "something of type NoneType"),
        ([["a"], []], [["a"], []], r"X\[1\] is empty"),
        (None, [["a"]], "X is of type NoneType; give a list of sequences"),
        (5, [["a"]], "X is of type int"),
        ({"a": 1}, [["a"]], "X is of type dict"),
        ([{"a": 1}], [["a"]], r"X\[0\] is of type dict"),
        (["ab"], 5, "y is of type int; give a list of lists of labels"),
        (["ab", ["a", "b"]], [["x", "y"]] * 2, "mixes strings and lists"),
        (["ab"], [["a", "b"], ["a"]], "y has 2 lists of labels, X has 1"),
        (["ab"], None, "y has 0 lists"),
        (["ab"], ["xy"], r"y\[0\] is of type str, not a list of labels"),
        (["abc"], [["a", "b"]], r"X\[0\] has 3 symbols, and y\[0\] 2 labels"),
        (["ab"], [["a", "a"]], "at least 2 labels"),
        (["ab"], [["a", 1]], "int, str"),
        (["ab"], [[0.5, 0.25]], "continuous"),
        ([["x", "y"]], [["B-A", "I-B"]], "I-B is after B-A"),
        ([], [], "no sequence"),
    ],
)
def test_bad_sequences_are_a_value_error(X, y, says):
    with pytest.raises(ValueError, match=says):
        SequenceTagger().fit(X, y)
