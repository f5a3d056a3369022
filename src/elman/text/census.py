"""What the symbols of a text tell about training on it, as notes for the user."""

import numpy as np
import regex

from .vocabulary import Vocabulary

MANY = 1000  # symbols from which on the readout takes most of the time
SHARE = 0.99  # of the text, that few symbols may make up
NOTICEABLE = 0.05  # share of the words from which on it is said that they are letters

# Letters of scripts that put no spaces between words.
UNSPACED = regex.compile(r"[\p{Line_Break=Complex_Context}\p{Han}\p{Hiragana}]\p{M}*")


def notes(vocabulary: Vocabulary, ids: np.ndarray, readout: bool) -> list[str]:
    """Notes on a text (N,) of ids: what a smaller vocabulary would save, and words that are none.

    `readout` says whether the model predicts every symbol, which costs time for each.
    """
    crowded = readout and len(vocabulary) > MANY
    if not crowded and vocabulary.kind != "word":
        return []
    counts = np.zeros(len(vocabulary), np.int64)
    for start in range(0, len(ids), 1 << 24):  # a part at a time: a large text is mapped
        counts += np.bincount(ids[start : start + (1 << 24)], minlength=len(vocabulary))
    counts[vocabulary.special] = 0
    found = [_crowded(vocabulary, counts) if crowded else "", _unspaced(vocabulary, counts)]
    return [note for note in found if note]


def _crowded(vocabulary: Vocabulary, counts: np.ndarray) -> str:
    """What to do where most symbols are rare; "" where they are not."""
    ranked = -np.sort(-counts[counts > 0])
    covered = np.cumsum(ranked) / max(1, ranked.sum())
    common, nearly_all = (int(np.searchsorted(covered, x)) + 1 for x in (SHARE, 0.999))
    if len(ranked) <= MANY or common >= len(ranked) / 4:
        return ""
    size = max(100, nearly_all if nearly_all < len(ranked) / 4 else common)
    unit = 10 ** (len(str(size)) - 2)
    size = -(-size // unit) * unit  # two digits and zeros: a round number
    what = "words and marks" if vocabulary.kind == "word" else "characters"
    least = int(ranked[min(size, len(ranked) - 1)]) + 1
    return (
        f"{len(ranked):,} distinct {what}, {common:,} of them are {SHARE:.0%} of the text: "
        f"--vocabulary-size {size} or --min-count {least} would train several times faster"
    )


def _unspaced(vocabulary: Vocabulary, counts: np.ndarray) -> str:
    """That words are single letters, where a noticeable share of them is."""
    if vocabulary.counted is None:
        return ""
    words = int(counts[vocabulary.counted].sum())
    letters = sum(
        int(count)
        for symbol, count in zip(vocabulary.symbols, counts, strict=True)
        if count and UNSPACED.fullmatch(str(symbol))
    )
    if letters < NOTICEABLE * max(1, words):
        return ""
    return (
        f"{letters / words:.0%} of the words are single letters of scripts that put no spaces "
        "between words; --tokens char says the same with less"
    )
