"""An ONNX file that `elman export` wrote, as a model again: weights and metadata, to the bit."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelFileError
from ..nn.network import NetworkConfig
from ..nn.tagger import CHAIN
from .architecture import CONFIGS, require_onnx
from .onnx_graph import GATES, from_onnx, layer_of, reading

if TYPE_CHECKING:
    from onnx import ModelProto

Array = np.ndarray
NEEDED = ("format", "task", "config", "vocabulary")


def read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Tensors and metadata of the model that an ONNX file was made of, as in its model file.

    Raises
    ------
    ModelFileError : no ONNX file, or one of another program
    ElmanError : the package onnx is not installed
    KeyError, ValueError, TypeError : a file of ours that is damaged
    """
    require_onnx()
    proto = _proto(path)
    strings = {entry.key: entry.value for entry in proto.metadata_props}
    if proto.producer_name != "elman" or not all(name in strings for name in NEEDED):
        maker = proto.producer_name[:40] or "another program"
        raise ModelFileError(
            f"{path} is an ONNX graph of {maker}; Elman reads back those that elman export wrote, "
            "and weights of PyTorch (.safetensors)"
        )
    if strings["format"] != "1":
        raise ModelFileError(
            f"{path} has format {strings['format'][:20]!r}; a newer Elman wrote it"
        )
    try:
        metadata = {name: json.loads(strings[name]) for name in ("config", "vocabulary")}
        tensors = _tensors(proto, _architecture(metadata["config"]))
        if "transitions" in strings:
            tensors |= _chain(json.loads(strings["transitions"]))
        return tensors, metadata
    except (IndexError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _proto(path: Path) -> "ModelProto":
    import onnx

    try:
        return onnx.load(path, load_external_data=False)  # a graph names no other files to read
    except Exception as error:  # a DecodeError of protobuf, or of another library beneath onnx
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise ModelFileError(f"{path} is not an ONNX file, or it is damaged ({reason})") from None


def _architecture(config: dict[str, Any]) -> NetworkConfig:
    kind = CONFIGS[config.get("task", "lm")]
    return kind(**{name: config[name] for name in kind.__dataclass_fields__})


def _chain(scores: dict[str, Any]) -> dict[str, Array]:
    """The scores of a chain under our names."""
    return {name: np.array(scores[name.removeprefix("chain.")], np.float32) for name in CHAIN}


def _tensors(proto: "ModelProto", config: NetworkConfig) -> dict[str, Array]:
    """The parameters under our names: see `onnx_graph._Graph` for theirs."""
    from onnx import numpy_helper

    given = {tensor.name: tensor for tensor in proto.graph.initializer}

    def get(name: str) -> Array:
        if given[name].HasField("data_location") and given[name].data_location:
            raise ValueError(f"{name} is in another file")
        return numpy_helper.to_array(given[name])

    cell = config.cell
    if not config.num_layers <= len(given):
        raise ValueError("the number of layers does not fit the tensors")
    found = {name: get(name) for name in ("embedding.E", "readout.W_y", "readout.b_y")
             if name in given}  # fmt: skip
    above = [layer_of(config, layer) for layer in range(1, config.num_layers)]
    for cells in (*reading(config), *above):
        W, R = get(cells.name + "W"), get(cells.name + "R")
        if cells.looks_up(config):  # W is the identity
            table = get(cells.name.removeprefix("layer0.") + "W_x")
            W = np.stack(np.split(table.T, len(cells.prefixes)))
        for direction, prefix in enumerate(cells.prefixes):
            found[prefix + "W_x"] = from_onnx(cell, W[direction])
            found[prefix + "W_h"] = from_onnx(cell, R[direction])
            if config.bias:
                rows = get(cells.name + "B")[direction].reshape(2, len(GATES[cell]) * cells.units)
                first, second = (from_onnx(cell, row[:, None])[0] for row in rows)
                found[prefix + "b"] = first
                if cell == "gru":
                    found[prefix + "c_n"] = second[-cells.units :]
    return found
