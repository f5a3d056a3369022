"""Whether an ONNX file computes what its model does, on this machine.

The file is run by ONNX Runtime where it is installed, and by the reference evaluator of the
package onnx. Differences are those of the logits, over the largest logit.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import ElmanError
from ..nn.network import NetworkConfig
from ..nn.stack import StackConfig
from ..nn.tagger import Letters, TaggerConfig, TaggerNetwork
from ..store.modelfile import SavedModel
from .architecture import config_of, installed

Array = np.ndarray
Run = Callable[[dict[str, Array]], dict[str, Array]]  # inputs by name -> outputs by name

# What rounding in float32 may leave, over the largest logit
WINDOW, FED_BACK, PADDED = 2e-6, 1e-5, 5e-6
RUNTIME, REFERENCE = "ONNX Runtime", "the reference evaluator of onnx"
SEED = 1


def check(model: SavedModel, data: bytes) -> list[str]:
    """Compare an ONNX file with its model; how close they are, a line for each runtime.

    A language model reads windows of 1 and 7 steps in batches of 1 and 3 from random states,
    then 50 steps whose states are fed back. A classifier or a tagger reads texts of 1 to 20
    symbols, padded in ONNX Runtime and one by one in the reference evaluator, which knows no
    lengths.

    Raises
    ------
    ElmanError : a difference that rounding does not explain
    """
    config = config_of(model, "ONNX")
    lines = []
    for name, run in runtimes(data, config):
        if isinstance(config, StackConfig):
            limits = {PADDED: compare_sequences(model, run, padded=name == RUNTIME)}
        else:
            limits = {WINDOW: compare_windows(model, run), FED_BACK: compare_fed_back(model, run)}
        for limit, found in limits.items():
            if not found <= limit:
                raise ElmanError(
                    f"{name} does not match the model: logits differ by {found:.1e} of the "
                    f"largest, more than {limit:.0e}; no file was written"
                )
        lines.append(f"{name}: the same logits, up to {max(limits.values()):.1e} of the largest")
    if not _reference_knows(config):
        lines.append(f"{REFERENCE} does not know ReLU; it was left out")
    return lines


def runtimes(data: bytes, config: NetworkConfig) -> Iterator[tuple[str, Run]]:
    """What can run the file here, each with its name."""
    if installed("onnxruntime", "InferenceSession"):
        yield RUNTIME, onnx_runtime(data)
    elif not _reference_knows(config):
        raise ElmanError(
            f"{REFERENCE} does not know ReLU, and ONNX Runtime is not installed; install it "
            "with: pip install onnxruntime"
        )
    if _reference_knows(config):
        yield REFERENCE, reference(data)


def _reference_knows(config: NetworkConfig) -> bool:
    return config.cell != "rnn" or config.activation == "tanh"


def onnx_runtime(data: bytes) -> Run:
    """The file in ONNX Runtime, on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone: it warns of graphics cards
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(None, feeds), strict=True))


def reference(data: bytes) -> Run:
    """The file in the reference evaluator."""
    from onnx import load_model_from_string
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(load_model_from_string(data))
    return lambda feeds: dict(zip(evaluator.output_names, evaluator.run(None, feeds), strict=True))


def feeds_of(ids: Array, state: Array) -> dict[str, Array]:
    """The inputs of a language model: ids (T, B), and its state (L, S, B, H)."""
    state = state.astype(np.float32)
    named = {f"{kind}0": np.ascontiguousarray(state[:, s])
             for s, kind in zip(range(state.shape[1]), "hc", strict=False)}  # fmt: skip
    return {"ids": ids.astype(np.int64)} | named


def difference(found: Array, expected: Array) -> float:
    """The largest difference over the largest value."""
    largest = np.abs(expected).max() or 1.0
    return float(np.abs(found.astype(np.float64) - expected).max() / largest)


