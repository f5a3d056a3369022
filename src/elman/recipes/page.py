"""docs/reproductions.md and its pictures, made from the JSON that the runs write.

A folder, `docs` in the repository, holds the page; its `reproductions/` holds one JSON file
per recipe and one SVG per picture. Running one recipe replaces its chapter.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ElmanError
from ..files import OutputFile
from . import RECIPES, pictures
from .lab import show

PAGE = "reproductions.md"
FOLDER = "reproductions"
HEAD = """\
# Reproductions

Elman grew out of five articles on recurrent networks. This page reproduces each: the
published results, Elman's results, and the exercises that the article leaves to the reader.
It is generated from the JSON files in [`reproductions/`](reproductions), which the runs
write:

```
elman reproduce --all -o docs      # everything; or the name of one recipe
elman reproduce --list
```

A figure `a ± b` is the mean and the sample standard deviation over the seeds that its
chapter names. Times are for one training run, including reading the text, on the machine
that the chapter names; perplexity is exp(nats per symbol), bits per character nats / ln 2.
The machine was also busy during some of the runs, so times are upper bounds. Settings are
flags of `elman train`; `--seed` takes each of the seeds; settings without a flag are in
brackets. A chapter names the default engine; settings with `--engine` or `--threads`
override it. Pictures need the extra `plot`.
"""


def check(folder: Path) -> None:
    """See that a folder can take a page and holds no file that would spoil it.

    Raises
    ------
    ElmanError : it cannot be written into, or a file of figures in it is none
    """
    place = _place(folder)
    for path in (place / PAGE, folder / PAGE):
        with OutputFile(path):
            pass
    load(place)


def _place(folder: Path) -> Path:
    """Where the figures are; made if it is not there."""
    place = folder / FOLDER
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise ElmanError(f"cannot write into {folder}: {error.strerror}") from None
    return place


def save(folder: Path, report: dict[str, Any]) -> list[Path]:
    """Write a report and its pictures, and make the page again from all reports there.

    Raises
    ------
    ElmanError : no such folder, or not to be written; matplotlib is not installed
    """
    place = _place(folder)
    files = {place / f"{report['recipe']}.json": as_json(report).encode()}
    for section in report["sections"]:
        if picture := section["picture"]:
            files[place / f"{picture['name']}.svg"] = pictures.draw(picture)
    for path, data in files.items():
        _write(path, data)
    page = folder / PAGE
    _write(page, render(load(place)).encode())
    return [*files, page]


def _write(path: Path, data: bytes) -> None:
    with OutputFile(path) as file:
        file.write(data)


def as_json(report: dict[str, Any]) -> str:
    """A report as a small file in which a changed section is a changed line."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in report.items()
        if name != "sections"
    ]
    sections = [json.dumps(s, ensure_ascii=False) for s in report["sections"]]
    lines.append('"sections": [\n' + ",\n".join(sections) + "\n]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load(place: Path) -> list[dict[str, Any]]:
    """The reports of a folder, in the order of the recipes.

    Raises
    ------
    ElmanError : a file that is no report, with its name
    """
    paths = [place / f"{name}.json" for name in RECIPES]
    return [_report(path) for path in paths if path.is_file()]


def _report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        "".join(_chapter(report))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ElmanError(
            f"{path} holds no figures of `elman reproduce` ({type(error).__name__}): remove it, or "
            "name another folder"
        ) from None
    return report


def render(reports: list[dict[str, Any]]) -> str:
    """The page: one chapter a report."""
    return HEAD + "".join("\n" + "\n".join(_chapter(report)) + "\n" for report in reports)


def _chapter(report: dict[str, Any]) -> Iterator[str]:
    yield f"## {report['title']}"
    yield ""
    yield f"*{report['source']}*"
    yield ""
    yield report["about"]
    yield ""
    seeds = ", ".join(map(str, report["seeds"]))
    yield (
        f"`{report['command']}`: {report['seconds']:,.0f} seconds in all, seeds {seeds}; "
        f"{report['machine']}." + " **A quick run: its figures mean nothing.**" * report["quick"]
    )
    for section in report["sections"]:
        yield ""
        yield from _section(section)


def _section(section: dict[str, Any]) -> Iterator[str]:
    yield f"### {section['title']}"
    for paragraph in section["text"]:
        yield ""
        yield paragraph
    if section["rows"]:
        yield ""
        yield from _table(section["columns"], section["rows"])
    if picture := section["picture"]:
        yield ""
        yield f"![{picture['caption']}]({FOLDER}/{picture['name']}.svg)"
        yield ""
        yield picture["caption"]
    if section["settings"]:
        yield ""
        yield "Settings:"
        yield ""
        for label, flags in section["settings"].items():
            yield f"- {label}: `{flags}`"
    for label, written in section["samples"]:
        yield ""
        yield f"{label}:"
        yield ""
        yield "```text"
        yield from (line.rstrip() for line in written.strip("\n").split("\n"))
        yield "```"


def _table(columns: dict[str, str], rows: list[list[Any]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "|".join("---:" if form else "---" for form in columns.values()) + "|"
    for row in rows:
        cells = [show(cell, form) for cell, form in zip(row, columns.values(), strict=True)]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
