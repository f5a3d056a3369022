"""How a ReLU network explodes, and what cures it: softmax fused and unfused, clipping, decay."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import numpy as np

from ..errors import DivergedError
from .lab import Cell, Lab, Recipe, mean
from .parr_data import HIS_VALUES, PLAIN, SOURCE, Rows, accuracy, his_rows, his_start, surnames

Array = np.ndarray

STEPS = 6000
SGD = {"optimizer": "sgd", "learning_rate": 0.1, "activation": "relu"}
ADAM = {"optimizer": "adam", "learning_rate": 0.001, "activation": "relu"}
# label: (settings, whether the softmax is unfused, whether his first values)
CASES: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "SGD 0.1, ReLU, softmax unfused, float32": (SGD, True, False),
    "… unfused, float64": (SGD | {"dtype": "float64"}, True, False),
    "… fused, float32 (as all below)": (SGD, False, False),
    "… tanh": (SGD | {"activation": "tanh"}, False, False),
    "… W_h = I/2": (SGD | {"init_scale": 0.5}, False, False),
    "… gradient norm clipped to 1": (SGD | {"clip_norm": 1.0}, False, False),
    "… weight decay 0.01": (SGD | {"weight_decay": 0.01}, False, False),
    "… rate 0.01": (SGD | {"learning_rate": 0.01}, False, False),
    "his: Adam 0.001, N(0, 1), unfused, float32": (ADAM, True, True),
    "… unfused, float64, as he ran it": (ADAM | {"dtype": "float64"}, True, True),
    "… unfused, float64, rate 0.01": (
        ADAM | {"dtype": "float64", "learning_rate": 0.01}, True, True),
    "… fused, float32": (ADAM, False, True),
    "… fused, float32, rate 0.01": (ADAM | {"learning_rate": 0.01}, False, True),
}  # fmt: skip
DRAWN = {
    "ReLU": "… fused, float32 (as all below)", "tanh": "… tanh",
    "ReLU, clipped": "… gradient norm clipped to 1", "ReLU, rate 0.01": "… rate 0.01",
}  # fmt: skip


def unfused(logits: Array, targets: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Softmax, then −log of it, each with its own derivative: what not to do.

    exp overflows for logits above 88 in float32 and 709 in float64, and the probability
    of the target underflows to 0 where its logit lies as far below the largest; then
    the loss is log 0 and its derivative 1/0. Shapes as in `layers.softmax_cross_entropy`.
    """
    with np.errstate(all="ignore"):
        e = np.exp(logits)
        p = e / e.sum(axis=-1, keepdims=True)
        at_target = np.take_along_axis(p, targets[..., None], axis=-1)
        nats = -np.log(at_target)[..., 0]

    def pullback(dnats: Array) -> Array:
        with np.errstate(all="ignore"):
            dp = np.zeros_like(p)
            np.put_along_axis(dp, targets[..., None], -dnats[..., None] / at_target, axis=-1)
            return p * (dp - (dp * p).sum(axis=-1, keepdims=True))

    return nats, pullback


@contextmanager
def softmax_unfused() -> Iterator[None]:
    """The NumPy engine trains with `unfused` inside; for this demonstration only.

    No setting asks for a softmax that nobody should use, so the function is replaced.
    """
    with patch("elman.nn.layers.softmax_cross_entropy", unfused):
        yield


class Follow:
    """Follows a training: gradient norms, and the largest |h| while it reads a few texts.

    The state is looked at every `every` steps, and whenever the gradient norm is the
    largest so far, as it is in every step of an explosion.
    """

    def __init__(self, rows: Rows, every: int = 100):
        self.texts = [text for text, _ in rows[:10]]
        self.every = every
        self.norms: list[float] = []
        self.largest = self.state = 0.0  # gradient norm and |h|

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] != "step":
            return
        norm = event["gradient_norm"]
        self.norms.append(norm)
        if norm > self.largest or event["step"] % self.every == 0:
            with np.errstate(all="ignore"):
                h = np.abs(event["snapshot"]().embed(self.texts)).max()
            self.state = max(self.state, float(h))
        self.largest = max(self.largest, norm)


