import numpy as np

LIMIT = {np.dtype("float32"): 1e-5, np.dtype("float64"): 1e-12}


def assert_close(got, wanted, factor=1):
    """max |a-b| / max |b| within what the dtype of `got` allows; a tensor of zeros must be zeros."""
    wanted = np.asarray(wanted, np.float64)
    assert got.shape == wanted.shape
    largest = np.abs(wanted).max()
    if largest == 0:
        assert not got.any()
    else:
        assert np.abs(got - wanted).max() / largest <= factor * LIMIT[got.dtype]
