"""The linear chain: a label depends on the one before it (Lafferty, McCallum and Pereira 2001).

    score(y) = start[y_0] + Σ_t e[t, y_t] + Σ_t A[y_{t-1}, y_t] + end[y_last]
    nats     = log Σ_y' exp score(y') - score(y)

The sum is over all labellings y'. The forward algorithm forms it step by step,

    α_0 = start + e_0        α_t[j] = e_t[j] + log Σ_i exp(α_{t-1}[i] + A[i, j])

and the backward algorithm the same from the end, β. Both together give the gradient,
because the derivative of the logarithm of the sum by a score is the probability of
what the score belongs to:

    p_t[j] = exp(α_t[j] + β_t[j] - log Z)                          of label j at step t
    p_t[i, j] = exp(α_{t-1}[i] + A[i, j] + e_t[j] + β_t[j] - log Z)  of the pair i, j

Sums are products with exp(A), whose rows are scaled by their maximum, in float64.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Product = Callable[[Array, Array], Array]
LARGEST = 700.0  # exponent that float64 holds


@dataclass(frozen=True)
class Transitions:
    """The scores of a chain: A (C, C) from a label to the next, start (C,) and end (C,)."""

    A: Array
    start: Array
    end: Array

    def wide(self) -> "Transitions":
        """The same in float64."""
        return Transitions(*(x.astype(np.float64) for x in (self.A, self.start, self.end)))


@dataclass(frozen=True)
class Borders:
    """Which of B segments begin and which end a sequence (B,); others get no such score."""

    begin: Array
    end: Array

    @classmethod
    def whole(cls, B: int) -> "Borders":
        """Every segment is a sequence."""
        return cls(np.ones(B, bool), np.ones(B, bool))


def linear_chain(
    emissions: Array,
    labels: Array,
    transitions: Transitions,
    mask: Array | None = None,
    borders: Borders | None = None,
) -> tuple[Array, Callable[[Array], tuple[Array, Transitions]]]:
    """Negative log-likelihood of labels, in nats per segment.

    Parameters
    ----------
    emissions : (T, B, C) score of every label at every step
    labels : (T, B) integers in [0, C)
    mask : (T, B) bool, False behind the end of a segment; None without padding
    borders : which segments begin and end a sequence; None: all

    Returns
    -------
    nats : (B,) float64
    pullback : dnats (B,) -> (gradient of the emissions (T, B, C), that of the transitions)
    """
    T, B, _ = emissions.shape
    mask = np.ones((T, B), bool) if mask is None else mask
    borders = borders or Borders.whole(B)
    e, scores, columns = emissions.astype(np.float64), transitions.wide(), np.arange(B)
    alpha = _forward(e, scores, mask, borders)
    log_Z = _log_Z(alpha, scores, borders)
    last = mask.sum(axis=0) - 1
    both = mask[1:]  # a pair is there where its second label is
    final = labels[last, columns]
    at_label = np.take_along_axis(e, labels[:, :, None], axis=2)[:, :, 0]
    score = (at_label * mask).sum(axis=0)
    score += (scores.A[labels[:-1], labels[1:]] * both).sum(axis=0)
    score += scores.start[labels[0]] * borders.begin + scores.end[final] * borders.end

    def pullback(dnats: Array) -> tuple[Array, Transitions]:
        beta = _backward(e, scores, mask, borders)
        p = np.exp(alpha + beta - log_Z[:, None]) * mask[:, :, None]
        dA = _pairs(e, alpha, beta, log_Z, scores.A, both, dnats)
        np.subtract.at(dA, (labels[:-1], labels[1:]), both * dnats)
        de = p
        de[np.arange(T)[:, None], columns, labels] -= mask
        de *= dnats[:, None]
        dstart = (de[0] * borders.begin[:, None]).sum(axis=0)
        dend = (de[last, columns] * borders.end[:, None]).sum(axis=0)
        gradients = (x.astype(emissions.dtype) for x in (dA, dstart, dend))
        return de.astype(emissions.dtype), Transitions(*gradients)

    return log_Z - score, pullback


def marginals(emissions: Array, transitions: Transitions, mask: Array | None = None) -> Array:
    """Probability (T, B, C) of every label at every step of whole sequences, 0 at padding."""
    T, B, _ = emissions.shape
    mask = np.ones((T, B), bool) if mask is None else mask
    borders, e, scores = Borders.whole(B), emissions.astype(np.float64), transitions.wide()
    # In the same order for every sequence, whatever stands beside it.
    alpha = _forward(e, scores, mask, borders, _one_by_one)
    beta = _backward(e, scores, mask, borders, _one_by_one)
    return np.exp(alpha + beta - _log_Z(alpha, scores, borders)[:, None]) * mask[:, :, None]


def viterbi(emissions: Array, transitions: Transitions, mask: Array | None = None) -> Array:
    """The most probable labelling (T, B) of whole sequences, 0 at padding (Viterbi 1967)."""
    T, B, _ = emissions.shape
    mask = np.ones((T, B), bool) if mask is None else mask
    e, scores, columns = emissions.astype(np.float64), transitions.wide(), np.arange(B)
    best = scores.start + e[0]
    came_from = np.empty(e.shape, np.intp)
    for t in range(1, T):
        reached = best[:, :, None] + scores.A
        came_from[t] = reached.argmax(axis=1)
        best = np.where(mask[t][:, None], e[t] + reached.max(axis=1), best)
    labels = np.zeros((T, B), np.intp)
    label = (best + scores.end).argmax(axis=1)
    for t in reversed(range(T)):
        labels[t] = np.where(mask[t], label, 0)
        if t:
            label = np.where(mask[t], came_from[t, columns, label], label)
    return labels


def _forward(
    e: Array, scores: Transitions, mask: Array, borders: Borders, product: Product = np.matmul
) -> Array:
    """α (T, B, C): the logarithm of the sum over all labellings up to a step."""
    alpha, scaled = np.empty_like(e), _scaled(scores.A)
    alpha[0] = e[0] + scores.start * borders.begin[:, None]
    for t in range(1, len(e)):
        step = e[t] + _log_product(alpha[t - 1], scaled, product)
        alpha[t] = np.where(mask[t][:, None], step, alpha[t - 1])
    return alpha


def _backward(
    e: Array, scores: Transitions, mask: Array, borders: Borders, product: Product = np.matmul
) -> Array:
    """β (T, B, C): the logarithm of the sum over all labellings behind a step."""
    beta, scaled = np.empty_like(e), _scaled(scores.A.T)
    beta[-1] = scores.end * borders.end[:, None]
    for t in reversed(range(1, len(e))):
        step = _log_product(e[t] + beta[t], scaled, product)
        beta[t - 1] = np.where(mask[t][:, None], step, beta[t])
    return beta


def _scaled(A: Array) -> tuple[Array, Array]:
    """exp(A), each column divided by its largest, and the logarithms of these."""
    columns = A.max(axis=0)
    return np.exp(A - columns), columns


def _log_product(x: Array, scaled: tuple[Array, Array], product: Product) -> Array:
    """log(exp(x)·exp(A)) for (B, C) and (C, C)."""
    rows, (exp_A, columns) = x.max(axis=1, keepdims=True), scaled
    return np.log(product(np.exp(x - rows), exp_A)) + rows + columns


def _one_by_one(x: Array, A: Array) -> Array:
    """x·A, added up in the same order for every row; a product of matrices need not be."""
    return (x[:, :, None] * A).sum(axis=1)


def _log_Z(alpha: Array, scores: Transitions, borders: Borders) -> Array:
    """The logarithm of the sum over all labellings (B,)."""
    x = alpha[-1] + scores.end * borders.end[:, None]
    rows = x.max(axis=1)
    return np.log(np.exp(x - rows[:, None]).sum(axis=1)) + rows


def _pairs(
    e: Array, alpha: Array, beta: Array, log_Z: Array, A: Array, both: Array, weights: Array
) -> Array:
    """Σ weights · p[i, j] (C, C) over all steps and segments: one product of two matrices."""
    before, behind = alpha[:-1][both], (e + beta)[1:][both]
    segments = np.broadcast_to(np.arange(both.shape[1]), both.shape)[both]
    u, v = before.max(axis=1, initial=-np.inf), behind.max(axis=1, initial=-np.inf)
    largest = A.max()
    scale = np.exp(np.minimum(u + v + largest - log_Z[segments], LARGEST)) * weights[segments]
    product = np.exp(before - u[:, None]).T @ (np.exp(behind - v[:, None]) * scale[:, None])
    return product * np.exp(A - largest)
