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


@pytest.fixture(scope="session")
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
@pytest.mark.parametrize("name", HERE)
def test_the_model_file_does_not_depend_on_the_number_of_ranks(trained, name, count):
    alone = facts(trained(1) / f"{name}.safetensors")
    shared = facts(trained(count) / f"{name}.safetensors")
    assert shared[1] == alone[1]
    assert shared[0] == alone[0]
