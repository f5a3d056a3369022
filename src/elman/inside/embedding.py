"""Texts to vectors: what a model has in mind after the last symbol."""

from collections.abc import Sequence

import numpy as np

from ..errors import CorpusError, UsageError
from ..learn.batches import side_by_side
from ..nn.network import Network
from ..store.modelfile import SavedModel
from ..tasks.classify.model import Classifier
from ..tasks.language.model import Model
from ..text.encoded import Encoded
from ..text.read import strings

Array = np.ndarray


def embed(model: SavedModel, texts: Sequence[str]) -> Array:
    """One vector for every text.

    Of a classifier: what its pooling gives the readout, (n, H), or (n, 2·H) of both
    directions. Of a language model: the hidden state of the upper layer after the
    last symbol (n, H). As when it scores, a model of lines reads `<begin>` before the
    text and one of running text a newline, if it knows one.

    Raises
    ------
    CorpusError : an empty text
    UnknownSymbolError : a symbol that a language model does not hold
    UsageError : a Markov chain, which has no state to show; another kind of model

    Example
    -------
    >>> embed(model, ["Müller", "Rossi"]).shape  # doctest: +SKIP
    (2, 256)
    """
    check_kind(model)
    if isinstance(model, Classifier):
        return model.embed(texts)
    assert isinstance(model, Model)
    network, vocabulary = model.network, model.vocabulary
    if not isinstance(network, Network):
        raise UsageError("a Markov chain has no vectors; train a network")
    first = vocabulary.opening
    before = np.array([] if first is None else [first], np.int32)
    encoded = []
    for number, text in enumerate(strings(texts), 1):
        if not text:
            raise CorpusError(f"text {number} is empty: it has no vector")
        ids = vocabulary.encode(model.clean(text), f"text {number}").astype(np.int32)
        encoded.append(np.concatenate([before, ids]))
    lengths = np.array([len(ids) for ids in encoded], np.int64)
    ids = np.concatenate(encoded) if encoded else before
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    out = np.empty((len(encoded), network.config.hidden_size), network.dtype)

    def work(rows: Array, inputs: Array, mask: Array | None) -> None:
        _, state, _ = network.forward(inputs, network.zero_state(inputs.shape[1]), mask)
        out[rows] = state[-1, 0, : len(rows)]

    side_by_side(Encoded(ids, offsets), network.engine, work)
    return out


def check_kind(model: SavedModel) -> None:
    """Raise UsageError for a kind of model that has no vectors of texts."""
    if not isinstance(model, Classifier | Model):
        raise UsageError(f"{model.NOUN} has no vector for a text; name a classifier or a language "
                         "model")  # fmt: skip


def embed_all(model: SavedModel, texts: Sequence[str]) -> Array:
    """As `embed`, with a row of NaN for each blank text."""
    rows = [i for i, text in enumerate(texts) if text.strip()]
    vectors = embed(model, [texts[i] for i in rows])
    out = np.full((len(texts), vectors.shape[1]), np.nan, vectors.dtype)
    out[rows] = vectors
    return out


def nearest(vectors: Array, among: Array, k: int, same: bool) -> tuple[Array, Array]:
    """The k most similar of a list for every vector, by the cosine of the angle.

    Parameters
    ----------
    vectors : (n, D)
    among : (m, D)
    same : whether the two are the same list, so that no text is its own neighbour

    Returns
    -------
    index : (n, k) places in `among`, the most similar first
    similarity : (n, k) cosines
    """
    k = max(0, min(k, len(among) - same))
    index = np.empty((len(vectors), k), np.int64)
    similarity = np.empty((len(vectors), k), vectors.dtype)
    unit, others = _unit(vectors), _unit(among).T
    for start in range(0, len(vectors), 1024):  # in stripes, not all n·m cosines at once
        cosines = unit[start : start + 1024] @ others
        if same:
            here = np.arange(len(cosines))
            cosines[here, start + here] = -np.inf
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        index[start : start + 1024] = order
        similarity[start : start + 1024] = np.take_along_axis(cosines, order, axis=1)
    return index, similarity


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
