"""The graph of an ONNX file: an RNN, LSTM or GRU node a layer, its states as inputs and outputs.

    language model   ids (T, B) int64, h0 (L, B, H), of an LSTM c0
                     → logits (T, B, V), h, of an LSTM c
    classifier       ids (T, B) int64, lengths (B,) int64 → logits (B, C)
    tagger           ids (T, B) int64, lengths (B,) int64; of words that are read by their
                     letters letters (T_l, W) int64, letter_lengths (W,) int64, and which
                     word is where, places (T, B) int64 → logits (T, B, C), the emissions

T, B, T_l and W are free. ONNX stacks the gates in another order than we do, one under the
other, and calls the reset after the product, as ours is, `linear_before_reset = 1`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nn.classifier import ClassifierConfig
from ..nn.network import NetworkConfig
from ..nn.tagger import LETTERS, TaggerConfig
from . import onnx_wide
from .architecture import directions

Array = np.ndarray

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


@dataclass(frozen=True)
class Cells:
    """A layer of cells: how the names of its nodes and tensors begin, and what it reads.

    Attributes
    ----------
    prefixes : of its parameters, one a direction
    units : in each direction
    symbols : how many there are if it reads one-hot ones, else 0
    """

    name: str
    prefixes: list[str]
    units: int
    symbols: int = 0

    def width(self, config: NetworkConfig) -> int:
        """Columns that a symbol meets: G·H of each direction."""
        return len(GATES[config.cell]) * self.units * len(self.prefixes)

    def looks_up(self, config: NetworkConfig) -> bool:
        """Whether one-hot symbols are looked up in W_x: see `Graph.one_hot`."""
        return self.width(config) < self.symbols


def layer_of(config: NetworkConfig, layer: int) -> Cells:
    """A layer of the stack; the first reads one-hot symbols if there is no embedding."""
    symbols = 0 if layer or config.embedding_size else config.vocabulary_size
    return Cells(f"layer{layer}.", directions(config)[layer], config.hidden_size, symbols)


def letters_of(config: TaggerConfig) -> Cells:
    """The cells that read the letters of words."""
    return Cells("letters.", LETTERS, config.letter_size, config.num_letters)


def reading(config: NetworkConfig) -> list[Cells]:
    """The layers that read symbols."""
    found = [layer_of(config, 0)]
    if isinstance(config, TaggerConfig) and config.letter_size:
        found.append(letters_of(config))
    return found


def identities(config: NetworkConfig) -> int:
    """Numbers in the identities that symbols which are looked up are multiplied by."""
    return sum(c.width(config) ** 2 for c in reading(config) if c.looks_up(config))


def whole(config: NetworkConfig, parameters: dict[str, Array]) -> Any:
    """The GraphProto of a network."""
    from onnx import helper

    graph = Graph(config, parameters)
    build = {ClassifierConfig: _classifier, TaggerConfig: _tagger}.get(type(config), _lm)
    inputs, outputs = build(graph)
    return helper.make_graph(graph.nodes, "elman", inputs, outputs, graph.tensors)


class Graph:
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
        """The input (T, B, D) of the first layer."""
        E = self.p.get("embedding.E")
        if E is not None:
            return self.node("Gather", [self.tensor("embedding.E", E), "ids"], "x")
        return self.one_hot("ids", layer_of(self.config, 0), "")

    def one_hot(self, ids: str, cells: Cells, name: str) -> str:
        """What cells read that read one-hot symbols.

        Their node multiplies whatever it is given by W. For one-hot symbols that is a product
        with V rows, or, where those are more than the G·H columns, a look-up in W_x and a
        product with the identity: what is less work. Both are exact.
        """
        if cells.looks_up(self.config):
            parts = [to_onnx(self.config.cell, self.p[p + "W_x"]).T for p in cells.prefixes]
            table = self.tensor(name + "W_x", np.concatenate(parts, axis=1))
            return self.node("Gather", [table, ids], name + "x")
        depth = self.tensor(name + "symbols", np.array(cells.symbols))
        values = self.once("off and on", np.array([0.0, 1.0]))
        return self.node("OneHot", [ids, depth, values], name + "x")

    def weights(self, cells: Cells) -> tuple[str, str, str]:
        """Names of W, R and B of a layer; the last is "" without biases."""
        config, prefixes, name = self.config, cells.prefixes, cells.name
        if cells.looks_up(config):
            W = np.split(np.eye(cells.width(config)), len(prefixes))
        else:
            W = [to_onnx(config.cell, self.p[prefix + "W_x"]) for prefix in prefixes]
        R = [to_onnx(config.cell, self.p[prefix + "W_h"]) for prefix in prefixes]
        B = ""
        if config.bias:
            B = self.tensor(name + "B", np.stack([self._biases(prefix) for prefix in prefixes]))
        return self.tensor(name + "W", np.stack(W)), self.tensor(name + "R", np.stack(R)), B

    def _biases(self, prefix: str) -> Array:
        """Both biases of ONNX (2·G·H,): ours, and zeros but for c_n of a GRU."""
        cell, b = self.config.cell, self.p[prefix + "b"]
        second = np.zeros_like(b)
        if cell == "gru":
            second[-len(self.p[prefix + "c_n"]) :] = self.p[prefix + "c_n"]
        return np.concatenate([to_onnx(cell, bias[None])[:, 0] for bias in (b, second)])

    def layer(self, cells: Cells, x: str, lengths: str, state: list[str]) -> tuple[str, list[str]]:
        """A layer of cells: its output (T, directions, B, H), and its last states."""
        from onnx import helper

        config, prefixes, name = self.config, cells.prefixes, cells.name
        W, R, B = self.weights(cells)
        finals = [name + s for s in ("h", "c")[: 2 if config.cell == "lstm" else 1]]
        attributes: dict[str, Any] = {"hidden_size": cells.units}
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
        return y, finals

    def side_by_side(self, cells: Cells, y: str) -> str:
        """The output of a layer (T, B, width), the directions concatenated."""
        name = cells.name
        if len(cells.prefixes) == 1:
            return self.node("Squeeze", [y, self.constant(1)], name + "out")
        beside = self.node("Transpose", [y], name + "beside", perm=[0, 2, 1, 3])
        shape = self.once(name="side by side", values=[0, 0, 2 * cells.units])
        return self.node("Reshape", [beside, shape], name + "out")

    def stack(self, x: str, lengths: str) -> tuple[str, str]:
        """All layers from zero states: the output (T, B, width), and the last h above."""
        final = ""
        for layer in range(self.config.num_layers):
            cells = layer_of(self.config, layer)
            y, finals = self.layer(cells, x, lengths, [])
            x, final = self.side_by_side(cells, y), finals[0]
        return x, final

    def last(self, final: str, width: int, name: str) -> str:
        """Last states (directions, B, H) concatenated (B, width)."""
        rows = self.node("Transpose", [final], name + "rows", perm=[1, 0, 2])
        return self.node(
            "Reshape", [rows, self.tensor(name + "width", [0, width])], name + "pooled"
        )

    def steps(self, lengths: str) -> str:
        """Lengths as the nodes of cells want them."""
        from onnx import TensorProto

        return self.node(
            "Cast", [lengths], lengths.replace("lengths", "steps"), to=TensorProto.INT32
        )

    def once(self, name: str, values: Array | list[int]) -> str:
        """A tensor that several nodes may ask for."""
        return name if any(t.name == name for t in self.tensors) else self.tensor(name, values)

    def constant(self, number: int) -> str:
        """A list of one whole number, such as an axis."""
        return self.once(f"[{number}]", [number])

    def number(self, name: str, value: int) -> str:
        """A whole number that several nodes may ask for."""
        return self.once(name, np.array(value))

    def readout(self, h: str, wide: str = "") -> str:
        """The logits, with what the wide part adds to them."""
        b_y = self.p.get("readout.b_y")
        summands = [] if b_y is None else [self.tensor("readout.b_y", b_y)]
        summands += [wide] * bool(wide)
        name = "readout" if summands else "logits"
        found = self.node("MatMul", [h, self.tensor("readout.W_y", self.p["readout.W_y"])], name)
        for number, summand in enumerate(summands, 1):
            name = "logits" if number == len(summands) else "biased"
            found = self.node("Add", [found, summand], name)
        return found


def _lm(g: Graph) -> tuple[list[Any], list[Any]]:
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
        cells = layer_of(config, layer)
        y, finals = g.layer(cells, x, "", [before[kind][layer] for kind in kinds])
        x = g.side_by_side(cells, y)
        for kind, final in zip(kinds, finals, strict=True):
            after[kind].append(final)
    g.readout(x)
    for kind in kinds:
        g.node("Concat", after[kind], kind, axis=0)
    state: list[int | str] = [config.num_layers, "batch", config.hidden_size]
    inputs = [_ids(), *(_floats(f"{kind}0", state) for kind in kinds)]
    logits = _floats("logits", ["time", "batch", config.vocabulary_size])
    return inputs, [logits, *(_floats(kind, state) for kind in kinds)]


def _classifier(g: Graph) -> tuple[list[Any], list[Any]]:
    """The graph of a classifier: its inputs and outputs."""
    config = g.config
    assert isinstance(config, ClassifierConfig)
    int32 = g.steps("lengths")
    x, final = g.stack(g.read(), int32)
    y = g.last(final, config.width, "") if config.pooling == "last" else _pooled(g, x)
    g.readout(y, onnx_wide.of_texts(g, config.wide, config.wide_ngrams) if config.wide else "")
    inputs = [_ids(), _whole("lengths", "batch")]
    return inputs, [_floats("logits", ["batch", config.num_classes])]


def _tagger(g: Graph) -> tuple[list[Any], list[Any]]:
    """The graph of a tagger: its inputs and outputs."""
    config = g.config
    assert isinstance(config, TaggerConfig)
    int32, x = g.steps("lengths"), g.read()
    inputs = [_ids(), _whole("lengths", "batch")]
    if config.letter_size:
        cells = letters_of(config)
        spelt = g.one_hot("letters", cells, cells.name)
        _, finals = g.layer(cells, spelt, g.steps("letter_lengths"), [])
        shapes = g.last(finals[0], 2 * config.letter_size, cells.name)
        x = g.node("Concat", [x, g.node("Gather", [shapes, "places"], "shapes")], "words", axis=2)
        inputs += [_whole("letters", "letters", "words"), _whole("letter_lengths", "words"),
                   _whole("places", "time", "batch")]  # fmt: skip
    h, _ = g.stack(x, int32)
    table = onnx_wide.of_symbols(g, config.wide, config.wide_ngrams) if config.wide else ""
    g.readout(h, table)
    return inputs, [_floats("logits", ["time", "batch", config.num_classes])]


def _pooled(g: Graph, x: str) -> str:
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
    return _whole("ids", "time", "batch")


def _whole(name: str, *shape: str) -> Any:
    """An input of whole numbers."""
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.INT64, list(shape))


def _floats(name: str, shape: list[int | str]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
