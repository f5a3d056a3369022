"""Whole classifiers: learning, predicting, the model file, exact resume, the Python interface."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elman
from elman import tasks
from elman.errors import CorpusError, ModelFileError, UsageError
from elman.nn.engine import select
from elman.nn.layers import softmax
from elman.store import checkpoint
from elman.tasks.classify.trainer import class_weights
from elman.tasks.reports import Report
from elman.text import labelled

FLAGS = {"task": "classify", "hidden_size": 12, "batch_size": 16, "threads": 1}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two made-up languages: words that end in -ov and words that end in -ini, and a rarer one."""
    rng = np.random.default_rng(3)
    rows = ["text\tlabel"]
    for label, ending, n in (("Ov", "ov", 90), ("Ini", "ini", 90), ("San", "san", 20)):
        for _ in range(n):
            stem = "".join(rng.choice(list("abdeklmorst"), rng.integers(2, 6)))
            rows.append(f"{stem}{ending}\t{label}")
    path = tmp_path_factory.mktemp("data") / "words.tsv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(table):
    return elman.train(table, **FLAGS, epochs=12, learning_rate=0.02, seed=1)


def test_a_simple_rule_is_learned_and_reported(trained):
    assert trained.summary["test"]["accuracy"] > 0.9
    assert trained.predict(["tarov", "makini", "bosan"]) == ["Ov", "Ini", "San"]
    p = trained.predict_proba(["tarov", "makini"])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert trained.classes == ["Ini", "Ov", "San"]
    support = [c["support"] for c in trained.summary["test"]["classes"].values()]
    assert sum(support) == trained.summary["test"]["texts"] > 10
    assert trained.summary["baselines"]["majority class"]["accuracy"] < 0.6


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_probabilities_alone_and_among_others(trained, table, rng, threads, tmp_path):
    """To the bit on the native engine: batches differ in size, padding and company."""
    trained.save(tmp_path / "m.safetensors")
    model = elman.load(tmp_path / "m.safetensors", threads=threads)
    texts = ["".join(rng.choice(list("abdinosv"), rng.integers(1, 15))) for _ in range(60)]
    together = model.predict_proba(texts)
    native = model.network.engine.name == "native"
    for part in (texts[:1], texts[5:8], texts[20:]):
        alone = model.predict_proba(part)
        first = texts.index(part[0])
        np.testing.assert_allclose(together[first : first + len(part)], alone,
                                   rtol=0 if native else 1e-5)  # fmt: skip


def test_the_temperature_is_fitted_on_the_validation_part_and_kept(trained, tmp_path):
    fitted = trained.summary["validation"]["temperature"]
    assert trained.temperature == fitted == trained.config["temperature"] != 1
    trained.save(tmp_path / "m.safetensors", weights_only=True)
    again = elman.load(tmp_path / "m.safetensors")
    assert again.temperature == fitted
    encoded = again.encode(["tarov", "makini"])
    np.testing.assert_allclose(
        again.predict_proba(["tarov", "makini"]),
        softmax(again.logits(encoded) / fitted), rtol=1e-12,
    )  # fmt: skip


