"""The rules of `elman.nn.optimizers` on the native engine: one pass over the flat parameters each.

Every function updates the parameters (n,) and the state of an optimizer in place,
from the gradient g (n,).
"""

from math import inf, sqrt

import numpy as np

from ..nn.optimizers import Optimizer
from . import _core

Array = np.ndarray
SGD, ADAGRAD, RMSPROP, ADAM = 0, 1, 2, 3


def sgd(o: Optimizer, g: Array, lr: float) -> None:
    """`elman.nn.optimizers.SGD`."""
    momentum = getattr(o, "momentum", 0.0)
    velocity = o.state.get("velocity")
    _core.update(SGD, o.parameters, g, velocity, None, lr, momentum, 0, 0, o.weight_decay, 1, 1)


def adagrad(o: Optimizer, g: Array, lr: float) -> None:
    """`elman.nn.optimizers.Adagrad`."""
    s = o.state["sum_squares"]
    _core.update(ADAGRAD, o.parameters, g, None, s, lr, 0, 0, 1e-8, o.weight_decay, 1, 1)


def rmsprop(o: Optimizer, g: Array, lr: float) -> None:
    """`elman.nn.optimizers.RMSProp`."""
    s = o.state["mean_squares"]
    _core.update(RMSPROP, o.parameters, g, None, s, lr, 0, 0.99, 1e-8, o.weight_decay, 1, 1)


def adam(o: Optimizer, g: Array, lr: float) -> None:
    """`elman.nn.optimizers.Adam`."""
    m, v = o.state["mean"], o.state["mean_squares"]
    correction1, correction2 = 1 - 0.9**o.steps, 1 - 0.999**o.steps
    _core.update(
        ADAM, o.parameters, g, m, v, lr, 0.9, 0.999, 1e-8, o.weight_decay,
        correction1, correction2,
    )  # fmt: skip


def norm(g: Array) -> float:
    """Euclidean norm, summed in double precision: the same bits for any number of threads."""
    return sqrt(_core.sum_of_squares(g))


def clip(g: Array, max_norm: float, max_value: float) -> float:
    """`elman.nn.optimizers.clip`."""
    before = after = norm(g)
    if max_value and not before <= max_value:  # no component is longer than the whole
        _core.clip(g, max_value, 1)
        after = norm(g) if max_norm else before
    if max_norm and after > max_norm:
        _core.clip(g, inf, max_norm / after)
    return before


UPDATES = {"sgd": sgd, "adagrad": adagrad, "rmsprop": rmsprop, "adam": adam}
