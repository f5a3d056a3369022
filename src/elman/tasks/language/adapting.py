"""Dynamic evaluation: a model that keeps learning from the text that it scores.

After each window of W symbols, or what is left of a text, has been scored, one step of gradient
descent makes its T symbols likelier,

    θ ← θ - η·(T/W)·g / (r + ε·r̄) + λ·(θ₀ - θ)        g = ∂/∂θ (1/T) Σ -log p_θ(x_t | before)

and the next window is scored with the new θ. r is the root of the mean of g² over the windows so
far, of every weight, and r̄ its mean over the weights: so a step is as long for a network whose
gradients are large, as those of a vanilla RNN are, and a short text, whose gradient is mostly
noise, moves the weights less. θ₀ are the weights of the training, towards which the last term
pulls back (Krause, Kahembwe, Murray and Renals 2018, section 4: their RMS form, with statistics of
the text that is scored in place of the training's, which a model file need not have). The gradient
is that of truncated back-propagation through time: the state that enters a window is a constant.

Not every text has something to learn from. So the two networks share each prediction, and each has
a say by how well it predicted all symbols before,

    p(x_t | before) = π p_θ(x_t | before) + (1 - π) p_θ₀(x_t | before)        π = 1 / (1 + e^D)

where D are the nats that θ has cost so far more than θ₀: Bayes' rule for two models that are
equally likely at first. All texts together never cost more than 1 bit above what the trained
network needs. Every symbol is predicted before anything is learned from it, so the sum of the nats
is a code length as before.
"""

import numpy as np

from ...nn.network import Network

Array = np.ndarray

WINDOW = 32  # W, symbols between two steps
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
        self.trained = network
        self.parameters.flat[:] = network.parameters.flat
        self.mean_squares, self.steps = np.zeros_like(self.parameters.flat), 0
        self.behind = 0.0  # D
        self._states: tuple[Array, Array] | None = None  # of both networks behind the last symbol
        self._window: list[Array] = []  # the symbols that are not yet learned from
        self._before = self.zero_state(1)  # the state that enters the window

    def nats(
        self, inputs: Array, targets: Array, state: Array, mask: Array | None = None
    ) -> tuple[Array, Array]:
        """The nats (T, 1) of one stream, each window before it is learned from, and its state.

        A state other than the one that it last returned begins another text.

        Raises
        ------
        ValueError : several streams, of which none is before the others
        """
        if inputs.shape[1] != 1 or mask is not None:
            raise ValueError("texts are learned from one by one")
        if self._states is None or state is not self._states[0]:
            self._learn()
            self._states = (state, state)
        nats, start = np.empty(inputs.shape), 0
        while start < len(inputs):
            if not self._window:
                self._before = self._states[0]
            piece = slice(start, start + WINDOW - sum(map(len, self._window)))
            nats[piece] = self._shared(inputs[piece], targets[piece])
            self._window.append(np.stack([inputs[piece], targets[piece]], 1))
            if sum(map(len, self._window)) == WINDOW:
                self._learn()
            start = piece.stop
        return nats, self._states[0]

    def _shared(self, inputs: Array, targets: Array) -> Array:
        """What the symbols cost both networks together."""
        assert self._states is not None
        learning, trained = self._states
        learned, learning = super().nats(inputs, targets, learning)
        fixed, trained = self.trained.nats(inputs, targets, trained)
        self._states = (learning, trained)
        learned, fixed = learned.astype(np.float64), fixed.astype(np.float64)
        behind = self.behind + np.cumsum(learned - fixed, axis=0)
        before = np.concatenate([[[self.behind]], behind[:-1]])
        self.behind = float(behind[-1, 0])
        return np.logaddexp(0, -before) - np.logaddexp(-before - learned, -fixed)

    def _learn(self) -> None:
        """Take a step on the window, if there is any."""
        if not self._window:
            return
        inputs, targets = np.moveaxis(np.concatenate(self._window), 1, 0)
        self._window = []
        number = self.dtype.type
        weights = np.full(inputs.shape, 1 / len(inputs), self.dtype)
        self.loss_and_gradient(inputs, targets, weights, self._before)
        gradient, parameters = self.gradient.flat, self.parameters.flat
        self.steps += 1
        self.mean_squares += (gradient * gradient - self.mean_squares) / self.steps
        root = np.sqrt(self.mean_squares)
        mean = root.mean(dtype=np.float64)
        if mean > 0:
            rate = RATE * min(1.0, self.steps / WARMUP) * len(inputs) / WINDOW
            parameters -= number(rate) * gradient / (root + number(DAMPING * mean))
        parameters += number(DECAY) * (self.trained.parameters.flat - parameters)
