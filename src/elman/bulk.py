"""Labels, scores and vectors of many texts, for programs that distribute them over processes.

Each function takes the path of a model and gives arrays, a row for each text. The model is
read at the first call in a process and kept, so only a function and the path are sent to
another process: `functools.partial(classify, "names.safetensors")`. A row does not depend
on its neighbours (with the native engine not in the last bit), so texts may be divided in
any way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import tasks
from .errors import UsageError, quoted
from .inside import embedding
from .tasks.classify.answer import Answering
from .text.frames import is_gap, refuse_frame

__all__ = ["Labels", "Scores", "classify", "embed", "score"]

Array = np.ndarray

BATCH = 1 << 18  # characters that are answered at once, so that memory holds little but the results
KEPT = 4  # models that a process keeps


class Labels(NamedTuple):
    """What a classifier says of texts: labels (n,), and their probabilities (n,).

    The label of a blank text is None, its probability NaN.
    """

    label: Array
    probability: Array


class Scores(NamedTuple):
    """How likely texts are: nats (n,), bits per character (n,); NaN for a blank text.

    They are infinite where the model does not know a symbol and has no `<unk>`.
    """

    nats: Array
    bits_per_character: Array


def classify(
    path: str | Path, texts: Iterable[str | None], *, among: Sequence[str] = (),
    threshold: float = 0.0, engine: str = "auto", threads: int = 1,
) -> Labels:  # fmt: skip
    """The label of each text with its probability, as `elman classify` gives them.

    Parameters
    ----------
    path : of a classifier
    texts : a list, a column of pandas or polars, an iterator; None and NaN are blank texts
    among, threshold : see `elman classify`
    engine : compute engine, see `elman.load`
    threads : number of threads; one, since other processes use the other cores

    Raises
    ------
    ModelFileError : not a model file, or not a classifier
    UsageError : something that is not text, a class that the model does not have
    """
    ask = Answering(_model(path, engine, threads, "classify"), among, threshold)
    labels: list[str | None] = []
    probabilities: list[float] = []
    for some in _batches(texts):
        for answer in ask(some):
            labels.append(answer.label)
            found = answer.probability
            probabilities.append(np.nan if found is None else found)
    return Labels(np.array(labels, object), np.array(probabilities, np.float64))


def score(
    path: str | Path, texts: Iterable[str | None], *, engine: str = "auto", threads: int = 1
) -> Scores:
    """How likely each text is, as `elman score --lines` scores a line; float64.

    Parameters and errors are those of `classify`; the model is a language model.
    """
    model = _model(path, engine, threads, "lm")
    figures: list[Array] = []
    for some in _batches(texts):
        out = np.full((len(some), 2), np.nan)
        rows = [row for row, text in enumerate(some) if text.strip("\r\n")]
        found = model.score([some[row] for row in rows])
        out[rows] = [(s.nats, s.bits_per_character) for s in found] or np.empty((0, 2))
        figures.append(out)
    return Scores(*np.concatenate([np.empty((0, 2)), *figures]).T)


def embed(
    path: str | Path, texts: Iterable[str | None], *, engine: str = "auto", threads: int = 1
) -> Array:
    """A vector for each text (n, D), as `elman embed` gives them; rows of NaN for blank ones.

    Parameters and errors are those of `classify`; a language model has vectors, too.
    """
    model = _model(path, engine, threads, None)
    embedding.check_kind(model)
    found = [embedding.embed_all(model, some) for some in _batches(texts)]
    return np.concatenate(found or [embedding.embed_all(model, [])])


def _batches(texts: Iterable[str | None]) -> Iterator[list[str]]:
    """Texts in lists of some size, "" for those that are missing; UsageError for no text."""
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise UsageError(f"give many texts, such as a list or a column, not {quoted(texts)}")
    refuse_frame(texts)
    some: list[str] = []
    size = 0
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            if not is_gap(text):
                raise UsageError(f"text {number} is not a string but {quoted(text)}")
            text = ""
        some.append(text)
        size += len(text) + 1
        if size > BATCH:
            yield some
            some, size = [], 0
    if some:
        yield some


def _model(path: str | Path, engine: str, threads: int, task: str | None) -> Any:
    """A model, read once in a process, and again where its file has changed."""
    place = Path(path)
    changed = place.stat().st_mtime_ns if place.is_file() else None
    return _read(str(path), changed, engine, threads, task)


@lru_cache(KEPT)
def _read(path: str, changed: int | None, engine: str, threads: int, task: str | None) -> Any:
    load: Callable[..., Any] = tasks.load
    return load(path, engine=engine, threads=threads, task=task)
