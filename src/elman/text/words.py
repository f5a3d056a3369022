"""Text to words, and back: joined, the words of a text are the text again.

A vocabulary says by which rule its words were cut, because a model reads a text as its
training text was read.
"""

import re

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
