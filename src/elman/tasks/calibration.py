"""Probabilities that mean something: how far they are from the truth, and a temperature for them.

A classifier may be surer of new texts than it is right, or less sure if its labels were
smoothed. Dividing all logits by one number, the temperature, does not change which class is the
most probable and mends most of that (Guo et al. 2017, On Calibration of Modern Neural Networks).
"""

from dataclasses import dataclass

import numpy as np

from ..nn.layers import softmax

Array = np.ndarray
BINS = 15
SURER, LESS_SURE = 20.0, 0.05  # bounds of 1 / temperature
HALVINGS = 30  # to a relative error of 1e-8


@dataclass(frozen=True)
class Calibration:
    """What the probabilities of a classifier are worth on a labelled part.

    Attributes
    ----------
    calibration_error : of the probabilities as they are answered
    static_calibration_error : of those without the temperature
    temperature : what the logits are divided by
    """

    calibration_error: float
    static_calibration_error: float
    temperature: float

    def __str__(self) -> str:
        fitted = ""
        if self.temperature != 1:
            fitted = (f" with the fitted temperature {self.temperature:.2f}, "
                      f"{self.static_calibration_error:.3f} without")  # fmt: skip
        return f"expected calibration error {self.calibration_error:.3f}{fitted}"


def calibrated(logits: Array, labels: Array, temperature: float) -> Calibration:
    """What probabilities softmax(logits / temperature) are worth, see `Calibration`."""
    answered, static = (
        calibration_error(softmax(z), labels) for z in (logits / temperature, logits)
    )
    return Calibration(answered, static, temperature)


def calibration_error(probabilities: Array, labels: Array, bins: int = BINS) -> float:
    """Expected calibration error: how far confidence is from accuracy, in [0, 1].

    Texts are put into `bins` of equal width by the probability of their most probable class;
    the error is the mean over texts of |accuracy - mean confidence| of their bin (Naeini et
    al. 2015).

    Parameters
    ----------
    probabilities : (n, C)
    labels : (n,) the true classes

    Example
    -------
    >>> calibration_error(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1]))
    0.4
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    surplus = np.bincount(place, weights=confidence - right, minlength=bins)
    return float(np.abs(surplus).sum() / max(1, len(labels)))


def fit_temperature(logits: Array, labels: Array) -> float:
    """The temperature T that makes the labels of a held-out part likeliest under softmax(z / T).

    The mean loss is convex in β = 1/T, with the derivative E_softmax(βz)[z] - z_label, whose
    zero is found by bisection. One text more, that belongs equally to every class, keeps T finite
    where all are right (as in Platt 1999).

    Parameters
    ----------
    logits : (n, C) float64
    labels : (n,)
    """
    share = 1 / (len(labels) + 1)
    at_label = logits[np.arange(len(labels)), labels]
    target = (1 - share) * at_label + share * logits.mean(axis=1)

    def derivative(beta: float) -> float:
        return float(((softmax(beta * logits) * logits).sum(axis=1) - target).mean())

    low, high = np.log(LESS_SURE), np.log(SURER)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if derivative(float(np.exp(middle))) < 0:
            low = middle
        else:
            high = middle
    return float(np.exp(-(low + high) / 2))
