"""How close is close: the issue's own bounds, max |a-b| / max |b| per tensor."""

import numpy as np

LIMIT = {np.dtype("float32"): 1e-5, np.dtype("float64"): 1e-12}


def wide(x):
    """The same numbers in float64: what the reference is given."""
    if isinstance(x, dict):
        return {name: value.astype(np.float64) for name, value in x.items()}
    return None if x is None else x.astype(np.float64)


def assert_close(got, wanted, factor=1.0, what=""):
    """Within what the dtype of `got` allows; a tensor of zeros must be zeros."""
    wanted = np.asarray(wanted, np.float64)
    assert got.shape == wanted.shape
    largest = np.abs(wanted).max()
    if largest == 0:
        assert not got.any(), what
    else:
        error = np.abs(got - wanted).max() / largest
        assert error <= factor * LIMIT[got.dtype], f"{what}: {error:.3g}"


def of_terms(terms, wanted):
    """How much larger the terms of a sum are than the sum: digits that cancelling loses."""
    largest = np.abs(wanted).max()
    return max(1.0, np.abs(terms).max() / largest / 4) if largest else 1.0
