"""Every test here runs at every instruction level of this machine, in both precisions.

Where the extension was not built, all are skipped and say so; .ci/run fails then, if there is
a compiler.
"""

import numpy as np
import pytest

from elman.nn.engine import select

try:
    from elman._native import _core
except ImportError:
    _core = None

LEVELS = _core.levels() if _core else ["absent"]


@pytest.fixture(scope="session")
def of_these_sources():
    """A stale extension says so here, before it fails in puzzles."""
    if _core is not None:
        select("native")


@pytest.fixture(autouse=True)
def two_threads(of_these_sources):
    if _core is None:
        pytest.skip("elman was installed without the native engine")
    before = _core.threads()
    _core.set_threads(2)
    yield
    _core.set_threads(before)


@pytest.fixture(params=LEVELS)
def level(request, two_threads):
    _core.choose_level(request.param)
    yield request.param
    _core.choose_level("")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)
