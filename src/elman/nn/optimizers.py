"""Gradient clipping, optimizers and learning-rate schedules, on flat arrays.

An optimizer updates the flat parameter buffer in place. Its state is a dict of
arrays of the same shape, which a checkpoint stores by name.
"""

from collections.abc import Callable
from math import cos, pi

import numpy as np

from ..errors import UsageError

Array = np.ndarray

# A long buffer is updated in blocks that stay in the cache: one pass over memory
# instead of one for every arithmetic operation.
BLOCK = 1 << 15


def gradient_norm(gradient: Array) -> float:
    """Euclidean norm over all parameters."""
    return float(np.sqrt(np.dot(gradient, gradient)))


def clip(gradient: Array, max_norm: float, max_value: float) -> float:
    """Clip in place, first every component, then the norm; 0 turns either off.

    By value (Mikolov 2012): g ← min(max(g, -v), v), which can turn the direction.
    By norm (Pascanu, Mikolov and Bengio 2013): g ← g · min(1, c / ‖g‖), which
    keeps the direction and never lengthens.

    Returns
    -------
    norm : the norm before clipping
    """
    norm = gradient_norm(gradient)
    if max_value and not norm <= max_value:  # no component is longer than the whole
        np.minimum(gradient, max_value, out=gradient)  # numpy.clip costs more in Python
        np.maximum(gradient, -max_value, out=gradient)
    if max_norm:
        length = gradient_norm(gradient) if max_value else norm
        if length > max_norm:
            gradient *= gradient.dtype.type(max_norm / length)
    return norm


class Optimizer:
    """Base: decoupled weight decay and the walk over the buffer in blocks.

    With decoupled decay (Loshchilov and Hutter 2019) every parameter shrinks by
    learning_rate · weight_decay of itself per step, whatever its gradient.
    """

    slots: tuple[str, ...] = ()  # names of the state arrays

    # Set where an engine has the same rule in one pass: (optimizer, gradient, learning rate).
    fused: Callable[["Optimizer", Array, float], None] | None = None

    def __init__(self, parameters: Array, weight_decay: float = 0.0):
        self.parameters = parameters
        self.weight_decay = weight_decay
        self.steps = 0
        self.state = {name: np.zeros_like(parameters) for name in self.slots}

    def step(self, gradient: Array, learning_rate: float) -> None:
        """Update the parameters in place; `gradient` (n,) is left as it is."""
        self.steps += 1
        if self.fused is not None:
            self.fused(self, gradient, learning_rate)
            return
        scalars = self.scalars(learning_rate)
        for start in range(0, len(gradient), BLOCK):
            block = slice(start, start + BLOCK)
            p = self.parameters[block]
            if self.weight_decay:
                p *= p.dtype.type(1 - learning_rate * self.weight_decay)
            self.update(p, gradient[block], *(s[block] for s in self.state.values()), **scalars)

    def scalars(self, learning_rate: float) -> dict[str, float]:
        """What `update` needs besides the arrays, the same for all blocks."""
        return {"lr": learning_rate}

    # update(p, g, *state arrays, **scalars): one block of parameters, in place
    update: Callable[..., None]


class SGD(Optimizer):
    """v ← μ·v + g;  p ← p - lr·v   (momentum μ; PyTorch's form, without dampening)."""

    def __init__(self, parameters: Array, weight_decay: float = 0.0, momentum: float = 0.0):
        self.momentum = momentum
        self.slots = ("velocity",) if momentum else ()
        super().__init__(parameters, weight_decay)

    def update(self, p: Array, g: Array, v: Array | None = None, *, lr: float) -> None:
        if v is not None:
            v *= self.momentum
            v += g
            g = v
        p -= lr * g


class Adagrad(Optimizer):
    """s ← s + g²;  p ← p - lr·g / √(s + ε)   (Duchi, Hazan and Singer 2011).

    ε = 1e-8 is inside the root, as in min-char-rnn. The other published
    form, √s + ε, is PyTorch's. They differ where s is small: for a weight whose
    gradients were all below 1e-4, √(s + ε) is at least 1e-4 and damps the step,
    √s + ε does not.
    """

    slots = ("sum_squares",)

    def update(self, p: Array, g: Array, s: Array, *, lr: float) -> None:
        s += g * g
        root = s + 1e-8
        np.sqrt(root, out=root)
        np.divide(g, root, out=root)
        root *= lr
        p -= root


