"""What a model makes of a text that it is given: its score, or its class."""

from typing import Any

import numpy as np

from ..inside.inspection import symbol_text
from ..tasks.classify.model import Classifier
from ..tasks.language.model import Model
from ..text.encoded import Encoded


def score(model: Model, text: str) -> dict[str, Any]:
    """The figures of `elman score`, and the probability of every symbol.

    Raises
    ------
    CorpusError : an empty text
    """
    found = model.score(text)
    return {
        "nats": found.nats, "bits_per_character": found.bits_per_character,
        "nats_per_character": found.nats_per_character, "perplexity": found.perplexity,
        "symbols": found.symbols, "characters": found.characters, "unknown": found.unknown,
        "each": [(id, text, float(np.exp(-nats))) for id, text, nats in model.symbol_nats(text)],
    }  # fmt: skip


def classify(classifier: Classifier, text: str) -> dict[str, Any]:
    """The probabilities of all classes after every prefix of a text.

    Raises
    ------
    CorpusError : an empty text
    """
    v = classifier.vocabulary
    ids = classifier.encode([text]).ids
    n = len(ids)
    prefixes = Encoded(
        np.concatenate([ids[:length] for length in range(1, n + 1)]),
        np.cumsum(np.arange(n + 1)),
    )
    probabilities = classifier.probabilities(prefixes)
    return {
        "classes": classifier.classes,
        "symbols": [symbol_text(classifier, symbol) for symbol in ids.tolist()],
        "probabilities": probabilities,
        "prediction": classifier.classes[int(probabilities[-1].argmax())],
        "unknown": int((ids == v.unknown).sum()) if v.unknown is not None else 0,
        "cut": len(v.encode(text)) > n,
    }
