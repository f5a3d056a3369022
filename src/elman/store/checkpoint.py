"""The model file: one safetensors file with weights, vocabulary and training state.

`pack` and `unpack` know the container: named arrays, string metadata and a
SHA-256 over all of it, so that a flipped bit anywhere is found. What the names
mean is up to `modelfile` and to the tasks.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelFileError, UsageError, listed, quoted
from ..files import MODEL_SUFFIX, as_path, meant
from .foreign import LOOKED_AT, NOT_OURS, describe

FORMAT = 1
LARGEST_HEADER = 100_000_000  # bytes, of safetensors; a symbol takes some more than its text
Tensors = dict[str, np.ndarray]
Metadata = dict[str, Any]


def pack(tensors: Tensors, metadata: Metadata) -> bytes:
    """The bytes of a model file. Metadata values are stored as JSON.

    Raises
    ------
    UsageError : more metadata than the format can hold
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save

    # File names need not be UTF-8; what is not is written as an escape.
    strings = {
        name: json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        for name, value in metadata.items()
    }
    strings["format"] = str(FORMAT)
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    strings["digest"] = digest(arrays, strings)
    try:
        return save(arrays, strings)
    except SafetensorError:
        size = sum(len(text.encode()) for text in strings.values())
        if size < LARGEST_HEADER / 4:  # quotes and backslashes are doubled, and doubled again
            raise
        raise UsageError(
            f"the model has too many symbols for its file: they take at least "
            f"{size / 1e6:,.0f} MB, the limit is {LARGEST_HEADER / 1e6:,.0f}; --vocabulary-size "
            "keeps the most frequent, --min-count leaves out the rare ones"
        ) from None


def unpack(path: str | Path) -> tuple[Tensors, Metadata]:
    """Arrays and metadata of a model file, checked.

    Raises
    ------
    ModelFileError : missing, unreadable, truncated, damaged, foreign or from a
        future version
    UsageError : no path
    """
    from safetensors import safe_open

    path = as_path(path, "the model file")
    _refuse_foreign(path)
    with readable(path), safe_open(path, framework="numpy") as file:
        strings = _ours(file.metadata(), file.keys(), path)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return tensors, _checked(tensors, strings, path)


def config_of(path: str | Path) -> dict[str, Any]:
    """The configuration in the head of a model file, which is not checked any further.

    Raises
    ------
    ModelFileError : missing, unreadable, or not ours
    """
    from safetensors import safe_open

    with readable(path), safe_open(path, framework="numpy") as file:
        config = json.loads(_ours(file.metadata(), file.keys(), path)["config"])
    return config if isinstance(config, dict) else {}


def unpack_bytes(data: bytes, name: str) -> tuple[Tensors, Metadata]:
    """The same of what `pack` returned; messages call it by the name.

    Raises
    ------
    ModelFileError : see `unpack`
    """
    from safetensors.numpy import load

    with readable(name):
        tensors = load(data)
        # `load` has checked the header, but keeps the metadata to itself.
        strings = _ours(metadata_of(data), tensors, name)
    return tensors, _checked(tensors, strings, name)


def metadata_of(data: bytes) -> dict[str, str]:
    """The metadata in the bytes of a safetensors file whose header is sound."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return header.get("__metadata__") or {}


@contextmanager
def readable(name: str | Path) -> Iterator[None]:
    """What goes wrong in reading the container, in one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        if isinstance(error, ModelFileError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFileError(
            f"{name} is not a model file of Elman, or it is damaged ({reason[:120]})"
        ) from None


def _ours(
    metadata: dict[str, str] | None, names: Iterable[str], path: str | Path
) -> dict[str, str]:
    """The metadata, if they are those of a model that this version reads."""
    strings = dict(metadata or {})
    if "format" not in strings or "config" not in strings:
        held = listed([name[:40] for name in names], 1) or "nothing"
        raise ModelFileError(
            f"{path} is a safetensors file of another program (it holds {held}), but "
            f"not a model of Elman: its metadata has no format and config{NOT_OURS}"
        )
    if strings["format"] != str(FORMAT):
        raise ModelFileError(
            f"{path} has format {quoted(strings['format'])}, this version of Elman reads "
            f"{FORMAT}; a newer Elman wrote it, or it is damaged"
        )
    return strings


def _checked(tensors: Tensors, strings: dict[str, str], path: str | Path) -> Metadata:
    """The metadata as values, if the digest is that of the contents."""
    found = digest(tensors, strings)
    if strings.get("digest") != found:
        raise ModelFileError(
            f"{path} is damaged: its contents do not match its digest; "
            "use an undamaged copy, or train again"
        )
    values = {name: text for name, text in strings.items() if name not in ("digest", "format")}
    try:
        return {name: json.loads(value) for name, value in values.items()}
    except (ValueError, RecursionError):
        raise ModelFileError(f"{path} is damaged: its metadata is not JSON") from None


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


def _refuse_foreign(path: Path) -> None:
    """Say what a file is that is certainly not ours, before a parser sees it."""
    try:
        with open(path, "rb") as file:
            what = describe(file.read(LOOKED_AT), path)
    except OSError as error:
        hint = meant(path, MODEL_SUFFIX) if isinstance(error, FileNotFoundError) else None
        raise ModelFileError(f"cannot read the model {path}: {error.strerror}", hint) from None
    if what:
        raise ModelFileError(f"{path} {what}")
