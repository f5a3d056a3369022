"""Groups of rows: how a batch is cut, in which order gradients are added, what they mean."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import ElmanError, UsageError
from elman.learn.ranks import Alone
from elman.learn.shards import Shards, borders, subtrees
from elman.nn.engine import select
from elman.tasks import resume
from elman.tasks.language import trainer


@pytest.mark.parametrize(
    ("items", "groups", "expected"),
    [(8, 4, [0, 2, 4, 6, 8]), (10, 4, [0, 3, 6, 8, 10]), (2, 4, [0, 1, 2, 2, 2]), (3, 1, [0, 3])],
)
def test_groups_differ_by_at_most_one_row_the_larger_first(items, groups, expected):
    assert borders(items, groups) == expected


@pytest.mark.parametrize(
    ("count", "ranks"), [(c, r) for c in (1, 2, 4, 8, 16) for r in range(1, c + 1)]
)
def test_the_subtrees_of_all_ranks_are_the_shards_and_aligned(count, ranks):
    shares = borders(count, ranks)
    nodes = [node for i in range(ranks) for node in subtrees(shares[i], shares[i + 1])]
    assert [shard for first, size in nodes for shard in range(first, first + size)] == list(
        range(count)
    )
    assert all(first % size == 0 and size & (size - 1) == 0 for first, size in nodes)


def as_tree(leaves):
    while len(leaves) > 1:
        leaves = [a + b for a, b in zip(leaves[::2], leaves[1::2], strict=True)]
    return leaves[0]


class Ranked(Alone):
    """One of several ranks in one process; the others have written what they have before it."""

    def __init__(self, rank, size, box):
        self.rank, self.size, self.box = rank, size, box

    def exchange(self, parts, counts, columns):
        self.box.setdefault("parts", {})[self.rank] = [part.copy() for part in parts]
        if self.rank < self.size - 1:
            raise StopIteration
        found = [part for rank in range(self.size) for part in self.box["parts"][rank]]
        assert [len(self.box["parts"][rank]) for rank in range(self.size)] == counts
        return [part[columns[self.rank] : columns[self.rank + 1]].copy() for part in found]

    def gather(self, whole, rows):
        pass


@pytest.mark.parametrize(
    ("count", "size"), [(c, r) for c in (1, 2, 4, 8) for r in (1, 2, 3, 5, 8) if r <= c]
)
@pytest.mark.parametrize("together", [1, 2, 8])
def test_gradients_are_added_as_one_binary_tree_whoever_has_them(rng, count, size, together):
    leaves = [rng.normal(size=41).astype(np.float32) for _ in range(count)]
    box: dict = {}
    for rank in range(size):
        shards = Shards(count, Ranked(rank, size, box))
        flat = np.zeros(41, np.float32)

        def compute(group, borders, gradients):
            gradients[:] = leaves[group.start : group.stop]
            return 0.0

        try:
            shards.gradient(flat, 16, compute, together)
        except StopIteration:
            continue
    mine = slice(borders(41, size)[-2], None)
    assert flat[mine].tobytes() == as_tree(leaves)[mine].tobytes()


def test_the_loss_is_added_as_the_same_tree(rng):
    losses = rng.normal(size=8)
    assert Shards(8).total(losses.copy()) == as_tree(losses.tolist())


def test_a_shard_without_rows_adds_nothing():
    flat, seen = np.zeros(3), []

    def compute(shards, borders, gradients):
        seen.append((shards, borders))
        gradients[:] = 1.0
        return 2.0

    assert Shards(4).gradient(flat, 3, compute) == 6.0
    assert flat.tolist() == [3.0, 3.0, 3.0]
    assert seen == [(range(i, i + 1), [i, i + 1]) for i in range(3)]


def test_more_ranks_than_shards_are_refused_with_the_number_that_is_enough():
    with pytest.raises(UsageError, match="5 ranks cannot share 2 shards: give --shards 8"):
        Shards(2, Ranked(0, 5, {}))


def test_ranks_whose_parameters_differ_are_refused():
    class Unlike(Alone):
        def figure(self, value):
            return [value, value + 1]

    with pytest.raises(ElmanError, match="different bits"):
        Shards(2, Unlike()).refuse_drift(np.ones(3))


# -- what a training with shards learns: the same but for rounding ------------------------------

TEXT = "the quiet river under old trees runs to the sea and sings\n" * 30
PAIRS = [f"{'abcde'[i % 5] * (1 + i % 7)}{'xyz'[i % 3]}" for i in range(90)]
LABELS = [text[-1] for text in PAIRS]
TAGGED = [text.split() for text in ("the quiet river runs", "old trees sing", "a b under c d") * 9]
TAGS = [[word[0] for word in sequence] for sequence in TAGGED]
CLASSES = {"corpus": (PAIRS, LABELS), "task": "classify", "symbol_dropout": 0.0, "wide": 0}
TAGGER = {"corpus": (TAGGED, TAGS), "task": "tag", "symbol_dropout": 0.0, "wide": 0}


@pytest.mark.parametrize("engine", sorted({"numpy", select().name}))
@pytest.mark.parametrize(
    "given",
    [
        {"text": TEXT}, {"text": TEXT, "lines": True, "seq_len": 20}, {"text": TEXT, "bptt": 40},
        {"text": TEXT, "batching": "random", "loss": "sum"}, {"text": TEXT, "tokens": "word"},
        CLASSES, CLASSES | {"pooling": "mean", "class_weights": "balanced"},
        CLASSES | {"wide": 256}, TAGGER, TAGGER | {"wide": 256}, TAGGER | {"transitions": False},
    ],
    ids=lambda given: " ".join(k for k in given if k != "symbol_dropout"),
)  # fmt: skip
def test_shards_change_a_training_by_rounding_alone(engine, given):
    """Padding and masks too: a shard weighs what its rows weigh in the whole batch."""
    common = {"hidden_size": 8, "batch_size": 6, "seq_len": 16, "steps": 8, "dtype": "float64",
              "dropout": 0.0, "validation": 0.2, "test": 0.0, "optimizer": "sgd",
              "learning_rate": 0.5, "threads": 1}  # fmt: skip
    one, four = (
        elman.train(**common | given, engine=engine, shards=shards) for shards in (1, 4)
    )  # fmt: skip
    np.testing.assert_allclose(
        four.network.parameters.flat, one.network.parameters.flat, rtol=0, atol=1e-11
    )
    for name, value in one.summary.items():
        if isinstance(value, float) and "second" not in name:
            assert four.summary[name] == pytest.approx(value, rel=1e-9)


@pytest.mark.skipif(select().name != "native", reason="NumPy computes shards one by one")
@pytest.mark.parametrize(
    "given",
    [
        {}, {"lines": True}, {"bptt": 5}, {"batching": "random"}, {"dropout": 0.4, "num_layers": 2},
        {"embedding_size": 5, "cell": "gru"}, {"cell": "gru", "dtype": "float64"},
        {"cell": "rnn", "bias": False, "batch_size": 17},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("together", [2, 4])
def test_shards_in_one_pass_have_the_bits_of_each_alone(monkeypatch, given, together):
    def trained(together):
        monkeypatch.setattr(trainer, "TOGETHER", together)
        common = {"hidden_size": 9, "batch_size": 16, "seq_len": 12, "steps": 6, "threads": 2}
        return elman.train(text=TEXT * 3, **common | given, shards=4)

    passes, wanted = trained(together), trained(1)
    assert passes.network.parameters.flat.tobytes() == wanted.network.parameters.flat.tobytes()
    for name, tensor in wanted.training[0].items():
        if name != "training.history":  # it has seconds
            assert passes.training[0][name].tobytes() == tensor.tobytes()


def test_dropout_is_drawn_for_each_shard_alone():
    first, *others = (
        elman.train(text=TEXT, hidden_size=8, batch_size=6, steps=3, dropout=0.5, shards=shards,
                    threads=threads).network.parameters.flat
        for shards, threads in ((4, 1), (4, 2), (1, 1))
    )  # fmt: skip
    assert first.tobytes() == others[0].tobytes() or select().name == "numpy"
    assert first.tobytes() != others[1].tobytes()


def test_the_model_file_holds_the_number_and_a_resumed_run_keeps_it(tmp_path, poem_file):
    path = tmp_path / "model.safetensors"
    elman.train(poem_file, hidden_size=8, batch_size=8, steps=2, shards=4, output=path)
    assert elman.load(path).training[1]["settings"]["shards"] == 4
    assert resume(path, {"steps": 3}).learner.shards.count == 4
    with pytest.raises(UsageError, match="--shards contradicts"):
        resume(path, {"steps": 3, "shards": 2})


@pytest.mark.parametrize("stop", [3, 4, 5, 6])
def test_lines_longer_than_bptt_resume_within_a_batch(tmp_path, stop):
    lines = "".join(f"{'ab ' * (7 * i % 40)}{i}\n" for i in range(60))
    (tmp_path / "lines.txt").write_text(lines)
    given = {"lines": True, "seq_len": 12, "bptt": 12, "hidden_size": 8, "batch_size": 8}
    whole = elman.train(tmp_path / "lines.txt", steps=12, schedule="constant", **given)
    path = tmp_path / "m.safetensors"
    elman.train(tmp_path / "lines.txt", steps=stop, schedule="constant", output=path, **given)
    run = resume(path, {"steps": 12})
    for _ in run.events():
        pass
    found = elman.load(path).network.parameters.flat
    assert found.tobytes() == whole.network.parameters.flat.tobytes()
