"""What all unit tests share: reproducible property tests and a small text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from elman.errors import flags

# The same examples on every machine and in every run: a failure can be repeated.
settings.register_profile(
    "elman",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("elman")


@pytest.fixture(autouse=True)
def messages(request) -> Iterator[None]:
    """Messages are tested as they are written, with flags; `arguments` marks what Python says."""
    with nullcontext() if request.node.get_closest_marker("arguments") else flags():
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def poem() -> str:
    """Lines of text, varied enough to have structure and small enough to be fast."""
    words = ["the", "quiet", "river", "under", "old", "trees", "runs", "to", "sea", "and", "sings"]
    draw = np.random.default_rng(4)
    lines = [" ".join(draw.choice(words, draw.integers(2, 7))) for _ in range(120)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def poem_file(tmp_path, poem):
    path = tmp_path / "poem.txt"
    path.write_text(poem, encoding="utf-8")
    return path
