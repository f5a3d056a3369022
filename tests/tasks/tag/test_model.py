"""Taggers learn, keep every bit in their file, and answer alike alone and in a batch."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest

import elman
from elman.errors import CorpusError, ModelFileError, UsageError

COMMON = {"task": "tag", "hidden_size": 16, "seed": 1, "batch_size": 16}


def people(n: int, seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences with a person and a place, in BIO; the kind of a word shows in its letters."""
    draw = random.Random(seed)
    X, y = [], []
    for _ in range(n):
        first = "".join(draw.choices("aeiou", k=6)).title()
        place = "".join(draw.choices("xyzkt", k=6)).title()
        X.append([first, "Lee", "went", "to", place])
        y.append(["B-PER", "I-PER", "O", "O", "B-LOC"])
    return X, y


def accents(n: int) -> tuple[list[str], list[list[str]]]:
    """Words whose a is marked where an r follows."""
    draw = random.Random(2)
    X = ["".join(draw.choices("abrst", k=draw.randint(3, 9))) for _ in range(n)]
    y = [["á" if (a, b) == ("a", "r") else a for a, b in zip(x, x[1:] + " ", strict=True)]
         for x in X]  # fmt: skip
    return X, y


@pytest.fixture(scope="module")
def words():
    return elman.train(people(300), steps=120, **COMMON)


@pytest.fixture(scope="module")
def characters():
    return elman.train(accents(400), steps=400, **COMMON)


def test_words_that_were_never_seen_are_read_by_their_letters(words):
    X, y = people(20, seed=9)
    assert words.predict(X) == y
    assert all(x[0] not in words.vocabulary.ids for x in X)
    report = words.report
    assert report.spans["all spans"]["f1"] > 0.95 and report.unseen["accuracy"] > 0.95


def test_without_letters_they_are_all_alike():
    model = elman.train(people(300), steps=60, letter_size=0, **COMMON)
    assert model.letters is None and model.network.config.letter_size == 0
    assert model.predict("Aei Lee went to Zxyk")[2:4] == ["O", "O"]


def test_characters_use_what_follows(characters):
    assert characters.vocabulary.kind == "char"
    assert characters.predict("barsat") == ["b", "á", "r", "s", "a", "t"]
    assert characters.report.accuracy > 0.99
    frequent = characters.summary["baselines"]["most frequent label"]
    assert frequent["accuracy"] < characters.report.accuracy


@pytest.mark.parametrize("which", ["words", "characters"])
def test_the_file_gives_the_same_tagger_back(which, request, tmp_path):
    model = request.getfixturevalue(which)
    X = people(6, 3)[0] if which == "words" else accents(6)[0]
    path = tmp_path / "m.safetensors"
    model.save(path)
    for again in (elman.load(path, task="tag"), pickle.loads(pickle.dumps(model)),
                  copy.deepcopy(model)):  # fmt: skip
        for a, b in zip(model.predict_proba(X), again.predict_proba(X), strict=True):
            np.testing.assert_array_equal(a, b)
        assert again.config == model.config and again.classes == model.classes
    with pytest.raises(ModelFileError, match=r"is a tagger, not a language model"):
        elman.load(path, task="lm")


@pytest.mark.parametrize("which", ["words", "characters"])
@pytest.mark.parametrize("transitions", [True, False])
def test_an_answer_does_not_depend_on_its_neighbours(which, transitions):
    data = people(60) if which == "words" else accents(60)
    model = elman.train(data, steps=5, transitions=transitions, engine="auto", **COMMON)
    X = [x * n for n, x in enumerate(data[0][:12], 1)]  # of unlike length
    for x, p in zip(X, model.predict_proba(X), strict=True):
        np.testing.assert_array_equal(model.predict_proba([x])[0], p)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-9)


def test_long_sequences_are_read_in_windows():
    X, y = accents(200)
    text, labels = " ".join(X), list(" ".join("".join(row) for row in y))
    model = elman.train(([text], [labels]), steps=300, seq_len=24, **COMMON)
    assert model.predict("bar arb " * 20)[1] == "á"
    logits = model.run(model.encode(["bar arb " * 20]), np.array([[0, 160]]))
    assert (np.abs(logits).sum(axis=1) > 0).all()


