"""Bendersky after Karpathy: min-char-rnn on Sherlock Holmes, and what writes better."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import CorpusError
from ..nn import check
from ..nn.network import Network, NetworkConfig, initialise
from ..tasks.language.batches import Batch
from .lab import Cell, Lab, Recipe, SmoothedLoss, average, mean, start

CORPUS = "sherlock"
TEXT: dict[str, Any] = {"lowercase": True, "max_characters": 1 << 20, "validation": 0.1}
QUICK: dict[str, Any] = {"max_characters": 20_000}
# min-char-rnn; a single sequence leaves nothing for a second thread.
MIN_CHAR_RNN: dict[str, Any] = {
    "cell": "rnn", "hidden_size": 100, "batch_size": 1, "optimizer": "adagrad",
    "learning_rate": 0.1, "schedule": "constant", "clip_value": 5.0, "loss": "sum",
    "init": "normal", "init_scale": 0.01, "threads": 1,
}  # fmt: skip
ITERATIONS = 60_000
WINDOWS = (16, 25)
ORDERS = (2, 3, 4, 5, 6)
CELLS = ("rnn", "gru", "lstm")
BATCHED: dict[str, Any] = {
    "batch_size": 32, "seq_len": 64, "epochs": 20, "dropout": 0.0, "reset_state": 0.0,
    "learning_rate": 0.006, "warmup": 0, "calibrate": False,
}  # fmt: skip
LARGE: dict[str, Any] = {
    "cell": "lstm", "batch_size": 32, "seq_len": 64, "epochs": 12, "reset_state": 0.0,
    "learning_rate": 0.006, "warmup": 0, "calibrate": False,
}  # fmt: skip
PRIME = "it was "
CARRIED = "from the training state"
FROM_ZERO = (
    "A network trained on one continuous sequence has seen the zero state only once or twice. "
    "Started from zero, it may enter a state that it never reached in training, predict rare "
    "characters there, and stay in it. Whether this happens depends on the seed and on the first "
    "characters. Held-out text is scored from a zero state throughout this page, so its bits can "
    "vary a lot between seeds. The next column therefore gives an estimate (from at most 65,536 "
    "characters) that starts from the final training state, as min-char-rnn does."
)
PUBLISHED = {
    "chain of order 4": "better than the recipe, much faster",
    "the recipe, 16 steps": "samples look worse than those of a chain of order 4",
}


def run(lab: Lab) -> None:
    rows, samples = recipe(lab)
    gradient_check(lab)
    compare(lab, rows, samples)


def recipe(lab: Lab) -> tuple[list[list[Cell]], list[tuple[str, str]]]:
    """The recipe itself, for both windows; its rows and samples for the comparison."""
    section = lab.section(
        "The recipe",
        "A vanilla RNN with 100 units makes one pass over the text (16 steps) or 1.6 (25 steps), "
        "window by window, with Adagrad. The smoothed loss starts at −ln(1/V)·T; here it is per "
        "character. Samples continue from the current training state, as in min-char-rnn.",
        FROM_ZERO,
    )
    iterations = lab.choose(ITERATIONS, 200)
    text = TEXT | lab.choose({}, QUICK)
    rows: list[list[Cell]] = []
    compared: list[list[Cell]] = []
    samples, curves = [], {}
    for window in WINDOWS:
        settings = MIN_CHAR_RNN | text
        settings |= {"seq_len": window, "steps": iterations, "eval_every": iterations}
        models, watches = lab.trainings(
            f"{window} steps", lab.corpus(CORPUS), partial(Written, window, iterations), **settings
        )
        name = f"the recipe, {window} steps"
        bits, seconds = held_out(models), mean([m.summary["seconds"] for m in models])
        rows.append(
            [window, mean([w.values[-1] for w in watches]), bits, carried(watches), seconds]
        )
        parameters = models[0].network.config.num_parameters()
        compared.append([name, PUBLISHED.get(name), parameters, bits, seconds])
        curves[f"{window} steps"] = (range(iterations), average([w.values for w in watches]))
        samples.append((name, models[0].sample(200, seed=1)))
        section.use(f"{window} steps", settings)
        for iteration, written in watches[0].written if window == WINDOWS[0] else []:
            section.sample(f"{window} steps, iteration {iteration:,}, seed {lab.seeds[0]}", written)
    columns = {"steps": ".0f", "smoothed loss, nats/character": ".3f",
               "held out, bits/character": ".3f", CARRIED: ".3f", "seconds": ".1f"}  # fmt: skip
    section.table(columns, rows)
    section.curves(
        "bendersky-loss", "iteration", "smoothed loss, nats per character", curves,
        "Smoothed training loss of the recipe; mean over seeds.",
    )  # fmt: skip
    return compared, samples


class Written(SmoothedLoss):
    """The smoothed loss, and samples during the training."""

    def __init__(self, seq_len: int, iterations: int):
        super().__init__(seq_len)
        self.at = (iterations // 60, iterations // 6, iterations)
        self.written: list[tuple[int, str]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        super().__call__(event)
        if event["event"] == "step" and event["step"] in self.at:
            text = event["snapshot"]().sample(200, seed=event["step"])
            self.written.append((event["step"], text))


def gradient_check(lab: Lab) -> None:
    """Central differences at ten random entries of every parameter of the recipe's network.

    `elman check` knows small networks only, so this goes to the network itself.
    """
    section = lab.section(
        "Gradient check",
        "Back-propagation against central differences (ε = 1e-5, float64) at ten random entries "
        "of each parameter of the recipe's network, over a window of 16 steps. `elman check` "
        "checks every entry of smaller networks with every cell.",
    )
    lab.progress("gradient check")
    rng = np.random.default_rng(0)
    config = NetworkConfig(65, "rnn", 100)
    network = Network(config, np.float64)
    initialise(network.parameters, config, "uniform", None, rng)
    window = rng.integers(0, 65, (17, 1)).astype(np.int32)
    batch = Batch(window[:-1], window[1:], None, True)
    weights, zero = batch.weights("sum", network.dtype), network.zero_state(1)

    def loss() -> float:
        return float((network.nats(batch.inputs, batch.targets, zero)[0] * weights).sum())

    network.loss_and_gradient(batch.inputs, batch.targets, weights, zero)
    rows: list[list[Cell]] = []
    for name, values in network.parameters.items():
        # W_x: only the rows of characters that were read have a gradient
        rows_read = np.unique(batch.inputs) if name.endswith("W_x") else np.arange(len(values))
        entries = [(rng.choice(rows_read), *(rng.integers(n) for n in values.shape[1:]))
                   for _ in range(10)]  # fmt: skip
        numerical = []
        for entry in entries:
            one = np.array([values[entry]])

            def shifted(entry: Any = entry, one: Any = one, values: Any = values) -> float:
                values[entry] = one[0]
                return loss()

            numerical.append(check.numerical_gradient(shifted, one)[0])
            values[entry] = one[0]
        ours = np.array([network.gradient[name][entry] for entry in entries])
        rows.append([name, len(entries), check.relative_error(ours, np.array(numerical))])
    section.table({"parameter": "", "entries": ".0f", "worst relative error": ".1e"}, rows)


def compare(lab: Lab, recipe_rows: list[list[Cell]], recipe_samples: list[tuple[str, str]]) -> None:
    """Chains, the recipe, and networks with batches and Adam, on the same held-out tenth."""
    section = lab.section(
        "What writes better",
        "He found that a chain of order 4 writes better than this network and trains much faster, "
        "and that an LSTM is needed. The table puts figures on this: bits per character on the "
        "last tenth of the text, which was held out. The rows below the recipe are networks with "
        "about the same number of parameters, trained for 20 epochs with Adam and batches of 32 "
        "windows of 64 steps; then an LSTM with 256 units, trained for 12 epochs with the default "
        "dropout. The parameters of a chain are its counts. Samples start with “it was ”; those "
        "of the recipe continue from the end of training.",
    )
    rows: list[list[Cell]] = []
    corpus = lab.corpus(CORPUS)

    def add(name: str, **settings: Any) -> Any:
        models, _ = lab.trainings(name, corpus, **settings)
        seconds = mean([model.summary["seconds"] for model in models])
        count = getattr(models[0].network, "config", models[0].network).num_parameters()
        rows.append([name, PUBLISHED.get(name), count, held_out(models), seconds])
        section.use(name, settings)
        section.sample(name, models[0].sample(200, start(models[0], PRIME), seed=1))
        return models[0]

    text = TEXT | lab.choose({}, QUICK)
    for order in ORDERS:
        model = add(f"chain of order {order}", cell="ngram", order=order, **text)
    rows += recipe_rows
    section.samples += recipe_samples
    symbols = len(model.vocabulary)
    target = NetworkConfig(symbols, "rnn", MIN_CHAR_RNN["hidden_size"]).num_parameters()
    for cell in CELLS:
        size = equal_size(symbols, cell, target)
        add(f"{cell.upper()} {size}, batches, Adam", cell=cell, hidden_size=size,
            **text | BATCHED | lab.choose({}, {"epochs": 0.5}))  # fmt: skip
    settings = LARGE | {"hidden_size": lab.choose(256, 12)} | lab.choose({}, {"epochs": 0.5})
    add(f"LSTM {settings['hidden_size']}, batches, Adam, dropout", **text | settings)
    section.table(
        {"model": "", "published": "", "parameters": ",.0f", "held out, bits/character": ".3f",
         "seconds": ".1f"},
        rows,
    )  # fmt: skip


def equal_size(vocabulary_size: int, cell: str, parameters: int) -> int:
    """The hidden size at which a cell has about this number of parameters."""

    def distance(size: int) -> int:
        return abs(NetworkConfig(vocabulary_size, cell, size).num_parameters() - parameters)

    return min(range(1, 1000), key=distance)


def held_out(models: list[Any]) -> dict[str, Any]:
    """Bits per character of the part held out, read from a zero state.

    Raises
    ------
    CorpusError : the text is so short that none of it is held out
    """
    if any("validation_bits_per_character" not in model.summary for model in models):
        raise CorpusError("the text is too short: nothing of it is left to hold out")
    return mean([model.summary["validation_bits_per_character"] for model in models])


def carried(watches: Sequence[SmoothedLoss]) -> dict[str, Any]:
    """Bits per character of the part held out, read on from the training state."""
    return mean([watch.carried for watch in watches])


RECIPE = Recipe(
    title="Bendersky, after Karpathy: min-char-rnn on Sherlock Holmes",
    source="A. Karpathy, min-char-rnn.py, a gist (2015); E. Bendersky, Minimal character-based "
    "language learning with RNNs, eli.thegreenplace.net (2018)",
    about="A vanilla RNN over one-hot characters learns 1 MiB of Sherlock Holmes in lower case, "
    "in 60,000 iterations of 16 or 25 steps.",
    run=run,
)
