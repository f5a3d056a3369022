"""The many-to-many network with labels: a label for every symbol.

    ids ───────► row look-up ──┐ side
                               ├──────► stacked cells ──► dropout ──► h·W_y + b_y ──►┐ at every
    letters ──► small cells ───┘ by side  (see `stack`)                              + step:
    of words    last states                                                          │ logits of
    ids ──► n-grams around every symbol ──► rows of a table, added up (see `wide`) ─►┘ the labels

Words may be read through their letters: a small recurrent layer in both directions
reads the letters of each word that differs, and its last states join the word's row, so
that a word that was never seen has a shape (Ling et al. 2015; Lample et al. 2016).

With transitions the labels are a linear chain, see `chain`; the logits are its emissions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import chain, wide
from .arena import Shapes
from .chain import Borders, Transitions
from .stack import StackConfig, StackNetwork, joined

Array = np.ndarray
LETTERS = ["letters.", "letters.reverse."]
CHAIN = ("chain.A", "chain.start", "chain.end")


@dataclass(frozen=True)
class TaggerConfig(StackConfig):
    """The architecture: everything that decides the names and shapes of the parameters."""

    num_classes: int = 2
    num_letters: int = 0  # size of the vocabulary of letters
    letter_size: int = 0  # units that read letters, in each direction; 0: none do
    transitions: bool = False

    def shapes(self) -> Shapes:
        """Names and shapes of all parameters, in the order of the arena."""
        V, E, L, C = self.vocabulary_size, self.embedding_size, self.letter_size, self.num_classes
        shapes: Shapes = {"embedding.E": (V, E)} if E else {}
        if L:
            shapes |= self.cells(LETTERS, self.num_letters, L)
        shapes |= self.stack((E + 2 * L) or V) | self.readout(C)
        if self.transitions:
            shapes |= dict(zip(CHAIN, [(C, C), (C,), (C,)], strict=True))
        return shapes | self.table(C)


@dataclass(frozen=True)
class Letters:
    """The words of a batch, those that differ once each, by their letters.

    Attributes
    ----------
    ids : (T_l, W) integers
    mask : (T_l, W) bool, False behind the end of a word; None without padding
    places : (T, B) integers in [0, W): which word is at each place
    """

    ids: Array
    mask: Array | None
    places: Array


class TaggerNetwork(StackNetwork):
    """Parameters, their gradient, and the functions that use both."""

    config: TaggerConfig
    ngram_dropout = 0.2

    def forward(
        self,
        ids: Array,
        mask: Array | None = None,
        letters: Letters | None = None,
        rng: np.random.Generator | None = None,
        text: Array | None = None,
    ) -> tuple[Array, Callable[[Array], None]]:
        """Logits of the labels of every symbol.

        Parameters
        ----------
        ids : (T, B) integers
        mask : (T, B) bool, False behind the end of a sequence; None without padding
        letters : of the words, if the network reads them
        rng : draws the dropout masks; None runs without dropout (not training)
        text : (T, B) ids that the wide part reads, if some of `ids` were left out

        Returns
        -------
        logits : (T, B, C)
        pullback : dlogits -> None; adds the gradients of the parameters to `self.gradient`
        """
        drop = self.config.dropout if rng is not None else 0.0
        x, symbols_pullback = self.symbols(ids, rng)
        if letters is not None:
            shapes, letters_pullback = self._shapes_of_words(letters)
            shapes, drop_letters = self.drop(shapes, drop, rng)
            x = np.concatenate([x, shapes], axis=2)
        h, _, read_pullback = self.read(x, mask, rng)
        y, drop_pullback = self.drop(joined(h), drop, rng)
        logits, write_pullback = self.write(y)
        read = ids if text is None else text
        wide_logits, wide_pullback = self.ngrams(wide.ngrams_around, read, mask, rng)

        def pullback(dlogits: Array) -> None:
            wide_pullback(dlogits)
            dx = read_pullback(drop_pullback(write_pullback(dlogits)), None)
            if letters is not None:
                assert dx is not None
                E = self.config.embedding_size
                letters_pullback(drop_letters(np.ascontiguousarray(dx[:, :, E:])))
                dx = np.ascontiguousarray(dx[:, :, :E])
            symbols_pullback(dx)

        return logits + wide_logits, pullback

    def loss_and_gradient(
        self,
        ids: Array,
        labels: Array,
        weights: Array,
        mask: Array | None = None,
        letters: Letters | None = None,
        borders: Borders | None = None,
        rng: np.random.Generator | None = None,
        text: Array | None = None,
    ) -> float:
        """The weighted sum of the losses, and its gradient in `self.gradient`.

        Parameters
        ----------
        ids, mask, letters, rng, text : as in `forward`
        labels : (T, B) integers
        weights : (T, B) of every label in the loss, 0 for padding and for what is not counted.
            With transitions those of a sequence are equal, and one after the other
        borders : of a chain: whether what counts begins and ends a sequence; None: it does both

        Returns
        -------
        loss : Σ weights · nats of the labels; with transitions Σ weight · nats of the labelling
        """
        self.clear_gradient()
        with self.training_step():
            logits, pullback = self.forward(ids, mask, letters, rng, text)
        if self.config.transitions:
            loss, dlogits = self._chain_loss(logits, labels, weights, borders)
        else:
            cross_entropy = self.engine.layers.softmax_cross_entropy
            nats, loss_pullback = cross_entropy(logits, labels)
            loss, dlogits = float(np.vdot(nats, weights)), loss_pullback(weights)
        pullback(dlogits)
        return loss

    @property
    def transitions(self) -> Transitions:
        """The scores of the chain."""
        return Transitions(*(self.parameters[name] for name in CHAIN))

    def _chain_loss(
        self, logits: Array, labels: Array, weights: Array, borders: Borders | None
    ) -> tuple[float, Array]:
        """The loss of a linear chain and the gradient of the logits."""
        counts = weights > 0
        first, columns = counts.argmax(axis=0), np.arange(counts.shape[1])
        # What counts is moved to the first steps, where a chain begins.
        steps = np.arange(int(counts.sum(axis=0).max()))[:, None]
        mask = steps < counts.sum(axis=0)
        rows = np.where(mask, first + steps, first)
        nats, chain_pullback = chain.linear_chain(
            logits[rows, columns], labels[rows, columns], self.transitions, mask, borders
        )
        weight = weights[first, columns].astype(np.float64)
        de, gradients = chain_pullback(weight)
        dlogits = np.zeros_like(logits)
        dlogits[rows[mask], np.broadcast_to(columns, rows.shape)[mask]] = de[mask]
        parts = (gradients.A, gradients.start, gradients.end)
        for name, gradient in zip(CHAIN, parts, strict=True):
            self.gradient[name][...] += gradient
        return float(nats @ weight), dlogits

    def _shapes_of_words(self, letters: Letters) -> tuple[Array, Callable[[Array], None]]:
        """The last states (T, B, 2·L) of the cells that read the letters of every word."""
        _, final, pullback = self.layer(LETTERS, letters.ids, letters.mask)
        shapes, places_pullback = self.engine.layers.embedding(letters.places, final)

        def whole_pullback(dshapes: Array) -> None:
            pullback(None, places_pullback(dshapes))

        return shapes, whole_pullback
