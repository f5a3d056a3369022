"""A network as an ONNX file: its graph, see `onnx_graph`, and what a reader of it has to know."""

import json
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..nn.network import NetworkConfig
from ..store.checkpoint import FORMAT
from ..store.modelfile import SavedModel
from ..version import __version__
from .architecture import about, config_of, require_onnx
from .onnx_graph import identities, whole

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 17, 8
LARGEST = 2**31 - 1  # bytes of a protocol buffer
MARGIN = 1 << 20  # bytes of a graph besides its weights and metadata, and more


def pack(model: SavedModel) -> bytes:
    """The bytes of the ONNX file of a model: the same model, the same bytes.

    Weights are float32. The logits are those of the network, before the fitted temperature of
    a classifier, which is in the metadata.

    Raises
    ------
    UsageError : a Markov chain, or a model that is larger than ONNX allows
    ElmanError : the package onnx is not installed
    """
    config = config_of(model, "ONNX")
    require_onnx()
    strings = metadata(model)
    size = 4 * (config.num_parameters() + identities(config)) + MARGIN
    size += sum(len(text.encode("utf-8", "replace")) for text in strings.values())
    if size > LARGEST:
        raise UsageError(
            f"the model takes {size / 1e9:,.1f} GB as ONNX, whose files hold at most "
            f"{LARGEST / 1e9:,.1f}; export it as weights or for PyTorch (--format pytorch)"
        )
    return _proto(model, config, strings).SerializeToString(deterministic=True)


def metadata(model: SavedModel) -> dict[str, str]:
    """What a reader of the graph has to know, as strings; all but the first four are JSON."""
    values, told = about(model), model.told()
    values["config"] = model.config | {"dtype": "float32"}
    values["config"] |= {name: told[name] for name in ("classes", "letters") if name in told}
    strings = {
        "format": str(FORMAT), "version": __version__, "task": model.config.get("task", "lm"),
        "source_sha256": model.digest(),
    }  # fmt: skip
    return strings | {name: json.dumps(value) for name, value in values.items()}


def _proto(model: SavedModel, config: NetworkConfig, strings: dict[str, str]) -> "ModelProto":
    from onnx import helper

    made = whole(config, dict(model.network.parameters))
    proto = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
        producer_name="elman", producer_version=__version__,
    )  # fmt: skip
    helper.set_model_props(proto, strings)
    return proto
