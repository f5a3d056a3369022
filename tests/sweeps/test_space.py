"""What a sweep looks through."""

from __future__ import annotations

import pytest

from elman.errors import UsageError
from elman.sweeps.space import DEFAULTS, Choices, Range, space_of


def test_ranges_and_choices():
    search = "learning-rate=1e-3..1e-2:log --hidden_size=16,32,16 dropout=0..0.5 bias=true,false"
    assert space_of("lm", f"{search} num-layers=1..3 cell=rnn", {}) == {
        "learning_rate": Range(1e-3, 1e-2, True, False), "hidden_size": Choices((16, 32)),
        "dropout": Range(0, 0.5, False, False), "bias": Choices((True, False)),
        "num_layers": Range(1, 3, False, True), "cell": Choices(("rnn",)),
    }  # fmt: skip


@pytest.mark.parametrize("task", DEFAULTS)
def test_defaults_leave_out_what_is_given(task):
    every = space_of(task, None, {})
    assert {"learning_rate", "hidden_size", "num_layers", "dropout", "cell"} <= every.keys()
    assert space_of(task, None, {"cell": "rnn"}).keys() == every.keys() - {"cell"}


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("learning-rte=1..2", "not a setting of --task lm"),
        ("pooling=last", "not a setting of --task lm"),
        ("hidden-size", "not a setting of --task lm"),
        ("hidden-size=", "write name="),
        ("hidden-size=8,x", "write name="),
        ("hidden-size=9..8", "write name="),
        ("hidden-size=8..9:exp", "write name="),
        ("cell=gru..lstm", "write name="),
        ("learning-rate=nan..1", "write name="),
        ("dropout=0..0.5:log", "begins above 0"),
        ("hidden-size=0,8", "--hidden-size must be at least 1"),
        ("cell=gru,tree", "--cell must be one of"),
        ("dropout=0..2", "--dropout must be"),
        ("minutes=1,2", "the same in all trials"),
        ("seed=1,2", "is given and in --search"),
        ("dropout=0,0.1 dropout=0.2", "twice"),
        ("", "nothing left"),
    ],
)
def test_refusals(search, words):
    with pytest.raises(UsageError, match=words):
        space_of("lm", search, {"seed": 1})
