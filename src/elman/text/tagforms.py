"""The forms that sequences with labels come in, and which of them a file has.

Columns as of CoNLL, see `conll`. Two parallel files: a line is a sequence, a line of the
other its labels. JSON lines with the keys tokens and labels.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import CorpusError, UsageError, counted, listed, quoted
from . import conll, encodings, jsonlines
from .conll import words_of
from .finding import find, near
from .read import TextOptions, read_pieces
from .sources import Source
from .tables import JSON_LINES, as_it_is

Tokens = Sequence[str]  # of characters one string

COLUMNS = "columns, one token per line"
PARALLEL = "two parallel files, one sequence per line"
JSON = "JSON lines"


@dataclass(frozen=True)
class Row:
    """A labelled sequence, and where it is.

    Attributes
    ----------
    name : of its file; of one in memory "row" and its number
    tokens : a string that is not cut yet is of characters or of words
    lines : of columns that of each token, else that of the sequence; none in memory
    """

    name: str
    tokens: Tokens
    labels: Sequence[str]
    lines: Sequence[int] = ()

    def where(self, place: int = 0) -> str:
        """Where the token at a place is, for a message."""
        if not self.lines:
            return self.name
        return f"{self.name}, line {self.lines[min(place, len(self.lines) - 1)]}"


@dataclass(frozen=True)
class TaggedOptions:
    """What to read.

    Attributes
    ----------
    token_column, label_column : of columns, from 1; None: the first and the last
    labels : the file with the labels of a text; None: they are next to the tokens
    tokens : char or word; None: the data decide
    whose : who says what `tokens` is, if the user does not
    """

    token_column: int | None = None
    label_column: int | None = None
    labels: str | None = None
    tokens: str | None = None
    text: TextOptions = field(default_factory=TextOptions)
    whose: str = ""


@dataclass
class Found:
    """Rows, and how their files were understood."""

    rows: list[Row] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)

    @property
    def form(self) -> str:
        """The forms, for people."""
        return ", and ".join(dict.fromkeys(self.forms))


def read(names: Sequence[str], options: TaggedOptions) -> Found:
    """The rows of files in any form; see `tagged.load` for what is raised."""
    found, text = Found(), as_it_is(options.text)
    sources = [s for name in names for group in find(name, text, found.notes)
               for s in group.sources]  # fmt: skip
    if options.labels is not None:
        found.rows, found.forms = _parallel(sources, options), [PARALLEL]
        sources = [*sources, _one(options.labels, text)]
    else:
        for source in sources:
            form, rows = _rows(source, options, found.notes)
            found.forms.append(form)
            found.rows += rows
    if not found.rows:
        raise CorpusError(f"{', '.join(names)} holds no labelled sequence")
    found.notes += encodings.notes(sources, text)
    found.encodings = encodings.used(sources, text)
    return found


def refuse_idle(options: TaggedOptions, forms: Iterable[str]) -> None:
    """Raise UsageError for numbers of columns where nothing that was read has columns."""
    given = {"--token-column": options.token_column, "--label-column": options.label_column}
    for flag, number in given.items():
        if number is not None and COLUMNS not in forms:
            raise UsageError(f"{flag} is for columns with one token per line; this was read as "
                             f"{', '.join(dict.fromkeys(forms))}: leave it out")  # fmt: skip


def symbols_of(text: str, kind: str) -> Tokens:
    """The symbols of a text: its characters, or the words between its spaces, see `words_of`."""
    return text if kind == "char" else words_of(text)


def kind_of(texts: Sequence[str], labels: Sequence[Sequence[object]]) -> str:
    """What has a label in texts: char or word, as the numbers of labels say in more of them."""
    votes = {"word": 0, "char": 0}
    for text, found in zip(texts, labels, strict=True):
        for kind in votes:
            votes[kind] += len(symbols_of(text, kind)) == len(found)
    if votes["char"] == votes["word"]:
        return "word" if any(" " in text for text in texts) else "char"
    return max(votes, key=lambda kind: votes[kind])


def is_json(ending: str, first: str) -> bool:
    """Whether a file is JSON lines: by the ending of its name, or its first line with any text."""
    return ending.lower() in JSON_LINES or "tokens" in (jsonlines.keys(first) or ())


def _rows(source: Source, options: TaggedOptions, notes: list[str]) -> tuple[str, list[Row]]:
    """The form of a file and its rows."""
    lines = _lines(source, options.text)
    first = next((line for line in lines if line.strip()), "")
    if is_json(source.plain.suffix, first):
        return JSON, list(_json(source.name, lines))
    if first.lstrip().startswith(("[", "{")) and jsonlines.is_document("\n".join(lines)):
        raise CorpusError(f"{source.name} is one JSON document; give JSON lines: on each line an "
                          "object with the keys tokens and labels")  # fmt: skip
    return COLUMNS, list(_columns(source.name, lines, options, notes))


def _lines(source: Source, options: TextOptions) -> list[str]:
    return "".join(map(str, read_pieces([source], as_it_is(options)))).split("\n")


def _columns(
    name: str, lines: Iterable[str], options: TaggedOptions, notes: list[str]
) -> Iterator[Row]:
    reader = conll.Reader()
    for line in lines:
        for ended in reader.feed(line):
            yield from _row(name, ended, options)
    for ended in reader.end():
        yield from _row(name, ended, options)
    notes += reader.notes(name)


def _row(name: str, sequence: conll.Sequence, options: TaggedOptions) -> Iterator[Row]:
    """The row of a sequence, unless it has no tokens."""
    tokens: list[str] = []
    labels: list[str] = []
    lines: list[int] = []
    for line in sequence:
        if line.fields is None:
            continue
        fields = line.fields
        token_at, label_at = (options.token_column or 1) - 1, len(fields) - 1
        label_at = label_at if options.label_column is None else options.label_column - 1
        _check_columns(f"{name}, line {line.number}", fields, token_at, label_at)
        tokens.append(fields[token_at])
        labels.append(fields[label_at].strip(" "))
        lines.append(line.number)
    if tokens:
        yield Row(name, tokens, labels, lines)


def _check_columns(where: str, fields: Sequence[str], token_at: int, label_at: int) -> None:
    if len(fields) == 1:
        raise CorpusError(f"{where}: one column only ({quoted(fields[0])}); a line is a token, a "
                          "tab and its label, or --labels names a file with the labels"
                          )  # fmt: skip
    if max(token_at, label_at) >= len(fields):
        raise CorpusError(f"{where}: {len(fields)} columns, so there is no column "
                          f"{max(token_at, label_at) + 1}")  # fmt: skip
    if token_at == label_at:
        raise CorpusError(f"{where}: the token and its label would both be column {token_at + 1}; "
                          "--token-column and --label-column say which they are")  # fmt: skip
    for what, place in (("token", token_at), ("label", label_at)):
        if not (fields[place] if what == "token" else fields[place].strip(" ")):
            raise CorpusError(f"{where}: the {what}, column {place + 1}, is empty; fill it in, or "
                              "leave the line out")  # fmt: skip


def _json(name: str, lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        found = jsonlines.parsed(where, line)
        for key in ("tokens", "labels"):
            if key not in found:
                raise CorpusError(f"{where}: no key {key!r} (the object has "
                                  f"{listed(list(found)) or 'no keys'}); each needs tokens and "
                                  "labels")  # fmt: skip
        tokens, labels = (
            tokens_of(where, found["tokens"]),
            strings(where, "labels", found["labels"]),
        )
        yield Row(name, tokens, labels, [number])


def tokens_of(where: str, value: object) -> Tokens:
    """A string, or a list of strings; CorpusError for something else."""
    if isinstance(value, str):
        jsonlines.refuse_half(where, "tokens", value)
        return value
    return strings(where, "tokens", value)


def strings(where: str, what: str, values: object) -> list[str]:
    """A list of strings, or CorpusError; numbers become strings."""
    found = items_of(values)
    if found is None:
        raise CorpusError(f"{where}: {what} must be a list of strings, not {quoted(values)}")
    found = [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in found]
    for number, value in enumerate(found, 1):
        if not isinstance(value, str):
            raise CorpusError(f"{where}: number {number} of the {what} is not a string but "
                              f"{quoted(value)}")  # fmt: skip
        if not value:
            raise CorpusError(f"{where}: number {number} of the {what} is empty")
        jsonlines.refuse_half(where, what, value)
    return [str(value) for value in found]


def items_of(values: object) -> list[Any] | None:
    """The items of a list, an array or the like; None for a string, a dict and what has none."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable):
        return None
    return list(values)


