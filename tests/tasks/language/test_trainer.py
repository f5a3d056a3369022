"""The training loop: updates by hand, truncation, schedules, stopping, checkpoints."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from elman.errors import DivergedError
from elman.nn.network import Network, NetworkConfig, initialise
from elman.tasks.language import batches
from elman.tasks.language.settings import LanguageSettings
from elman.tasks.language.trainer import Trainer
from elman.text.parts import Part
from elman.text.vocabulary import BEGIN, END, Vocabulary

V = 6
LETTERS = Vocabulary("char", list("abcdef"))
LINES = Vocabulary("char", [*"abcd", BEGIN, END])


def network(cell="gru", layers=1, dropout=0.0):
    config = NetworkConfig(V, cell, 5, layers, dropout=dropout)
    net = Network(config, np.float64)
    initialise(net.parameters, config, "uniform", None, np.random.default_rng(0))
    return net


def stream(size=200, seed=0) -> Part:
    """A text with some order: mostly the next letter."""
    rng = np.random.default_rng(seed)
    return Part((np.cumsum(rng.choice([1, 1, 1, 2], size)) % V).astype(np.uint8))


def lines(count=30, seed=0) -> Part:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 12, count)
    ids = (np.cumsum(rng.choice([1, 1, 1, 2], lengths.sum())) % 4).astype(np.uint8)
    return Part(ids, np.concatenate([[0], np.cumsum(lengths)]), np.arange(count))


NONE = Part(np.zeros(0, np.uint8))
PLAIN = {"seq_len": 7, "batch_size": 3, "schedule": "constant", "log_every": 1, "steps": 20,
         "sample_every": 10**6}  # fmt: skip


def trainer(train=None, validation=NONE, net=None, vocabulary=LETTERS, **settings) -> Trainer:
    settings = LanguageSettings(**{**PLAIN, **settings}).resolved(100, {})
    return Trainer(net or network(dropout=settings.dropout), vocabulary, settings,
                   train or stream(), validation)  # fmt: skip


def run(t: Trainer, save=lambda: None):
    return list(t.events(save))


def steps(events):
    return [event for event in events if event["event"] == "step"]


# --------------------------------------------------------------------------- updates


@pytest.mark.parametrize("loss", ["mean", "sum"])
def test_updates_equal_a_loop_written_by_hand(loss):
    """Consecutive windows, state carried, clipped SGD."""
    part, net = stream(), network()
    t = trainer(part, optimizer="sgd", learning_rate=0.3, loss=loss, clip_norm=0.5, steps=12)
    plan = batches.plan(part, LETTERS, "consecutive", 7, 3, 0, 0)
    assert len(plan) < 12, "so that a second pass begins with a zero state"
    for number, event in enumerate(steps(run(t))):
        batch = plan[number % len(plan)]
        if number % len(plan) == 0:
            state = net.zero_state(3)
        weight = 1 / 21 if loss == "mean" else 1 / 3
        value, (state,) = net.loss_and_gradient(
            batch.inputs, batch.targets, np.full((7, 3), weight), state
        )
        norm = np.linalg.norm(net.gradient.flat)
        net.parameters.flat[:] -= 0.3 * net.gradient.flat * min(1, 0.5 / norm)
        assert event["loss"] == pytest.approx(value, rel=1e-12)
        assert event["gradient_norm"] == pytest.approx(norm, rel=1e-12)
        assert event["step"] == number + 1
    np.testing.assert_allclose(t.network.parameters.flat, net.parameters.flat, rtol=1e-12)


@pytest.mark.parametrize("batching", ["consecutive", "random"])
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "adam"])
def test_every_optimizer_learns_an_easy_text(batching, optimizer):
    rate = {"sgd": 2.0, "adagrad": 0.3}.get(optimizer, 0.03)
    t = trainer(optimizer=optimizer, learning_rate=rate, batching=batching, steps=150)
    losses = [event["loss"] for event in steps(run(t))]
    assert losses[0] == pytest.approx(log(V), abs=0.3)
    assert np.mean(losses[-10:]) < 0.8


def test_lines_learn_too_and_long_ones_carry_their_state_over_windows():
    t = trainer(lines(), net=network(), vocabulary=LINES, lines=True, seq_len=5, steps=60,
                learning_rate=0.03)  # fmt: skip
    losses = [event["loss"] for event in steps(run(t))]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.2
    assert t.epoch > 1


def test_a_window_that_begins_anew_equals_one_from_a_zero_state():
    part, net = stream(), network()
    t = trainer(part, optimizer="sgd", learning_rate=1e-13, clip_norm=0.0, steps=8, reset_state=0.4)
    plan = batches.plan(part, LETTERS, "consecutive", 7, 3, 0, 0, 0.4)
    state, reset = net.zero_state(3), 0
    for number, event in enumerate(steps(run(t))):
        batch = plan[number]
        assert batch.anew is not None
        state = np.where(batch.anew[:, None], 0, state)
        value, (state,) = net.loss_and_gradient(
            batch.inputs, batch.targets, np.full((7, 3), 1 / 21), state
        )
        assert event["loss"] == pytest.approx(value, rel=1e-9)
        reset += batch.anew.sum() if number else 0
    assert 0 < reset < 21


# --------------------------------------------------------------------------- truncation


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_shorter_truncation_cuts_the_window(cell):
    t = trainer(net=network(cell, 2), bptt=3, steps=1, learning_rate=1e-12)
    (event,) = steps(run(t))
    batch = batches.plan(stream(), LETTERS, "consecutive", 7, 3, 0, 0)[0]
    net = network(cell, 2)
    net.loss_and_gradient(
        batch.inputs, batch.targets, np.full((7, 3), 1 / 21), net.zero_state(3), cuts=(3, 6)
    )
    assert event["gradient_norm"] == pytest.approx(np.linalg.norm(net.gradient.flat), rel=1e-9)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bptt", [8, 10, 14, 17, 21, 1000])
def test_a_truncation_beyond_the_window_equals_a_longer_window_made_by_hand(cell, bptt):
    """The last window's losses, read from `bptt` steps before its end, all in one graph."""
    t = trainer(net=network(cell, 2), bptt=bptt, steps=4, learning_rate=1e-13, clip_norm=0.0)
    event = steps(run(t))[-1]
    ids, stride = stream().ids, 200 // 3
    columns = np.stack([ids[b * stride : b * stride + 29] for b in range(3)], axis=1)
    columns = columns.astype(np.int32)
    first = max(0, 28 - bptt)  # where the gradient ends
    weights = np.zeros((28 - first, 3))
    weights[-7:] = 1 / 21
    net = network(cell, 2)
    state = net.zero_state(3)
    if first:
        state = net.predict(columns[:first], state)[1]
    loss, states = net.loss_and_gradient(columns[first:-1], columns[first + 1 :], weights, state)
    assert event["loss"] == pytest.approx(loss, rel=1e-9)
    np.testing.assert_allclose(t.network.gradient.flat, net.gradient.flat, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(t.end_state, states[-1], rtol=1e-9)


def test_a_truncation_beyond_the_window_ends_where_a_pass_begins():
    part = stream(60)
    t = trainer(part, bptt=100, steps=len(batches.plan(part, LETTERS, "consecutive", 7, 3, 0, 0)))
    run(t)
    assert len(t.context)
    t.limit = ("steps", t.step + 1)
    run(t)
    assert len(t.context) == 7, "the window of the new pass alone"


# --------------------------------------------------------------------------- course


def test_the_schedule_is_what_the_settings_say():
    events = steps(run(trainer(schedule="cosine", warmup=5, learning_rate=0.02)))
    rates = [event["learning_rate"] for event in events]
    assert rates[0] < rates[2] < rates[4]
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] < 0.001


