"""All parameters of a network in one contiguous buffer, with names for its parts.

Clipping, optimizers, norms and checkpoints then are one operation on one
array, and the state of an optimizer is one or two more arrays of its shape.
"""

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

Shapes = dict[str, tuple[int, ...]]


class Arena(Mapping[str, np.ndarray]):
    """Named arrays that are views of one flat buffer.

    `arena["layer0.W_h"]` is a view: writing to it writes to `arena.flat`.

    Example
    -------
    >>> arena = Arena({"W": (2, 3), "b": (3,)}, np.float32)
    >>> arena["b"][:] = 1
    >>> arena.flat
    array([0., 0., 0., 0., 0., 0., 1., 1., 1.], dtype=float32)
    """

    def __init__(self, shapes: Shapes, dtype: np.dtype | type = np.float32):
        self.shapes = dict(shapes)
        self.flat = np.zeros(sum(prod(shape) for shape in shapes.values()), dtype)
        self._views: dict[str, np.ndarray] = {}
        start = 0
        for name, shape in self.shapes.items():
            end = start + prod(shape)
            self._views[name] = self.flat[start:end].reshape(shape)
            start = end

    def __getitem__(self, name: str) -> np.ndarray:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    @property
    def dtype(self) -> np.dtype:
        return self.flat.dtype

    def like(self) -> "Arena":
        """A second arena of the same layout and dtype, filled with zeros."""
        return Arena(self.shapes, self.dtype)