def run(lab: Lab) -> None:
    """One record per step, until training diverges or the steps are done."""
    rows = surnames(lab)
    parts = [his_rows(rows, seed) for seed in lab.seeds]
    steps = lab.choose(STEPS, 12)
    small = lab.choose({}, {"hidden_size": 8})
    table: list[list[Cell]] = []
    curves: dict[str, list[float]] = {}
    section = lab.section("When training diverges, and what prevents it")
    always = PLAIN | {"batch_size": 1, "engine": "numpy", "steps": steps}
    section.use("all", always)
    for label, (chosen, naive, his) in CASES.items():
        settings = always | chosen | small
        ended: list[int | None] = []
        follows: list[Follow] = []
        right: list[float] = []
        started = time.process_time()
        for seed, (train, held_out) in zip(lab.seeds, parts, strict=True):
            start = his_start(lab, train, seed, **settings) if his else None
            follows.append(Follow(held_out))
            try:
                with softmax_unfused() if naive else nullcontext():
                    model = lab.train(label, train, seed, on_event=follows[-1], log_every=1,
                                      start_from=start, **settings)  # fmt: skip
            except DivergedError:
                ended.append(len(follows[-1].norms) + 1)
            else:
                ended.append(None)
                right.append(accuracy(model, held_out))
        table.append([
            label, ", ".join("–" if step is None else f"{step:,}" for step in ended),
            ", ".join(f"{each.largest:.1e}" for each in follows),
            ", ".join(f"{each.state:.2g}" for each in follows),
            mean(right) if len(right) == len(lab.seeds) else None,
            (time.process_time() - started) / len(lab.seeds),
        ])  # fmt: skip
        beside = [HIS_VALUES] * his + ["softmax unfused, which no flag can set"] * naive
        section.use(label, chosen, "; ".join(beside))
        curves[label] = follows[0].norms
    section.say(
        f"The network of 100 units is trained on {steps:,} records of his rows, one per step, "
        "without biases. A run diverges when its loss or gradient is not a finite number. For "
        "each seed the table gives the step at which this happened (– if it did not diverge), the "
        "largest gradient norm until then, and the largest |h| after the last letter of ten "
        "held-out names, measured every 100 steps and whenever the norm is the largest so far. "
        "This is what Parr describes: with ReLU the elements of h become large, where tanh keeps "
        "them below 1. There are two causes. The first is the unfused softmax (exp, then a "
        "quotient, then a logarithm): training fails as soon as a logit passes 88 in float32, or "
        "709 in float64, whatever made it so large. Fused (log Σ exp with the maximum "
        "subtracted), any finite logit has a loss and a gradient. The second cause is W_h itself: "
        "an unbounded state is multiplied by it at every letter, so a gradient step that is too "
        "large makes the next gradient larger. The fused softmax does not cure that. Clipping the "
        "norm does for all seeds, and so does a smaller rate; with weight decay 0.01 (the only "
        "value tried) or a smaller initial W_h, some seeds still diverge. tanh stays finite and "
        "learns little at such a rate. As he ran it (Adam, float64) nothing diverges within these "
        "steps, so his explosion is reproduced here as growth of h, and as divergence only with "
        "another optimizer, precision or rate. Accuracy is on the held-out rows; seconds are CPU "
        "seconds of one run, including the measuring."
    )
    section.table(
        {"": "", "diverged at step": "", "largest gradient norm": "", "largest |h|": "",
         "accuracy": ".3f", "CPU seconds": ".1f"},
        table,
    )  # fmt: skip
    section.curves(
        "parr-exploding", "step", "largest gradient norm so far",
        {name: so_far(curves[label]) for name, label in DRAWN.items()},
        f"SGD at 0.1, one record per step, fused softmax, seed {lab.seeds[0]}: the curve of ReLU "
        "ends where training diverges.",
        log="y",
    )  # fmt: skip


def so_far(norms: list[float]) -> tuple[list[float], list[float]]:
    """Steps, and the largest norm until each."""
    return list(range(1, len(norms) + 1)), np.maximum.accumulate(norms).tolist()


RECIPE = Recipe(
    title="After Parr: the exploding ReLU, and its cures",
    source=SOURCE,
    about="Parr notes that ReLU instead of tanh made his states explode, and suspects the missing "
    "weight decay. This chapter provokes the explosion, measures it, finds its causes and "
    "prevents it.",
    run=run,
)
