"""What a model makes of a text that it is given: its score, its class, its labels."""

from typing import Any

import numpy as np

from ..inside.inspection import symbol_texts
from ..tasks.classify.model import Classifier
from ..tasks.language.model import Model
from ..tasks.tag.model import Tagger, ranges_of
from ..text.encoded import Encoded
from ..text.tagforms import symbols_of

LIKELY = 8  # labels that are sent of a symbol


def score(model: Model, text: str) -> dict[str, Any]:
    """The figures of `elman score`, and the probability of every symbol.

    Raises
    ------
    CorpusError : an empty text
    """
    found = model.score(text)
    each = model.symbol_nats(text)
    texts = [text for _, text, _ in each]
    if model.vocabulary.kind == "byte":  # a character stands at its last byte
        texts = symbol_texts(model, np.array([id for id, _, _ in each]))
    return {
        "nats": found.nats, "bits_per_character": found.bits_per_character,
        "nats_per_character": found.nats_per_character, "perplexity": found.perplexity,
        "symbols": found.symbols, "characters": found.characters, "unknown": found.unknown,
        "each": [(id, text, float(np.exp(-nats)))
                 for (id, _, nats), text in zip(each, texts, strict=True)],
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
        "symbols": symbol_texts(classifier, ids),
        "probabilities": probabilities,
        "prediction": classifier.classes[int(probabilities[-1].argmax())],
        "unknown": int((ids == v.unknown).sum()) if v.unknown is not None else 0,
        "cut": len(v.encode(text)) > n,
    }


def tag(tagger: Tagger, text: str) -> dict[str, Any]:
    """The label of every symbol of a text, line by line, and what else it could be.

    Raises
    ------
    CorpusError : a text without a symbol
    """
    lines = [symbols_of(line, tagger.config["tokens"]) for line in text.split("\n")]
    sequences = tagger.tokens([line for line in lines if len(line)] or [""])
    ranges = ranges_of(sequences)
    logits = tagger.run(tagger.encode(sequences), ranges)
    labels, p = tagger.decode(logits, ranges), tagger.marginals(logits, ranges)
    order = np.argsort(-p, axis=1, kind="stable")[:, :LIKELY]
    known = tagger.vocabulary.ids
    symbols = (
        {"text": token, "label": tagger.classes[label], "probability": float(row[label]),
         "likely": [(tagger.classes[i], float(row[i])) for i in best],
         "unknown": clean not in known}
        for token, clean, label, row, best in zip(
            (token for sequence in sequences for token in sequence),
            (token for sequence in sequences for token in tagger.clean(sequence)),
            labels.tolist(), p, order.tolist(), strict=True,
        )
    )  # fmt: skip
    return {"lines": [[next(symbols) for _ in line] for line in lines]}
