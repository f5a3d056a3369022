"""Forward of every cell against the reference evaluator of ONNX.

ONNX stacks gates in other orders (LSTM `i o f c`, GRU `z r h`), takes transposed
weights, and calls the form of the GRU with the reset after the product
`linear_before_reset=1`. Its evaluator knows only tanh for the vanilla cell.
"""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from elman.cells import CELLS  # noqa: E402

T, B, D, H = 6, 3, 5, 4
# ours -> theirs, as places of our gates
ORDER = {"rnn": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}


def gates_to_onnx(cell: str, W: np.ndarray) -> np.ndarray:
    """(rows, G·H) in our order -> (G·H, rows) in theirs."""
    blocks = np.split(W, len(ORDER[cell]), axis=-1)
    return np.concatenate([blocks[i] for i in ORDER[cell]], axis=-1).T


def evaluate(cell, x, W_x, W_h, b, c_n, state):
    second = np.zeros_like(b)
    if c_n is not None:
        second[2 * H :] = c_n
    bias = np.concatenate([gates_to_onnx(cell, b[None]), gates_to_onnx(cell, second[None])])
    feeds = {
        "X": x,
        "W": gates_to_onnx(cell, W_x)[None],
        "R": gates_to_onnx(cell, W_h)[None],
        "B": bias.reshape(1, -1),
        "initial_h": state[:1],
    }
    inputs = ["X", "W", "R", "B", "", "initial_h"]
    outputs = ["Y", "Y_h"]
    if cell == "lstm":
        feeds["initial_c"] = state[1:]
        inputs.append("initial_c")
        outputs.append("Y_c")
    options = {"linear_before_reset": 1} if cell == "gru" else {}
    node = helper.make_node(cell.upper(), inputs, outputs, hidden_size=H, **options)
    infos = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in feeds]
    results = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in outputs]
    model = helper.make_model(helper.make_graph([node], "cell", infos, results))
    Y, *final = ReferenceEvaluator(model).run(None, feeds)
    return Y[:, 0], np.concatenate(final)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gru without c_n"])
def test_forward_equals_the_reference_evaluator(name):
    cell = name.split()[0]
    rng = np.random.default_rng(8)
    gates, states = CELLS[cell].GATES, CELLS[cell].STATES
    x = rng.normal(0, 1, (T, B, D))
    W_x, W_h = rng.normal(0, 0.5, (D, gates * H)), rng.normal(0, 0.5, (H, gates * H))
    b, state = rng.normal(0, 0.5, gates * H), rng.normal(0, 0.5, (states, B, H))
    c_n = rng.normal(0, 0.5, H) if name == "gru" else None
    params = {"W_h": W_h} if c_n is None else {"W_h": W_h, "c_n": c_n}
    h, final, _ = CELLS[cell].forward(params, x @ W_x + b, state)
    expected_h, expected_final = evaluate(cell, x, W_x, W_h, b, c_n, state)
    np.testing.assert_allclose(h, expected_h, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(final, expected_final, rtol=1e-12, atol=1e-14)