def test_resumed_and_whole_runs_end_in_the_same_bits(tmp_path):
    rows = "\n".join(
        "".join(f"{t}\t{l}\n" for t, l in zip(x, l, strict=True))
        for x, l in zip(*people(80), strict=True)
    )
    (tmp_path / "a.conll").write_text(rows)
    whole = elman.train(tmp_path / "a.conll", steps=12, output=tmp_path / "w.safetensors", **COMMON)
    elman.train(tmp_path / "a.conll", steps=7, output=tmp_path / "h.safetensors", **COMMON)
    from elman.tasks import resume

    run = resume(tmp_path / "h.safetensors", {"steps": 12})
    list(run.events())
    half = elman.load(tmp_path / "h.safetensors", task="tag")
    assert half.summary["steps"] == whole.summary["steps"] == 12
    # The schedule of the first run ended at its own seventh step, so only its place is compared.
    again = resume(tmp_path / "h.safetensors", {"steps": 12})
    assert again.learner.finished
    (tmp_path / "a.conll").write_text(rows + "\nx\tO\n")
    with pytest.raises(CorpusError, match="have changed since the tagger was trained"):
        resume(tmp_path / "h.safetensors", {"steps": 20})


def test_from_goes_on_with_new_labels(words, tmp_path):
    words.save(tmp_path / "m.safetensors")
    X = [["Aei", "Lee", "in", "May"]] * 20 + people(20)[0]
    y = [["B-PER", "I-PER", "O", "B-DATE"]] * 20 + people(20)[1]
    model = elman.train((X, y), task="tag", start_from=tmp_path / "m.safetensors", steps=30)
    assert model.classes == [*words.classes, "B-DATE"]
    assert model.letters.symbols == [*words.letters.symbols, "M"]  # of May
    assert model.network.config.hidden_size == 16


def test_from_gives_new_characters_rows_of_their_own(characters, tmp_path):
    characters.save(tmp_path / "m.safetensors")
    X, y = accents(40)
    X = [x.replace("a", "а").replace("r", "р") for x in X]  # in Cyrillic
    given = {"task": "tag", "steps": 1}
    run = elman.tasks.begin([*zip(X, y, strict=True)], given, start_from=tmp_path / "m.safetensors")
    model = run.learner.tagger()
    assert model.vocabulary.symbols == [*characters.vocabulary.symbols, "а", "р"]
    assert any("characters that are new to the model" in note for note in run.data.source.notes)
    rows = len(characters.vocabulary)
    name = next(name for name, values in characters.network.parameters.items()
                if len(values) == rows)  # fmt: skip
    np.testing.assert_array_equal(
        model.network.parameters[name][:rows], characters.network.parameters[name]
    )


def test_from_counts_the_words_that_are_new(words, tmp_path):
    words.save(tmp_path / "m.safetensors")
    run = elman.tasks.begin([*zip(*people(20, seed=7), strict=True)], {"task": "tag", "steps": 1},
                            start_from=tmp_path / "m.safetensors")  # fmt: skip
    assert any("words are unknown to the model" in note for note in run.data.source.notes)
    assert run.data.vocabulary.symbols == words.vocabulary.symbols


def test_a_symbol_is_unseen_alike_in_training_and_afterwards(tmp_path):
    from elman.tasks.tag.trainer import evaluate
    from elman.text.tagforms import TaggedOptions

    X, y = people(20, seed=8)
    path = tmp_path / "t.conll"
    path.write_text("\n".join("".join(f"{t}\t{l}\n" for t, l in zip(*row, strict=True))
                              for row in zip(X, y, strict=True)))  # fmt: skip
    model = elman.train(people(60), steps=1, min_count=20, test=str(path), **COMMON)
    found, _ = evaluate(model, [str(path)], TaggedOptions())
    assert model.report.unseen == found.unseen
    assert found.unseen["symbols"] == sum(w not in model.vocabulary.ids for x in X for w in x) > 0


