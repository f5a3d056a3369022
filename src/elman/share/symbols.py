"""The symbols of weights from outside, which have none: from a list in JSON, or a text."""

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from ..errors import CorpusError, UsageError, quoted
from ..files import as_path
from ..store.modelfile import read_vocabulary, refuse_damaged
from ..text.read import read
from ..text.vocabulary import BEGIN, END, UNKNOWN, Vocabulary, VocabularyBuilder

Symbols = str | Path | Sequence[str] | Mapping[str, int] | Vocabulary


def vocabulary(source: Symbols) -> Vocabulary:
    """The vocabulary of weights whose rows are symbols.

    Parameters
    ----------
    source : symbols in the order of the rows, or their numbers by symbol; or a file: ending
        in .json either of them, or an object as the metadata of an exported ONNX file have it,
        else a text whose characters, in the order of their code points, are the symbols

    Raises
    ------
    UsageError, CorpusError : no such thing

    Example
    -------
    >>> vocabulary(["a", "b", "<unk>"]).kind
    'char'
    """
    if isinstance(source, Vocabulary):
        return source
    if isinstance(source, Set | bytes):  # a set has no order
        raise UsageError(f"the vocabulary must be a list of symbols, in the order of the rows, "
                         f"not of type {type(source).__name__}")  # fmt: skip
    if isinstance(source, Mapping):
        return _of(dict(source), "the vocabulary")
    if not isinstance(source, str | Path):
        try:
            return _of(list(source), "the vocabulary")
        except TypeError:
            raise UsageError(f"the vocabulary must be a list of symbols or a file, not "
                             f"{quoted(source)}") from None  # fmt: skip
    path = as_path(source, "the vocabulary")
    if path.suffix.lower() == ".json":
        return _of(_json(path), str(path))
    builder = VocabularyBuilder("char")
    builder.add(read(str(path)))
    if not builder.count:
        raise CorpusError(f"{path} is empty: it has no symbols")
    return builder.build()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"cannot read the vocabulary {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CorpusError(f"{path} is not JSON; a list of symbols was expected") from None


def _of(found: Any, where: str) -> Vocabulary:
    """A list of symbols, or an object that says of what kind they are."""
    if isinstance(found, dict) and "kind" not in found:
        found = _by_number(found, where)
    if isinstance(found, list):
        if not all(isinstance(symbol, str | int) for symbol in found):
            raise UsageError(f"{where} must be a list of strings")
        ordinary = [s for s in found if s not in (UNKNOWN, BEGIN, END)]
        kind = "byte" if found[:256] == list(range(256)) else "word"
        if ordinary and all(isinstance(s, str) and len(s) == 1 for s in ordinary):
            kind = "char"
        found = {"kind": kind, "symbols": found} | ({"words": "uax29"} if kind == "word" else {})
    if not isinstance(found, dict) or not isinstance(found.get("symbols"), list):
        raise UsageError(f"{where} must be a list of symbols, in the order of the rows")
    with refuse_damaged(where):
        return read_vocabulary(found)


def _by_number(numbers: dict[Any, Any], where: str) -> list[Any]:
    """The symbols in the order of their numbers, of which none is missing."""
    given = list(numbers.values())
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in given)
    if not given or not whole or sorted(given) != list(range(len(given))):
        raise UsageError(f"{where} must number its symbols from 0, each number once")  # fmt: skip
    return sorted(numbers, key=numbers.__getitem__)
