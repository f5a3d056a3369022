"""Every recipe in its quick form, on a small text: that it runs, and writes what it promises."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest

from elman.nn.network import NetworkConfig
from elman.recipes import RECIPES, dive, nabi
from elman.recipes.lab import SEEDS, SmoothedLoss


def cells(report):
    for section in report["sections"]:
        for row in section["rows"]:
            assert len(row) == len(section["columns"]), section["title"]
            yield from row


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_quick_run_fills_its_report(quick, name):
    report = quick(name)
    assert report["quick"] and report["seeds"] == list(SEEDS)
    assert json.loads(json.dumps(report)) == json.loads(json.dumps(report, allow_nan=False))
    assert report["sections"]
    for section in report["sections"]:
        assert section["rows"] or section["samples"] or section["picture"], section["title"]
    for cell in cells(report):
        if isinstance(cell, dict):
            assert len(cell["values"]) == len(SEEDS)
            assert all(map(math.isfinite, cell["values"]))


def section(report, title):
    return next(s for s in report["sections"] if s["title"].startswith(title))


# --------------------------------------------------------------------------- dive


def test_dive_prepares_the_text_as_the_chapter_does():
    text = "  The Time-Machine, by\nH. G. Wells [1898]\n\nI\n"
    assert dive.letters(text) == "the time machine byh g wellsi"


def test_dive_puts_the_published_perplexities_beside_ours(quick):
    table = section(quick("dive"), "Training perplexity")
    published = {row[0]: row[1] for row in table["rows"]}
    assert published == {"random": 1.42, "consecutive": 1.07}
    assert all(1 < row[2]["mean"] < 28 for row in table["rows"])
    assert "28 symbols" in table["text"][0]
    every = section(quick("dive"), "The same every")
    assert len(every["rows"]) == 10
    assert every["rows"][-1][1] == table["rows"][0][2]
    assert every["rows"][0][1]["mean"] > every["rows"][-1][1]["mean"]  # it learns


def test_dive_writes_greedy_continuations_of_both_primes(quick):
    samples = section(quick("dive"), "Training perplexity")["samples"]
    assert len(samples) == 10  # five of either batching
    for _, written in samples:
        first, second = written.split("\n")
        assert first.startswith("traveller") and len(first) == len("traveller") + 50
        assert second.startswith("time traveller")


def test_dive_watches_the_perplexity_of_an_epoch_and_when_a_goal_is_reached():
    watch = dive.Watch(goal=3.0)
    for epoch, loss in ((0.5, 2.0), (1.0, 1.0), (1.5, 1.1), (2.0, 0.9), (3.0, 0.5)):
        watch({"event": "step", "epoch": epoch, "loss": loss, "seconds": 10 * epoch})
    assert watch.perplexities == pytest.approx([math.exp(1.5), math.exp(1.0), math.exp(0.5)])
    assert watch.reached == 20.0


# --------------------------------------------------------------------------- the smoothed loss


def test_the_smoothed_loss_starts_at_chance_and_moves_by_a_thousandth():
    smoothed = SmoothedLoss(16)
    smoothed({"event": "start", "vocabulary_size": 65})
    smoothed({"event": "step", "loss": 40.0})
    first = 0.999 * 16 * math.log(65) + 0.001 * 40
    assert smoothed.values == [pytest.approx(first / 16)]
    smoothed({"event": "step", "loss": 20.0})
    assert smoothed.values[1] == pytest.approx((0.999 * first + 0.02) / 16)


# --------------------------------------------------------------------------- bendersky


def test_bendersky_compares_networks_of_equal_size(quick):
    rows = {row[0]: row for row in section(quick("bendersky"), "What writes better")["rows"]}
    assert [name for name in rows if name.startswith("chain")] == [
        f"chain of order {k}" for k in (2, 3, 4, 5, 6)
    ]
    recipe = rows["the recipe, 16 steps"]
    equal = [row for name, row in rows.items() if name.endswith("batches, Adam")]
    assert [row[0].split()[0] for row in equal] == ["RNN", "GRU", "LSTM"]
    for row in equal:
        assert row[2] == pytest.approx(recipe[2], rel=0.02)


def test_bendersky_has_samples_of_everything_and_as_it_goes(quick, book):
    rows = section(quick("bendersky"), "What writes better")
    assert {row[0] for row in rows["rows"]} == {label for label, _ in rows["samples"]}
    going = section(quick("bendersky"), "The recipe")
    assert len(going["samples"]) == 3
    _, curve = going["picture"]["series"]["16 steps"]
    symbols = len(set(Path(book).read_text(encoding="utf-8").lower()))
    assert curve[0] == pytest.approx(math.log(symbols), rel=1e-2)


def test_bendersky_checks_the_gradient_of_every_parameter(quick):
    rows = section(quick("bendersky"), "Gradient check")["rows"]
    assert {row[0] for row in rows} == set(NetworkConfig(5, "rnn", 3).shapes())
    assert all(entries == 10 and error < 1e-6 for _, entries, error in rows)


# --------------------------------------------------------------------------- nabi


def test_nabi_shows_an_overflow_that_the_stable_softmax_does_not_have(quick):
    rows = section(quick("nabi"), "Softmax")["rows"]
    assert "nan" not in rows[0][2] and all("nan" in row[2] for row in rows[1:])
    for row in rows:
        assert [float(p) for p in row[3].split()] == pytest.approx([0.09, 0.2447, 0.6652], abs=1e-4)


def test_nabi_measures_the_cost_of_bptt(quick):
    rows = section(quick("nabi"), "Back-propagation")["rows"]
    assert [row[0] for row in rows] == [25, 50, 100, 200]
    assert rows[-1][3] > 3 * rows[0][3]  # eight times the window; some memory is constant
    assert nabi.line([1, 2, 3], [5, 7, 9]) == pytest.approx((3, 2, 1))


def test_nabi_learns_characters_and_words_and_continues_a_seed(quick):
    part = section(quick("nabi"), "Characters and words")
    assert [row[0] for row in part["rows"]] == ["characters", "words"]
    (_, characters), (_, words) = part["samples"]
    assert characters.startswith("ROMEO:") and words.startswith("my lord,")
    optimizers = section(quick("nabi"), "SGD against Adagrad")
    assert len(optimizers["rows"]) == len(optimizers["picture"]["series"]) == 6


# --------------------------------------------------------------------------- hello


def by_hand(symbols, table):
    """The four losses of "hello", in plain Python from the weights as they are printed."""
    rows, label = {}, ""
    for line in table.split("\n"):
        label = line[:4].strip() or label
        rows.setdefault(label, []).append([float(x) for x in line[4:].split()])
    h, losses = [0.0] * 3, []
    for symbol, target in pairwise("hello"):
        x = rows["W_x"][symbols.index(symbol)]
        h = [
            math.tanh(x[j] + sum(h[i] * rows["W_h"][i][j] for i in range(3)) + rows["b"][0][j])
            for j in range(3)
        ]
        y = [sum(h[i] * rows["W_y"][i][v] for i in range(3)) + rows["b_y"][0][v] for v in range(4)]
        losses.append(math.log(sum(map(math.exp, y))) - y[symbols.index(target)])
    return losses


def test_hello_in_numbers_can_be_followed_with_a_pocket_calculator(quick):
    part = section(quick("hello"), "“hello” in numbers, before training")
    weights = dict(part["samples"])["The weights"]
    symbols = part["text"][0].split(": ")[1].split(".")[0].split()
    losses = by_hand(symbols, weights)
    assert [row[5] for row in part["rows"]] == pytest.approx(losses)
    assert f"{sum(losses):.4f}" in part["text"][0]


def test_hello_is_learned(quick):
    part = section(quick("hello"), "“hello” in numbers, after")
    assert dict(part["samples"])["Greedy, from h"] == "hello"
    assert all(row[5] < 0.1 for row in part["rows"])


def test_hello_compares_three_trainings_of_shakespeare(quick):
    part = section(quick("hello"), "Tiny Shakespeare")
    assert len(part["rows"]) == len(part["samples"]) == len(part["settings"]) == 3
    recipe, adam, ours = (written for _, written in part["samples"])
    assert len(recipe) == len(adam) == 200  # from the state at the end of the training
    assert len(ours) == len("ROMEO:") + 200
    assert all(row[4] is None or 0 < row[4]["mean"] < 7 for row in part["rows"])


# --------------------------------------------------------------------------- dive-exercises


def test_the_exercises_score_the_chapters_model_on_other_text(quick):
    rows = section(quick("dive-exercises"), "Text that it has not seen")["rows"]
    assert [row[0] for row in rows] == [
        "the chapter's", "GRU trained to generalise", "chain of order 4",
    ]  # fmt: skip
    assert 1 < rows[0][2]["mean"] < 28
    assert "given with `--unseen`" in section(quick("dive-exercises"), "Text")["text"][0]


def test_the_exercises_are_all_there(quick):
    report = quick("dive-exercises")
    for title, rows in (("How low", 2), ("Without clipping", 3), ("No detach", 3), ("ReLU", 6)):
        assert len(section(report, title)["rows"]) == rows
    assert len(section(report, "The under-trained")["samples"]) == 2
