"""--precision: what is chosen, recorded and kept, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

import elman
from elman.errors import UsageError
from elman.learn import pace
from elman.learn.ranks import Alone
from elman.nn.engine import choose_level, levels, select
from elman.tasks import begin, find, resume
from elman.tasks.options import LanguageOptions

FAST: LanguageOptions = {"hidden_size": 8, "seq_len": 16, "batch_size": 4}
able = select().name == "native" and select().can_round
with_bf16 = pytest.mark.skipif(not able, reason="this processor has no bf16 instruction")
LOWER = [name for name in levels() if name != "v4bf16"]
ENGINES = ["numpy", pytest.param("native", marks=with_bf16)]


def train(corpus, path, **settings):
    return elman.train(corpus, output=path, **{**FAST, "steps": 12, **settings})


def drain(run):
    return list(run.events())


def recorded(path):
    return elman.load(path).training[1]["settings"]["precision"]


def weights(path):
    return elman.load(path).network.parameters.flat.copy()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


@pytest.fixture
def fast_bf16(monkeypatch):
    """A machine on which a step with bf16 takes so many times less; the list of what was timed."""
    timed = []

    def on(gain, can_round=True):
        class Known(pace.Pace):
            def _measured(self, size, kinds):
                timed.extend((size, bf16) for bf16 in kinds)
                return [1e4 * (gain if bf16 else 1) for bf16 in kinds]

        def engine(*arguments):
            return replace(select(*arguments), name="native", whole=None, can_round=can_round)

        monkeypatch.setattr("elman.learn.prepare.Pace", Known)
        monkeypatch.setattr("elman.learn.prepare.select", engine)
        return timed

    return on


@pytest.mark.parametrize("limit", [{"steps": 3}, {"epochs": 1}])
def test_a_run_counted_in_steps_or_epochs_is_float32(limit, poem_file, path, fast_bf16):
    timed = fast_bf16(9.0)
    run = begin([str(poem_file)], {"task": "lm", **FAST, **limit})
    assert run.settings.precision == "float32" and not run.learner.network.bf16
    assert not timed


@pytest.mark.parametrize(("gain", "chosen"), [(1.1, "float32"), (1.2, "bf16")])
@pytest.mark.parametrize("size", [{}, {"hidden_size": 8}])
def test_a_run_by_the_clock_takes_what_is_faster(gain, chosen, size, poem_file, fast_bf16):
    timed = fast_bf16(gain)
    run = begin([str(poem_file)], {"task": "lm", "minutes": 0.1, **size})
    assert run.settings.precision == chosen
    assert run.learner.network.bf16 == (chosen == "bf16")
    assert {bf16 for _, bf16 in timed} == {False, True}


@pytest.mark.parametrize("why", [{"dtype": "float64"}, {"precision": "float32"}])
def test_what_is_not_asked_for_is_not_timed(why, poem_file, fast_bf16):
    timed = fast_bf16(9.0)
    run = begin([str(poem_file)], {"task": "lm", "minutes": 0.1, **why})
    assert not run.learner.network.bf16
    assert not any(bf16 for _, bf16 in timed)


def test_without_the_instruction_float32(poem_file, fast_bf16):
    timed = fast_bf16(9.0, can_round=False)
    run = begin([str(poem_file)], {"task": "lm", "minutes": 0.1})
    assert run.settings.precision == "float32"
    assert not any(bf16 for _, bf16 in timed)


@pytest.mark.parametrize("engine", ENGINES)
def test_bf16_is_recorded_and_kept(engine, poem_file, path, tmp_path):
    """Stopped and resumed, a run has the bits of one that was never stopped."""
    train(poem_file, path, engine=engine, precision="bf16")
    assert recorded(path) == "bf16"
    whole, plain = tmp_path / "whole.safetensors", tmp_path / "plain.safetensors"
    train(poem_file, whole, engine=engine, precision="bf16", schedule="constant", steps=20)
    train(poem_file, path, engine=engine, precision="bf16", schedule="constant")
    run = resume(path, {"steps": 20})
    assert run.learner.network.bf16
    drain(run)
    np.testing.assert_array_equal(weights(path), weights(whole))
    train(poem_file, plain, engine=engine, schedule="constant", steps=20)
    assert recorded(plain) == "float32"
    assert 0 < np.abs(weights(plain) - weights(whole)).max() < 0.1


@pytest.mark.parametrize("engine", ENGINES)
def test_the_figures_are_those_of_the_float32_model(engine, poem_file, path):
    model = train(poem_file, path, engine=engine, precision="bf16")
    held_out = model.summary["validation_bits_per_character"]
    drain(resume(path, {"precision": "float32", "steps": 13}))
    loaded = elman.load(path)
    assert loaded.summary["validation_bits_per_character"] != held_out
    text = poem_file.read_text(encoding="utf-8")
    assert model.score(text).nats == model.score(text).nats
    again = elman.train(text=text, steps=0, precision="bf16", engine=engine, hidden_size=8)
    plain = elman.train(text=text, steps=0, engine=engine, hidden_size=8)
    assert (again.summary["validation_bits_per_character"]
            == plain.summary["validation_bits_per_character"])  # fmt: skip


def test_resuming_in_float32_is_recorded(poem_file, path):
    train(poem_file, path, engine="numpy", precision="bf16")
    run = resume(path, {"steps": 14, "precision": "float32"})
    assert not run.learner.network.bf16
    drain(run)
    assert recorded(path) == "float32"
    assert not resume(path, {"steps": 16}).learner.network.bf16


def test_it_is_recorded_where_nothing_is_left_to_train(poem_file, path):
    train(poem_file, path, engine="numpy", precision="bf16")
    before = weights(path)
    drain(resume(path, {"precision": "float32"}))
    assert recorded(path) == "float32"
    np.testing.assert_array_equal(weights(path), before)


def test_the_pace_of_a_batch_is_that_of_its_steps_and_the_update(poem_file):
    """A network in which the update is most of the work is not that much faster in batches."""
    run = begin([str(poem_file)], {"task": "lm", "minutes": 0.1, "precision": "float32"})
    paces = []
    for seq_len in (1, 16):
        settings = replace(run.settings, seq_len=seq_len, batch_size=1)
        task = find("lm")
        paces.append(pace.Pace(task, settings, run.data, select(), Alone()).of((1, 256)))
    assert paces[1] / paces[0] > 1.5


def test_auto_is_for_a_new_training(poem_file, path):
    train(poem_file, path)
    with pytest.raises(UsageError, match="--precision auto is for a new training"):
        resume(path, {"precision": "auto"})


@pytest.mark.parametrize("precision", ["bf16", "float32"])
def test_float64_is_refused(precision, poem_file):
    with pytest.raises(UsageError, match=f"--precision {precision} needs --dtype float32"):
        elman.train(poem_file, precision=precision, dtype="float64", **FAST)


@pytest.mark.skipif(not LOWER, reason="needs a level of the native engine without bf16")
def test_a_level_without_the_instruction_refuses_new_and_resumed_runs(poem_file, path):
    train(poem_file, path, engine="numpy", precision="bf16")
    level = LOWER[-1]
    choose_level(level)
    try:
        for refused in (lambda: train(poem_file, path, precision="bf16"),
                        lambda: resume(path, {"steps": 20, "engine": "native"})):  # fmt: skip
            with pytest.raises(UsageError, match=f"{level}.*give --precision float32"):
                refused()
        drain(resume(path, {"steps": 20, "engine": "native", "precision": "float32"}))
    finally:
        choose_level("")
    assert recorded(path) == "float32"


@with_bf16
@pytest.mark.parametrize("shards", [1, 4])
def test_threads_change_no_bit(shards, poem_file, tmp_path):
    found = []
    for threads in (1, 2):
        path = tmp_path / f"{threads}.safetensors"
        train(poem_file, path, precision="bf16", threads=threads, shards=shards, hidden_size=70)
        found.append(weights(path))
    np.testing.assert_array_equal(*found)


@with_bf16
def test_a_classifier_and_a_tagger_train_in_bf16(tmp_path):
    texts = (["aab", "bba", "abab", "bbbb"] * 30, ["a", "b", "a", "b"] * 30)
    model = elman.train(texts, task="classify", steps=10, hidden_size=8, precision="bf16")
    assert np.isfinite(model.network.parameters.flat).all()
    words = ["ab", "ba", "aab", "bab", "abba", "baba"] * 5
    sequences = (words, [["x" if letter == "a" else "y" for letter in word] for word in words])
    tagger = elman.train(sequences, task="tag", steps=10, hidden_size=8, precision="bf16")
    assert np.isfinite(tagger.network.parameters.flat).all()


def test_the_rates_of_this_machine():
    rates = pace.rates(select())
    assert list(rates) == ["float32", "bf16"] if able else ["float32"]
    assert all(rate > 0 for rate in rates.values())
