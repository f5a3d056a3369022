"""Many texts to arrays, in processes that know the path of a model."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest

import elman
from elman import bulk
from elman.errors import ModelFileError, UsageError
from elman.inside.embedding import embed_all

TEXTS = ["Takov", "", "Mabini", " ", "Tülov und so weiter"]
TINY = {"hidden_size": 5, "steps": 2, "threads": 1, "progress": False}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("bulk") / "names.safetensors"
    pairs = [(f"{stem}{end}", end) for end in ("ov", "ini") for stem in "abcdefghi"] * 2
    elman.train(pairs, task="classify", seq_len=8, **TINY).save(path)
    return path


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    path = tmp_path_factory.mktemp("bulk") / "text.safetensors"
    elman.train(text="".join(f"{text}\n" for text in TEXTS) * 9, lines=True, **TINY).save(path)
    return path


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 8)


def test_labels_are_those_of_the_model(classifier, in_small_batches):
    model = elman.load(classifier, task="classify")
    found = bulk.classify(classifier, iter(TEXTS))
    there = [0, 2, 4]
    assert list(found.label[there]) == model.predict([TEXTS[i] for i in there])
    assert found.label[1] is None and found.label[3] is None and found.label.dtype == object
    assert np.isnan(found.probability[[1, 3]]).all() and (found.probability[there] > 0.4).all()
    sure = bulk.classify(classifier, TEXTS, threshold=1.0)
    assert list(sure.label) == [None] * 5
    assert set(bulk.classify(classifier, TEXTS, among=["ov"]).label[there]) == {"ov"}


def test_scores_are_those_of_the_model(language, in_small_batches):
    found = bulk.score(language, [*TEXTS, "€"])
    scores = elman.load(language, task="lm").score([text for text in TEXTS if text])
    there = [0, 2, 3, 4]
    assert found.nats[there].tolist() == [s.nats for s in scores]
    assert found.bits_per_character[there].tolist() == [s.bits_per_character for s in scores]
    assert np.isnan(found.nats[1]) and found.nats[5] == np.inf


@pytest.mark.parametrize("kind", ["classifier", "language"])
def test_vectors_are_those_of_the_model(kind, request, in_small_batches):
    path = request.getfixturevalue(kind)
    np.testing.assert_array_equal(bulk.embed(path, TEXTS), embed_all(elman.load(path), TEXTS))


def test_a_column_with_gaps(classifier):
    pd = pytest.importorskip("pandas")
    column = pd.Series(["Takov", None, np.nan, pd.NA, "Mabini"], index=[7, 5, 3, 1, 0])
    found = bulk.classify(classifier, column)
    assert [label is None for label in found.label] == [False, True, True, True, False]
    frame = pd.DataFrame({"text": column}).assign(label=found.label)
    assert frame["label"].notna().tolist() == [True, False, False, False, True]


def test_nothing_gives_arrays_of_nothing(classifier, language):
    assert [len(found) for found in bulk.classify(classifier, [])] == [0, 0]
    assert [len(found) for found in bulk.score(language, [])] == [0, 0]
    assert bulk.embed(language, []).shape == (0, 5)


def test_a_model_is_read_once_and_again_when_it_has_changed(classifier, tmp_path, monkeypatch):
    read = []
    load = bulk.tasks.load
    monkeypatch.setattr(bulk.tasks, "load", lambda *a, **k: read.append(a) or load(*a, **k))
    path = tmp_path / "m.safetensors"
    for _ in range(2):
        path.write_bytes(classifier.read_bytes())
        for texts in (TEXTS, TEXTS[:1]):
            bulk.classify(path, texts)
    assert len(read) == 2


def test_what_travels_is_the_path(classifier):
    ask = partial(bulk.classify, str(classifier), among=["ov"])
    data = pickle.dumps(ask)
    assert len(data) < 400
    np.testing.assert_array_equal(pickle.loads(data)(TEXTS).label, ask(TEXTS).label)


@pytest.mark.arguments
@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("Takov", "give many texts"),
        (["Takov", 3], "text 2 is not a string but 3"),
        (["Takov", b"x"], "text 2 is not a string"),
        ({"text": ["Takov"]}, "a dict of columns is not a text"),
    ],
)
def test_what_is_no_text(classifier, texts, words):
    for ask in (bulk.classify, bulk.embed):
        with pytest.raises(UsageError, match=words):
            ask(classifier, texts)


def test_a_model_of_another_task_and_none_at_all(classifier, language, tmp_path):
    with pytest.raises(ModelFileError, match="not a classifier"):
        bulk.classify(language, TEXTS)
    with pytest.raises(ModelFileError, match="not a language model"):
        bulk.score(classifier, TEXTS)
    with pytest.raises(ModelFileError):
        bulk.embed(tmp_path / "none.safetensors", TEXTS)


def labels(path, lines):
    """What docs/machines.md gives to Dask."""
    lines = list(lines)
    found = bulk.classify(path, lines)
    return list(zip(lines, found.label, found.probability, strict=True))


def test_two_processes_of_dask(classifier, tmp_path):
    distributed = pytest.importorskip("dask.distributed")
    bag = pytest.importorskip("dask.bag")
    for number in range(4):
        lines = [f"{stem}{number}ov" for stem in "abcdef"]
        (tmp_path / f"names-{number}.txt").write_text("".join(f"{line}\n" for line in lines))
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with distributed.Client(**workers, dashboard_address=None, local_directory=tmp_path) as client:
        read = bag.read_text(str(tmp_path / "names-*.txt")).str.rstrip("\n")
        rows = read.map_partitions(partial(labels, str(classifier))).compute()
        assert len(client.scheduler_info()["workers"]) == 2
    texts = [text for text, *_ in rows]
    assert texts == [f"{stem}{number}ov" for number in range(4) for stem in "abcdef"]
    assert rows == labels(classifier, texts)
