"""Markov chain of order K with interpolation: the baseline that a network has to beat.

A chain that only counts gives unseen text probability zero. Here every order
leans on the next shorter one (Witten and Bell 1991; in the recursive form of
Chen and Goodman 1999):

    P(s | c) = (count(c s) + d(c) · P(s | c')) / (count(c) + d(c))

c is a context, c' the context without its oldest symbol, count(c) how often c
was continued, and d(c) by how many *different* symbols it was: the more kinds of
continuation, the likelier another new one. Below order 0 stands the uniform
distribution, so no probability is zero.

The counts are a trie in sorted arrays, one level per length: a gram of length
k+1 has the key `(id of its first k symbols) · V + last symbol`, and its id is
its place among the sorted keys of its level.
"""

import numpy as np

from ...errors import UsageError, quoted

Array = np.ndarray
MAX_ORDER = 32
PIECE = 1 << 20  # look-ups at once, to keep memory low
DENSE = 1 << 23  # possible grams of a length that have a counter each


class NGram:
    """Counts of all grams up to length K + 1, with the interface of a network.

    The state of a batch is its last K symbols, (K, B) int64, -1 where there is none.
    """

    def __init__(self, vocabulary_size: int, order: int, barrier: int | None = None):
        if not 0 <= order <= MAX_ORDER:
            raise UsageError(f"--order must be between 0 and {MAX_ORDER}, not {quoted(order)}")
        self.vocabulary_size, self.order = vocabulary_size, order
        self.barrier = barrier  # `<begin>`: no context reaches back across it
        self.keys: list[Array] = []  # per length: sorted uint64
        self.counts: list[Array] = []  # how often each gram occurs
        self._index()

    def train(self, ids: Array, cuts: Array | None = None) -> None:
        """Count the grams of a stream (N,); replaces what was counted before.

        `cuts` are places before which another text ends: no gram goes across one.
        """
        symbols = np.asarray(ids)
        self.keys, self.counts = [], []
        gram = np.zeros(len(symbols), np.uint32)  # id of the gram before each symbol
        valid = np.ones(len(symbols), bool)
        for length in range(self.order + 1):
            if not valid.any():
                break
            key = gram.astype(np.uint64)
            key *= np.uint64(self.vocabulary_size)
            np.add(key, symbols, out=key, casting="unsafe")
            there = key if valid.all() else key[valid]
            most = (len(self.keys[-1]) if length else 1) * self.vocabulary_size
            if most <= DENSE:  # counting into all places is faster than sorting
                every = np.bincount(there.astype(np.int64), minlength=most)
                keys = np.flatnonzero(every).astype(np.uint64)
                counts = every[every > 0]
            else:
                keys, counts = np.unique(there, return_counts=True)
            if not length and self.barrier is not None:
                counts[keys == self.barrier] = 0  # it is context, and never predicted
            self.keys.append(keys)
            self.counts.append(counts.astype(np.uint32))
            if length == self.order:
                break
            # The gram that ends at i-1 is the context of the symbol at i.
            places = np.cumsum(every > 0, dtype=np.uint32) - 1 if most <= DENSE else None
            for start in range(0, len(symbols) - 1, PIECE):
                piece = slice(start, min(start + PIECE, len(symbols) - 1))
                ids_before: Array
                if places is None:
                    ids_before = np.searchsorted(keys, key[piece])
                else:  # where no gram is valid the key may be any number
                    ids_before = places[np.minimum(key[piece], most - 1).astype(np.int64)]
                gram[piece.start + 1 : piece.stop + 1] = ids_before
            gram[0] = 0
            valid = np.concatenate([[False], valid[:-1]])
            if self.barrier is not None:
                valid &= symbols != self.barrier
            if cuts is not None:
                valid[cuts] = False
        self._index()

    def zero_state(self, batch_size: int) -> Array:
        """Nothing read yet."""
        return np.full((self.order, batch_size), -1, np.int64)

    def nats(
        self, inputs: Array, targets: Array, state: Array, mask: Array | None = None
    ) -> tuple[Array, Array]:
        """Loss (T, B) in nats of every prediction, and the state after the last one."""
        history = np.concatenate([state, inputs.astype(np.int64)])
        p = self._probability(history, targets.astype(np.int64))
        return -np.log(p), _last(history, self.order, mask)

    def predict(self, ids: Array, state: Array) -> tuple[Array, Array]:
        """Log-probabilities (T, B, V) of the next symbols, and the state after the last one."""
        history = np.concatenate([state, ids.astype(np.int64)])
        every = np.broadcast_to(np.arange(self.vocabulary_size), (*ids.shape, self.vocabulary_size))
        return np.log(self._probability(history, every)), _last(history, self.order, None)

    def _probability(self, history: Array, symbols: Array) -> Array:
        """P(symbol | the history before it), for symbols (T, B) or (T, B, several)."""
        p = np.full(symbols.shape, 1 / self.vocabulary_size)
        for length in range(min(self.order + 1, len(self.keys))):
            context = self._contexts(history, length, len(symbols))
            if symbols.ndim == 3:
                context = context[:, :, None]
            known, place = context >= 0, np.maximum(context, 0)
            total = np.where(known, self._totals[length][place], 0)
            distinct = np.where(known, self._distinct[length][place], 0)
            gram = self._lookup(length, context, symbols)
            count = np.where(gram >= 0, self.counts[length][gram], 0)
            p = np.where(
                known & (total > 0), (count + distinct * p) / np.maximum(1, total + distinct), p
            )
        return p

    def tensors(self) -> dict[str, Array]:
        """The arrays of a model file."""
        out = {}
        for length, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True), 1):
            out[f"ngram.keys{length}"] = keys
            out[f"ngram.counts{length}"] = counts
        return out

    def load(self, tensors: dict[str, Array]) -> None:
        """Take the arrays of `tensors()`; raises KeyError or ValueError if they don't fit."""
        levels = sum(name.startswith("ngram.keys") for name in tensors)
        if levels > self.order + 1:
            raise ValueError("more levels than the order allows")
        parents = 1
        self.keys, self.counts = [], []
        for length in range(1, levels + 1):
            keys, counts = tensors[f"ngram.keys{length}"], tensors[f"ngram.counts{length}"]
            if keys.dtype != np.uint64 or counts.dtype != np.uint32 or keys.ndim != 1:
                raise ValueError("wrong dtype or rank")
            limit = parents * self.vocabulary_size
            if len(keys) != len(counts) or (np.diff(keys.astype(np.int64)) <= 0).any():
                raise ValueError("keys and counts do not match")
            if len(keys) and int(keys[-1]) >= limit:
                raise ValueError("a key is out of range")
            parents = len(keys)
            self.keys.append(keys)
            self.counts.append(counts)
        self._index()

    def num_parameters(self) -> int:
        """Counts kept."""
        return sum(map(len, self.counts))

    def _index(self) -> None:
        """Per level: how often each context was continued, and by how many symbols."""
        self._totals: list[Array] = []
        self._distinct: list[Array] = []
        parents = 1
        for keys, counts in zip(self.keys, self.counts, strict=True):
            context = (keys // np.uint64(self.vocabulary_size)).astype(np.int64)
            self._totals.append(np.bincount(context, counts, minlength=parents))
            self._distinct.append(np.bincount(context, counts > 0, minlength=parents))
            parents = len(keys)

    def _lookup(self, length: int, context: Array, symbols: Array) -> Array:
        """Ids of the grams `context + symbol` of length + 1 symbols; -1 where unseen."""
        keys = self.keys[length]
        wanted = context.astype(np.uint64) * np.uint64(self.vocabulary_size)
        wanted = wanted + np.maximum(symbols, 0).astype(np.uint64)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = (keys[place] == wanted) & (context >= 0) & (symbols >= 0)
        return np.where(found, place, -1)

    def _contexts(self, history: Array, length: int, T: int) -> Array:
        """Ids (T, B) of the last `length` symbols before each target; -1 where unseen."""
        end = len(history)
        context = np.zeros_like(history[end - T :])
        for back in range(length, 0, -1):
            symbols = history[end - T - back + 1 : end - back + 1]
            context = self._lookup(length - back, context, symbols)
        return context


def _last(history: Array, order: int, mask: Array | None) -> Array:
    """The last `order` symbols of each column that were really read."""
    if mask is None:
        return history[len(history) - order :]
    columns = []
    for b in range(mask.shape[1]):
        read = np.concatenate([np.ones(len(history) - len(mask), bool), mask[:, b]])
        columns.append(history[read, b][read.sum() - order :])
    return np.stack(columns, axis=1)
