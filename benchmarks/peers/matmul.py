"""The machine's own rate: one large float32 product in NumPy, as the yardstick."""

from collections.abc import Callable

import numpy as np

from . import Work

SIZE = 2048
GFLOP = 2 * SIZE**3 / 1e9


def version() -> str:
    return f"NumPy {np.__version__}"


def prepare(work: Work) -> Callable[[], float]:
    a, b = np.random.default_rng(0).random((2, SIZE, SIZE), dtype=np.float32)
    out = np.empty_like(a)

    def step() -> float:
        np.matmul(a, b, out=out)
        return 0.0

    return step
