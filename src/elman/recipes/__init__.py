"""The five articles that Elman grew out of, each reproduced by one command.

A recipe is a module with a `RECIPE`: what it reproduces, and one function that does it
over the public interface and puts what it finds into a `Lab`.
"""

from importlib import import_module

from ..errors import UsageError
from .lab import Recipe

# name: (module, what it is)
RECIPES = {
    "bendersky": ("bendersky", "Bendersky, after Karpathy: min-char-rnn, and what writes better"),
    "nabi": ("nabi", "Nabi: softmax, SGD and Adagrad, characters and words, the cost of BPTT"),
    "hello": ("hello", "The vanilla RNN: “hello” in numbers, then Tiny Shakespeare"),
    "dive": ("dive", "Dive into Deep Learning 8.5: The Time Machine, random and consecutive"),
    "dive-exercises": ("dive_exercises", "What that chapter leaves to its reader, with numbers"),
    "parr": ("parr", "Parr: surnames to languages with matrices and nothing else"),
    "parr-exploding": ("parr_exploding", "His exploding ReLU, and what cures it"),
    "parr-languages": ("parr_languages", "Surnames and words without leakage; the vectors"),
}


def find(name: str) -> Recipe:
    """The recipe of a name; raises UsageError if there is none."""
    if name not in RECIPES:
        raise UsageError(f"there is no recipe {name!r}; they are {', '.join(RECIPES)}")
    return import_module(f".{RECIPES[name][0]}", __name__).RECIPE
