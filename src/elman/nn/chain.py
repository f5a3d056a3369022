"""The linear chain: a label depends on the one before it (Lafferty, McCallum and Pereira 2001).

    score(y) = start[y_0] + Σ_t e[t, y_t] + Σ_t A[y_{t-1}, y_t] + end[y_last]
    nats     = log Σ_y' exp score(y') - score(y)

The sum Z is over all labellings y'. The forward algorithm forms it step by step: α_t[j], the sum
over all labellings up to step t that end in label j,

    α_t[j] = w_t[j] Σ_i α_{t-1}[i] E[i, j]        E = exp A,  w_t = exp e_t

and the backward algorithm the same from the end, β. Both together give the gradient, because the
derivative of log Z by a score is the probability of what the score belongs to:

    p_t[j]    = α_t[j] β_t[j] / Σ_k α_t[k] β_t[k]               of label j at step t
    p_t[i, j] = α_{t-1}[i] E[i, j] w_t[j] β_t[j] / Σ ...        of the pair i, j

So that no sum overflows, α_t is divided by its sum c_t (Rabiner 1989, section V.A), β_t by its
maximum, E by the maxima of its columns and w_t by its own; log Z adds the logarithms up. All of it
is in float64, which holds labels whose scores at a step differ by up to 700.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Product = Callable[[Array, Array], Array]


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
    sums = _forward(e, scores, mask, borders)
    last = mask.sum(axis=0) - 1
    both = mask[1:]  # a pair is there where its second label is
    final = labels[last, columns]
    at_label = np.take_along_axis(e, labels[:, :, None], axis=2)[:, :, 0]
    score = (at_label * mask).sum(axis=0)
    score += (scores.A[labels[:-1], labels[1:]] * both).sum(axis=0)
    score += scores.start[labels[0]] * borders.begin + scores.end[final] * borders.end

    def pullback(dnats: Array) -> tuple[Array, Transitions]:
        beta = _backward(sums, mask)
        dA = _pairs(sums, beta, both * dnats)
        np.subtract.at(dA, (labels[:-1], labels[1:]), both * dnats)
        de = _probabilities(sums.alpha, beta, mask)
        de[np.arange(T)[:, None], columns, labels] -= mask
        de *= dnats[:, None]
        dstart = (de[0] * borders.begin[:, None]).sum(axis=0)
        dend = (de[last, columns] * borders.end[:, None]).sum(axis=0)
        gradients = (x.astype(emissions.dtype) for x in (dA, dstart, dend))
        return de.astype(emissions.dtype), Transitions(*gradients)

    return sums.log_Z - score, pullback


def marginals(emissions: Array, transitions: Transitions, mask: Array | None = None) -> Array:
    """Probability (T, B, C) of every label at every step of whole sequences, 0 at padding."""
    T, B, _ = emissions.shape
    mask = np.ones((T, B), bool) if mask is None else mask
    # Products in the same order for every sequence, whatever else is in the batch.
    sums = _forward(emissions.astype(np.float64), transitions.wide(), mask, Borders.whole(B),
                    _one_by_one)  # fmt: skip
    return _probabilities(sums.alpha, _backward(sums, mask, _one_by_one), mask)


def viterbi(emissions: Array, transitions: Transitions, mask: Array | None = None) -> Array:
    """The most probable labelling (T, B) of whole sequences, 0 at padding (Viterbi 1967)."""
    T, B, _ = emissions.shape
    mask = np.ones((T, B), bool) if mask is None else mask
    e, scores = emissions.astype(np.float64), transitions.wide()
    best = np.empty_like(e)  # of all labellings up to a step that end in a label
    best[0] = scores.start + e[0]
    for t in range(1, T):
        step = e[t] + (best[t - 1][:, :, None] + scores.A).max(axis=1)
        best[t] = np.where(mask[t][:, None], step, best[t - 1])
    labels = np.zeros((T, B), np.intp)
    label = (best[-1] + scores.end).argmax(axis=1)
    for t in reversed(range(T)):
        labels[t] = np.where(mask[t], label, 0)
        if t:
            before = (best[t - 1] + scores.A[:, label].T).argmax(axis=1)
            label = np.where(mask[t], before, label)
    return labels


@dataclass(frozen=True)
class _Sums:
    """What the forward algorithm found.

    Attributes
    ----------
    alpha : (T, B, C), the sum over the labels is 1; behind the end of a segment that of its end
    c : (T, B) what they were divided by
    w, E, end : exp of the emissions (T, B, C), of A (C, C), of the last score (B, C), scaled
    log_Z : (B,)
    """

    alpha: Array
    c: Array
    w: Array
    E: Array
    end: Array
    log_Z: Array


def _forward(
    e: Array, scores: Transitions, mask: Array, borders: Borders, product: Product = np.matmul
) -> _Sums:
    columns = scores.A.max(axis=0)
    exponents = e + columns  # the scale of E goes into w
    exponents[0] = e[0] + scores.start * borders.begin[:, None]
    w, tops = _scaled(exponents)
    last, last_top = _scaled(scores.end * borders.end[:, None])
    E = np.exp(scores.A - columns)
    alpha, c = np.empty_like(e), np.ones(mask.shape)
    c[0] = w[0].sum(axis=1)
    alpha[0] = w[0] / c[0][:, None]
    for t in range(1, len(e)):
        step = w[t] * product(alpha[t - 1], E)
        c[t] = np.where(mask[t], step.sum(axis=1), 1)
        alpha[t] = np.where(mask[t][:, None], step / c[t][:, None], alpha[t - 1])
    log_Z = (np.log(c) + np.where(mask, tops, 0)).sum(axis=0)
    log_Z += np.log((alpha[-1] * last).sum(axis=1)) + last_top
    return _Sums(alpha, c, w, E, last, log_Z)


def _backward(sums: _Sums, mask: Array, product: Product = np.matmul) -> Array:
    """β (T, B, C): the sum over all that follows a step, its largest is 1."""
    beta = np.empty_like(sums.alpha)
    beta[-1] = sums.end
    for t in reversed(range(1, len(beta))):
        step = product(sums.w[t] * beta[t], sums.E.T)
        step /= step.max(axis=1, keepdims=True)
        beta[t - 1] = np.where(mask[t][:, None], step, beta[t])
    return beta


def _probabilities(alpha: Array, beta: Array, mask: Array) -> Array:
    """Of every label at every step (T, B, C), 0 at padding."""
    p = alpha * beta
    p *= (mask / p.sum(axis=2))[:, :, None]
    return p


def _pairs(sums: _Sums, beta: Array, weights: Array) -> Array:
    """Σ weights (T - 1, B) · p[i, j] (C, C): one product of two matrices."""
    C = len(sums.E)
    behind = sums.w[1:] * beta[1:]
    total = sums.c[1:] * (sums.alpha[1:] * beta[1:]).sum(axis=2)
    behind *= (weights / total)[:, :, None]
    return sums.E * (sums.alpha[:-1].reshape(-1, C).T @ behind.reshape(-1, C))


def _scaled(x: Array) -> tuple[Array, Array]:
    """exp(x) divided by its maximum over the last axis, and the logarithm of that."""
    top = x.max(axis=-1)
    return np.exp(x - top[..., None]), top


def _one_by_one(x: Array, A: Array) -> Array:
    """x·A, added up in the same order for every row; a product of matrices need not be."""
    return (x[:, :, None] * A).sum(axis=1)