def _parallel(sources: Sequence[Source], options: TaggedOptions) -> list[Row]:
    """The lines of a text, each with the line of labels at the same place."""
    assert options.labels is not None
    if Path(options.labels).resolve() in [source.path.resolve() for source in sources]:
        raise UsageError("--labels names the text itself; name the file with its labels")
    if len(sources) != 1:
        raise UsageError("--labels is for one file of text; give them one by one, or as columns")
    other = _one(options.labels, options.text)
    lines, of_labels = (_without_end(_lines(s, options.text)) for s in (sources[0], other))
    name = sources[0].name
    if len(lines) != len(of_labels):
        raise CorpusError(f"{name} has {counted(len(lines), 'line')} and {other.name} "
                          f"{len(of_labels):,}; they must have the same number")  # fmt: skip
    labels = [words_of(line) for line in of_labels]
    kind = options.tokens or kind_of(lines, labels)
    rows: list[Row] = []
    for number, (line, found) in enumerate(zip(lines, labels, strict=True), 1):
        count = len(symbols_of(line, kind))
        if not count and not found:
            continue
        if count != len(found):
            symbols = {"char": "character", "word": "word"}[kind]
            raise CorpusError(
                f"{name}, line {number}: {counted(count, symbols)}, but line {number} of "
                f"{other.name} has {counted(len(found), 'label')}"
            )
        rows.append(Row(name, line, found, [number]))
    return rows


def _without_end(lines: list[str]) -> list[str]:
    """Lines without the empty one behind the last line end."""
    return lines[:-1] if lines[-1] == "" else lines


def _one(name: str, options: TextOptions) -> Source:
    """The one file that a name means."""
    if not Path(name).exists():
        raise CorpusError(f"--labels names the file {near(name)}, which is not there")
    sources = [s for group in find(name, as_it_is(options), []) for s in group.sources]
    if len(sources) != 1:
        raise UsageError(f"--labels {near(name)} must be one file")
    return replace(sources[0], name=near(name))
