"""JSON, arrays and server-sent events as bytes."""

import base64
import json
from math import isfinite
from typing import Any

import numpy as np


def dumps(value: Any) -> bytes:
    """JSON in UTF-8; what is infinite or no number becomes null.

    A lone surrogate, which is text in Python and in JSON but not in UTF-8, is written
    as its escape.
    """
    try:
        text = _json(value)
    except (ValueError, TypeError):  # a number that JSON has not, or an array
        text = _json(_plain(value))
    return text.encode("utf-8", "backslashreplace")


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value


def array(values: np.ndarray) -> dict[str, Any]:
    """A large array: its shape, and base64 of little-endian float32 in row-major order."""
    data = np.ascontiguousarray(values, "<f4").tobytes()
    return {"shape": list(values.shape), "float32": base64.b64encode(data).decode()}


def event(name: str, data: Any, id: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {name}\ndata: ".encode() + dumps(data) + b"\n\n"
