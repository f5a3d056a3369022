"""The many-to-one network: a text goes in, the logits of its label come out.

    ids ──► row look-up ──► stacked cells ──► pooling ──► dropout ──► h·W_y + b_y ──►┐
        │                   (see `stack`)     over time                              + logits
        └─► n-grams ──► rows of a table, added up ──────────────────────────────────►┘
            (see `wide`)

Pooling makes one vector of all steps: the state after the last symbol (of the
reverse cell: the first), or the mean or the maximum over time, unit by unit. It
leaves padding out, so a text has the same logits alone and in any batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import layers, wide
from .arena import Shapes
from .stack import StackConfig, StackNetwork, joined

Array = np.ndarray
POOLINGS = ("last", "mean", "max")


@dataclass(frozen=True)
class ClassifierConfig(StackConfig):
    """The architecture: everything that decides the names and shapes of the parameters."""

    num_classes: int = 2
    pooling: str = "last"

    def shapes(self) -> Shapes:
        """Names and shapes of all parameters, in the order of the arena."""
        V, E = self.vocabulary_size, self.embedding_size
        embedding: Shapes = {"embedding.E": (V, E)} if E else {}
        shapes = embedding | self.stack(E or V) | self.readout(self.num_classes)
        return shapes | self.table(self.num_classes)


class ClassifierNetwork(StackNetwork):
    """Parameters, their gradient, and the functions that use both."""

    config: ClassifierConfig
    ngram_dropout = 0.4

    def encode(
        self, ids: Array, mask: Array | None = None, rng: np.random.Generator | None = None
    ) -> tuple[Array, Callable[[Array], None]]:
        """One vector for every text.

        Parameters
        ----------
        ids : (T, B) integers
        mask : (T, B) bool, False behind the end of a text; None without padding
        rng : draws the dropout masks; None runs without dropout (not training)

        Returns
        -------
        y : (B, H), or (B, 2·H) of both directions
        pullback : dy -> None; adds the gradients of the parameters to `self.gradient`
        """
        x, symbols_pullback = self.symbols(ids, rng)
        h, final, read_pullback = self.read(x, mask, rng)
        pool_pullback: Callable[[Array], Array] | None = None
        if self.config.pooling == "last":
            y = final
        elif self.config.pooling == "mean":
            y, pool_pullback = layers.mean_over_time(joined(h), mask)
        else:
            y, pool_pullback = layers.max_over_time(joined(h), mask)

        def pullback(dy: Array) -> None:
            if pool_pullback is None:
                symbols_pullback(read_pullback(None, dy))
            else:
                symbols_pullback(read_pullback(pool_pullback(dy), None))

        return y, pullback

    def forward(
        self,
        ids: Array,
        mask: Array | None = None,
        rng: np.random.Generator | None = None,
        text: Array | None = None,
    ) -> tuple[Array, Array, Callable[[Array, Array | None], None]]:
        """Logits of the classes.

        Parameters
        ----------
        ids, mask, rng : those of `encode`
        text : (T, B) the ids that the wide part reads, if some of `ids` were left out

        Returns
        -------
        logits : (B, C)
        own : (B, C) the part of them that is of the cells
        pullback : (dlogits, down or None) -> None, with the gradients of both; adds those of the
            parameters to `self.gradient`
        """
        y, encode_pullback = self.encode(ids, mask, rng)
        y, drop_pullback = self.drop(y, self.config.dropout if rng is not None else 0.0, rng)
        own, write_pullback = self.write(y[None])

        read = ids if text is None else text
        wide_logits, wide_pullback = self.ngrams(wide.ngrams, read, mask, rng)

        def pullback(dlogits: Array, down: Array | None) -> None:
            wide_pullback(dlogits)
            dy = dlogits if down is None else dlogits + down
            encode_pullback(drop_pullback(write_pullback(dy[None])[0]))

        return own[0] + wide_logits, own[0], pullback

    def loss_and_gradient(
        self,
        ids: Array,
        labels: Array,
        weights: Array,
        mask: Array | None = None,
        rng: np.random.Generator | None = None,
        smoothing: float = 0.0,
        text: Array | None = None,
        alone: float = 0.0,
    ) -> float:
        """Σ weights · nats of the labels (B,), and its gradient in `self.gradient`.

        The other arguments are those of `forward`.

        With label smoothing ε (Szegedy et al. 2016) a share ε of every target is
        spread over all classes: nats become (1 - ε)·nats + ε·Σ_v nats_v / C.

        A share `alone` of the loss is that of the cells without the wide part. Else a table that
        knows the texts by heart leaves the cells nothing to learn.
        """
        self.clear_gradient()
        with self.training_step():
            logits, own, pullback = self.forward(ids, mask, rng, text)
        loss, dlogits = self._loss(logits, labels, weights, smoothing)
        if not alone:
            pullback(dlogits, None)
            return loss
        own_loss, down = self._loss(own, labels, weights, smoothing)
        pullback((1 - alone) * dlogits, alone * down)
        return (1 - alone) * loss + alone * own_loss

    def _loss(
        self, logits: Array, labels: Array, weights: Array, smoothing: float
    ) -> tuple[float, Array]:
        """The loss of logits (B, C), and its gradient as they are."""
        nats, pullback = self.engine.layers.softmax_cross_entropy(logits[None], labels[None])
        dlogits = pullback(weights[None])[0]
        if smoothing:
            # The target of every class is shared out: softmax - onehot becomes
            # softmax - (1 - ε)·onehot - ε/C.
            dlogits -= (weights * dlogits.dtype.type(smoothing / logits.shape[1]))[:, None]
            dlogits[np.arange(len(labels)), labels] += weights * dlogits.dtype.type(smoothing)
            # Σ_v nats_v / C = nats + logit of the label - mean logit
            at_label = logits[np.arange(len(labels)), labels]
            nats = nats + smoothing * (at_label - logits.mean(axis=1))
        return float(np.sum(nats[0] * weights, dtype=np.float64)), dlogits
