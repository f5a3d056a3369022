"""A model in Python: sampling, scoring, saving, loading, and files that are no valid model."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict

import numpy as np
import pytest

import elman
from elman.errors import ElmanError, ModelFileError, UnknownSymbolError, UsageError
from elman.files import OutputFile
from elman.nn.network import Network, NetworkConfig, initialise
from elman.store import checkpoint
from elman.tasks import load
from elman.tasks.language.model import Model
from elman.tasks.language.ngram import NGram
from elman.text.vocabulary import BEGIN, END, UNKNOWN, Vocabulary

LETTERS = Vocabulary("char", list("\nabcdé"))
LINES = Vocabulary("char", [*"abcdé", BEGIN, END])


def make(cell="gru", vocabulary=LETTERS, layers=2, training=None, **extra) -> Model:
    config = NetworkConfig(len(vocabulary), cell, 6, layers)
    network = Network(config, np.float32)
    initialise(network.parameters, config, "uniform", None, np.random.default_rng(1))
    network.parameters.flat[:] *= 3
    return Model(network, vocabulary, asdict(config) | {"dtype": "float32"} | extra,
                 {"steps": 3}, training)  # fmt: skip


def make_chain(order=2) -> Model:
    chain = NGram(len(LETTERS), order)
    chain.train(LETTERS.encode("abcab\ncabéd\nabcd\n" * 3))
    config = {"cell": "ngram", "order": order, "vocabulary_size": len(LETTERS)}
    return Model(chain, LETTERS, config)


def carried(model: Model) -> Model:
    """The model with a state and a last symbol, as a finished training leaves them."""
    rng = np.random.default_rng(5)
    state = rng.normal(size=model.network.zero_state(3).shape).astype(np.float32)
    arrays = {"training.state": state, "training.last_symbol": np.array([2], np.int32)}
    training = (arrays, {"settings": {}, "corpus": {"paths": [], "sha256": ""}})
    return Model(model.network, model.vocabulary, model.config, model.summary, training)


# --------------------------------------------------------------------------- files


@pytest.mark.parametrize("kind", [*(("rnn", "lstm", "gru")), "lines", "chain"])
def test_a_saved_model_comes_back(tmp_path, kind):
    if kind == "chain":
        model = make_chain()
    else:
        model = make("gru", LINES) if kind == "lines" else make(kind)
    model.save(tmp_path / "m.safetensors")
    loaded = elman.load(tmp_path / "m.safetensors")
    assert loaded.vocabulary == model.vocabulary
    assert loaded.config == model.config
    assert loaded.summary == model.summary
    assert loaded.training is None
    assert loaded.lines == (kind == "lines")
    assert loaded.score("abba").nats == model.score("abba").nats
    assert loaded.sample(50, "ab", seed=3) == model.sample(50, "ab", seed=3)


def test_weights_only_leaves_the_training_state_out(tmp_path):
    model, path = carried(make()), tmp_path / "m.safetensors"
    model.save(path)
    whole = path.stat().st_size
    assert load(path).training is not None
    assert load(path).training[0].keys() == model.training[0].keys()
    model.save(path, weights_only=True)
    assert path.stat().st_size < whole
    tensors, metadata = checkpoint.unpack(path)
    assert not any(name.startswith("training.") for name in tensors)
    assert "training" not in metadata
    assert load(path).training is None
    assert load(path).score("abba").nats == model.score("abba").nats


def test_the_names_and_metadata_of_the_file_are_those_of_the_design(tmp_path):
    make("gru").save(tmp_path / "m.safetensors")
    tensors, metadata = checkpoint.unpack(tmp_path / "m.safetensors")
    assert sorted(tensors) == sorted([
        f"layer{n}.{name}" for n in (0, 1) for name in ("W_x", "W_h", "b", "c_n")
    ] + ["readout.W_y", "readout.b_y"])  # fmt: skip
    assert metadata["vocabulary"] == {"kind": "char", "symbols": list("\nabcdé")}
    assert metadata["config"]["cell"] == "gru"
    assert "summary" in metadata


def test_saving_over_a_file_that_is_being_written_is_refused(tmp_path):
    with OutputFile(tmp_path / "m.safetensors"), pytest.raises(ElmanError, match="another process"):
        make().save(tmp_path / "m.safetensors")


def change_tensor(name, change):
    def spoil(tensors, metadata):
        tensors[name] = change(tensors[name])

    return spoil


def change_config(**changes):
    def spoil(tensors, metadata):
        metadata["config"] |= changes

    return spoil


def change_vocabulary(**changes):
    def spoil(tensors, metadata):
        metadata["vocabulary"] |= changes

    return spoil


def with_nan(array):
    array = array.copy()
    array.flat[1] = np.nan
    return array


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change_tensor("layer0.W_h", lambda a: a[:, :-1]), "layer0.W_h has shape (6, 17)"),
        (change_tensor("layer0.W_h", lambda a: a.T), "layer0.W_h has shape (18, 6)"),
        (change_tensor("readout.b_y", lambda a: a.astype(float)), "readout.b_y is float64"),
        (change_tensor("layer1.b", with_nan), "layer1.b holds NaN"),
        (change_tensor("layer1.b", lambda a: a * np.float32(np.inf)), "layer1.b holds NaN or inf"),
        (lambda t, m: t.pop("layer1.c_n"), "layer1.c_n is missing"),
        (lambda t, m: t.update(extra=np.zeros(3, np.float32)), "extra does not belong"),
        (lambda t, m: m.pop("vocabulary"), "vocabulary"),
        (change_config(num_layers=1), "layer1"),
        (change_config(num_layers=10**9), "layers"),
        (change_config(num_layers=0), "layers"),
        (change_config(hidden_size=7), "has shape"),
        (change_config(hidden_size=10**9), "has shape"),
        (change_config(hidden_size="6"), ""),
        (change_config(cell="lstm"), ""),
        (change_config(cell="steam"), "steam"),
        (change_config(activation="steam"), "steam"),
        (change_config(dtype="float16"), "float16"),
        (change_config(vocabulary_size=5), "vocabulary"),
        (change_vocabulary(symbols=list("\nabcd")), "vocabulary"),
        (change_vocabulary(symbols=list("\nabcda")), "repeated"),
        (change_vocabulary(symbols=[]), "empty"),
        (change_vocabulary(symbols=[None] * 6), ""),
        (change_vocabulary(kind="steam"), "kind"),
        (change_vocabulary(kind="byte"), "bytes"),
        (lambda t, m: m.update(config=[1, 2]), ""),
        (lambda t, m: m.update(config=None), ""),
        (lambda t, m: m.update(vocabulary="abc"), ""),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_is_refused_in_one_sentence(tmp_path, spoil, words):
    """The digest is right, so only what the file says can give it away."""
    path = tmp_path / "m.safetensors"
    model = make("gru")
    tensors = {name: array.copy() for name, array in model.network.parameters.items()}
    metadata = {"config": dict(model.config), "vocabulary": LETTERS.to_json(), "summary": {}}
    spoil(tensors, metadata)
    path.write_bytes(checkpoint.pack(tensors, metadata))
    with pytest.raises(ModelFileError) as error:
        load(path)
    message = str(error.value)
    assert message.startswith(f"{path} ")
    assert words in message
    assert "\n" not in message


def test_every_flipped_byte_of_a_small_model_is_refused_or_harmless(tmp_path):
    path = tmp_path / "m.safetensors"
    model = make("rnn", layers=1)
    data = model.pack()
    expected = model.score("abba").nats
    for place in range(0, len(data), 23):
        spoilt = bytearray(data)
        spoilt[place] ^= 1 << place % 8
        path.write_bytes(bytes(spoilt))
        try:
            loaded = load(path)
        except ModelFileError:
            continue
        assert loaded.score("abba").nats == expected


# --------------------------------------------------------------------------- sampling


def test_a_prime_comes_first_and_the_length_counts_what_follows():
    for model in (make(), make_chain()):
        text = model.sample(30, "abc")
        assert text.startswith("abc")
        assert len(text) == 33
        assert model.sample(0, "abc") == "abc"


def test_one_seed_gives_one_text_streamed_or_not():
    model = make("lstm")
    assert model.sample(60, "ab", seed=4) == model.sample(60, "ab", seed=4)
    assert model.sample(60, "ab", seed=4) != model.sample(60, "ab", seed=5)
    pieces = list(model.stream(60, "ab", seed=4))
    assert "".join(pieces) == model.sample(60, "ab", seed=4)
    assert len(pieces) == 61, "the prime, then one symbol after the other"


def test_with_a_prime_the_state_starts_at_zero():
    plain = make("lstm")
    assert carried(plain).sample(40, "ab", seed=2) == plain.sample(40, "ab", seed=2)


def test_without_a_prime_it_goes_on_where_training_ended():
    model = carried(make("lstm"))
    state = model.training[0]["training.state"][:, :, :1]
    logits, _ = model.network.predict(np.array([[2]], np.int32), np.ascontiguousarray(state))
    expected = LETTERS.symbols[int(np.argmax(logits))]
    assert model.sample(1, greedy=True) == expected
    assert model.sample(40, greedy=True) != make("lstm").sample(40, greedy=True)


def test_a_model_of_lines_writes_lines():
    model = make("gru", LINES)
    text = model.sample(300, seed=1)
    assert "\n" in text
    assert len(text) == 300
    assert set(text) <= set("abcdé\n")


def test_the_lines_of_a_primed_model_of_lines_begin_with_the_prime():
    text = make("gru", LINES).sample(200, "ab", seed=1)
    *whole, _ = text.split("\n")
    assert len(whole) > 2
    assert all(line.startswith("ab") for line in whole)


def test_it_stops_where_it_is_told_to():
    text = make().sample(500, "ab", stop="d", seed=0)
    assert text[2:].count("d") == 1
    assert text.endswith("d")


def test_specials_are_never_written():
    vocabulary = Vocabulary("char", [*"ab", UNKNOWN])
    assert set(make(vocabulary=vocabulary).sample(200, "a")) <= {"a", "b"}


def test_top_k_of_one_is_greedy_and_so_is_a_beam_of_one():
    model = make("lstm")
    greedy = model.sample(40, "ab", greedy=True)
    assert model.sample(40, "ab", top_k=1, seed=9) == greedy
    assert model.sample(40, "ab", temperature=0) == greedy
    assert model.sample(40, "ab", beam=1) == greedy


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"length": -1}, "--length"),
        ({"seed": -1}, "--seed"),
        ({"stop": b"a"}, "--stop must be a string, not of type bytes"),
        ({"stop": 0}, "--stop must be a string, not of type int"),
        ({"temperature": -1}, "--temperature"),
        ({"top_p": 0}, "--top-p"),
        ({"beam": 2, "top_k": 3}, "--beam"),
        ({"beam": 2, "greedy": True}, "--beam"),
        ({"beam": -1}, "--beam"),
        ({"beam": 100_000}, "--beam"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options, flag):
    with pytest.raises(UsageError, match=flag):
        make().sample(**{"length": 5, "prime": "ab", **options})


def test_a_prime_with_a_foreign_symbol_is_refused_by_name():
    with pytest.raises(UnknownSymbolError, match=r"'ß'.*position 2 of the prompt"):
        make().sample(5, "abß")


# --------------------------------------------------------------------------- scoring


def test_text_is_treated_as_the_training_text_was():
    model = make(lowercase=True, normalize="NFC")
    assert model.score("ABBA\r\nE\u0301").nats == model.score("abba\né").nats
    assert model.sample(5, "AB").startswith("ab")


def test_a_byte_model_scores_text_and_bytes_alike():
    model = make(vocabulary=Vocabulary("byte", list(range(256))))
    score = model.score("é\r\n")
    assert score.nats == model.score("é\r\n".encode()).nats
    assert score.characters == 4


def test_a_model_of_lines_sums_over_the_lines():
    model = make("gru", LINES)
    total = model.score("ab\n\nécd\n")
    alone = [model.score("ab"), model.score("écd")]
    assert total.nats == pytest.approx(sum(s.nats for s in alone))
    assert total.symbols == 3 + 4


def test_likelier_text_scores_lower():
    model = make_chain()
    assert model.score("abcab").bits_per_character < model.score("éébbd").bits_per_character
    assert model.score("éébbd").bits_per_character < float("inf")


def test_the_public_interface_is_documented():
    for thing in (elman.train, elman.load, Model, Model.sample, Model.score, Model.save):
        assert inspect.getdoc(thing)
        if thing is not Model:
            assert all(
                p.annotation is not inspect.Parameter.empty
                for name, p in inspect.signature(thing).parameters.items()
                if name != "self"
            )


def test_the_configuration_is_plain_json():
    assert json.loads(json.dumps(make().config)) == make().config


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("summary", []),
        ("summary", {"corpus": "x"}),
        ("training", 3),
        ("training", {"settings": {}, "corpus": {"paths": [1]}}),
        (
            "training",
            {"settings": {}, "corpus": {"paths": [], "sha256": ""}, "state": {}, "machine": {}},
        ),
    ],
)
def test_a_file_whose_history_is_not_built_like_ours_is_refused(tmp_path, part, value):
    model = carried(make())
    arrays, _ = model.training
    metadata = {"config": model.config, "vocabulary": model.vocabulary.to_json(), "summary": {}}
    data = checkpoint.pack(dict(model.network.parameters) | arrays, metadata | {part: value})
    (tmp_path / "m.safetensors").write_bytes(data)
    with pytest.raises(ModelFileError):
        load(tmp_path / "m.safetensors")
