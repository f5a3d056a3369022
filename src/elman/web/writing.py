"""Writing in chunks, with the probability of every symbol and what else it might have been.

The symbols are those that `elman sample` writes, from the same uniform numbers. What
the model thought of them is read afterwards, a chunk at a time: one more forward pass
over the chunk, which costs less than coming back to Python after every symbol.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, tee
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..inside.inspection import symbol_text
from ..nn.layers import softmax
from ..tasks.language.model import Model
from ..tasks.language.sampling import (
    Found,
    SamplingOptions,
    Start,
    Writer,
    beam_search,
    decoder,
    generate,
    read,
    writer,
)

Chunks = Iterator[list[tuple[str, dict[str, Any]]]]
CHUNK = 32  # symbols
ALTERNATIVES = 8

_writers: WeakKeyDictionary[Model, Writer] = WeakKeyDictionary()
_lock = Lock()


@dataclass(frozen=True)
class Task:
    """What to write: see `elman.tasks.language.model.Model.sample`.

    written : ids that stand behind the prime already
    """

    prime: str = ""
    written: list[int] = field(default_factory=list)
    length: int = 200
    options: SamplingOptions = field(default_factory=SamplingOptions)
    beam: int = 0
    stop: str | None = None
    seed: int = 0


def write(model: Model, task: Task) -> Chunks:
    """Chunks of events ("symbol" or "prime") with their data; one "done" ends them.

    Raises
    ------
    UnknownSymbolError : a prime with a symbol that the vocabulary does not hold; at once
    """
    return _lines(model, task, prime_ids(model, task.prime))


def prime_ids(model: Model, prime: str) -> np.ndarray:
    """Ids (n,) of a prime; raises UnknownSymbolError."""
    return model.vocabulary.encode(model.clean(prime), "the prompt").astype(np.int32)


def _lines(model: Model, task: Task, prime: np.ndarray) -> Chunks:
    """What follows the prime, in a model of lines line after line."""
    v = model.vocabulary
    rng = np.random.default_rng(task.seed)
    behind = np.array(task.written, np.int32)
    if v.end is not None and v.end in behind:  # only the last line is still going on
        behind = behind[len(behind) - behind[::-1].tolist().index(v.end) :]
    left, found = task.length, Found(task.stop)
    while left > 0:
        for chunk in _line(model, model.start(prime, rng), behind, task, rng, left):
            kept = found.up_to([data["text"] for data in chunk])
            left -= kept
            yield [("symbol", data) for data in chunk[:kept]]
            if found.complete:
                yield [("done", {"reason": "stop"})]
                return
        if task.beam:  # every line would be the same
            break
        behind = behind[:0]
        if left > 0 and task.prime:
            yield [("prime", {"text": task.prime})]
            found = Found(task.stop)  # a prime is not written: it does not stop anything
    yield [("done", {"reason": "length"})]


def _line(
    model: Model,
    start: Start,
    behind: np.ndarray,
    task: Task,
    rng: np.random.Generator,
    left: int,
) -> Iterator[list[dict[str, Any]]]:
    """Chunks of what follows the start and the ids `behind` it: `left` symbols, or a line's end."""
    v, network = model.vocabulary, model.network
    forbidden = [i for i in (v.unknown, v.begin) if i is not None]
    ids = np.concatenate([start.ids, behind]).astype(np.int32)
    primed = len(ids) > 1  # a line that nothing was given of is not empty
    start = read(network, Start(start.state, ids))
    written: Iterable[int]
    if task.beam:
        length = left + model.lines  # as `Writing`: one more symbol shows whether a line is whole
        written = beam_search(network, start, task.beam, length, forbidden, v.end, primed)[:left]
    else:
        write = shared_writer(model)
        written = generate(network, start, task.options, rng, forbidden, v.end, left, write, primed)
    symbols, again = tee(written)
    whole = map(decoder(v), chain(behind.tolist(), again))
    texts = islice(whole, len(behind), None)  # bytes behind may have begun a character
    before, state = start.ids, start.state
    while chunk := list(islice(zip(symbols, texts, strict=False), CHUNK)):
        ids = np.array([symbol for symbol, _ in chunk], np.int32)
        logits, state = network.predict(np.concatenate([before, ids[:-1]])[:, None], state)
        before = ids[-1:]
        yield [
            {"id": symbol, "text": model.separator if symbol == v.end else text,
             "probability": float(p[symbol]), "alternatives": alternatives(model, p)}
            for (symbol, text), p in zip(chunk, softmax(logits[:, 0].astype(float)), strict=True)
        ]  # fmt: skip


def shared_writer(model: Model) -> Writer:
    """The same for all streams of a model: packed weights take as much memory as the others."""
    with _lock:
        if model not in _writers:
            _writers[model] = writer(model.network)
        return _writers[model]


def alternatives(model: Model, p: np.ndarray) -> list[tuple[int, str, float]]:
    """The likeliest symbols that can be written, as [id, text, probability]."""
    hidden = (model.vocabulary.unknown, model.vocabulary.begin)
    most = min(len(p), ALTERNATIVES + len(hidden))
    likely = np.argpartition(-p, most - 1)[:most]
    likely = likely[np.argsort(-p[likely], kind="stable")].tolist()
    return [
        (i, symbol_text(model, i), float(p[i])) for i in likely if i not in hidden
    ][:ALTERNATIVES]  # fmt: skip
