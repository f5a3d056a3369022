"""`elman.train` and what it refuses: from a corpus and settings to a model."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import CorpusError, ModelFileError, UnknownSymbolError, UsageError
from elman.tasks import begin, default_output, resume

FAST = {"hidden_size": 8, "seq_len": 16, "batch_size": 4, "steps": 6}


def fast_train(*arguments, **options):
    return elman.train(*arguments, **{**FAST, **options})


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "ngram"])
@pytest.mark.parametrize("options", [{}, {"lines": True}, {"tokens": "byte"}, {"tokens": "word"}])
def test_every_cell_trains_on_every_kind_of_text(tmp_path, poem_file, cell, options):
    path = tmp_path / "model.safetensors"
    settings = {} if cell == "ngram" else FAST
    model = elman.train(poem_file, cell=cell, output=path, **settings, **options)
    assert 0 < model.summary["validation_bits_per_character"] < 10
    loaded = elman.load(path)
    assert loaded.score("the old sea").nats == model.score("the old sea").nats
    assert loaded.sample(20, seed=1) == model.sample(20, seed=1)
    assert loaded.lines == bool(options.get("lines"))


def test_events_tell_the_story(poem_file):
    events = []
    model = fast_train(poem_file, on_event=events.append, log_every=2, eval_every=3)
    kinds = [event["event"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-1] == "done"
    assert [e["step"] for e in events if e["event"] == "step"] == [2, 4, 6]
    assert [e["step"] for e in events if e["event"] == "evaluation"] == [3, 6]
    done = events[-1]
    assert done["steps"] == 6
    assert done["parameters"] == model.network.config.num_parameters()
    for name in ("seconds", "characters_per_second", "train_bits_per_character",
                 "validation_bits_per_character", "validation_perplexity"):  # fmt: skip
        assert done[name] > 0, name


def test_a_run_by_the_clock_finds_its_size_by_measuring(poem_file):
    model = elman.train(poem_file, minutes=0.02)
    assert (model.config["num_layers"], model.config["hidden_size"]) == (1, 128)
    assert model.summary["steps"] > 0


def test_an_event_gives_the_model_as_it_is_then(poem_file):
    written = []

    def watch(event):
        if event["event"] == "step":
            written.append(event["snapshot"]().sample(20, prime="the", greedy=True))

    model = fast_train(poem_file, on_event=watch, log_every=2, validation=0.0)
    early = fast_train(poem_file, steps=2, validation=0.0, schedule="constant")
    assert len(written) == 3
    assert written[-1] == model.sample(20, prime="the", greedy=True)
    assert len(early.sample(20, prime="the", greedy=True)) == len(written[0])


def test_no_steps_write_the_initialised_model(tmp_path, poem_file):
    path = tmp_path / "m.safetensors"
    first, second = (fast_train(poem_file, steps=0, output=path, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.network.parameters.flat, second.network.parameters.flat)
    assert elman.load(path).summary["steps"] == 0


def test_paths_of_a_wrong_type_are_refused_at_every_public_door(poem_file):
    trained = fast_train(poem_file, steps=0)
    rows = [("a", "A"), ("b", "B")] * 10
    for call in (
        lambda: elman.load(None),
        lambda: trained.save(None),
        lambda: fast_train(poem_file, output=5),
        lambda: fast_train(poem_file, start_from=5),
        lambda: elman.train(rows, task="classify", steps=0, hidden_size=4, output=5),
        lambda: elman.train(rows, task="classify", start_from=trained),
    ):
        with pytest.raises(UsageError, match="must be a string or a Path, not of type"):
            call()


def test_training_longer_is_better_and_beats_chance(poem_file):
    short, long = (
        fast_train(poem_file, steps=n, learning_rate=0.02).summary["validation_bits_per_character"]
        for n in (5, 150)
    )
    assert long < short - 0.5


def test_several_files_are_one_corpus(tmp_path, poem_file):
    other = tmp_path / "other.txt"
    other.write_text("XYZ\n" * 50, encoding="utf-8")
    model = fast_train([poem_file, other])
    assert {"X", "t"} <= set(model.vocabulary.symbols)


@pytest.mark.parametrize("size", [3, 4, 10, 90])
@pytest.mark.parametrize("options", [{}, {"batching": "random"}, {"bptt": 100}, {"lines": True}])
def test_a_text_smaller_than_a_batch_trains_all_the_same_and_says_so(tmp_path, size, options):
    path = tmp_path / "tiny.txt"
    path.write_text(("ab\n" * size)[:size], encoding="utf-8")
    notes = []
    elman.train(path, hidden_size=4, steps=3, validation=0.0, **options,
                on_event=lambda e: notes.append(e.get("text", "")))  # fmt: skip
    assert any("training with" in note or "too short" in note for note in notes)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_short_lines_train(tmp_path, length):
    path = tmp_path / "codes.txt"
    path.write_text("".join("abcdefgh"[i : i + length] + "\n" for i in range(3)) * 5)
    for settings in ({"hidden_size": 4, "steps": 2}, {"cell": "ngram"}):
        model = elman.train(path, lines=True, validation=0.2, **settings)
        assert model.summary["validation_bits_per_character"] > 0


# --------------------------------------------------------------------------- refusals


def test_an_unknown_setting_is_refused_by_name(poem_file):
    with pytest.raises(UsageError, match="'hidden'"):
        elman.train(poem_file, hidden=3)


@pytest.mark.parametrize("given", [{"minutes": 1}, {"bias": False}, {"dropout": 0.0}, {"bptt": 9}])
def test_what_has_no_effect_on_a_chain_is_refused(poem_file, given):
    with pytest.raises(UsageError, match="has no effect with --cell ngram"):
        elman.train(poem_file, cell="ngram", **given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"calibrate": False, "schedule": "constant"}, "--no-calibrate .* --schedule constant"),
        ({"calibrate": True, "schedule": "plateau"}, "--calibrate .* --schedule plateau"),
        ({"calibrate": True, "validation": 0}, "--calibrate .* --validation 0"),
    ],
)
def test_a_temperature_that_is_never_fitted_is_refused(poem_file, given, why):
    with pytest.raises(UsageError, match=why):
        fast_train(poem_file, **given)


def test_the_order_of_a_chain_is_refused_for_a_network(poem_file):
    with pytest.raises(UsageError, match="--order needs --cell ngram"):
        fast_train(poem_file, order=3)


def test_a_setting_out_of_range_is_refused_before_the_corpus_is_read():
    with pytest.raises(UsageError, match="--hidden-size"):
        elman.train("nowhere.txt", hidden_size=0)


def test_a_network_too_large_for_memory_is_refused_with_its_size(poem_file):
    with pytest.raises(UsageError, match=r"needs about [\d,.]+ GB.*--hidden-size"):
        fast_train(poem_file, hidden_size=500_000)


def test_an_unknown_engine_is_refused(poem_file):
    with pytest.raises(UsageError, match="engine 'steam'"):
        fast_train(poem_file, engine="steam")


# --------------------------------------------------------------------------- resuming


@pytest.fixture
def trained(tmp_path, poem_file):
    path = tmp_path / "m.safetensors"
    fast_train(poem_file, output=path, seed=2)
    return path


def drain(run):
    return list(run.events())


def test_a_longer_run_goes_on_and_ends_like_an_uninterrupted_one(tmp_path, poem_file):
    options = {"schedule": "constant", "eval_every": 3, "seed": 2}
    path = tmp_path / "m.safetensors"
    fast_train(poem_file, output=path, steps=6, **options)
    drain(resume(path, {"steps": 12}))
    whole = fast_train(poem_file, steps=12, **options)
    found = elman.load(path)
    assert found.summary["steps"] == 12
    np.testing.assert_array_equal(found.network.parameters.flat, whole.network.parameters.flat)


def test_an_interrupted_run_resumes_to_the_same_bits(tmp_path, poem_file):
    whole = fast_train(poem_file, steps=20, seed=2)
    path = tmp_path / "m.safetensors"
    run = begin([str(poem_file)], {**FAST, "steps": 20, "seed": 2, "log_every": 1}, path)
    for event in run.events():
        if event["event"] == "step" and event["step"] == 7:
            run.stop()
    drain(resume(path, {}))
    loaded = elman.load(path)
    np.testing.assert_array_equal(loaded.network.parameters.flat, whole.network.parameters.flat)
    assert loaded.summary["steps"] == 20


def test_a_finished_run_that_is_resumed_ends_at_once_and_changes_nothing(trained):
    before = elman.load(trained).network.parameters.flat.copy()
    events = drain(resume(trained, {}))
    assert not any(event["event"] == "step" for event in events)
    assert events[-1]["event"] == "done"
    np.testing.assert_array_equal(elman.load(trained).network.parameters.flat, before)


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"hidden_size": 9}, "--hidden-size"),
        ({"learning_rate": 0.5}, "--learning-rate"),
        ({"seed": 3}, "--seed"),
        ({"bias": False}, "--no-bias"),
        ({"epochs": 3}, "--epochs"),
        ({"tokens": "word"}, "--tokens"),
    ],
)
def test_a_flag_that_contradicts_the_file_is_refused_by_name(trained, given, flag):
    with pytest.raises(UsageError, match=flag):
        resume(trained, given)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"hidden_size": 9}, "or start a new training$"),
        ({"tokens": "word"}, "or start a new training$"),
        ({"dropout": 0.9}, "or start a new training with --from$"),
        ({"learning_rate": 0.5}, "or start a new training with --from$"),
    ],
)
def test_a_new_training_from_the_file_is_advised_where_it_takes_the_flag(trained, given, advice):
    with pytest.raises(UsageError, match=advice):
        resume(trained, given)


def test_flags_that_repeat_the_file_are_no_contradiction(trained):
    drain(resume(trained, {"hidden_size": 8, "seed": 2, "steps": 6}))


def test_a_changed_corpus_is_refused_and_the_file_left_alone(trained, poem_file, poem):
    before = trained.read_bytes()
    poem_file.write_text(poem.replace("river", "rover"), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"has changed since"):
        resume(trained, {"steps": 12})
    assert trained.read_bytes() == before


def test_weights_alone_cannot_be_resumed(trained):
    elman.load(trained).save(trained, weights_only=True)
    with pytest.raises(ModelFileError, match=r"cannot be resumed.*--from"):
        resume(trained, {})


# --------------------------------------------------------------------------- fine-tuning


def test_a_fine_tuned_model_starts_from_the_weights(tmp_path, trained, poem_file):
    tuned = elman.train(poem_file, start_from=trained, steps=0)
    source = elman.load(trained)
    np.testing.assert_array_equal(tuned.network.parameters.flat, source.network.parameters.flat)
    assert tuned.vocabulary == source.vocabulary


def test_new_characters_get_rows_of_their_own_and_the_old_stay(tmp_path, trained):
    other = tmp_path / "other.txt"
    other.write_text("the жук and the сова\n" * 20, encoding="utf-8")
    notes = []
    tuned = elman.train(other, start_from=trained, steps=0,
                        on_event=lambda e: notes.append(e.get("text", "")))  # fmt: skip
    source = elman.load(trained)
    old, new = source.vocabulary.symbols, tuned.vocabulary.symbols
    assert new[: len(old)] == old and set(new[len(old) :]) == set("жуксова")
    assert any("new to the model get rows of their own: 7" in note for note in notes)
    for name, weights in source.network.parameters.items():
        mine = tuned.network.parameters[name]
        np.testing.assert_array_equal(mine[tuple(slice(n) for n in weights.shape)], weights)
    path = tmp_path / "tuned.safetensors"
    elman.train(other, start_from=trained, steps=2, output=path)
    drain(resume(path, {"steps": 4}))
    assert elman.load(path).vocabulary.symbols == new


@pytest.mark.parametrize("flag", ["vocabulary_size", "min_count"])
def test_a_size_of_the_vocabulary_has_no_effect_with_from_and_is_refused(trained, poem_file, flag):
    with pytest.raises(UsageError, match="has no effect with --from"):
        elman.train(poem_file, start_from=trained, steps=0, **{flag: 5})


def test_text_in_the_other_normal_form_is_recognised_and_the_advice_works(tmp_path):
    composed, apart = tmp_path / "nfc.txt", tmp_path / "nfd.txt"
    composed.write_text("caf\u00e9 na\u00efve\n" * 40, encoding="utf-8")
    apart.write_text("cafe\u0301 nai\u0308ve\n" * 40, encoding="utf-8")
    first = tmp_path / "first.safetensors"
    fast_train(composed, output=first)
    notes = []
    watch = {"on_event": lambda e: notes.append(e.get("text", ""))}
    elman.train(apart, start_from=first, steps=1, **watch)
    assert any("--normalize NFC makes them the same" in note for note in notes)
    notes.clear()
    tuned = elman.train(apart, start_from=first, steps=1, normalize="NFC", **watch)
    assert not any("new to the model" in note for note in notes)
    assert len(tuned.vocabulary) == len(elman.load(first).vocabulary)
    with pytest.raises(UnknownSymbolError, match="normal form NFD, the model's in NFC"):
        elman.load(first).sample(5, prime="cafe\u0301")


def test_another_architecture_is_refused_by_flag(trained, poem_file):
    with pytest.raises(UsageError, match=r"--hidden-size contradicts"):
        elman.train(poem_file, start_from=trained, hidden_size=9, steps=1)


# --------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "stdlib"),
        (["-"], "stdin"),
        (["poems/a.b.txt"], "a.b"),
        (["shakespeare"], "shakespeare"),
        (["one.txt", "two.txt"], "one"),
    ],
)
def test_the_model_is_named_after_the_corpus(tmp_path, monkeypatch, names, expected):
    monkeypatch.chdir(tmp_path)
    with default_output(names) as file:
        assert str(file.path) == f"{expected}.safetensors"


def test_a_vocabulary_that_is_too_large_names_the_flags_that_mend_it(tmp_path, monkeypatch):
    words = tmp_path / "words.txt"
    words.write_text(" ".join(f"w{i}" for i in range(60_000)), encoding="utf-8")
    monkeypatch.setattr("elman.learn.memory._available_memory", lambda: 8e6)
    few = {"tokens": "word", "hidden_size": 4, "batch_size": 1, "seq_len": 2, "steps": 1}
    with pytest.raises(UsageError, match=r"60,002 symbols; reduce .* --vocabulary-size 20000"):
        elman.train(words, **few)
    elman.train(words, vocabulary_size=20_000, **few)
    for limit in ({"steps": 1}, {"minutes": 1}):  # by the clock a network is timed first
        with pytest.raises(UsageError, match="lower --hidden-size"):
            elman.train(
                words, vocabulary_size=20_000, **few | {"hidden_size": 400, "steps": None} | limit
            )


@pytest.mark.parametrize(("spent", "units"), [(1, 256), (30, 128), (90, 128)])
def test_a_network_is_chosen_for_the_time_that_is_left(tmp_path, monkeypatch, spent, units):
    """256 units need four million symbols; of a minute at 100,000 a second half may be enough."""
    (tmp_path / "text.txt").write_text("the old sea\n" * 5000)
    monkeypatch.setattr("elman.learn.pace.Pace.of", lambda self, size: 1e5)
    now = [1000.0]

    class Clock:
        def monotonic(self):
            now[0] += spent
            return now[0] - spent

    monkeypatch.setattr("elman.learn.prepare.time", Clock())
    run = begin([str(tmp_path / "text.txt")], {"task": "lm", "minutes": 1, "precision": "float32"})
    assert run.settings.hidden_size == units
