"""Which unit follows a pattern of the text: quotes, brackets, the place in a line, one's own.

A pattern gives every character of a text a number; a unit follows it if its activations
correlate with these numbers (Karpathy, Johnson and Fei-Fei 2016 found such units by eye).
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import UsageError, quoted

Array = np.ndarray
SECONDS = 2.0  # that a regular expression may take


def inside_quotes(text: str) -> Array:
    """1 between quotation marks. A blank line closes a quote that was left open."""
    found, inside = np.zeros(len(text)), False
    for i, character in enumerate(text):
        if character == '"':
            inside = not inside
        elif character in "“”«»":
            inside = character in "“«"
        elif text.startswith("\n\n", i):
            inside = False
        found[i] = inside
    return found


def inside_brackets(text: str) -> Array:
    """How many brackets are open."""
    found, depth = np.zeros(len(text)), 0
    for i, character in enumerate(text):
        depth = max(0, depth + (character in "([{") - (character in ")]}"))
        found[i] = depth
    return found


def place_in_line(text: str) -> Array:
    """How many characters of the line have been read."""
    found, place = np.zeros(len(text)), 0
    for i, character in enumerate(text):
        place = 0 if character == "\n" else place + 1
        found[i] = place
    return found


def beginning_of_word(text: str) -> Array:
    """1 at the first letter or digit of a word."""
    letters = np.array([character.isalnum() for character in text], bool)
    before = np.concatenate([[False], letters[:-1]])
    return (letters & ~before).astype(float)


PATTERNS: dict[str, Callable[[str], Array]] = {
    "quotes": inside_quotes,
    "brackets": inside_brackets,
    "line": place_in_line,
    "word": beginning_of_word,
    "capitals": lambda text: np.array([float(c.isupper()) for c in text]),
    "digits": lambda text: np.array([float(c.isdigit()) for c in text]),
}


def matches(expression: str, text: str) -> Array:
    """1 on every character that a regular expression matches.

    Raises
    ------
    UsageError : an expression that is wrong, or takes more than two seconds
    """
    import regex

    found = np.zeros(len(text))
    try:
        for match in regex.finditer(expression, text, flags=regex.VERSION1, timeout=SECONDS):
            found[match.start() : match.end()] = 1
    except regex.error as error:
        raise UsageError(f"the regular expression {quoted(expression)} is wrong: {error}") from None
    except TimeoutError:
        raise UsageError(
            f"the regular expression {quoted(expression)} takes more than {SECONDS:g} seconds on "
            "this text"
        ) from None
    return found


def over_symbols(values: Array, symbols: Sequence[str]) -> Array:
    """Numbers (n,) of the characters of a text as those of its symbols (T,): of each the last.

    A symbol without text, such as a byte that begins a character, has that of the next one.
    """
    ends = np.cumsum([len(symbol) for symbol in symbols])
    return values[np.minimum(np.maximum(ends - 1, 0), len(values) - 1)]


def correlations(values: Array, pattern: Array) -> Array:
    """Pearson's r of every unit with a pattern: values (T, H), pattern (T,) -> (H,).

    0 for a unit, or of a pattern, that never changes.

    Example
    -------
    >>> correlations(np.array([[0.0, 1.0], [1.0, 0.5], [2.0, 0.0]]), np.array([0.0, 1.0, 2.0]))
    array([ 1., -1.])
    """
    units = values - values.mean(axis=0, dtype=np.float64)
    wanted = pattern - pattern.mean()
    size = np.linalg.norm(units, axis=0) * np.linalg.norm(wanted)
    return np.divide(wanted @ units, size, out=np.zeros(values.shape[1]), where=size > 1e-9)
