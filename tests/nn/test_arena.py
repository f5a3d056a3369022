"""Names for the parts of one buffer."""

from __future__ import annotations

import numpy as np
import pytest

from elman.nn.arena import Arena


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_are_views_that_tile_the_buffer(dtype):
    arena = Arena({"W": (2, 3), "b": (3,), "c": (1, 2, 2)}, dtype)
    assert arena.flat.shape == (13,)
    assert arena.dtype == dtype
    for number, name in enumerate(arena, 1):
        assert arena[name].base is arena.flat
        arena[name][...] = number
    assert arena.flat.tolist() == [1] * 6 + [2] * 3 + [3] * 4


def test_writing_to_the_buffer_writes_to_the_parts():
    arena = Arena({"W": (2, 3), "b": (3,)})
    arena.flat[:] = range(9)
    assert arena["W"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arena["b"].tolist() == [6, 7, 8]


def test_it_is_a_mapping_in_the_order_of_the_shapes():
    arena = Arena({"z": (1,), "a": (2,)})
    assert list(arena) == ["z", "a"]
    assert len(arena) == 2
    assert arena.get("missing") is None
    assert "a" in arena


def test_like_has_the_layout_and_none_of_the_values():
    arena = Arena({"W": (2, 3), "b": (3,)}, np.float64)
    arena.flat[:] = 1
    other = arena.like()
    assert other.shapes == arena.shapes
    assert other.dtype == np.float64
    assert not other.flat.any()
    other.flat[:] = 2
    assert (arena.flat == 1).all()
