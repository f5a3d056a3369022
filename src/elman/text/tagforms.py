"""The forms that sequences with labels come in, and which of them a file has.

Columns as of CoNLL: a line is a token and its label, a blank line ends a sequence. Two
parallel files: a line is a sequence, a line of the other its labels. JSON lines with the
keys tokens and labels.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CorpusError, UsageError, counted, listed, quoted
from . import encodings, jsonlines
from .finding import find
from .read import TextOptions, read_pieces
from .sources import Source
from .tables import JSON_LINES, as_it_is

Tokens = Sequence[str]  # of characters one string
Row = tuple[str, Tokens, Sequence[str]]  # where it stands, its tokens, their labels

DOCUMENT = "-DOCSTART-"  # a line of CoNLL-2003 between two documents
COLUMNS = "columns, a token a line"
PARALLEL = "two parallel files, a sequence a line"
JSON = "JSON lines"


@dataclass(frozen=True)
class TaggedOptions:
    """What to read.

    Attributes
    ----------
    token_column, label_column : of columns, from 1; None: the first and the last
    labels : the file with the labels of a text; None: they stand beside the tokens
    tokens : char or word; None: the data decide
    """

    token_column: int | None = None
    label_column: int | None = None
    labels: str | None = None
    tokens: str | None = None
    text: TextOptions = field(default_factory=TextOptions)


@dataclass
class Found:
    """Rows, and how their files were understood."""

    rows: list[Row] = field(default_factory=list)
    form: str = ""
    notes: list[str] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)


def read(names: Sequence[str], options: TaggedOptions) -> Found:
    """The rows of files in any form; see `load` for what is raised."""
    found, forms = Found(), dict[str, int]()
    text = as_it_is(options.text)
    sources = [s for name in names for group in find(name, text, found.notes)
               for s in group.sources]  # fmt: skip
    if options.labels is not None:
        found.rows, forms = _parallel(sources, options), {PARALLEL: 1}
        sources = [*sources, _one(options.labels, text)]
    else:
        for source in sources:
            form, rows = _rows(source, options, found.notes)
            forms[form] = forms.get(form, 0) + 1
            found.rows += rows
    if (options.token_column or options.label_column) and COLUMNS not in forms:
        raise UsageError("--token-column and --label-column are for columns, a token a line; "
                         f"this was read as {', '.join(forms)}: leave them out")  # fmt: skip
    if not found.rows:
        raise CorpusError(f"{', '.join(names)} holds no labelled sequence")
    found.form = ", and ".join(forms)
    found.notes += encodings.notes(sources, text)
    found.encodings = encodings.used(sources, text)
    return found


def symbols_of(text: str, kind: str) -> Tokens:
    """The tokens of a plain text: its characters, or the words between its spaces."""
    return text if kind == "char" else text.split()


def _rows(source: Source, options: TaggedOptions, notes: list[str]) -> tuple[str, list[Row]]:
    """The form of a file and its rows."""
    lines = _lines(source, options.text)
    first = next((line for line in lines if line.strip()), "")
    if source.plain.suffix.lower() in JSON_LINES or first.lstrip().startswith("{"):
        return JSON, list(_json(source.name, lines))
    return COLUMNS, list(_columns(source.name, lines, options, notes))


def _lines(source: Source, options: TextOptions) -> list[str]:
    return "".join(map(str, read_pieces([source], as_it_is(options)))).split("\n")


def _columns(
    name: str, lines: Sequence[str], options: TaggedOptions, notes: list[str]
) -> Iterator[Row]:
    first = next((line for line in lines if not left_out(line) and line.strip()), "")
    tabs = "\t" in first
    token_at = (options.token_column or 1) - 1
    label_at = None if options.label_column is None else options.label_column - 1
    tokens: list[str] = []
    labels: list[str] = []
    start, documents, comments = 0, 0, 0
    for number, line in enumerate([*lines, ""], 1):
        if left_out(line):
            documents += line.startswith(DOCUMENT)
            comments += not line.startswith(DOCUMENT)
            continue
        fields = fields_of(line, tabs)
        if not line.strip(" ") or not fields:
            if tokens:
                yield f"{name}, line {start}", tokens, labels
            tokens, labels = [], []
            continue
        where = f"{name}, line {number}"
        place = len(fields) - 1 if label_at is None else label_at
        _check_columns(where, fields, token_at, place)
        start = start if tokens else number
        tokens.append(fields[token_at])
        labels.append(fields[place].strip())
    if documents:
        notes.append(f"{name}: left out {counted(documents, 'line')} that begin with {DOCUMENT}")
    if comments:
        notes.append(f"{name}: left out {counted(comments, 'comment')}, lines that begin with #")


def fields_of(line: str, tabs: bool) -> list[str]:
    """The columns of a line, which tabs separate, or white space."""
    return line.split("\t") if tabs else line.split()


def left_out(line: str) -> bool:
    """Whether a line is a comment as of CoNLL-U, or stands between two documents."""
    return (line.startswith("# ") and "\t" not in line) or line.startswith(DOCUMENT)


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
        if not fields[place]:
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
        yield listed_row(where, found["tokens"], found["labels"])


def listed_row(where: str, tokens: object, labels: object) -> Row:
    """A row of lists of strings, or CorpusError."""
    words = tokens if isinstance(tokens, str) else strings(where, "tokens", tokens)
    return where, words, strings(where, "labels", labels)


def strings(where: str, what: str, values: object) -> list[str]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise CorpusError(f"{where}: {what} must be a list of strings, not {quoted(values)}")
    found = [str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values]
    for number, value in enumerate(found, 1):
        if not isinstance(value, str) or not value:
            raise CorpusError(f"{where}: number {number} of the {what} is no string but "
                              f"{quoted(value)}" if value else
                              f"{where}: number {number} of the {what} is empty")  # fmt: skip
    return [str(value) for value in found]


def _parallel(sources: Sequence[Source], options: TaggedOptions) -> list[Row]:
    """The lines of a text, each with the line of labels at the same place."""
    assert options.labels is not None
    if Path(options.labels).resolve() in [source.path.resolve() for source in sources]:
        raise UsageError("--labels names the text itself; name the file with its labels")
    if len(sources) != 1:
        raise UsageError("--labels is for one file of text; give them one by one, or as columns")
    text, labels = (
        _lines(source, options.text) for source in (sources[0], _one(options.labels, options.text))
    )
    lines, of_labels = (part[:-1] if part[-1] == "" else part for part in (text, labels))
    name = sources[0].name
    if len(lines) != len(of_labels):
        raise CorpusError(f"{name} has {counted(len(lines), 'line')} and {options.labels} "
                          f"{len(of_labels):,}; they must have as many")  # fmt: skip
    kind = options.tokens or _parallel_kind(lines, of_labels)
    rows: list[Row] = []
    for number, (line, found) in enumerate(zip(lines, of_labels, strict=True), 1):
        tokens, names = symbols_of(line, kind), found.split()
        if not tokens and not names:
            continue
        if len(tokens) != len(names):
            symbols = {"char": "character", "word": "word"}[kind]
            raise CorpusError(
                f"{name}, line {number}: {counted(len(tokens), symbols)}, but line {number} of "
                f"{options.labels} has {counted(len(names), 'label')}"
            )
        rows.append((f"{name}, line {number}", tokens, names))
    return rows


def _parallel_kind(lines: Sequence[str], labels: Sequence[str]) -> str:
    """Characters where the number of labels says so in more lines than it says words."""
    votes = {"word": 0, "char": 0}
    for line, found in zip(lines, labels, strict=True):
        for kind in votes:
            votes[kind] += len(symbols_of(line, kind)) == len(found.split())
    return "char" if votes["char"] > votes["word"] else "word"


def _one(name: str, options: TextOptions) -> Source:
    """The one file that a name stands for."""
    if not Path(name).exists():
        raise CorpusError(f"--labels names the file {name}, which is not there")
    sources = [s for group in find(name, as_it_is(options), []) for s in group.sources]
    if len(sources) != 1:
        raise UsageError(f"--labels {name} must be one file")
    return sources[0]
