"""One training on several ranks: the same model file whatever their number."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors import safe_open

from tests import mpi
from tests.learn.ranked import HERE, write_corpora

# What depends on the clock, or on how a run was started.
CLOCK = {"seconds", "characters_per_second", "texts_per_second", "symbols_per_second", "machine",
         "command", "versions", "digest"}  # fmt: skip


def facts(path) -> tuple[dict, dict]:
    """All that a model file holds: the bytes of its arrays, and its metadata, without the clock."""
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = {name: json.loads(text) for name, text in file.metadata().items()
                    if name != "digest"}  # fmt: skip
    if "training.history" in arrays:
        arrays["training.history"] = np.delete(arrays["training.history"], 1, axis=1)
    found = {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}
    return found, timeless(metadata)


def timeless(value):
    if isinstance(value, dict):
        return {n: timeless(v) for n, v in value.items() if n not in CLOCK}
    return [timeless(v) for v in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """trained(ranks): the folder with the models of `ranked`, trained on so many ranks."""
    corpora = tmp_path_factory.mktemp("corpora")
    write_corpora(corpora)
    done = {}

    def folder(count):
        if count not in done:
            models = tmp_path_factory.mktemp(f"ranks{count}")
            run = mpi.ranks(count, "-m", "tests.learn.ranked", corpora, models)
            assert run.returncode == 0, run.stderr
            done[count] = models
        return done[count]

    return folder


@mpi.needed
@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_model_files_do_not_depend_on_the_number_of_ranks(trained, count):
    unlike = []
    for name in HERE:
        alone, shared = (facts(trained(n) / f"{name}.safetensors") for n in (1, count))
        assert shared[1] == alone[1], name
        unlike += [
            f"{name}: {array}" for array in alone[0] if shared[0].get(array) != alone[0][array]
        ]
        assert set(shared[0]) == set(alone[0]), name
    assert not unlike
