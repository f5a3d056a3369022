"""Texts of any length as ids, back to back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Encoded:
    """Texts as ids, back to back: text i is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes
    ----------
    cut : (n,) bool, whether a text was longer; None where none is cut
    """

    ids: np.ndarray
    offsets: np.ndarray
    cut: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Inputs:
    """Texts as the first layer of a network reads them.

    Attributes
    ----------
    texts : ids of symbols, which are rows of the table
    table : (n, D) what the layer reads of each symbol; None: one-hot ids
    names : the text of each symbol, for people; None: that of the vocabulary
    """

    texts: Encoded
    table: np.ndarray | None
    names: list[str] | None = None


def encode(vocabulary: Vocabulary, texts: Sequence[str], longest: int) -> Encoded:
    """Ids of texts, of each the first `longest` symbols."""
    if vocabulary.kind == "char":
        ids = vocabulary.encode("".join(text[:longest] for text in texts))
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    else:
        pieces = [vocabulary.encode(text) for text in texts]
        ids = np.concatenate([vocabulary.encode(""), *(piece[:longest] for piece in pieces)])
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    offsets = np.concatenate([[0], np.cumsum(np.minimum(lengths, longest))])
    return Encoded(ids, offsets, lengths > longest)