@pytest.mark.parametrize("beside", [False, True])
def test_moved_files_are_named_anew(tmp_path, monkeypatch, beside):
    """The labels of a text, and the file of a part."""
    from elman.tasks import resume

    monkeypatch.chdir(tmp_path)
    X, y = people(40)
    if beside:
        files = {"a.txt": X, "labels": y}
        given = {"labels": "labels"}
        for name, rows in files.items():
            (tmp_path / name).write_text("".join(" ".join(row) + "\n" for row in rows))
    else:
        given = {"validation": "validation"}
        for name, rows in (("a.txt", zip(X[5:], y[5:], strict=True)),
                           ("validation", zip(X[:5], y[:5], strict=True))):  # fmt: skip
            lines = ["".join(f"{t}\t{l}\n" for t, l in zip(*row, strict=True)) for row in rows]
            (tmp_path / name).write_text("\n".join(lines))
    (name,) = given
    elman.train("a.txt", steps=1, output="m.safetensors", **given, **COMMON)
    (tmp_path / name).rename(tmp_path / "moved")
    with pytest.raises(CorpusError, match=rf"cannot be found; if it was moved, .* --{name} PATH"):
        resume("m.safetensors", {"steps": 2})
    run = resume("m.safetensors", {"steps": 2, name: "moved"})
    assert run.settings.to_json()[name] == str(tmp_path / "moved")
    (tmp_path / "other").write_text((tmp_path / "moved").read_text().replace("O", "B-PER", 1))
    with pytest.raises(CorpusError, match="have changed"):
        resume("m.safetensors", {"steps": 2, name: "other"})
    with pytest.raises(UsageError, match=r"--no-transitions contradicts .* with --transitions;"):
        resume("m.safetensors", {"steps": 2, "transitions": False, name: "moved"})


def test_held_out_sequences_are_never_learned(tmp_path):
    X, y = people(40)
    twice = (X * 3, y * 3)
    model_of = elman.tasks.begin([*zip(*twice, strict=True)], {"task": "tag", "steps": 1})
    parts = [model_of.data.source.pieces(p.ranges) for p in
             (model_of.train, model_of.validation, model_of.test)]  # fmt: skip
    sets = [{tuple(tokens) for tokens in part} for part in parts]
    assert not sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]
    assert sum(map(len, parts)) == 120


@pytest.mark.parametrize(
    ("data", "settings", "error", "words"),
    [
        (([["a", "b"]], [["x"]]), {}, CorpusError, "2 tokens and 1 label"),
        (([["a", "b"]], [["x", "x"]]), {}, CorpusError, "has only the label 'x'"),
        (([[]], [[]]), {}, CorpusError, "no tokens"),
        (([["a"], ["b"]], [["x"]]), {}, UsageError, "2 sequences and 1 lists of labels"),
        (([["ab", "b"]], [["x", "y"]]), {"tokens": "char"}, UsageError, "not a single character"),
        (([["O", "b"]], [["I-A", "B-A"]] ), {"letter_size": 4, "tokens": "char"}, UsageError,
         "is for words"),
        (([["ab", "b"]], [["x", "y"]]), {"letter_size": 4, "embedding_size": 0}, UsageError,
         "--embedding-size"),
        (([["ab", "b"]], [["x", "y"]]), {"label_column": "0"}, UsageError, "number of a column"),
        (([["ab", "b"], ["c"]] * 9, [["x", "y"], ["x"]] * 9), {"validation": 0.5, "test": 0.4},
         CorpusError, "no sequence is left for training"),
        (([["ab", "b"]], [["x", "y"]]), {"pooling": "max"}, UsageError,
         "needs --task classify"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(data, settings, error, words):
    with pytest.raises(error) as caught:
        elman.train(data, **{"task": "tag", "steps": 1, **settings})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "error"),
    [([""], CorpusError), ([[]], CorpusError), ([["a", 1]], UsageError), ([["a", ""]], UsageError),
     (5, UsageError), (None, UsageError), ([5], UsageError), ([None], UsageError),
     (b"ab", UsageError), ([b"ab"], UsageError), ({"a": 1}, UsageError), ([{"a": 1}], UsageError)],
)  # fmt: skip
def test_texts_that_cannot_be_labelled(words, texts, error):
    for ask in (words.predict, words.predict_proba, words.tag):
        with pytest.raises(error):
            ask(texts)


def test_engines_agree(words):
    X = people(5, 4)[0]
    other = copy.deepcopy(words)
    from dataclasses import replace

    from elman.nn.engine import select

    other.network.engine = replace(select("numpy"), threads=1)
    for a, b in zip(words.predict_proba(X), other.predict_proba(X), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
