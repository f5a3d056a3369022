"""What the networks of all tasks have in common, for those who write them down elsewhere."""

from importlib import import_module
from typing import Any

from ..errors import ElmanError, UsageError, install, lacks
from ..nn.classifier import ClassifierConfig
from ..nn.network import NetworkConfig
from ..nn.stack import StackConfig
from ..nn.tagger import TaggerConfig
from ..store.modelfile import SavedModel
from ..tasks.language.ngram import NGram
from ..text.vocabulary import BEGIN, END, UNKNOWN

# The tasks whose networks can be written down elsewhere, and the kind of their architecture.
CONFIGS: dict[str, type[NetworkConfig]] = {
    "lm": NetworkConfig, "classify": ClassifierConfig, "tag": TaggerConfig,
}  # fmt: skip


def config_of(model: SavedModel, format: str) -> NetworkConfig:
    """The architecture of a model; UsageError for one that cannot be written down as `format`."""
    if isinstance(model.network, NGram):
        raise UsageError(
            f"a Markov chain is not a network, so it has no {format} form; export it as weights, "
            "a page or a hub folder (--format weights, html or hub)"
        )
    if not known(model):
        raise UsageError(f"{model.NOUN} has no {format} form; export it as weights")
    return model.network.config


def known(model: SavedModel) -> bool:
    """Whether other programs can have models of this task."""
    return model.config.get("task", "lm") in CONFIGS


def directions(config: NetworkConfig) -> list[list[str]]:
    """Per layer: how the names of the parameters of each direction begin."""
    if isinstance(config, StackConfig):
        return config.prefixes
    return [[f"layer{layer}."] for layer in range(config.num_layers)]


def about(model: SavedModel) -> dict[str, Any]:
    """What a reader of the weights has to know: symbols, treatment of text, sizes, labels."""
    vocabulary = model.vocabulary
    special = {symbol: vocabulary.ids[symbol] for symbol in (UNKNOWN, BEGIN, END)
               if symbol in vocabulary.ids}  # fmt: skip
    return {
        "vocabulary": vocabulary.to_json(),
        "special": special,
        "treatment": treatment(model.config),
        "config": model.config,
    } | model.told()


def treatment(config: dict[str, Any]) -> dict[str, Any]:
    """What is done to a text before it is read, of the configuration in a model file."""
    names = ("tokens", "lowercase", "normalize", "strip", "lines", "separator", "seq_len")
    return {name: config[name] for name in names if config.get(name) is not None}


def installed(package: str, name: str) -> bool:
    """Whether a package is installed, by a name in it: Python imports any folder called so."""
    try:
        return hasattr(import_module(package), name)
    except ImportError:
        return False


def require_onnx() -> None:
    """Raise ElmanError if the package onnx is missing."""
    if not installed("onnx", "helper"):
        raise ElmanError(lacks("an ONNX file", "the package onnx", install("onnx")))
