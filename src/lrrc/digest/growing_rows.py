"""An array to which rows are added at the end. Its room is doubled when it is full, so that adding n rows one by one
copies some n rows and not n squared; room that is not used yet takes no memory before it is.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike


def stretches(count: int, size: int) -> list[slice]:
    """`count` rows in parts of `size`; the last has up to twice as many, as a product of one row has other bits."""
    firsts = range(0, max(1, count - size + 1), size)
    return [slice(a, b) for a, b in pairwise([*firsts, count])]


class GrowingRows:
    """An array [N, ...] that grows; `rows` is what it holds now, a view that later rows do not change."""

    def __init__(self, *shape: int, dtype: DTypeLike = np.float32):
        self._room = np.zeros((0, *shape), dtype)
        self._count = 0

    @property
    def rows(self) -> np.ndarray:
        return self._room[: self._count]

    def at(self, some_n: np.ndarray) -> np.ndarray:
        """The rows of ascending numbers; a view where these follow one another, so that nothing is copied."""
        if len(some_n) and some_n[-1] - some_n[0] + 1 == len(some_n):
            return self.rows[some_n[0] : some_n[-1] + 1]
        return self.rows[some_n]

    def preview(self, new: np.ndarray) -> np.ndarray:
        """The rows as they would be with new ones [n, ...] at their end; `rows` stays as it is."""
        count = self._count + len(new)
        if count > len(self._room):
            room = np.zeros((2 * count, *self._room.shape[1:]), self._room.dtype)
            room[: self._count] = self._room[: self._count]
            self._room = room
        self._room[self._count : count] = new
        return self._room[:count]

    def extend(self, new: np.ndarray) -> None:
        """Add rows [n, ...]."""
        self.preview(new)
        self._count += len(new)
