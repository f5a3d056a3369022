"""Text to words, and back: joined, the words of a text are the text again.

A vocabulary says by which rule its words were cut, because a model reads a text as its
training text was read.
"""

import re
from collections.abc import Iterator
from typing import Any

import regex

UAX29 = "uax29"  # words and marks as Unicode divides them, the rule of every new model
SPACE_BEFORE = "space before"  # a word with the space before it: files that name no rule

# Where str.isspace() holds. Some of these join words in UAX #29, as U+202F does, which stands
# before the marks of French; others are separators of ASCII, which \s does not match.
SPACE = r"\s\x1c-\x1f"
_FIND_ALL = {
    # All between two word boundaries of Unicode, but every white space by itself.
    UAX29: regex.compile(rf"(?w)[{SPACE}]|[^{SPACE}]+?(?:\b|(?=[{SPACE}]))").findall,
    # A word with inner apostrophes, a run of punctuation, or one white space.
    SPACE_BEFORE: re.compile(r" ?\w+(?:['’]\w+)*| ?[^\w\s]+|\s").findall,
}
RULES = tuple(_FIND_ALL)


def split_words(text: str, rule: str = UAX29) -> list[str]:
    """Words, marks and white space; joined they are the text again.

    By UAX #29 a word keeps its combining marks and its inner apostrophes and full stops;
    scripts without spaces (Thai, Khmer, Chinese) fall into letters with their marks.

    Example
    -------
    >>> split_words("Don't stop.")
    ["Don't", ' ', 'stop', '.']
    """
    return _FIND_ALL[rule](text)


def in_pieces(text: Any, size: int, words: bool) -> Iterator[Any]:
    """A text, or bytes, in pieces of at most `size` characters, for one that may be long.

    A text of `words` is cut before white space where there is any, so that no word is.
    """
    start = 0
    while start < len(text):
        end = start + size
        if words and end < len(text):
            space = max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end))
            end = space if space > 0 else end
        yield text[start:end]
        start = end
