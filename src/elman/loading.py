"""Open any model file: a language model or a classifier."""

from pathlib import Path

from . import checkpoint, classifier, model
from .classifier import Classifier
from .engine import select
from .model import Model


def load(
    path: str | Path, *, engine: str = "auto", threads: int | None = None
) -> Model | Classifier:
    """Read a model file and check everything in it.

    Raises
    ------
    ModelFileError : missing, damaged, foreign, inconsistent, or from a future version

    Example
    -------
    >>> model = elman.load("shakespeare.safetensors")  # doctest: +SKIP
    """
    tensors, metadata = checkpoint.unpack(path)
    config = metadata["config"]
    classify = isinstance(config, dict) and config.get("task") == "classify"
    from_file = classifier.from_file if classify else model.from_file
    return from_file(path, tensors, metadata, select(engine, threads))
