"""JSON lines: an object a line, and the values of the wanted keys as text."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import CorpusError, listed, quoted
from .columns import Wanted

HALF_A_CHARACTER = re.compile("[\\ud800-\\udfff]")  # what \\ud83d alone means


def rows(
    name: str, lines: Iterable[str], wanted: Wanted, first: int = 1, seen: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """The line of each object, from 1, and its wanted values; blank lines are left out.

    A value is a string, or a number or a boolean, of which its JSON text is taken;
    null is no text at all.

    Parameters
    ----------
    name : what messages call the file
    wanted : its columns are the keys
    first : the number of the first line
    seen : whether lines before it had the keys

    Raises
    ------
    CorpusError : a line that is not an object, that lacks a key, or whose value is no text
    """
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        found = parsed(where, line)
        values = []
        for key, flag in zip(wanted.columns, wanted.flags, strict=True):
            if key not in found:
                has = listed(list(found)) or "no keys"
                way_out = f"name it with {flag}"
                if wanted.shared:
                    way_out = f"call one {quoted(key)}, as in the other data"
                if seen:
                    way_out = "give it one, as the lines before have it, or leave the line out"
                raise CorpusError(
                    f"{where}: no key {quoted(key)} (the object has {has}); {way_out}"
                )
            values.append(_text(where, key, flag, found[key]))
        seen = True
        yield number, values


def keys(head: str) -> set[str] | None:
    """The keys of the first object of a file; None if its first line is no object."""
    line = head.lstrip().partition("\n")[0]
    if not line.startswith("{"):
        return None
    try:
        return set(parsed("", line))
    except CorpusError:
        return None


def parsed(where: str, line: str) -> dict[str, Any]:
    """The object of a line; CorpusError if it is none, and says where."""
    try:
        # Numbers stay as they are written: 1.50 is not 1.5 where it is a label.
        found = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"{where}: not JSON ({error.msg}, at character {error.pos + 1}); each line must be an "
            "object"
        ) from None
    except RecursionError:
        raise CorpusError(f"{where}: the JSON is nested too deeply; leave the line out") from None
    if not isinstance(found, dict):
        raise CorpusError(f"{where}: each line must be an object, not {line.strip()[:40]}")
    return found


def is_document(text: str) -> bool:
    """Whether a whole text is one array or object of JSON."""
    try:
        return isinstance(json.loads(text), list | dict)
    except (ValueError, RecursionError):
        return False


def refuse_half(where: str, what: str, text: str) -> None:
    """Raise CorpusError for a text with half of a surrogate pair in it."""
    if HALF_A_CHARACTER.search(text):
        raise CorpusError(f"{where}: {what} holds half of a surrogate pair, which is not a "
                          "character; leave it out")  # fmt: skip


def _text(where: str, key: str, flag: str, value: Any) -> str:
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        why = ": each text has one label" if flag == "--label-column" else ""
        raise CorpusError(
            f"{where}: {quoted(key)} is {kind}, but it must be one string{why}; {flag} names "
            "another key"
        )
    if isinstance(value, bool):
        return json.dumps(value)
    text = value or ""
    refuse_half(where, quoted(key), text)
    return text
