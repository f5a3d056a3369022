"""ONNX Runtime writing: one step of the network as a graph, the draw in NumPy."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from sampling import CHARACTERS, draw

from . import GATES, Work

ORDER = {"rnn": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}  # their gates, as places of ours


def version() -> str:
    return f"ONNX Runtime {onnxruntime.__version__}"


def model(work: Work) -> bytes:
    """ids (1, 1) and states -> logits (1, V) and states."""

    def theirs(W: np.ndarray) -> np.ndarray:  # (rows, G·H) -> (1, G·H, rows)
        blocks = np.split(W, GATES[work.cell], axis=-1)
        return np.concatenate([blocks[i] for i in ORDER[work.cell]], axis=-1).T[None]

    p, nodes, states = work.parameters(), [], []
    constants = {"eye": np.eye(work.vocabulary, dtype=np.float32), "axis": np.array([1])}
    nodes.append(helper.make_node("Gather", ["eye", "ids"], ["x0"]))
    for layer in range(work.layers):
        b = theirs(p[f"layer{layer}.b"][None])[:, :, 0]
        constants[f"W{layer}"] = theirs(p[f"layer{layer}.W_x"])
        constants[f"R{layer}"] = theirs(p[f"layer{layer}.W_h"])
        constants[f"B{layer}"] = np.concatenate([b, np.zeros_like(b)], axis=1)
        names = [f"h{layer}", f"c{layer}"][: 2 if work.cell == "lstm" else 1]
        nodes.append(
            helper.make_node(
                work.cell.upper(),
                [f"x{layer}", f"W{layer}", f"R{layer}", f"B{layer}", "", *names],
                [f"y{layer}", *(name + "_out" for name in names)],
                hidden_size=work.hidden,
            )
        )
        nodes.append(helper.make_node("Squeeze", [f"y{layer}", "axis"], [f"x{layer + 1}"]))
        states += names
    constants["W_y"], constants["b_y"] = p["readout.W_y"], p["readout.b_y"]
    nodes.append(helper.make_node("MatMul", [f"x{work.layers}", "W_y"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "b_y"], ["logits"]))
    shape = (1, 1, work.hidden)
    graph = helper.make_graph(
        nodes,
        "step",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, (1, 1))]
        + [helper.make_tensor_value_info(s, TensorProto.FLOAT, shape) for s in states],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, 1, work.vocabulary))]
        + [helper.make_tensor_value_info(s + "_out", TensorProto.FLOAT, shape) for s in states],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def prepare(work: Work) -> Callable[[], float]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model(work), options, ["CPUExecutionProvider"])
    states = [i.name for i in session.get_inputs() if i.name != "ids"]
    zero = np.zeros((1, 1, work.hidden), np.float32)
    rng = np.random.default_rng(0)

    def step() -> float:
        feeds = dict.fromkeys(states, zero)
        symbol = 0
        for _ in range(CHARACTERS):
            feeds["ids"] = np.array([[symbol]])
            logits, *after = session.run(None, feeds)
            feeds = dict(zip(states, after, strict=True))
            symbol = draw(logits.ravel(), rng)
        return float(symbol)

    return step
