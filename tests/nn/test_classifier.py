"""Many-to-one networks: pooling, both directions, padding, against one-number-at-a-time oracles."""

from __future__ import annotations

import multiprocessing
import os

import numpy as np
import pytest

from elman.learn import batches
from elman.nn import layers
from elman.nn.classifier import POOLINGS, ClassifierConfig, ClassifierNetwork
from elman.nn.engine import select
from elman.nn.network import initialise
from elman.text.encoded import Encoded

from ..oracles import numerical_gradient, one_hot, run_cell


def network(dtype=np.float64, seed=0, **options):
    options = {"cell": "gru", "hidden_size": 4, "num_classes": 3} | options
    config = ClassifierConfig(vocabulary_size=6, **options)
    made = ClassifierNetwork(config, dtype)
    initialise(made.parameters, config, "uniform", None, np.random.default_rng(seed))
    return made


def encoded(lengths, seed=1):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Encoded(rng.integers(0, 6, offsets[-1]).astype(np.uint8), offsets)


# --------------------------------------------------------------------------- pooling


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("pool", [layers.mean_over_time, layers.max_over_time])
def test_pooling_and_its_pullback(rng, pool, masked):
    h, dy = rng.normal(size=(5, 3, 4)), rng.normal(size=(3, 4))
    lengths = np.array([5, 1, 3]) if masked else np.array([5, 5, 5])
    mask = np.arange(5)[:, None] < lengths if masked else None
    y, pullback = pool(h, mask)
    take = np.mean if pool is layers.mean_over_time else np.max
    expected = [take(h[:n, b], axis=0) for b, n in enumerate(lengths)]
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    numerical = numerical_gradient(lambda: float((pool(h, mask)[0] * dy).sum()), h)
    np.testing.assert_allclose(pullback(dy), numerical, atol=1e-8)


def test_the_maximum_of_equals_gives_its_gradient_to_one():
    _, pullback = layers.max_over_time(np.ones((3, 1, 1)))
    np.testing.assert_array_equal(pullback(np.full((1, 1), 5.0))[:, 0, 0], [5, 0, 0])


# --------------------------------------------------------------------------- the network


