"""A temperature for a network that has learned, so that its probabilities mean what they say.

A network that has read its text many times is surer of the next symbol than it is right about it.
Dividing its logits by one number T, at which a held-out part is likeliest, mends most of that (Guo
et al. 2017, On Calibration of Modern Neural Networks):

    z / T  =  h · (W_y / T) + b_y / T

So the readout is divided, and whatever reads the network has the temperature.
"""

import numpy as np

from ...nn.network import Network
from ...text.parts import Part
from ...text.vocabulary import Vocabulary
from ..calibration import fit_temperature
from . import scoring

Array = np.ndarray

SYMBOLS, STREAM = 16_384, 512  # one number needs few: its standard error is about 1 %
NUMBERS = 1 << 22  # most logits in memory


def fitted(
    network: Network, part: Part, vocabulary: Vocabulary, start: Array | None = None
) -> float:
    """The temperature T at which a held-out part is likeliest under softmax(z / T).

    `start` is a state from which running text is read, as in `scoring.evaluate`.
    """
    limit = min(part.predictions, SYMBOLS, max(STREAM, NUMBERS // network.vocabulary_size))
    reader = _Reader(network)
    scoring.evaluate(reader, part, vocabulary, max(1, limit // STREAM), limit, start=start)
    return fit_temperature(np.concatenate(reader.logits), np.concatenate(reader.targets))


def divide(network: Network, temperature: float) -> None:
    """Divide the logits of a network, in place."""
    for name in ("readout.W_y", "readout.b_y"):
        if name in network.parameters:
            network.parameters[name][...] /= temperature


class _Reader:
    """Keeps the logits that a network is scored by: (N, V) and the targets (N,) of each chunk."""

    def __init__(self, network: Network):
        self.network, self.vocabulary_size = network, network.vocabulary_size
        self.zero_state, self.predict = network.zero_state, network.predict
        self.logits: list[Array] = []
        self.targets: list[Array] = []

    def nats(
        self, inputs: Array, targets: Array, state: Array, mask: Array | None = None
    ) -> tuple[Array, Array]:
        logits, state, _ = self.network.forward(inputs, state, mask)
        kept = np.ones(targets.shape, bool) if mask is None else mask
        self.logits.append(logits[kept].astype(np.float64))
        self.targets.append(targets[kept])
        return np.zeros(targets.shape), state
