"""A model that goes on with other text: what it does not know of it, and what becomes of that.

Characters get rows of their own. Words stay `<unk>`, and so do the symbols of a held-out part;
they are counted, because a model that reads nothing but `<unk>` predicts it very well.
"""

from ..errors import listed
from .unknown import Unknown
from .vocabulary import Vocabulary, VocabularyBuilder, alike, normal_form

FEW = 3  # new characters that a note names


def extended(older: Vocabulary, found: VocabularyBuilder, notes: list[str]) -> Vocabulary:
    """The vocabulary of a model that learns from other text, with the characters it lacks."""
    if older.kind == "word":
        unknown = Unknown(older)
        unknown.add_missing(found.missing(older), found.words)
        notes += filter(None, [unknown.note()])
    if older.kind != "char":
        return older
    vocabulary = older.extended(list(found.missing(older)))
    new = [str(symbol) for symbol in vocabulary.symbols[len(older) :]]
    if new:
        form = normal_form(set(new), older)
        notes.append(
            f"characters that are new to the model get rows of their own: {len(new):,} "
            f"({listed(new, FEW)}){alike(form)}"
        )
    return vocabulary
