"""The forms that labelled texts come in, and which of them files have.

A table is one by its name, its first row, or because the user said so (`tables`). A
file that has `__label__` in its first lines is fastText's. Where neither is so, the
folder decides: if its files lie in two sub-folders or more, and several in one of
them, a sub-folder is a class and a file a text; else a file is a class and a line a
text.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import CorpusError, counted, listed, quoted
from . import columns, encodings, tables
from .columns import Wanted
from .finding import find
from .read import TextOptions, read_pieces
from .sources import Source
from .tables import Table, Tally, as_it_is

FILE_PER_CLASS = "one file per class, one text per line"
FOLDER_PER_CLASS = "one folder per class, one file per text"
FASTTEXT = "lines of fastText"
LABEL = re.compile(r"(?<!\S)__label__(\S*)")  # in a line of fastText

PARTS = {"train", "training", "test", "testing", "valid", "validation", "val", "dev", "eval"}
FEW = 2  # texts of a class from which little can be learned
NEARLY_EVERY = 0.8  # class with so few: then the data were hardly understood as they are meant

Pairs = Iterator[tuple[str, str]]


@dataclass
class Found:
    """Labelled texts, and how their files were understood.

    Attributes
    ----------
    pairs : (text, label)
    forms : how many files have each form
    classes : the files that were taken as a class each
    parts : files or folders that were read together, and are called like parts of data
    notes : what the user should know about the reading
    encodings : that the files are in
    """

    pairs: list[tuple[str, str]] = field(default_factory=list)
    forms: Counter[str] = field(default_factory=Counter)
    classes: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)

    def add(self, form: str, pairs: Iterable[tuple[str, str]]) -> None:
        """Take in a file of a form."""
        self.forms[form] += 1
        self.pairs += pairs


def read(names: Sequence[str], wanted: Wanted, options: TextOptions) -> Found:
    """The labelled texts of files, folders and standard input ("-").

    Raises
    ------
    CorpusError : unreadable, malformed (with file and line), or a folder of several forms
    UsageError : a delimiter for what has none
    """
    found, tally, options = Found(), Tally(), as_it_is(options)
    all_sources: list[Source] = []
    for name in names:
        groups = find(name, options, found.notes)
        sources = [source for group in groups for source in group.sources]
        all_sources += sources
        files = [(source, _form(source, wanted, options)) for source in sources]
        folders = _is_folder_per_class(Path(name), files)
        found.parts += _parts(Path(name), sources)
        for source, form in files:
            if isinstance(form, Table):
                rows = list(tables.pairs(form, tally))
                found.notes += [note for row in rows[:1] for note in form.first_row(row)]
                found.add(form.form, rows)
            elif form == FASTTEXT:
                found.add(form, _fasttext(source, options))
            elif folders:
                found.add(FOLDER_PER_CLASS, _whole(source, options))
            else:
                found.add(FILE_PER_CLASS, _lines(source, options))
                found.classes.append(source.name)
    found.notes += [*tally.notes(), *encodings.notes(all_sources, options)]
    found.encodings = encodings.used(all_sources, options)
    _refuse_one_class(found, all_sources[0], wanted, options)
    return found


def stripped(found: Found) -> bool:
    """Whether all texts lost the white space around them; those of tables keep it."""
    return found.forms.keys() <= {FILE_PER_CLASS, FOLDER_PER_CLASS, FASTTEXT}


def described(found: Found, classes: int) -> str:
    """How the data were understood, in one line; `classes` is how many of them there are."""
    forms = [
        f"{form} ({counted(files, 'file')})" if len(found.forms) > 1 else form
        for form, files in found.forms.items()
    ]
    texts = counted(len(found.pairs), "text")
    return f"read as {', and as '.join(forms)}: {counted(classes, 'class', 'es')}, {texts}"


def doubts(found: Found, classes: list[str], labels: np.ndarray, wanted: Wanted) -> Iterator[str]:
    """What looks as if the data were meant otherwise, and what would be expected.

    Parameters
    ----------
    classes : names of the labels
    labels : (n,) positions in `classes`
    """
    if found.classes and len(found.forms) > 1:
        named = listed(found.classes, form=repr)
        yield (f"taken as one class each, as they are not tables: {named}; leave out what is not "
               "a class")  # fmt: skip
    few = int((np.bincount(labels, minlength=len(classes)) <= FEW).sum())
    if PARTS.issuperset(map(str.lower, classes)):
        yield (f"the classes are called {listed(classes)}, like the parts of a data set; "
               f"{_expected(found, wanted)}")  # fmt: skip
    elif found.parts:
        train = next((part for part in found.parts if "train" in Path(part).name.lower()), None)
        yield (f"{listed(found.parts, form=repr)} were read together; to keep the others for a "
               f"test, give one of them alone{f', such as {train}' if train else ''}")  # fmt: skip
    elif few >= NEARLY_EVERY * len(classes):
        yield (f"{few:,} of {counted(len(classes), 'class', 'es')} have at most "
               f"{counted(FEW, 'text')}; {_expected(found, wanted)}")  # fmt: skip
    elif several := _of_one_name(found):
        yield (f"files of one name are one class: {listed(several, form=str)}; if each folder is a "
               "class, give the folder that holds them")  # fmt: skip


def _of_one_name(found: Found) -> list[str]:
    """The first files that became one class though they lie in several folders."""
    files = defaultdict(list)
    for name in found.classes:
        files[Path(name).stem].append(name)
    return next((names for names in files.values() if len(names) > 1), [])


def _expected(found: Found, wanted: Wanted) -> str:
    """What data of the most frequent form would look like."""
    text, label = wanted.columns
    return {
        FILE_PER_CLASS: "expected: one file per class, named after it; for folders, give the "
        "folder that contains them all",
        FOLDER_PER_CLASS: "expected: one folder per class, named after it, with many files",
        FASTTEXT: "expected: many lines with the same label",
    }.get(
        found.forms.most_common(1)[0][0],
        f"is {quoted(label)} the label and {quoted(text)} the text, or is it the other way round?",
    )


# -- which form ---------------------------------------------------------------------


def _form(source: Source, wanted: Wanted, options: TextOptions) -> Table | str | None:
    """The form that a file has by itself; None if its folder decides."""
    if wanted.shared or not wanted.meant:
        first = tables.head(source, options).split("\n")[: columns.TRIED]
        places = [(found, line) for line in first for found in LABEL.finditer(line.strip())]
        if any(found.start() == 0 or found.end() == len(line.strip()) for found, line in places):
            return FASTTEXT
    return tables.recognise(source, wanted, options)


def _is_folder_per_class(folder: Path, files: Sequence[tuple[Source, Table | str | None]]) -> bool:
    """Whether files without a form lie in two sub-folders or more, several in one of them.

    Raises
    ------
    CorpusError : other files are next to them
    """
    if not folder.is_dir():
        return False
    others, below = [], Counter[Path]()
    for source, form in files:
        parent = Path(source.name).parent
        if form is None and parent != folder:
            below[parent] += 1
        else:
            others.append(source.name)
    if len(below) < 2 or max(below.values()) < 2:
        return False
    if others:
        raise CorpusError(
            f"{folder} holds a folder per class ({listed(sorted({f.name for f in below}))}), and "
            f"other files: {listed(others, form=repr)}; move these elsewhere"
        )
    return True


def _parts(folder: Path, sources: Sequence[Source]) -> list[str]:
    """What lies in a folder, if all of it is called like parts of a data set (train, test)."""
    if not folder.is_dir():
        return []
    inside = {folder / Path(source.name).relative_to(folder).parts[0] for source in sources}
    names = {Source(path.name, path).plain.stem.lower() for path in inside}
    return sorted(map(str, inside)) if len(inside) > 1 and names <= PARTS else []


def _refuse_one_class(found: Found, source: Source, wanted: Wanted, options: TextOptions) -> None:
    """A file that nobody said is a table is a class; alone it was hardly meant so."""
    labels = {label for _, label in found.pairs}
    if len(labels) == 1 and set(found.forms) == {FILE_PER_CLASS}:
        names, flags = " and ".join(map(repr, wanted.columns)), " and ".join(wanted.flags)
        rare = columns.rare_delimiter(tables.head(source, options), wanted)
        way_out = (
            f"--delimiter {quoted(rare)} divides the first line of {source.name} into them"
            if rare else
            f"name the columns of a table with {flags} (by number if it has no header) and the "
            "delimiter with --delimiter, or give one file per class, named after it"
        )  # fmt: skip
        raise CorpusError(
            f"{listed(found.classes, form=str)}: read as a single class {quoted(labels.pop())} "
            f"with one text per line, because no first line names the columns {names}; {way_out}"
        )


# -- texts --------------------------------------------------------------------------


def _lines(source: Source, options: TextOptions) -> Pairs:
    """A file per class: its lines, without white space that might give the class away."""
    label = source.plain.stem
    stripped = (line.strip() for line in _content(source, options).split("\n"))
    return ((line, label) for line in stripped if line)


def _whole(source: Source, options: TextOptions) -> Pairs:
    """A folder per class: a file, without the white space around its text."""
    text = _content(source, options).strip()
    if text:
        yield text, Path(source.name).parent.name


def _fasttext(source: Source, options: TextOptions) -> Pairs:
    """Lines with a label, which is one of their words, as fastText reads them.

    Raises
    ------
    CorpusError : a line without a label, with several, or without a text
    """
    for number, line in enumerate(_content(source, options).split("\n"), 1):
        if not (line := line.strip()):
            continue
        where = f"{source.name}, line {number}"
        found = [label for label in LABEL.finditer(line) if label[1]]
        if not found:
            raise CorpusError(f"{where}: no label; each line must begin with one, such as "
                              "__label__x, or end with it")  # fmt: skip
        if len(found) > 1:
            labels = listed([label[1] for label in found])
            raise CorpusError(f"{where}: {len(found)} labels ({labels}), but a text has "
                              "one; keep one, or leave the line out")  # fmt: skip
        (label,) = found
        text = f"{line[: label.start()].rstrip()} {line[label.end() :].lstrip()}".strip()
        if not text:
            raise CorpusError(f"{where}: the text is empty; leave the line out")
        yield text, label[1]


def _content(source: Source, options: TextOptions) -> str:
    return "".join(map(str, read_pieces([source], options)))