def compare_windows(model: Any, run: Run) -> float:
    """The largest difference over windows of 1 and 7 steps and batches of 1 and 3."""
    rng, network, worst = np.random.default_rng(SEED), model.network, 0.0
    for T in (1, 7):
        for B in (1, 3):
            ids = rng.integers(0, network.vocabulary_size, (T, B)).astype(np.int32)
            state = rng.uniform(-0.9, 0.9, network.zero_state(B).shape).astype(network.dtype)
            logits = run(feeds_of(ids, state))["logits"]
            worst = max(worst, difference(logits, network.predict(ids, state)[0]))
    return worst


def compare_fed_back(model: Any, run: Run, steps: int = 50) -> float:
    """The largest difference over steps each of which continues from the states of the last."""
    rng, network = np.random.default_rng(SEED), model.network
    state, worst = network.zero_state(1), 0.0
    feeds = feeds_of(np.zeros((1, 1)), state)
    for symbol in rng.integers(0, network.vocabulary_size, steps).astype(np.int32):
        ids = np.array([[symbol]])
        out = run(feeds | {"ids": ids.astype(np.int64)})
        feeds = {f"{kind}0": out[kind] for kind in out if kind != "logits"}
        logits, state = network.predict(ids, state)
        worst = max(worst, difference(out["logits"], logits))
    return worst


def compare_sequences(model: SavedModel, run: Run, padded: bool) -> float:
    """The largest difference over texts of 1 to 20 symbols, padded or one by one."""
    compare = compare_tagger if isinstance(model.network, TaggerNetwork) else compare_classifier
    return compare(model, run, padded)


def compare_tagger(model: Any, run: Run, padded: bool) -> float:
    """The largest difference of emissions; letters of words are drawn, too."""
    rng, network = np.random.default_rng(SEED), model.network
    sizes = rng.permutation(np.arange(1, 21))
    batches = [sizes] if padded else [np.array([size]) for size in sizes]
    worst = 0.0
    for lengths in batches:
        ids = rng.integers(0, network.config.vocabulary_size, (max(lengths), len(lengths)))
        mask = np.arange(len(ids))[:, None] < lengths
        letters, feeds = _letters(network.config, rng, ids.shape, padded)
        expected = network.forward(ids.astype(np.int32), mask, letters)[0]
        found = run({"ids": ids, "lengths": lengths, **feeds})["logits"]
        worst = max(worst, difference(found[mask], expected[mask]))
    return worst


def _letters(
    config: TaggerConfig, rng: np.random.Generator, shape: tuple[int, ...], padded: bool
) -> tuple[Letters | None, dict[str, Array]]:
    """Words at random where a tagger reads letters, for it and as inputs of its graph."""
    if not config.letter_size:
        return None, {}
    lengths = rng.integers(1, 9, 12) if padded else np.full(12, 5)
    ids = rng.integers(0, config.num_letters, (max(lengths), len(lengths)))
    mask = np.arange(len(ids))[:, None] < lengths
    places = rng.integers(0, len(lengths), shape)
    feeds = {"letters": ids, "letter_lengths": lengths, "places": places}
    return Letters(ids.astype(np.int32), mask, places), feeds


def compare_classifier(model: Any, run: Run, padded: bool) -> float:
    """The largest difference over texts of a classifier."""
    rng, network = np.random.default_rng(SEED), model.network
    lengths = rng.permutation(np.arange(1, 21))
    ids = rng.integers(0, network.config.vocabulary_size, (20, 20)).astype(np.int32)
    mask = np.arange(20)[:, None] < lengths
    expected = network.forward(ids, mask)[0]
    if padded:
        feeds = {"ids": ids.astype(np.int64), "lengths": lengths.astype(np.int64)}
        return difference(run(feeds)["logits"], expected)
    rows = [
        run({"ids": ids[:n, i : i + 1].astype(np.int64), "lengths": np.array([n])})["logits"]
        for i, n in enumerate(lengths)
    ]
    return difference(np.concatenate(rows), expected)
