"""Vectors that nearly repeat each other: exact search within a radius.

A few orthonormal projections give a lower bound of every distance at a fraction of the cost; only pairs within
the radius by that bound are compared in full, in whole numbers, so no rounding depends on the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints, NDArray[np.float64]]
"""Positions of the queries, positions of what they were compared with, squared distances."""
_COLUMNS = 8192
_FULL = 2048
"""Pairs compared in full at a time."""
_CROWDED = 64
"""Pairs per vector beyond which a batch is halved before its vectors are compared with each other."""
_ROUNDING = 1e-5
"""Share of the squared lengths by which float32 may be off in the bound; ten times what was seen."""


@dataclass(frozen=True)
class VectorPrints:
    """Vectors as the index compares them: (items, dimensions) whole numbers and their projections."""

    vectors: NDArray[Any]
    coarse: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of vectors."""
        return len(self.vectors)

    def take(self, at: Ints) -> VectorPrints:
        """Return the prints at positions `at`."""
        return VectorPrints(self.vectors[at], self.coarse[at])


class VectorIndex:
    """Whole-number vectors, found again by any vector within `radius` (Euclidean).

    `basis` is (dimensions, projections) with orthonormal columns; `centre` is taken off before projecting.
    """

    def __init__(self, basis: NDArray[np.float32], radius: float, centre: float, dtype: type[np.generic]) -> None:
        self._basis, self._square, self._centre = basis, radius * radius, centre
        self._count = 0
        self._vectors = np.zeros((256, len(basis)), dtype)
        self._coarse = np.zeros((256, basis.shape[1] + 1), np.float32)
        self._longest = 0.0

    def __len__(self) -> int:
        """Return the number of vectors added."""
        return self._count

    def prints(self, vectors: NDArray[Any]) -> VectorPrints:
        """Return `vectors` (items, dimensions) with their projections."""
        centred = np.subtract(vectors, self._centre, dtype=np.float32)
        coarse: NDArray[np.float32] = centred @ self._basis
        return VectorPrints(vectors.astype(self._vectors.dtype), coarse)

    def add(self, prints: VectorPrints) -> None:
        """Add vectors, whether they repeat others or not."""
        end = self._count + len(prints)
        if end > len(self._vectors):
            room = 1 << (end - 1).bit_length()
            self._vectors = _grown(self._vectors, room)
            self._coarse = _grown(self._coarse, room)
        self._vectors[self._count : end] = prints.vectors
        lengths = (prints.coarse**2).sum(1)
        # One product then gives a.b - |b|^2 / 2, which is all of the distance that varies over a row.
        self._coarse[self._count : end] = np.column_stack([prints.coarse, lengths / -2])
        self._longest = max(self._longest, float(lengths.max(initial=0.0)))
        self._count = end

    def search(self, prints: VectorPrints, since: int = 0) -> Pairs:
        """Return every (query, vector added at position `since` or later) within the radius, ascending."""
        least = self._least(prints.coarse, self._longest)
        asked = np.column_stack([prints.coarse, np.ones(len(prints), np.float32)]).T
        found = [np.zeros(0, np.int64)]
        for low in range(since, self._count, _COLUMNS):
            high = min(self._count, low + _COLUMNS)
            close = np.flatnonzero(self._coarse[low:high] @ asked >= least)
            position, query = np.divmod(close, max(1, len(prints)))
            found.append(query * self._count + position + low)
        query, position = np.divmod(np.sort(np.concatenate(found)), max(1, self._count))
        return self._within(prints.vectors, query, self._vectors, position)

    def pairs(self, prints: VectorPrints) -> Pairs | None:
        """Return every (vector, earlier vector) of one batch within the radius; None when it is crowded."""
        lengths = (prints.coarse**2).sum(1)
        least = self._least(prints.coarse, float(lengths.max(initial=0.0)))
        close = prints.coarse @ prints.coarse.T - lengths / 2 >= least[:, None]
        later, earlier = np.nonzero(np.tril(close, -1))
        if len(later) > _CROWDED * len(prints) > _CROWDED:
            return None
        return self._within(prints.vectors, later, prints.vectors, earlier)

    def _least(self, coarse: NDArray[np.float32], longest: float) -> NDArray[np.float32]:
        """Return per query the least value of a.b - |b|^2 / 2 that the radius and float32 rounding allow."""
        lengths = (coarse**2).sum(1)
        least: NDArray[np.float32] = (lengths * (1 - _ROUNDING) - self._square - _ROUNDING * longest) / 2
        return least.astype(np.float32)

    def _within(self, left: NDArray[Any], query: Ints, right: NDArray[Any], position: Ints) -> Pairs:
        square = squares(left, query, right, position)
        near = square <= self._square
        return query[near], position[near], square[near]


def squares(left: NDArray[Any], query: Ints, right: NDArray[Any], position: Ints) -> NDArray[np.float64]:
    """Return the squared distances of `left[query]` and `right[position]`, exact in float64."""
    found = np.empty(len(query))
    for low in range(0, len(query), _FULL):
        part = slice(low, low + _FULL)
        off = left[query[part]].astype(np.float64) - right[position[part]]
        found[part] = np.einsum("ij,ij->i", off, off)
    return found


def _grown(rows: NDArray[Any], room: int) -> NDArray[Any]:
    grown = np.zeros((room, rows.shape[1]), rows.dtype)
    grown[: len(rows)] = rows
    return grown
