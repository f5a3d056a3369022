"""Models pickle, copy and go to other processes as the bytes of their file, checked on arrival."""

from __future__ import annotations

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import elman
from elman.errors import ModelFileError
from elman.nn.engine import select
from elman.store.checkpoint import unpack_bytes
from elman.store.modelfile import _arrived

RNN = {"hidden_size": 8, "steps": 6, "threads": 1, "seq_len": 8, "batch_size": 4}
ROWS = [(f"{stem}{end}", end) for stem in ("ka", "lo", "mi", "tu") for end in ("ov", "ini", "san")]
TEXT = "the river\n"


@pytest.fixture(scope="module", params=["gru", "chain", "classifier"])
def trained(request, tmp_path_factory, poem):
    """A model of every kind, with all that resuming needs."""
    if request.param == "classifier":
        return elman.train(ROWS, task="classify", hidden_size=6, steps=5, threads=1)
    path = tmp_path_factory.mktemp("data") / "poem.txt"
    path.write_text(poem, encoding="utf-8")
    kind = {"cell": "ngram", "order": 3} if request.param == "chain" else RNN
    return elman.train(path, **kind)


def answers(model):
    """What a model says of some texts."""
    if isinstance(model, elman.Classifier):
        return model.predict_proba(["kaov", "tusan"]).tolist()
    return [model.score(TEXT).nats, model.sample(40, seed=1)]


def same(one, other):
    assert type(one) is type(other)
    (arrays, values), (others, expected) = (unpack_bytes(m.pack(), "m") for m in (one, other))
    assert values == expected
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name])
    assert answers(one) == answers(other)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_the_model_again(trained, protocol):
    same(pickle.loads(pickle.dumps(trained, protocol)), trained)


def test_a_model_without_its_training_state_pickles(trained, tmp_path):
    trained.save(tmp_path / "m.safetensors", weights_only=True)
    model = elman.load(tmp_path / "m.safetensors")
    again = pickle.loads(pickle.dumps(model))
    assert again.training is None
    same(again, model)


@pytest.mark.parametrize(
    "copied", [lambda m: copy.deepcopy({"model": m})["model"], copy.copy], ids=["deep", "shallow"]
)
def test_a_copy_is_a_model_of_its_own(trained, copied):
    copied = copied(trained)
    same(copied, trained)
    before = answers(trained)
    if hasattr(copied.network, "parameters"):
        copied.network.parameters.flat[:] = 0
        assert answers(copied) != before
    assert answers(trained) == before


def test_a_copy_computes_on_the_same_engine_a_pickle_on_the_best(trained, tmp_path):
    trained.save(tmp_path / "m.safetensors")
    model = elman.load(tmp_path / "m.safetensors", engine="numpy")
    if not hasattr(model.network, "engine"):
        pytest.skip("a chain has no engine")
    assert copy.deepcopy(model).network.engine is model.network.engine
    assert copy.copy(model).network.engine is model.network.engine
    arrived = pickle.loads(pickle.dumps(model)).network.engine
    assert arrived.name == select("auto", None).name


def test_other_processes_answer_the_same(trained):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(answers, (trained,)) == answers(trained)
        same(pool.apply(copy.deepcopy, (trained,)), trained)


def test_joblib_takes_models_to_its_workers(trained, tmp_path):
    joblib = pytest.importorskip("joblib")
    work = joblib.delayed(answers)
    assert joblib.Parallel(n_jobs=2)(work(trained) for _ in range(2)) == [answers(trained)] * 2
    joblib.dump(trained, tmp_path / "m.joblib")
    same(joblib.load(tmp_path / "m.joblib"), trained)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-9], "is not a model file of Elman, or"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "do not match its digest"),
        (lambda data: b"\x00" * 8, "not a model file"),
        (lambda data: b"", "not a model file"),
        (lambda data: data.replace(b'"format":"1"', b'"format":"7"'), "has format '7'"),
    ],
)
def test_what_is_damaged_on_the_way_is_refused_on_arrival(trained, damage, message):
    with pytest.raises(ModelFileError, match=f"the pickled model .*{message}"):
        _arrived(type(trained), damage(trained.pack()))


def test_a_classifier_does_not_arrive_as_a_language_model(trained):
    other = elman.Model if isinstance(trained, elman.Classifier) else elman.Classifier
    with pytest.raises(ModelFileError):
        _arrived(other, trained.pack())


def test_the_arrays_of_a_training_can_be_written_to(trained):
    again = pickle.loads(pickle.dumps(trained))
    for name, array in again.training[0].items():
        assert array.flags.writeable, name
        np.testing.assert_array_equal(array, trained.training[0][name])
