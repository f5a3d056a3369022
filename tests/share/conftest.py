"""Small models with weights at random, large enough that no term of a step is negligible."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from elman.nn.classifier import ClassifierConfig, ClassifierNetwork
from elman.nn.network import Network, NetworkConfig, initialise
from elman.nn.tagger import TaggerConfig, TaggerNetwork
from elman.tasks.classify.model import Classifier
from elman.tasks.language.model import Model
from elman.tasks.language.ngram import NGram
from elman.tasks.tag.model import Tagger
from elman.text.vocabulary import UNKNOWN, Vocabulary

H = 6
SUMMARY = {
    "command": "elman train /home/ada/texts/poems.txt -o out/poems.safetensors --minutes 1",
    "corpus": ["/home/ada/texts/poems.txt"], "sha256": "ab" * 32, "steps": 7,
    "versions": {"elman": "0.1.0"},
}  # fmt: skip


def letters(n: int = 9) -> Vocabulary:
    return Vocabulary("char", [chr(ord("a") + i) for i in range(n)])


def _fill(network, scale=1.5):
    initialise(network.parameters, network.config, "uniform", None, np.random.default_rng(3))
    network.parameters.flat[:] *= scale


def lm(
    cell="gru", vocabulary=None, layers=1, embedding=0, bias=True, activation="tanh",
    dtype=np.float32, summary=None, **extra,
) -> Model:  # fmt: skip
    vocabulary = vocabulary or letters()
    config = NetworkConfig(len(vocabulary), cell, H, layers, embedding, activation, bias)
    network = Network(config, dtype)
    _fill(network)
    stored = asdict(config) | {"task": "lm", "dtype": np.dtype(dtype).name,
                               "tokens": vocabulary.kind} | extra  # fmt: skip
    return Model(network, vocabulary, stored, SUMMARY if summary is None else summary)


def classifier(
    cell="gru", vocabulary=None, layers=1, embedding=0, bias=True, activation="tanh",
    both=True, pooling="last", wide=0, dtype=np.float32, summary=None, **extra,
) -> Classifier:  # fmt: skip
    vocabulary = vocabulary or letters()
    classes = ["Ov", "Ini", "San"]
    config = ClassifierConfig(
        len(vocabulary), cell, H, layers, embedding, activation, bias,
        num_classes=3, bidirectional=both, pooling=pooling, wide=wide, wide_ngrams=3 * bool(wide),
    )  # fmt: skip
    network = ClassifierNetwork(config, dtype)
    _fill(network)
    stored = asdict(config) | {"task": "classify", "dtype": np.dtype(dtype).name, "seq_len": 20,
                               "tokens": vocabulary.kind} | extra  # fmt: skip
    return Classifier(network, vocabulary, classes, stored, SUMMARY if summary is None else summary)


def tagger(
    cell="gru", vocabulary=None, layers=1, embedding=0, bias=True, activation="tanh",
    both=True, letters_of=0, transitions=True, wide=0, dtype=np.float32, summary=None, **extra,
) -> Tagger:  # fmt: skip
    """A tagger of characters, or of words that `letters_of` units read by their letters."""
    vocabulary = vocabulary or letters()
    spelt = Vocabulary("char", [*"abcdefgh", UNKNOWN]) if letters_of else None
    if letters_of:
        vocabulary = Vocabulary("word", [f"w{s}" for s in vocabulary.symbols[:-1]] + [UNKNOWN])
    else:
        vocabulary = Vocabulary("char", [*vocabulary.symbols[:-1], UNKNOWN])
    config = TaggerConfig(
        len(vocabulary), cell, H, layers, embedding, activation, bias, bidirectional=both,
        num_classes=3, num_letters=len(spelt or ()), letter_size=letters_of,
        transitions=transitions, wide=wide, wide_ngrams=3 * bool(wide),
    )  # fmt: skip
    network = TaggerNetwork(config, dtype)
    _fill(network)
    stored = asdict(config) | {"task": "tag", "dtype": np.dtype(dtype).name, "seq_len": 20,
                               "tokens": vocabulary.kind, "scheme": "IO"} | extra  # fmt: skip
    classes = ["I-LOC", "I-PER", "O"]
    return Tagger(network, vocabulary, spelt, classes, stored,
                  SUMMARY if summary is None else summary)  # fmt: skip


def chain() -> Model:
    made = NGram(9, 2)
    made.train(letters().encode("abcabdabcaabih"))
    config = {"task": "lm", "cell": "ngram", "order": 2, "vocabulary_size": 9}
    return Model(made, letters(), config, SUMMARY)