def by_hand(made, ids):
    """Logits of one text, from the oracles' cells: one sequence, one step, one number a time."""
    p, config = made.parameters, made.config
    x = one_hot(np.asarray(ids), config.vocabulary_size)
    if config.embedding_size:
        x = x @ p["embedding.E"]
    options = {"activation": config.activation} if config.cell == "rnn" else {}
    for prefixes in config.prefixes:
        outputs, finals = [], []
        for prefix in prefixes:
            step = -1 if "reverse" in prefix else 1
            a = x[::step] @ p[prefix + "W_x"] + p.get(prefix + "b", 0)
            zero = np.zeros((2 if config.cell == "lstm" else 1, 1, config.hidden_size))
            h, final = run_cell(
                config.cell, p[prefix + "W_h"], a[:, None], zero, p.get(prefix + "c_n"), **options
            )
            outputs.append(h[::step, 0])
            finals.append(final[0, 0])
        x = np.concatenate(outputs, axis=1)
    pooled = {"last": np.concatenate(finals), "mean": x.mean(axis=0), "max": x.max(axis=0)}
    return pooled[config.pooling] @ p["readout.W_y"] + p.get("readout.b_y", 0)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "options",
    [{"cell": "rnn", "activation": "relu"}, {"cell": "lstm", "num_layers": 2},
     {"cell": "gru", "embedding_size": 3, "num_layers": 2}, {"cell": "gru", "bias": False}],
    ids=lambda o: "-".join(map(str, o.values())),
)  # fmt: skip
def test_logits_equal_those_computed_one_number_at_a_time(pooling, bidirectional, options):
    made = network(pooling=pooling, bidirectional=bidirectional, **options)
    texts = encoded([4, 1, 7])
    inputs, mask = batches.padded(texts, np.arange(3))
    logits, _, _ = made.forward(inputs, mask)
    for row in range(3):
        ids = texts.ids[texts.offsets[row] : texts.offsets[row + 1]]
        np.testing.assert_allclose(logits[row], by_hand(made, ids), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_text_has_the_same_outputs_alone_and_in_any_batch(rng, dtype, pooling):
    made = network(dtype, pooling=pooling, bidirectional=True, num_layers=2)
    texts = encoded(rng.integers(1, 12, 30))
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    alone = [made.forward(*batches.padded(texts, np.array([row])))[0][0] for row in range(30)]
    for _ in range(5):
        rows = rng.permutation(30)[: rng.integers(2, 30)]
        together = made.forward(*batches.padded(texts, rows))[0]
        for row, logits in zip(rows, together, strict=True):
            np.testing.assert_allclose(logits, alone[row], rtol=0, atol=tolerance)


@pytest.mark.parametrize("garbage", [1, 5])
def test_what_stands_in_the_padding_changes_nothing(garbage):
    """Not the logits, and not the gradient."""
    made = network(pooling="max", bidirectional=True)
    inputs, mask = batches.padded(encoded([2, 6, 3]), np.arange(3))
    labels, weights = np.array([0, 2, 1]), np.full(3, 1 / 3)
    loss = made.loss_and_gradient(inputs, labels, weights, mask)
    gradient = made.gradient.flat.copy()
    other = np.where(mask, inputs, garbage).astype(np.int32)
    assert made.loss_and_gradient(other, labels, weights, mask) == loss
    np.testing.assert_array_equal(made.gradient.flat, gradient)


def test_class_weights_scale_the_loss_of_each_text():
    made = network()
    inputs, mask = batches.padded(encoded([3, 3]), np.arange(2))
    labels = np.array([0, 2])
    each = [
        made.loss_and_gradient(inputs, labels, np.eye(2)[i], mask) for i in range(2)
    ]  # fmt: skip
    both = made.loss_and_gradient(inputs, labels, np.array([2.0, 0.5]), mask)
    assert both == pytest.approx(2 * each[0] + 0.5 * each[1])


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_smoothed_loss_is_that_of_the_smoothed_target(smoothing):
    made = network()
    inputs, mask = batches.padded(encoded([3, 5]), np.arange(2))
    labels, weights = np.array([0, 2]), np.array([0.7, 0.3])
    p = layers.softmax(made.forward(inputs, mask)[0])
    target = (1 - smoothing) * one_hot(labels, 3) + smoothing / 3
    expected = -(weights * (target * np.log(p)).sum(axis=1)).sum()
    loss = made.loss_and_gradient(inputs, labels, weights, mask, smoothing=smoothing)
    assert loss == pytest.approx(expected)


def test_dropout_acts_only_while_training():
    made = network(dropout=0.5, num_layers=2, embedding_size=3)
    inputs, mask = batches.padded(encoded([5, 2]), np.arange(2))
    still = made.forward(inputs, mask)[0]
    np.testing.assert_array_equal(made.forward(inputs, mask)[0], still)
    dropped = made.forward(inputs, mask, np.random.default_rng(0))[0]
    assert not np.allclose(dropped, still)
    again = made.forward(inputs, mask, np.random.default_rng(0))[0]
    np.testing.assert_array_equal(dropped, again)


# --------------------------------------------------------------------------- batches


@pytest.mark.parametrize("name", ["auto", "numpy"])
def test_directions_side_by_side_give_the_gradient_of_one_after_the_other(name):
    def gradient(threads):
        made = network(bidirectional=True, num_layers=2, dropout=0.5)
        made.engine = select(name, threads)
        inputs, mask = batches.padded(encoded([2, 6, 3]), np.arange(3))
        with made.limit_threads():
            made.loss_and_gradient(
                inputs, np.array([0, 2, 1]), np.full(3, 1 / 3), mask, np.random.default_rng(0)
            )
        return made.gradient.flat

    np.testing.assert_array_equal(gradient(2), gradient(1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a fork copies no threads")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_trains_too():
    test_directions_side_by_side_give_the_gradient_of_one_after_the_other("auto")
    child = multiprocessing.get_context("fork").Process(
        target=test_directions_side_by_side_give_the_gradient_of_one_after_the_other,
        args=("auto",),
    )
    child.start()
    child.join(30)
    try:
        assert child.exitcode == 0
    finally:
        child.kill()
