"""Columns as of CoNLL: a line is a token and what is said of it, a blank line ends a sequence.

Training and `elman tag` read them in the same way, line by line. What is no token is known
inside its sequence, so that a row is never taken for a comment:

    # text = Ada ran     a comment: before the first token, and not in the form of a row
    -DOCSTART- -X- O     separates two documents of CoNLL-2003
    1-2  du  _  …        in CoNLL-U (ten columns, the first a number): a word of several tokens
    2.1  ran  _  …       there, too: a word that was left out of the sentence
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import counted

DOCUMENT = "-DOCSTART-"
WORD = re.compile(r"[^ \t\r\n]+")
CONLL_U = 10  # columns
NUMBER, BESIDE = re.compile("[0-9]+"), re.compile("[0-9]+[-.][0-9]+")


@dataclass
class Line:
    """A line as it is in its file; `fields` are its columns, None for what is no token."""

    number: int
    text: str
    fields: list[str] | None = None


Sequence = list[Line]  # with the blank line that ends it


def words_of(text: str) -> list[str]:
    """The words of a text: what is between spaces (U+0020), tabs and line ends.

    Other white space belongs to a word, as the no-break space of 10 000 does.
    """
    return WORD.findall(text)


class Reader:
    """Takes the lines of a file one by one, and gives its sequences.

    Attributes
    ----------
    tabs : whether tabs separate the columns, not spaces: the first row says it
    """

    def __init__(self) -> None:
        self.tabs = True
        self._width = 0  # columns of the first row; 0 before it
        self._waiting: list[str] = []  # what comes before it
        self._number = 0
        self._lines: Sequence = []
        self._documents = self._comments = self._beside = 0

    def begin(self, lines: Iterable[str]) -> bool:
        """Look at lines for the first row, without taking any; whether there is one."""
        return any(map(self._is_row, lines))

    def go_on(self, number: int) -> None:
        """The next line is the one with this number."""
        self._number = number - 1

    def feed(self, line: str) -> list[Sequence]:
        """Take a line; the sequences that it ends."""
        self._waiting.append(line)
        if not self._width and not self._is_row(line):
            return []  # whether it is a comment shows in the first row
        waiting, self._waiting = self._waiting, []
        return [ended for each in waiting if (ended := self._take(each))]

    @property
    def blank(self) -> str:
        """What is in a line that ends a sequence."""
        return " \r" if self.tabs else " \t\r"

    def end(self) -> list[Sequence]:
        """The last sequence, if no blank line ends it."""
        for line in self._waiting:  # a file without a row
            self._keep(line, None)
        return [self._ended()] if self._lines else []

    def notes(self, name: str) -> Iterator[str]:
        """What was left out of a file."""
        if self._documents:
            lines = "1 line that begins" if self._documents == 1 else (
                f"{self._documents:,} lines that begin"
            )  # fmt: skip
            yield f"{name}: left out {lines} with {DOCUMENT}"
        if self._comments:
            begin = "a line that begins" if self._comments == 1 else "lines that begin"
            yield f"{name}: left out {counted(self._comments, 'comment')}, {begin} with #"
        if self._beside:
            yield (f"{name}: left out {counted(self._beside, 'line')} of CoNLL-U whose number is a "
                   "range (1-2) or that of an empty node (2.1)")  # fmt: skip

    def _is_row(self, line: str) -> bool:
        """Whether a line is the first row; then the form of all is known."""
        fields = words_of(line)
        if not fields or _is_document(line) or line.startswith("# "):
            return False
        # One column alone gets others behind tabs.
        self.tabs = "\t" in line or len(fields) == 1
        self._width = len(self._fields(line))
        return True

    def _take(self, line: str) -> Sequence | None:
        if not line.strip(self.blank):
            self._keep(line, None)
            return self._ended()
        if _is_document(line):
            self._documents += 1
            self._keep(line, None)
            return None
        comment = self._is_comment(line)
        self._comments += comment
        self._keep(line, None if comment else self._fields(line))
        return None

    def _is_comment(self, line: str) -> bool:
        if not line.startswith("# ") or any(line.fields for line in self._lines):
            return False
        return "\t" not in line if self.tabs else len(words_of(line)) != self._width

    def _fields(self, line: str) -> list[str]:
        return line.removesuffix("\r").split("\t") if self.tabs else words_of(line)

    def _keep(self, line: str, fields: list[str] | None) -> None:
        self._number += 1
        self._lines.append(Line(self._number, line, fields))

    def _ended(self) -> Sequence:
        ended, self._lines = self._lines, []
        rows = [line.fields for line in ended if line.fields]
        if self.tabs and all(len(fields) == CONLL_U for fields in rows):
            numbered = sum(NUMBER.fullmatch(fields[0]) is not None for fields in rows)
            beside = [line for line in ended if line.fields and BESIDE.fullmatch(line.fields[0])]
            if numbered and numbered + len(beside) == len(rows):
                self._beside += len(beside)
                for line in beside:
                    line.fields = None
        return ended


def _is_document(line: str) -> bool:
    return line.startswith(DOCUMENT) and words_of(line)[0] == DOCUMENT
