"""Dynamic evaluation: a model that keeps learning from the text that it scores.

After each window of W symbols, or what is left of a text, has been scored, one step of gradient
descent makes its T symbols likelier,

    θ ← θ - η·(T/W)·g / (r + ε·r̄) + λ·(θ₀ - θ)        g = ∂/∂θ (1/T) Σ -log p(x_t | before)

and the next window is scored with the new θ. r is the root of the mean of g² over the windows so
far, of every weight, and r̄ its mean over the weights: so a step is as long for a network whose
gradients are large, as those of a vanilla RNN are, and a short text, whose gradient is mostly
noise, moves the weights less. θ₀ are the weights of the training, towards which the last term
pulls back. Every symbol is predicted before anything is learned from it, so the sum of the nats is
a code length as before (Krause, Kahembwe, Murray and Renals 2018, section 4: their RMS form, with
statistics of the text that is scored in place of the training's, which a model file need not
have). The gradient is that of truncated back-propagation through time: the state that enters a
window is a constant.
"""

import numpy as np

from ...nn.network import Network

Array = np.ndarray

WINDOW = 32  # symbols between two steps
RATE = 0.0005  # η
DAMPING = 0.1  # ε
DECAY = 0.001  # λ
WARMUP = 10  # steps until the rate is η: the first means are of few gradients


class AdaptingNetwork(Network):
    """A copy of a network that learns from each window that `nats` scores.

    Texts must be scored one after the other, in the order in which they are to be learned from.

    Parameters
    ----------
    network : the trained one, which stays as it is
    """

    def __init__(self, network: Network):
        super().__init__(network.config, network.dtype, network.engine)
        self.trained = network.parameters.flat
        self.parameters.flat[:] = self.trained
        self.mean_squares, self.steps = np.zeros_like(self.trained), 0

    def nats(
        self, inputs: Array, targets: Array, state: Array, mask: Array | None = None
    ) -> tuple[Array, Array]:
        """The nats (T, 1) of one stream, each window before it is learned from, and its state.

        Raises
        ------
        ValueError : several streams, of which none is before the others
        """
        if inputs.shape[1] != 1 or mask is not None:
            raise ValueError("texts are learned from one by one")
        nats = np.empty(inputs.shape)
        for start in range(0, len(inputs), WINDOW):
            window = slice(start, start + WINDOW)
            nats[window], behind = super().nats(inputs[window], targets[window], state)
            self._learn(inputs[window], targets[window], state)
            state = behind
        return nats, state

    def _learn(self, inputs: Array, targets: Array, state: Array) -> None:
        number = self.dtype.type
        weights = np.full(inputs.shape, 1 / len(inputs), self.dtype)
        self.loss_and_gradient(inputs, targets, weights, state)
        gradient, parameters = self.gradient.flat, self.parameters.flat
        self.steps += 1
        self.mean_squares += (gradient * gradient - self.mean_squares) / self.steps
        root = np.sqrt(self.mean_squares)
        mean = root.mean(dtype=np.float64)
        if mean > 0:
            rate = RATE * min(1.0, self.steps / WARMUP) * len(inputs) / WINDOW
            parameters -= number(rate) * gradient / (root + number(DAMPING * mean))
        parameters += number(DECAY) * (self.trained - parameters)
