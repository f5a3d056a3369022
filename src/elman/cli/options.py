"""Options that several verbs have."""

import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from .help import Function, option

if TYPE_CHECKING:
    from .inputs import Reading


def errors(command: Function) -> Function:
    """What to do with text that is not UTF-8."""
    kind = click.Choice(["strict", "replace"])
    text = "What to do with bytes that are not UTF-8."
    return option("--errors", type=kind, default="strict", show_default=True, help=text,
                  group="Text")(command)  # fmt: skip


def encoding(command: Function) -> Function:
    """What encoding text is in."""
    text = "Text encoding, unless a byte order mark gives one."
    return option("--encoding", default="utf-8", show_default=True, metavar="NAME", help=text,
                  group="Text", callback=_checked)(command)  # fmt: skip


def _checked(ctx: click.Context, option: click.Parameter, name: str) -> str:
    from ..settings import check_encoding

    check_encoding(name)
    return name


def unescaped(ctx: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """The callback of a text with \\n, \\t, \\f, \\r or \\\\ in it: what is meant by it."""
    known = {"n": "\n", "t": "\t", "f": "\f", "r": "\r", "\\": "\\"}
    return text and re.sub(r"\\([ntfr\\])", lambda found: known[found[1]], text)


def utf8(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The callback of texts as arguments: those that the locale cannot read are UTF-8."""
    from ..errors import UsageError, quoted

    decoded = []
    for text in texts:
        try:
            text.encode("utf-8")
            decoded.append(text)
        except UnicodeEncodeError:  # bytes that became halves of characters
            try:
                decoded.append(os.fsencode(text).decode("utf-8"))
            except UnicodeError:
                raise UsageError(f"the text {quoted(text)} is not UTF-8; give it in a file, with "
                                 "-f and --encoding") from None  # fmt: skip
    return tuple(decoded)


def is_raw(model: Any, encoding: str, errors: str = "strict") -> bool:
    """Whether a model reads bytes as they are; then an encoding would have no effect."""
    raw = model.vocabulary.kind == "byte"
    if raw and (encoding != "utf-8" or errors != "strict"):
        from ..errors import UsageError

        flag = "--encoding" if encoding != "utf-8" else "--errors"
        raise UsageError(f"{flag} has no effect: the model reads bytes as they are")
    return raw


def files(command: Function) -> Function:
    """Files with texts; arguments are texts themselves."""
    text = "File with a text per line, or a table; may be repeated; - is standard input."
    return option("-f", "--file", "files", multiple=True, metavar="FILE", help=text,
                  group="Text")(command)  # fmt: skip


def text_column(command: Function) -> Function:
    """Where in a table the text is."""
    text = "Column of a table, or key of JSON lines, with the text.  [default: as in training]"
    return option("--text-column", metavar="NAME", help=text, group="Text")(command)


def delimiter(command: Function) -> Function:
    """What separates the columns of a table."""
    text = "Character between the columns of a table.  [default: found in its first row]"
    return option("--delimiter", metavar="STR", help=text, group="Text")(command)


def part(command: Function) -> Function:
    """Which part of a file is answered."""
    text = "Process one part of the file, such as 1/4; the outputs of all parts concatenate."
    return option("--part", metavar="I/N", help=text, group="Text", callback=_part)(command)


def _part(ctx: click.Context, option: click.Parameter, given: str | None) -> tuple[int, int] | None:
    from ..errors import UsageError, quoted

    if given is None:
        return None
    found = re.fullmatch("([0-9]+)/([0-9]+)", given)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise UsageError("--part is the number of a part and how many there are, such as 1/4 to "
                         f"4/4, not {quoted(given)}")  # fmt: skip
    return number, count


def check_part(files: Sequence[str], texts: Sequence[str], way: str) -> None:
    """Raise UsageError unless there is one file to take a part of; `way` shows how it is given."""
    from ..errors import UsageError

    if texts or len(files) != 1 or files[0] == "-":
        what = "standard input has no parts" if "-" in (*files, *texts) else (
            "all parts are of one file"
        )  # fmt: skip
        raise UsageError(f"--part takes one file, {way}: {what}")


def reading(
    model: Any, given: dict[str, Any], texts: Sequence[str], added: tuple[str, ...] = ()
) -> "Reading":
    """How files are read; a column that was not given is that of the training.

    Raises UsageError for a flag that is about files where there are only texts.
    """
    from ..errors import UsageError
    from ..text.columns import delimiter_of
    from ..text.read import TextOptions
    from .inputs import Reading

    column, character = given["text_column"], given["delimiter"]
    flags = {
        "--text-column": column is not None,
        "--delimiter": character is not None,
        "--encoding": given["encoding"] != "utf-8",
        "--errors": given["errors"] != "strict",
    }
    if given["part"] is not None:
        check_part(given["files"], texts, "-f FILE")
    for flag, there in flags.items():
        if there and texts and "-" not in texts and not given["files"]:
            raise UsageError(f"{flag} applies to files, not to texts on the command line")
    if column == "":
        raise UsageError("--text-column needs the name or the number of a column")
    trained = {} if model.training is None else model.training[1]["settings"]
    return Reading(
        TextOptions(given["errors"], encoding=given["encoding"]),
        column or trained.get("text_column") or "text",
        bool(column or character),
        None if character is None else delimiter_of(character),
        added,
        part=given["part"],
    )


def machine(command: Function) -> Function:
    """The compute engine, and the number of threads."""
    who = "Compute engine: native (C++), numpy, or auto (native if available)."
    threads = "Number of threads.  [default: the cores that this process may use]"
    command = option("--threads", type=click.IntRange(1), help=threads, group="Machine")(command)
    return option("--engine", default="auto", show_default=True, metavar="NAME", help=who,
                  group="Machine")(command)  # fmt: skip


def as_json(help: str) -> Callable[[Function], Function]:
    """Results for other programs, on stdout."""
    return option("--json", "as_json", is_flag=True, help=help, group="Output")
