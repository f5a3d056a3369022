"""The temperature that a language model ends with, against what other temperatures give."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language import scoring, temperature
from elman.text.parts import Part
from elman.text.vocabulary import BEGIN, END, Vocabulary

LETTERS = Vocabulary("char", [*"abcde"])
LINES = Vocabulary("char", [*"abcde", BEGIN, END])


def network(vocabulary, bias=True):
    config = NetworkConfig(len(vocabulary), "gru", 6, bias=bias)
    made = Network(config, np.float64)
    initialise(made.parameters, config, "uniform", 4.0, np.random.default_rng(0))
    return made


def text(rng):
    return Part(rng.choice(5, 900, p=[0.6, 0.2, 0.1, 0.05, 0.05]).astype(np.uint8))


def records(rng):
    ids = text(rng).ids
    offsets = np.array([0, 5, 11, 12, 400, *range(410, 901, 10)])
    return Part(ids, offsets=offsets, rows=np.arange(len(offsets) - 1))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("part", "vocabulary"), [(text, LETTERS), (records, LINES)])
def test_no_other_temperature_is_likelier(rng, part, vocabulary, bias):
    part, made = part(rng), network(vocabulary, bias)
    temperature.divide(made, temperature.fitted(made, part, vocabulary))

    def nats(T):
        other = made.copy()
        temperature.divide(other, T)
        return scoring.evaluate(other, part, vocabulary).nats

    assert nats(1) < min(nats(0.9), nats(1.1))
    assert temperature.fitted(made, part, vocabulary) == pytest.approx(1, abs=0.01)


def test_logits_that_are_three_times_as_large_ask_for_three_times_the_temperature(rng):
    part, made = text(rng), network(LETTERS)
    first = temperature.fitted(made, part, LETTERS)
    temperature.divide(made, 1 / 3)
    assert temperature.fitted(made, part, LETTERS) == pytest.approx(3 * first, rel=0.01)


def test_a_long_part_is_read_in_part(rng, monkeypatch):
    part, made = text(rng), network(LETTERS)
    seen = []
    monkeypatch.setattr(temperature, "fit_temperature", lambda z, y: seen.append(len(y)))
    for symbols, numbers in ((600, 1 << 22), (900, 3000)):
        monkeypatch.setattr(temperature, "SYMBOLS", symbols)
        monkeypatch.setattr(temperature, "NUMBERS", numbers)
        temperature.fitted(made, part, LETTERS)
    assert all(600 <= n < part.predictions for n in seen)


POEM = "the sea, the sea, the open sea\nit grew so fresh the ever free\n" * 40
SETTINGS = {"hidden_size": 8, "steps": 40, "validation": 0.2, "progress": False}


@pytest.mark.parametrize("more", [{}, {"lines": True}], ids=["text", "lines"])
def test_a_trained_network_has_its_temperature(more):
    model = elman.train(text=POEM, **SETTINGS, **more)
    T = model.summary["temperature"]
    assert abs(T - 1) > 1e-3
    plain = elman.train(text=POEM, **SETTINGS, **more, schedule="constant", learning_rate=1e-9)
    assert "temperature" not in plain.summary  # it has no end


def test_a_run_that_goes_on_keeps_what_it_says_of_the_held_out_text(tmp_path):
    from elman.tasks import resume

    path = tmp_path / "poem.safetensors"
    (tmp_path / "poem.txt").write_text(POEM)
    first = elman.train(tmp_path / "poem.txt", **SETTINGS, output=path)
    run = resume(path, {"steps": 41})
    list(run.events())
    again = elman.load(path)
    assert again.summary["validation_bits_per_character"] <= (
        1.02 * first.summary["validation_bits_per_character"]
    )


def test_of_a_network_that_stays_the_best_both_temperatures_count(tmp_path):
    from elman.tasks import resume

    (tmp_path / "poem.txt").write_text(POEM)
    path = tmp_path / "poem.safetensors"
    first = elman.train(tmp_path / "poem.txt", **SETTINGS, output=path)
    run = resume(path, {"steps": 41})
    run.learner.best, run.learner.best_value = run.learner.network.copy(), -1.0
    list(run.events())
    assert run.learner.best_step == first.summary["best_step"] < 41
    assert run.summary["temperature"] == pytest.approx(first.summary["temperature"], rel=1e-3)
