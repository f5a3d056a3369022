"""What every model is made of, and its file: written whole, checked when it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..cells import CELLS
from ..errors import ModelFileError, UsageError
from ..files import OutputFile
from ..nn.engine import Engine
from ..nn.network import BaseNetwork, NetworkConfig
from ..settings import CHOICES
from ..text.vocabulary import KINDS, Vocabulary
from . import checkpoint

N = TypeVar("N", bound=BaseNetwork)


class SavedModel:
    """What the models of all tasks have in common: a network, its symbols, one file.

    Attributes
    ----------
    network : what computes
    vocabulary : its symbols
    config : architecture and treatment of text, as the model file holds it
    summary : how it was made: command, corpus, steps, final figures, versions
    training : what resuming needs (arrays and settings), None if stripped
    """

    network: Any

    def __init__(
        self,
        vocabulary: Vocabulary,
        config: dict[str, Any],
        summary: dict[str, Any] | None,
        training: tuple[checkpoint.Tensors, dict[str, Any]] | None,
    ):
        self.vocabulary = vocabulary
        self.config = config
        self.summary = summary or {}
        self.training = training

    def _tensors(self) -> checkpoint.Tensors:
        return dict(self.network.parameters)

    def _metadata(self) -> dict[str, Any]:
        return {
            "config": self.config,
            "vocabulary": self.vocabulary.to_json(),
            "summary": self.summary,
        }

    def pack(self, weights_only: bool = False) -> bytes:
        """The bytes of the model file."""
        tensors, metadata = self._tensors(), self._metadata()
        if self.training is not None and not weights_only:
            tensors = tensors | self.training[0]
            metadata["training"] = self.training[1]
        return checkpoint.pack(tensors, metadata)

    def save(self, path: str | Path, *, weights_only: bool = False) -> None:
        """Write the model file: whole, or not at all.

        Parameters
        ----------
        weights_only : leave out what resuming needs, for a smaller file

        Raises
        ------
        ElmanError : the place cannot be written, or another process is writing it
        """
        data = self.pack(weights_only)
        with OutputFile(path) as file:
            file.write(data)


@contextmanager
def refuse_damaged(path: str | Path) -> Iterator[None]:
    """Whatever goes wrong inside is the fault of the file, and the message says so."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path} is no valid model: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        if isinstance(error, UsageError):
            raise
        reason = f"{type(error).__name__}: {error}"
        raise ModelFileError(f"{path} is no valid model: {reason[:150]}") from None


def training_state(
    tensors: checkpoint.Tensors, metadata: dict[str, Any]
) -> tuple[checkpoint.Tensors, dict[str, Any]] | None:
    """What the file holds for resuming, None if it was stripped."""
    checkpoint.check_history(metadata)
    if "training" not in metadata:
        return None
    arrays = {name: a for name, a in tensors.items() if name.startswith("training.")}
    return arrays, metadata["training"]


def read_network(
    kind: type[N], tensors: checkpoint.Tensors, config: NetworkConfig, dtype: str, engine: Engine
) -> N:
    """A network with the weights of the file, which are checked before memory is taken."""
    if dtype not in ("float32", "float64"):
        raise ModelFileError(f"unknown dtype {dtype!r}")
    if config.activation not in CHOICES["activation"] or config.cell not in CELLS:
        raise ModelFileError(f"unknown cell or activation {config.cell!r}, {config.activation!r}")
    if not 0 < config.num_layers <= len(tensors):
        raise ModelFileError("the number of layers does not fit the tensors")
    expected = config.shapes()
    for name, shape in expected.items():
        if name not in tensors:
            raise ModelFileError(f"the tensor {name} is missing")
        tensor = tensors[name]
        if tensor.shape != shape:
            raise ModelFileError(f"{name} has shape {tensor.shape}, the configuration says {shape}")
        if tensor.dtype != dtype:
            raise ModelFileError(f"{name} is {tensor.dtype}, the configuration says {dtype}")
        if not np.isfinite(tensor).all():
            raise ModelFileError(f"{name} holds NaN or infinite weights")
    extra = [n for n in tensors if n not in expected and not n.startswith("training.")]
    if extra:
        raise ModelFileError(f"the tensor {extra[0]} does not belong to such a network")
    network = kind(config, np.dtype(dtype), engine)
    for name in expected:
        network.parameters[name][...] = tensors[name]
    return network


def read_vocabulary(data: dict[str, Any]) -> Vocabulary:
    """The vocabulary as a model file holds it, checked."""
    kind, symbols = data["kind"], data["symbols"]
    if kind not in KINDS or not isinstance(symbols, list) or not symbols:
        raise ModelFileError("the vocabulary is of an unknown kind, or empty")
    texts = symbols[256:] if kind == "byte" else symbols
    if not all(isinstance(s, str) for s in texts) or len(set(symbols)) != len(symbols):
        raise ModelFileError("the vocabulary has symbols that are repeated or no text")
    if kind == "byte" and symbols[:256] != list(range(256)):
        raise ModelFileError("the vocabulary of bytes is not 0 to 255")
    return Vocabulary(kind, symbols)