def test_a_run_ends_after_its_steps_or_epochs():
    assert steps(run(trainer(steps=9)))[-1]["step"] == 9
    t = trainer(steps=None, epochs=1.5)
    run(t)
    assert t.step == pytest.approx(1.5 * len(t.plan), abs=1)
    assert trainer(steps=0).finished


def test_without_progress_it_stops_early_and_keeps_the_best():
    """The held-out part is another text, so what is learned soon stops helping."""
    other = Part(np.random.default_rng(5).integers(0, V, 300).astype(np.uint8))
    t = trainer(stream(), other, eval_every=2, patience=3, steps=500, learning_rate=0.05)
    evaluations = [event for event in run(t) if event["event"] == "evaluation"]
    held_out = [event["validation_bits_per_character"] for event in evaluations]
    assert t.step < 500
    assert evaluations[-1]["stopped_early"]
    best = int(np.argmin(held_out))
    assert best == len(held_out) - 1 - 3
    assert t.best_step == evaluations[best]["step"]
    assert t.trained() is t.best
    assert not np.array_equal(t.best.parameters.flat, t.network.parameters.flat)


def test_on_a_plateau_the_rate_is_halved():
    other = Part(np.random.default_rng(5).integers(0, V, 300).astype(np.uint8))
    t = trainer(stream(), other, schedule="plateau", eval_every=2, patience=0, steps=60,
                learning_rate=0.05, warmup=0)  # fmt: skip
    rates = {event["learning_rate"] for event in steps(run(t))}
    assert t.plateau_factor < 0.5
    assert all(np.log2(0.05 / rate).is_integer() for rate in rates)


