"""How much of what a model writes is in its training text."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Novelty:
    """How much of some samples is in the training text.

    Attributes
    ----------
    longest_copy : the longest run of a sample that is copied from there
    novel_share : share of the samples' n-grams (runs of n characters) that do not
    n : their length
    """

    longest_copy: str
    novel_share: float
    n: int


def novelty(samples: Sequence[str], corpus: str, n: int = 10) -> Novelty:
    """Compare samples with the text that the model was trained on."""
    grams = [s[i : i + n] for s in samples for i in range(len(s) - n + 1)]
    novel = sum(gram not in corpus for gram in grams)
    longest = max((_longest_copy(sample, corpus) for sample in samples), key=len, default="")
    return Novelty(longest, novel / len(grams) if grams else 0.0, n)


def _longest_copy(sample: str, corpus: str) -> str:
    longest, start = "", 0
    for end in range(1, len(sample) + 1):
        # Extend while the run is found, else let its start follow: two pointers.
        while start < end and sample[start:end] not in corpus:
            start += 1
        if end - start > len(longest):
            longest = sample[start:end]
    return longest
