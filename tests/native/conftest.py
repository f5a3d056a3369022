import numpy as np
import pytest

_core = pytest.importorskip("elman._native._core", reason="built without the native engine")


@pytest.fixture(params=_core.levels())
def level(request):
    _core.choose_level(request.param)
    yield request.param
    _core.choose_level("")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(autouse=True)
def two_threads():
    before = _core.threads()
    _core.set_threads(2)
    yield
    _core.set_threads(before)
