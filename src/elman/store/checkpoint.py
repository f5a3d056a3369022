"""The model file: one safetensors file with weights, vocabulary and training state.

`pack` and `unpack` know the container: named arrays, string metadata and a
SHA-256 over all of it, so that a flipped bit anywhere is found. What the names
mean is up to `model` and `training`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelFileError

FORMAT = 1
Tensors = dict[str, np.ndarray]
Metadata = dict[str, Any]


def pack(tensors: Tensors, metadata: Metadata) -> bytes:
    """The bytes of a model file. Metadata values are stored as JSON."""
    from safetensors.numpy import save

    # File names need not be UTF-8; what is not is written as an escape.
    strings = {
        name: json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        for name, value in metadata.items()
    }
    strings["format"] = str(FORMAT)
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    strings["digest"] = digest(arrays, strings)
    return save(arrays, strings)


def unpack(path: str | Path) -> tuple[Tensors, Metadata]:
    """Arrays and metadata of a model file, checked.

    Raises
    ------
    ModelFileError : missing, unreadable, truncated, damaged, foreign or from a
        future version
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    _refuse_foreign(path)
    try:
        with safe_open(path, framework="numpy") as file:
            strings = dict(file.metadata() or {})
            if "format" not in strings or "config" not in strings:
                raise ModelFileError(
                    f"{path} is a safetensors file, but not a model of Elman: "
                    "its metadata has no format and config"
                )
            if strings["format"] != str(FORMAT):
                raise ModelFileError(
                    f"{path} has format {strings['format'][:20]!r}, this version of Elman reads "
                    f"{FORMAT}; a newer Elman wrote it, or it is damaged"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        if isinstance(error, ModelFileError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFileError(
            f"{path} is no model file, or is truncated or damaged ({reason[:120]})"
        ) from None
    found = digest(tensors, strings)
    if strings.get("digest") != found:
        raise ModelFileError(
            f"{path} is damaged: its contents do not match its digest; "
            "take a copy that is whole, or train again"
        )
    strings.pop("digest")
    strings.pop("format")
    try:
        return tensors, {name: json.loads(value) for name, value in strings.items()}
    except ValueError:
        raise ModelFileError(f"{path} is damaged: its metadata is not JSON") from None


def is_classifier(metadata: Metadata) -> bool:
    """Whether a model file holds a classifier; else it is a language model."""
    config = metadata["config"]
    return isinstance(config, dict) and config.get("task") == "classify"


def digest(tensors: Tensors, strings: dict[str, str]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of the arrays, and over the metadata."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        sha.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha.update(array.data if array.size else b"")
    for name in sorted(strings):
        if name != "digest":
            sha.update(f"{name}\0{strings[name]}\0".encode("utf-8", "surrogatepass"))
    return sha.hexdigest()


def check_history(metadata: Metadata) -> None:
    """Raise ModelFileError if the summary or the training state is not built as ours are.

    What a value means is checked where it is used; here only that it can be used.
    """
    config, summary = metadata["config"], metadata.get("summary", {})
    if not isinstance(config, dict) or not isinstance(summary, dict):
        raise ModelFileError("the configuration or the summary is no JSON object")
    if config.get("normalize") not in (None, "NFC", "NFD", "NFKC", "NFKD"):
        raise ModelFileError(f"unknown normal form {config['normalize']!r}")
    names = summary.get("corpus", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelFileError("the summary does not list the names of a corpus")
    if "training" not in metadata:
        return
    training = metadata["training"]
    if not isinstance(training, dict) or not isinstance(training.get("settings"), dict):
        raise ModelFileError("the training state has no settings")
    corpus = training.get("corpus")
    paths = corpus.get("paths") if isinstance(corpus, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ModelFileError("the training state does not list the paths of a corpus")
    if "state" not in training:  # of a Markov chain
        return
    state = training["state"]
    if not isinstance(state, dict) or not isinstance(training.get("machine"), dict):
        raise ModelFileError("the training state is no JSON object")
    for name in ("step", "epoch", "index", "optimizer_steps", "seconds"):
        value = state.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e18:
            raise ModelFileError(f"the training state has {name} {value!r}")
    if not isinstance(state.get("finished"), bool):
        raise ModelFileError("the training state does not say whether it is finished")


def _refuse_foreign(path: Path) -> None:
    """Say what a file is that is certainly not ours, before a parser sees it."""
    try:
        with open(path, "rb") as file:
            start = file.read(10)
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror}") from None
    if not start:
        raise ModelFileError(f"{path} is empty: no model file")
    pickled = start[:1] == b"\x80" and start[8:9] != b"{"  # a header of ours starts with {
    if pickled or start[:2] == b"PK":
        raise ModelFileError(
            f"{path} is a pickle or a PyTorch archive, which can run any code when it is read; "
            "Elman reads .safetensors files that it wrote"
        )