def test_texts_in_memory_keep_their_white_space_and_those_of_class_files_lose_it(tmp_path):
    rows = [(" " * (i % 2) + "ab"[i % 2] * (1 + i // 2), "xy"[i % 2]) for i in range(30)]
    assert not elman.train(rows, **FLAGS, steps=1).treatment.strip
    for label in "xy":
        lines = "".join(f" {text} \n" for text, of in rows if of == label)
        (tmp_path / f"{label}.txt").write_text(lines)
    model = elman.train(tmp_path, **FLAGS, steps=1)
    assert model.treatment.strip and " " not in model.vocabulary.ids
    np.testing.assert_array_equal(model.predict_proba(["ab", " ab\t"])[0],
                                  model.predict_proba(["ab", " ab\t"])[1])  # fmt: skip


@given(
    texts=st.lists(st.text("abdinosv日 \n", min_size=1, max_size=40), min_size=1, max_size=60),
    engine=st.sampled_from(["auto", "numpy"]),
)
@settings(max_examples=40, deadline=None)
def test_a_text_says_the_same_alone_and_in_any_company(trained, texts, engine):
    made = elman.Classifier(
        trained.network, trained.vocabulary, trained.classes, trained.config
    )  # fmt: skip
    made.network.engine = select(engine, 2)
    p, vectors = made.predict_proba(texts), made.embed(texts)
    for i in {0, len(texts) // 2, len(texts) - 1}:
        np.testing.assert_allclose(p[i], made.predict_proba([texts[i]])[0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(vectors[i], made.embed([texts[i]])[0], rtol=0, atol=1e-6)
    reverse = made.predict_proba(texts[::-1])[::-1]
    np.testing.assert_allclose(p, reverse, rtol=0, atol=1e-6)


def test_many_batches_on_several_threads_change_nothing(trained, rng, tmp_path):
    texts = ["".join(rng.choice(list("abdinosv"), rng.integers(1, 30))) for _ in range(900)]
    trained.save(tmp_path / "m.safetensors")
    several = elman.load(tmp_path / "m.safetensors", threads=3)
    one = elman.load(tmp_path / "m.safetensors", threads=1)
    np.testing.assert_array_equal(several.predict_proba(texts), one.predict_proba(texts))


def test_unknown_characters_are_read_as_unk(trained):
    unknown = trained.encode(["tarøv", "日本"]).ids == trained.vocabulary.unknown
    assert unknown.sum() == 3
    assert trained.predict_proba(["日本"]).shape == (1, 3)


def test_empty_texts_and_single_strings_are_refused(trained):
    with pytest.raises(CorpusError, match="text 2 is empty"):
        trained.predict(["a", ""])
    with pytest.raises(UsageError, match="a list of texts"):
        trained.predict_proba("tarov")
    for texts, kind in (([1], "int"), (["a", None], "NoneType"), ([b"a"], "bytes")):
        with pytest.raises(UsageError, match=f"of type {kind}, not a string"):
            trained.predict(texts)
    assert trained.predict([]) == []


@pytest.mark.parametrize("weights_only", [False, True])
def test_the_file_gives_the_same_classifier_back(trained, tmp_path, weights_only):
    path = tmp_path / "m.safetensors"
    trained.save(path, weights_only=weights_only)
    again = elman.load(path)
    assert isinstance(again, elman.Classifier)
    texts = ["tarov", "makini"]
    np.testing.assert_array_equal(again.predict_proba(texts), trained.predict_proba(texts))
    named = [Path(name).name if weights_only else name for name in trained.summary["corpus"]]
    assert again.classes == trained.classes
    assert again.summary == trained.summary | {"corpus": named}  # no path of ours leaves
    assert (again.training is None) == weights_only
    names = {n for n in checkpoint.unpack(path)[0] if not n.startswith("training.")}
    assert names == set(trained.network.parameters)


def test_a_classifier_is_no_language_model_and_the_reverse(trained, tmp_path, poem_file):
    trained.save(tmp_path / "c.safetensors")
    with pytest.raises(
        ModelFileError, match=r"c\.safetensors is a classifier, not a language model"
    ):
        tasks.load(tmp_path / "c.safetensors", task="lm")
    elman.train(poem_file, hidden_size=4, steps=1).save(tmp_path / "lm.safetensors")
    with pytest.raises(
        ModelFileError, match=r"lm\.safetensors is a language model, not a classifier"
    ):
        tasks.load(tmp_path / "lm.safetensors", task="classify")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"classes": ["a", "b"]}, "the number of classes does not match"),
        ({"classes": ["a", "a", "b"]}, "repeated"),
        ({"pooling": "best"}, "pooling"),
        ({"hidden_size": 13}, "shape"),
        ({"seq_len": 0}, "--seq-len"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(trained, tmp_path, change, says):
    path = tmp_path / "m.safetensors"
    trained.save(path, weights_only=True)
    tensors, metadata = checkpoint.unpack(path)
    metadata["config"] |= change
    path.write_bytes(checkpoint.pack(tensors, metadata))
    with pytest.raises(ModelFileError, match=says):
        elman.load(path)


# --------------------------------------------------------------------------- training


@pytest.mark.parametrize(
    "options",
    [{"cell": "lstm", "dropout": 0.3}, {"bidirectional": True, "monitor": "macro-f1"},
     {"optimizer": "sgd", "schedule": "plateau", "eval_every": 3, "pooling": "max"}],
    ids=["dropout", "macro-F1", "plateau"],
)  # fmt: skip
def test_a_stopped_and_resumed_run_ends_in_the_same_bits(table, tmp_path, options):
    given = FLAGS | {"steps": 24, "save_every": 1, "patience": 0} | options

    def tensors(path):
        found = checkpoint.unpack(path)[0]
        return {n: a for n, a in found.items() if n != "training.history"}

    whole = tasks.begin([str(table)], given, tmp_path / "whole.safetensors")
    list(whole.events())
    run = tasks.begin([str(table)], given, tmp_path / "parts.safetensors")
    for stop in (5, 17, 99):
        for event in run.events():
            if event["event"] == "step" and event["step"] >= stop:
                run.stop()
        if not run.learner.finished:
            run = tasks.resume(tmp_path / "parts.safetensors", {})
    a, b = tensors(tmp_path / "whole.safetensors"), tensors(tmp_path / "parts.safetensors")
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_same_seed_same_network_other_seed_another(table):
    def weights(seed):
        return elman.train(table, **FLAGS, steps=4, seed=seed).network.parameters.flat

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def evaluations(source, **settings):
    """The evaluations of a training run, and the model that it keeps."""
    seen = []
    model = elman.train(
        source, **FLAGS, **{"epochs": 6, **settings},
        on_event=lambda e: seen.append(e) if e["event"] == "evaluation" else None,
    )  # fmt: skip
    return seen, model


@pytest.mark.parametrize("monitor", ["loss", "macro-f1"])
def test_the_best_network_by_the_validation_part_is_kept(table, monitor):
    seen, made = evaluations(table, learning_rate=0.05, monitor=monitor, schedule="constant")
    key = {"loss": "validation_loss", "macro-f1": "validation_macro_f1"}[monitor]
    best = min if monitor == "loss" else max
    kept = made.summary["validation"]["nats" if monitor == "loss" else "macro_f1"]
    assert kept == pytest.approx(best(e[key] for e in seen), rel=1e-6)


def test_of_networks_that_chance_may_tell_apart_the_last_is_kept(table, monkeypatch):
    """Only a difference beyond two standard errors of macro-F1 counts."""
    monkeypatch.setattr(Report, "macro_f1_error", lambda self: 0.025)
    seen, made = evaluations(table, learning_rate=0.05, validation=0.2, epochs=3)
    best, kept = float("inf"), []
    for event in seen:
        value = 1e-6 * event["validation_loss"] - event["validation_macro_f1"]
        if value - 0.05 < best:
            best = min(best, value)
            kept.append(event["step"])
    assert kept == [event["step"] for event in seen if event["best"]]
    assert made.summary["best_step"] == kept[-1]
    highest = max(seen, key=lambda event: event["validation_macro_f1"])
    assert kept[-1] > highest["step"]  # by macro-F1 alone an earlier one


def test_a_twentieth_is_chosen_by_at_most_a_thousand_texts():
    def held_out(n):
        pairs = [(f"{i}a", "x") for i in range(n // 2)] + [(f"{i}b", "y") for i in range(n // 2)]
        settings = {"task": "classify", "hidden_size": 2, "steps": 0, "test": 0.2}
        return tasks.begin(labelled.merge(pairs, ["pairs"]), settings)

    assert len(held_out(400).validation) == 20
    many = held_out(24_000)
    assert len(many.validation) == 1000 and len(many.test) == 4800
    assert many.settings.validation == pytest.approx(1 / 24)  # the file says so, for resuming


def test_class_weights_have_mean_one_over_the_texts():
    labels = np.repeat([0, 1, 2], [90, 9, 1])
    for kind, ratio in (("none", 1.0), ("sqrt", 10**0.5), ("balanced", 10.0)):
        weights = class_weights(kind, labels, 3)
        assert weights[labels].mean() == pytest.approx(1)
        assert weights[1] / weights[0] == pytest.approx(ratio)


@pytest.mark.parametrize(("wide", "shares"), [(64, [0.9, 0.225, 0, 0]), (0, [0, 0, 0, 0])])
def test_cells_next_to_a_table_learn_alone_at_first(table, wide, shares):
    run = tasks.begin([str(table)], FLAGS | {"steps": 8, "log_every": 1, "wide": wide})
    alone = [run.learner.alone]
    alone += [run.learner.alone for event in run.events() if event["event"] == "step"]
    assert alone[:8:2] == pytest.approx(shares)


def test_from_starts_with_the_weights_of_a_classifier(trained, table, tmp_path):
    trained.save(tmp_path / "m.safetensors")
    tuned = elman.train(
        table, task="classify", start_from=tmp_path / "m.safetensors", steps=1, validation=0.0,
        learning_rate=1e-6,
    )  # fmt: skip
    np.testing.assert_allclose(tuned.network.parameters.flat, trained.network.parameters.flat,
                               atol=1e-4)  # fmt: skip
    with pytest.raises(UsageError, match="--hidden-size contradicts"):
        elman.train(table, start_from=tmp_path / "m.safetensors", **FLAGS | {"hidden_size": 5})


def test_changed_data_are_refused_when_resuming(table, tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text(table.read_text())
    run = tasks.begin([str(path)], FLAGS | {"steps": 2}, tmp_path / "m.safetensors")
    list(run.events())
    path.write_text(table.read_text() + "nova\tOv\n")
    with pytest.raises(CorpusError, match="have changed"):
        tasks.resume(tmp_path / "m.safetensors", {"steps": 4})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lines": True}, "--lines needs --task lm"),
        ({"bptt": 5}, "--bptt needs --task lm"),
        ({"cell": "ngram"}, "needs a network"),
        ({"pooling": "best"}, "--pooling must be one of"),
        ({"test": 0.6, "validation": 0.4}, "leave no text"),
    ],
)
def test_settings_of_the_other_task_are_refused(table, options, says):
    with pytest.raises(UsageError, match=says):
        elman.train(table, **FLAGS | options)


def test_settings_of_a_classifier_are_none_of_a_language_model(poem_file):
    with pytest.raises(UsageError, match="--bidirectional needs --task classify"):
        elman.train(poem_file, bidirectional=True)


def test_a_classifier_needs_data():
    with pytest.raises(UsageError, match="needs labelled texts"):
        elman.train(task="classify")


ROWS = [("tarov", "Ov"), ("makini", "Ini"), ("bosov", "Ov"), ("tarov", "Ini"), ("tarov", "Ov")]


def test_rows_in_memory_are_taken_as_they_are():
    options = FLAGS | {"validation": 0.0, "test": 0.0, "steps": 1, "batch_size": 5}
    made = elman.train([(text.upper(), label) for text, label in ROWS], lowercase=True, **options)
    assert made.classes == ["Ini", "Ov"]
    assert made.summary["texts"] == made.summary["rows"] == 5
    assert made.summary["repeated"] == made.summary["conflicting"] == 0
    # Treated before the vocabulary is made, as the texts of a file are.
    assert made.vocabulary.symbols == [*"abikmnorstv", "<unk>"]
    assert made.vocabulary.unknown not in made.encode(["TAROV", "tarov"]).ids
    # A repeated row counts twice: without it the first gradient is another one.
    fewer = elman.train(ROWS[:4], lowercase=True, **options)
    assert made.summary["train_loss"] != fewer.summary["train_loss"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("a", "x"), ("b",)], "row 2 is not"),
        ([("a", "x"), "b.tsv"], "row 2 is not"),
        ([("a", "x"), ("", "y")], "row 2 has no text: leave it out"),
        ([("a", "x"), ("b", "x")], "one label only"),
    ],
)
def test_rows_that_are_no_labelled_texts_are_refused(rows, says):
    with pytest.raises(CorpusError, match=says):
        elman.train(rows, **FLAGS, steps=1)


def test_rows_are_for_classifiers():
    with pytest.raises(UsageError, match="give task='classify'"):
        elman.train(ROWS, steps=1)


def test_long_texts_are_cut_and_it_is_said(tmp_path):
    rows = ["text\tlabel", *(f"{'ab' * 20}{i}\t{i % 2}" for i in range(30))]
    (tmp_path / "long.tsv").write_text("\n".join(rows))
    notes = []
    made = elman.train(
        tmp_path / "long.tsv", **FLAGS, steps=1, seq_len=8,
        on_event=lambda e: notes.append(e.get("text")),
    )  # fmt: skip
    assert any("longer than 8 symbols" in str(note) for note in notes)
    p = made.predict_proba(["abababab", "abababab and more"])
    np.testing.assert_allclose(p[0], p[1], atol=1e-6)


@pytest.mark.parametrize("tokens", ["byte", "word"])
def test_bytes_and_words_are_classified_too(table, tokens):
    made = elman.train(table, **FLAGS, tokens=tokens, steps=3)
    assert made.predict_proba(["tarov", "日本"]).shape == (2, 3)


def test_texts_in_memory_need_no_file():
    pairs = [(f"{i}a", "x") for i in range(20)] + [(f"{i}b", "y") for i in range(20)]
    data = labelled.merge(pairs, ["pairs"])
    run = tasks.begin(data, FLAGS | {"steps": 2})
    events = [event["event"] for event in run.events()]
    assert events[-1] == "done"
    assert json.dumps(run.summary)


def test_a_new_class_gets_a_row_of_its_own_and_a_missing_one_is_named(trained, table, tmp_path):
    trained.save(tmp_path / "m.safetensors")
    more = tmp_path / "more.tsv"
    rows = [row for row in table.read_text().splitlines() if not row.endswith("San")]
    more.write_text("\n".join([*rows, *(f"{x}ülf\tAlf" for x in "abcdefgh")]) + "\n")
    notes = []
    tuned = elman.train(
        more, task="classify", start_from=tmp_path / "m.safetensors", steps=0,
        output=tmp_path / "t.safetensors", on_event=lambda e: notes.append(e.get("text", "")),
    )  # fmt: skip
    assert tuned.classes == [*trained.classes, "Alf"]
    assert any("rows of their own: 1 ('Alf')" in note for note in notes)
    assert any("without an example in these data: 'San'" in note for note in notes)
    for name in ("readout.W_y", "layer0.W_x"):
        old, new = trained.network.parameters[name], tuned.network.parameters[name]
        np.testing.assert_array_equal(new[tuple(slice(n) for n in old.shape)], old)
    list(tasks.resume(tmp_path / "t.safetensors", {"steps": 2}).events())
    assert elman.load(tmp_path / "t.safetensors").classes == tuned.classes


def test_parts_of_files_of_ones_own_are_judged_as_they_stand(table, tmp_path):
    rows = table.read_text().splitlines()
    own = tmp_path / "own.tsv"
    own.write_text("\n".join([rows[0], rows[1], rows[1], "neuov\tOv"]) + "\n")
    copied = tmp_path / "copied.tsv"
    copied.write_text(own.read_text())
    made = elman.train(table, **FLAGS, steps=3, test=own, validation=copied)
    assert made.summary["test"]["texts"] == made.summary["validation"]["texts"] == 3
    wrong = tmp_path / "wrong.tsv"
    wrong.write_text("text\tlabel\na\tOv\nb\tXy\nc\tXy\n")
    with pytest.raises(CorpusError, match=r"does not have: 'Xy' \(2\)"):
        elman.train(table, **FLAGS, steps=3, test=wrong)