class RowAdagrad:
    """Adagrad on a table (N, C) of which a step reads few rows.

    A row without a gradient stays as it is, so only the rows that a step read are touched: the
    result is that of `Adagrad` on the whole table.
    """

    def __init__(self, table: Array):
        self.table = table
        self.sum_squares = np.zeros_like(table)

    def step(self, gradient: Array, rows: Array, learning_rate: float) -> None:
        """Update the rows of the table in place by theirs of the `gradient` (N, C)."""
        p, s, g = (x.take(rows, axis=0) for x in (self.table, self.sum_squares, gradient))
        Adagrad.update(self, p, g, s, lr=learning_rate)  # type: ignore[arg-type]
        self.table[rows], self.sum_squares[rows] = p, s


class RMSProp(Optimizer):
    """s ← α·s + (1 - α)·g²;  p ← p - lr·g / (√s + ε)   (Tieleman and Hinton 2012).

    α = 0.99 and ε = 1e-8, as in PyTorch.
    """

    slots = ("mean_squares",)

    def update(self, p: Array, g: Array, s: Array, *, lr: float) -> None:
        s *= 0.99
        square = g * g
        square *= 0.01
        s += square
        np.sqrt(s, out=square)
        square += 1e-8
        np.divide(g, square, out=square)
        square *= lr
        p -= square


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), with decoupled decay AdamW.

        m ← β1·m + (1 - β1)·g        v ← β2·v + (1 - β2)·g²
        p ← p - lr · (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + ε)

    β1 = 0.9, β2 = 0.999, ε = 1e-8.
    """

    slots = ("mean", "mean_squares")

    def scalars(self, learning_rate: float) -> dict[str, float]:
        # both corrections as scalars: p -= rate · m / (√v + ε·√(1 - β2ᵗ))
        root = (1 - 0.999**self.steps) ** 0.5
        return {"rate": learning_rate * root / (1 - 0.9**self.steps), "eps": 1e-8 * root}

    def update(self, p: Array, g: Array, m: Array, v: Array, *, rate: float, eps: float) -> None:
        m *= 0.9
        scratch = g * p.dtype.type(0.1)
        m += scratch
        v *= 0.999
        np.multiply(g, g, out=scratch)
        scratch *= 0.001
        v += scratch
        np.sqrt(v, out=scratch)
        scratch += eps
        np.divide(m, scratch, out=scratch)
        scratch *= rate
        p -= scratch


OPTIMIZERS = {"sgd": SGD, "adagrad": Adagrad, "rmsprop": RMSProp, "adam": Adam}


def make(name: str, parameters: Array, weight_decay: float, momentum: float) -> Optimizer:
    """The optimizer called `name` for a flat parameter buffer.

    Raises
    ------
    UsageError : momentum given to an optimizer that has none
    """
    if name == "sgd":
        return SGD(parameters, weight_decay, momentum)
    if momentum:
        raise UsageError(f"--momentum needs --optimizer sgd (it is {name})")
    return OPTIMIZERS[name](parameters, weight_decay)


WARMUP, WARMUP_SHARE = 300, 0.1  # the usual warmup: steps, and the most of a run


def learning_rate_factor(
    schedule: str, step: int, warmup: int | None, progress: float, begun: float = 0.0
) -> float:
    """What the learning rate is multiplied with at an update.

    Parameters
    ----------
    schedule : "constant", "cosine" or "plateau" (whose halvings come on top)
    step : updates done so far
    warmup : updates over which the rate climbs linearly from near 0; None: over 300, or the first
        tenth of the horizon if that is shorter, counted from where updates began
    progress : share of the horizon that has passed, in [0, 1]; beyond it the
        cosine stays at its floor
    begun : progress at the first update: by the clock preparing has taken some

    The cosine (Loshchilov and Hutter 2017) falls from 1 to 1/100.
    """
    climbed = (step + 1) / (WARMUP if warmup is None else max(1, warmup))
    if warmup is None:
        climbed = max(climbed, (progress - begun) / max(1e-9, WARMUP_SHARE * (1 - begun)))
    factor = min(1.0, climbed)
    if schedule == "cosine":
        factor *= 0.01 + 0.99 * 0.5 * (1 + cos(pi * min(1.0, progress)))
    return factor
