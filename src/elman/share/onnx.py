"""A network as an ONNX graph: an RNN, LSTM or GRU node a layer, its states as inputs and outputs.

    language model   ids (T, B) int64, h0 (L, B, H), of an LSTM c0
                     → logits (T, B, V), h, of an LSTM c
    classifier       ids (T, B) int64, lengths (B,) int64 → logits (B, C)

T and B are free. ONNX stacks the gates in another order than we do, one under the other,
and calls the reset after the product, as ours is, `linear_before_reset = 1`.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..nn.classifier import ClassifierConfig
from ..nn.network import NetworkConfig
from ..store.checkpoint import FORMAT
from ..store.modelfile import SavedModel
from ..tasks.classify.model import Classifier
from ..text.vocabulary import BEGIN, END, UNKNOWN
from ..version import __version__
from .architecture import config_of, directions, require, treatment

if TYPE_CHECKING:
    from onnx import ModelProto

Array = np.ndarray

OPSET, IR_VERSION = 17, 8
LARGEST = 2**31 - 1  # bytes of a protocol buffer
MARGIN = 1 << 20  # bytes of a graph besides its weights and metadata, and more
# Which of our gates is the first of theirs, the second, …: i o f c of i f g o, z r h of r z n.
GATES = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


def to_onnx(cell: str, W: Array) -> Array:
    """Weights (rows, G·H), their gates in our order -> (G·H, rows), in that of ONNX."""
    blocks = np.split(W, len(GATES[cell]), axis=-1)
    return np.ascontiguousarray(np.concatenate([blocks[i] for i in GATES[cell]], axis=-1).T)


def from_onnx(cell: str, W: Array) -> Array:
    """What `to_onnx` was given, of what it returned."""
    blocks = np.split(W.T, len(GATES[cell]), axis=-1)
    places = np.argsort(GATES[cell])
    return np.ascontiguousarray(np.concatenate([blocks[i] for i in places], axis=-1))


def pack(model: SavedModel) -> bytes:
    """The bytes of the ONNX file of a model: the same model, the same bytes.

    Weights are float32. The logits are those of the network, before the fitted temperature of
    a classifier, which stands in the metadata.

    Raises
    ------
    UsageError : a Markov chain, or a model that is larger than ONNX allows
    ElmanError : the package onnx is not installed
    """
    config = config_of(model, "ONNX")
    require("onnx", "onnx", "an ONNX file")
    strings = metadata(model)
    identity = _width(config) ** 2 if _looks_up(config) else 0
    size = 4 * (config.num_parameters() + identity) + MARGIN
    size += sum(len(text.encode("utf-8", "replace")) for text in strings.values())
    if size > LARGEST:
        raise UsageError(
            f"the model takes {size / 1e9:,.1f} GB as ONNX, whose files hold at most "
            f"{LARGEST / 1e9:,.1f}; export it as weights or for PyTorch (--format pytorch)"
        )
    return _proto(model, config, strings).SerializeToString(deterministic=True)


def metadata(model: SavedModel) -> dict[str, str]:
    """What a reader of the graph has to know, as strings; all but the first four are JSON."""
    config = model.config
    vocabulary = model.vocabulary
    special = {symbol: vocabulary.ids[symbol] for symbol in (UNKNOWN, BEGIN, END)
               if symbol in vocabulary.ids}  # fmt: skip
    values: dict[str, Any] = {
        "vocabulary": vocabulary.to_json(),
        "special": special,
        "treatment": treatment(config),
        "config": config | {"dtype": "float32"},
    }
    if isinstance(model, Classifier):
        values |= {"classes": model.classes, "temperature": model.temperature}
        values["config"] |= {"classes": model.classes}
    strings = {
        "format": str(FORMAT), "version": __version__, "task": config.get("task", "lm"),
        "source_sha256": model.digest(),
    }  # fmt: skip
    return strings | {name: json.dumps(value) for name, value in values.items()}


def _width(config: NetworkConfig) -> int:
    """Columns that a symbol meets first: G·H of each direction."""
    return len(GATES[config.cell]) * config.hidden_size * len(directions(config)[0])


def _looks_up(config: NetworkConfig) -> bool:
    """Whether one-hot symbols are looked up in W_x: see `_Graph.read`."""
    return not config.embedding_size and _width(config) < config.vocabulary_size


def _proto(model: SavedModel, config: NetworkConfig, strings: dict[str, str]) -> "ModelProto":
    from onnx import helper

    graph = _Graph(config, dict(model.network.parameters))
    inputs, outputs = _classifier(graph) if isinstance(config, ClassifierConfig) else _lm(graph)
    made = helper.make_graph(graph.nodes, "elman", inputs, outputs, graph.tensors)
    proto = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
        producer_name="elman", producer_version=__version__,
    )  # fmt: skip
    helper.set_model_props(proto, strings)
    return proto


class _Graph:
    """Nodes and tensors, as they come to be; a method adds what it is called and names its output.

    Arrays that are weights have our names where they are ours, and where they are stacked those
    of ONNX: `layer0.W`, `layer0.R`, `layer0.B`.
    """

    def __init__(self, config: NetworkConfig, parameters: dict[str, Array]):
        self.config, self.p = config, parameters
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def tensor(self, name: str, values: Array | list[int]) -> str:
        from onnx import numpy_helper

        array = np.asarray(values)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        self.tensors.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def read(self) -> str:
        """The input (T, B, D) of the first layer.

        Its node multiplies whatever it is given by W. For one-hot symbols that is a product
        with V rows, or, where those are more than the G·H columns, a look-up in W_x and a
        product with the identity: what is less work. Both are exact.
        """
        E = self.p.get("embedding.E")
        if E is not None:
            return self.node("Gather", [self.tensor("embedding.E", E), "ids"], "x")
        if _looks_up(self.config):
            first = [self.p[prefix + "W_x"] for prefix in directions(self.config)[0]]
            table = np.concatenate([to_onnx(self.config.cell, W).T for W in first], axis=1)
            return self.node("Gather", [self.tensor("W_x", table), "ids"], "x")
        depth = self.tensor("symbols", np.array(self.config.vocabulary_size))
        values = self.tensor("off and on", np.array([0.0, 1.0]))
        return self.node("OneHot", ["ids", depth, values], "x")

    def weights(self, layer: int) -> tuple[str, str, str]:
        """Names of W, R and B of a layer; the last is "" without biases."""
        config, prefixes = self.config, directions(self.config)[layer]
        if layer == 0 and _looks_up(config):
            W = np.split(np.eye(_width(config)), len(prefixes))
        else:
            W = [to_onnx(config.cell, self.p[prefix + "W_x"]) for prefix in prefixes]
        R = [to_onnx(config.cell, self.p[prefix + "W_h"]) for prefix in prefixes]
        names = f"layer{layer}."
        B = ""
        if config.bias:
            B = self.tensor(names + "B", np.stack([self._biases(prefix) for prefix in prefixes]))
        return self.tensor(names + "W", np.stack(W)), self.tensor(names + "R", np.stack(R)), B

    def _biases(self, prefix: str) -> Array:
        """Both biases of ONNX (2·G·H,): ours, and zeros but for c_n of a GRU."""
        cell, b = self.config.cell, self.p[prefix + "b"]
        second = np.zeros_like(b)
        if cell == "gru":
            second[-self.config.hidden_size :] = self.p[prefix + "c_n"]
        return np.concatenate([to_onnx(cell, bias[None])[:, 0] for bias in (b, second)])

    def layer(self, layer: int, x: str, lengths: str, state: list[str]) -> tuple[str, list[str]]:
        """A layer of cells: its output (T, B, width), and its last states (directions, B, H)."""
        from onnx import helper

        config, prefixes = self.config, directions(self.config)[layer]
        W, R, B = self.weights(layer)
        name = f"layer{layer}."
        finals = [name + s for s in ("h", "c")[: 2 if config.cell == "lstm" else 1]]
        attributes: dict[str, Any] = {"hidden_size": config.hidden_size}
        if config.cell == "gru":
            attributes["linear_before_reset"] = 1
        if config.cell == "rnn":
            attributes["activations"] = [config.activation.capitalize()] * len(prefixes)
        if len(prefixes) == 2:
            attributes["direction"] = "bidirectional"
        inputs = [x, W, R, B, lengths, *state]
        while not inputs[-1]:
            inputs.pop()
        y = name + "y"
        self.nodes.append(
            helper.make_node(config.cell.upper(), inputs, [y, *finals], name[:-1], **attributes)
        )
        if len(prefixes) == 1:
            return self.node("Squeeze", [y, self.constant(1)], name + "out"), finals
        beside = self.node("Transpose", [y], name + "beside", perm=[0, 2, 1, 3])
        shape = self.once(name="side by side", values=[0, 0, 2 * config.hidden_size])
        return self.node("Reshape", [beside, shape], name + "out"), finals

    def once(self, name: str, values: Array | list[int]) -> str:
        """A tensor that several nodes may ask for."""
        return name if any(t.name == name for t in self.tensors) else self.tensor(name, values)

    def constant(self, number: int) -> str:
        """A list of one whole number, such as an axis."""
        return self.once(f"[{number}]", [number])

    def readout(self, h: str) -> str:
        """The logits."""
        W_y, b_y = self.p["readout.W_y"], self.p.get("readout.b_y")
        product = "logits" if b_y is None else "readout"
        self.node("MatMul", [h, self.tensor("readout.W_y", W_y)], product)
        if b_y is None:
            return product
        return self.node("Add", [product, self.tensor("readout.b_y", b_y)], "logits")


def _lm(g: _Graph) -> tuple[list[Any], list[Any]]:
    """The graph of a language model: its inputs and outputs."""
    config, layers = g.config, range(g.config.num_layers)
    kinds = ["h", "c"] if config.cell == "lstm" else ["h"]
    before = {kind: [f"{kind}0"] for kind in kinds}
    if config.num_layers > 1:
        for kind in kinds:
            before[kind] = [f"layer{layer}.{kind}0" for layer in layers]
            g.nodes.append(_split(f"{kind}0", before[kind]))
    x = g.read()
    after: dict[str, list[str]] = {kind: [] for kind in kinds}
    for layer in layers:
        x, finals = g.layer(layer, x, "", [before[kind][layer] for kind in kinds])
        for kind, final in zip(kinds, finals, strict=True):
            after[kind].append(final)
    g.readout(x)
    for kind in kinds:
        g.node("Concat", after[kind], kind, axis=0)
    state: list[int | str] = [config.num_layers, "batch", config.hidden_size]
    inputs = [_ids(), *(_floats(f"{kind}0", state) for kind in kinds)]
    logits = _floats("logits", ["time", "batch", config.vocabulary_size])
    return inputs, [logits, *(_floats(kind, state) for kind in kinds)]


def _classifier(g: _Graph) -> tuple[list[Any], list[Any]]:
    """The graph of a classifier: its inputs and outputs."""
    from onnx import TensorProto, helper

    config = g.config
    assert isinstance(config, ClassifierConfig)
    int32 = g.node("Cast", ["lengths"], "steps", to=TensorProto.INT32)
    x, finals = g.read(), ["", ""]
    for layer in range(config.num_layers):
        x, finals = g.layer(layer, x, int32, [])
    g.readout(_last(g, finals[0]) if config.pooling == "last" else _pooled(g, x))
    lengths = helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"])
    return [_ids(), lengths], [_floats("logits", ["batch", config.num_classes])]


def _last(g: _Graph, final: str) -> str:
    """The last states (directions, B, H) of a layer, side by side (B, width)."""
    assert isinstance(g.config, ClassifierConfig)
    rows = g.node("Transpose", [final], "rows", perm=[1, 0, 2])
    return g.node("Reshape", [rows, g.tensor("width", [0, g.config.width])], "pooled")


def _pooled(g: _Graph, x: str) -> str:
    """The mean or the maximum (B, width) over the steps of each text, of x (T, B, width)."""
    from onnx import TensorProto

    assert isinstance(g.config, ClassifierConfig)
    largest = g.config.pooling == "max"
    zero, one = g.tensor("0", np.array(0)), g.tensor("1", np.array(1))
    shape = g.node("Shape", ["ids"], "shape", end=1)
    end = g.node("Squeeze", [shape], "end")
    steps = g.node("Range", [zero, end, one], "range")
    column = g.node("Unsqueeze", [steps, g.constant(1)], "column")
    inside = g.node("Less", [column, "lengths"], "inside")
    mask = g.node("Unsqueeze", [inside, g.constant(2)], "mask")
    other = g.tensor("beyond", np.array(-np.inf if largest else 0.0))
    seen = g.node("Where", [mask, x, other], "seen")
    if largest:
        return g.node("ReduceMax", [seen], "pooled", axes=[0], keepdims=0)
    total = g.node("ReduceSum", [seen, g.constant(0)], "total", keepdims=0)
    count = g.node("Cast", ["lengths"], "count", to=TensorProto.FLOAT)
    rows = g.node("Unsqueeze", [count, g.constant(1)], "counts")
    return g.node("Div", [total, rows], "pooled")


def _split(state: str, parts: list[str]) -> Any:
    from onnx import helper

    return helper.make_node("Split", [state], parts, f"{state} of each layer", axis=0)


def _ids() -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info("ids", TensorProto.INT64, ["time", "batch"])


def _floats(name: str, shape: list[int | str]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
