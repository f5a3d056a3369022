"""The arguments of a call, read from the JSON object that is its body."""

import json
from math import isfinite
from typing import Any

import anyio
from starlette.requests import Request

from .errors import ApiError

REQUIRED: Any = object()
BODY = 1 << 20  # bytes
BODY_SECONDS = 30.0
TEXT = 20_000  # characters that a call takes unless it says otherwise


class Arguments:
    """Reads arguments by name and type; `end` refuses those that nobody asked for."""

    def __init__(self, body: bytes):
        def refuse(constant: str) -> None:
            raise ValueError(constant)

        try:
            values = json.loads(body or b"{}", parse_constant=refuse)
        except json.JSONDecodeError as error:
            raise ApiError(400, f"the body is not JSON: {error}") from None
        except (ValueError, RecursionError):  # bytes that are no text, NaN, or far too much
            raise ApiError(400, "the body is not JSON with finite numbers, in UTF-8") from None
        if not isinstance(values, dict):
            raise ApiError(400, 'the body is not a JSON object, as in {"text": "abc"}')
        self.values: dict[str, Any] = values
        self.known: set[str] = set()

    def _get(self, name: str, default: Any, kinds: tuple[type, ...], expected: str) -> Any:
        self.known.add(name)
        value = self.values.get(name, default)
        if value is REQUIRED:
            raise ApiError(400, f"the argument {name} is missing: {expected}")
        if value is default:
            return value
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ApiError(400, f"{name} must be {expected}, not {shown(value)}")
        return value

    def has(self, name: str) -> bool:
        """Whether it was given, and not as null."""
        return self.values.get(name) is not None

    def text(self, name: str, default: str | None = REQUIRED, most: int = TEXT) -> Any:
        value = self._get(name, default, (str,), "a string")
        if value is not None and len(value) > most:
            raise ApiError(
                400, f"{name} has {len(value):,} characters; this call takes at most {most:,}"
            )
        return value

    def integer(self, name: str, default: int | None, least: int, most: int) -> Any:
        expected = f"a whole number from {least:,} to {most:,}"
        value = self._get(name, default, (int,), expected)
        if value is not None and not least <= value <= most:
            raise ApiError(400, f"{name} must be {expected}, not {shown(value)}")
        return value

    def number(self, name: str, default: float | None) -> Any:
        value = self._get(name, default, (int, float), "a number")
        if value is None:
            return None
        if abs(value) > 1e300 or not isfinite(value):  # a long integer is no float
            raise ApiError(400, f"{name} is too large a number")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        return self._get(name, default, (bool,), "true or false")

    def ids(self, name: str, vocabulary_size: int, most: int) -> list[int]:
        """Ids of symbols; none by default."""
        expected = f"a list of ids of symbols, from 0 to {vocabulary_size - 1}"
        values = self._get(name, [], (list,), expected)
        if len(values) > most:
            raise ApiError(400, f"{name} has {len(values):,} ids; this call takes at most {most:,}")
        for value in values:
            if type(value) is not int or not 0 <= value < vocabulary_size:
                raise ApiError(400, f"{name} must be {expected}; {shown(value)} is none")
        return values

    def end(self) -> None:
        """Raise ApiError if there are others than those that were read."""
        unknown = sorted(set(self.values) - self.known)
        if unknown:
            known = ", ".join(sorted(self.known)) or "none"
            raise ApiError(
                400, f"there is no argument {shown(unknown[0])} here; there are: {known}"
            )


async def read_arguments(request: Request) -> Arguments:
    """The body, which may be neither too long nor too slow; nothing stands in the query."""
    if request.url.query:
        raise ApiError(400, "this call takes its arguments in the body, not in the address")
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    too_long = ApiError(413, f"the body is longer than {BODY:,} bytes")
    if declared.isdigit() and int(declared[:20]) > BODY:
        raise too_long
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY:
                    raise too_long
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {BODY_SECONDS:g} seconds") from None
    return Arguments(bytes(body))


def shown(value: Any) -> str:
    """A value of a client in a message: as JSON, and short."""
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, int) else str(value)[:30]
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 40 else text[:37] + "…"