def test_a_diverging_run_says_when_and_what_to_try():
    t = trainer(net=network("rnn"), optimizer="sgd", learning_rate=1e4, clip_norm=0.0, steps=500)
    t.network.parameters.flat[:] = np.inf
    with np.errstate(all="ignore"), pytest.raises(DivergedError) as error:
        run(t)
    message = str(error.value)
    assert "diverged at step 1" in message
    assert "--learning-rate 1000 (now 10000)" in message
    assert "--clip-norm" in message
    assert "\n" not in message


def test_one_seed_gives_the_same_losses_and_another_does_not():
    def losses(**settings):
        return [event["loss"] for event in steps(run(trainer(**settings)))]

    assert losses(batching="random", dropout=0.3) == losses(batching="random", dropout=0.3)
    assert losses(batching="random") != losses(batching="random", seed=1)
    assert losses(dropout=0.3) != losses(dropout=0.3, seed=1)


# --------------------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("stop", [1, 8, 13])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batching": "random", "dropout": 0.2},
        {"bptt": 17, "schedule": "cosine", "warmup": 4},
        {"reset_state": 0.3},
        {"bptt": 3, "optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1},
        {"eval_every": 3, "schedule": "plateau", "loss": "sum"},
        {"lines": True, "seq_len": 4},
    ],
    ids=lambda s: " ".join(map(str, s)) or "plain",
)
def test_a_restored_run_ends_in_the_same_bits(stop, settings):
    vocabulary, part = (LINES, lines()) if settings.get("lines") else (LETTERS, stream())
    validation = lines(5, 1) if settings.get("lines") else stream(60, 1)

    def fresh():
        return trainer(part, validation, vocabulary=vocabulary, **{"steps": 25, **settings})

    whole = fresh()
    expected = {e["step"]: e["loss"] for e in steps(run(whole))}

    first = fresh()
    for event in first.events():
        if event["event"] == "step" and event["step"] == stop:
            first.stop_requested = True
    tensors = {name: array.copy() for name, array in first.tensors().items()}
    scalars = first.scalars()
    second = fresh()
    second.network.parameters.flat[:] = first.trained().parameters.flat
    second.restore(tensors, scalars)
    found = {e["step"]: e["loss"] for e in steps(run(second))}
    assert found == {step: loss for step, loss in expected.items() if step > stop}
    np.testing.assert_array_equal(second.network.parameters.flat, whole.network.parameters.flat)
    np.testing.assert_array_equal(second.trained().parameters.flat, whole.trained().parameters.flat)
    assert second.best_value == whole.best_value
    for name, array in whole.optimizer.state.items():
        np.testing.assert_array_equal(second.optimizer.state[name], array)
