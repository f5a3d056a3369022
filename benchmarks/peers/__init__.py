"""What every system is asked to do: the configurations, their data and first parameters.

A peer is a module with two functions:

    version() -> str                     what was measured, for the table
    prepare(work, **options) -> step     step() does one training step, returns its loss

`step` takes the next minibatch and does the whole of it: forward, backward,
clipping, update of the parameters; the hidden state is carried to the next step
without gradient. All systems start from the same parameters and read the same
symbols, so their first losses must agree, and `train_step.py` checks that.
"""

from dataclasses import dataclass

import numpy as np

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
MINIBATCHES = 4  # distinct ones, read in turn


@dataclass(frozen=True)
class Work:
    """One configuration. `loss` is summed or averaged over time; the batch is averaged."""

    name: str
    cell: str
    vocabulary: int
    hidden: int
    layers: int
    batch: int
    steps: int
    optimizer: str
    learning_rate: float
    loss: str = "mean"
    clip_norm: float = 0.0
    clip_value: float = 0.0

    @property
    def characters(self) -> int:
        """Predictions of one training step."""
        return self.steps * self.batch

    @property
    def gflop(self) -> float:
        """Products of one training step, in 10⁹ floating-point operations.

        Two for every multiply-add of the recurrent products (H, G·H), of the
        inputs of the layers above the first (H, G·H), and of the readout (H, V).
        The first layer looks its rows up: 0, also for a system that multiplies
        one-hot vectors. Times three: the backward pass has two products for
        every one of the forward pass.
        """
        recurrent = self.hidden * GATES[self.cell] * self.hidden
        multiply_adds = (2 * self.layers - 1) * recurrent + self.hidden * self.vocabulary
        return 3 * 2 * multiply_adds * self.characters / 1e9

    def minibatches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs (inputs, targets), each (T, B) int64; frequencies like those of letters."""
        rng = np.random.default_rng(1)
        weights = 1 / (np.arange(self.vocabulary) + 3)
        shape = (self.batch, MINIBATCHES * self.steps + 1)
        ids = rng.choice(self.vocabulary, size=shape, p=weights / weights.sum()).T
        starts = range(0, MINIBATCHES * self.steps, self.steps)
        windows = [np.ascontiguousarray(ids[s : s + self.steps + 1]) for s in starts]
        return [(w[:-1], w[1:]) for w in windows]

    def parameters(self) -> dict[str, np.ndarray]:
        """First values, float32, under Elman's names; W_x (D, G·H), W_h (H, G·H), W_y (H, V)."""
        rng = np.random.default_rng(2)
        V, H, GH = self.vocabulary, self.hidden, GATES[self.cell] * self.hidden
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.layers):
            shapes[f"layer{layer}.W_x"] = (H if layer else V, GH)
            shapes[f"layer{layer}.W_h"] = (H, GH)
            shapes[f"layer{layer}.b"] = (GH,)
            if self.cell == "gru":
                shapes[f"layer{layer}.c_n"] = (H,)
        shapes["readout.W_y"] = (H, V)
        shapes["readout.b_y"] = (V,)
        bound = H**-0.5
        return {
            name: rng.uniform(-bound, bound, shape).astype(np.float32)
            for name, shape in shapes.items()
        }


WORKS = {
    work.name: work
    for work in (
        # min-char-rnn's own: loss summed over time, every component clipped to ±5
        Work("rnn-100-b1", "rnn", 65, 100, 1, 1, 25, "adagrad", 0.01, loss="sum", clip_value=5),
        # Dive into Deep Learning's own, on The Time Machine
        Work("rnn-512-b32", "rnn", 44, 512, 1, 32, 64, "sgd", 1.0, clip_norm=1),
        # char-rnn's own
        Work("lstm-2x128-b50", "lstm", 65, 128, 2, 50, 50, "adam", 2e-3, clip_norm=5),
        Work("gru-256-b32", "gru", 65, 256, 1, 32, 64, "adam", 2e-3, clip_norm=1),
        Work("lstm-512-b32", "lstm", 65, 512, 1, 32, 64, "adam", 2e-3, clip_norm=1),
        Work("lstm-2x512-b64", "lstm", 65, 512, 2, 64, 100, "adam", 2e-3, clip_norm=1),
    )
}
