"""Held-out coverage: the share of held-out real items that have a training item of their label close by.

Close is within a label's radius, which training items set among themselves: a held-out item that is like them is
covered about nine times in ten. The manifold of a label is thus a union of balls around its items (Kynkaanniemi et
al. 2019, eq. 1) and an item counts once it lies in any of them (Naeem et al. 2020, eq. 9, with real held-out items
for the points and training items for the centres).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from memory.errors import UsageError
from memory.records import Modality
from tools.teacher.features import dense_features, ngrams

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Label = str | None

NEAR = 0.9
"""Share of a label's training rows whose nearest other row lies within the radius."""
BLOCK = 1024
"""Rows compared with as many others at a time."""
_WIDTHS = {"image": 688, "speech": 222}
_LONGEST = 1000
"""Characters of a text that are read."""
_DIGITS = 5
"""Digits of a cosine that float32 has something to say about."""
_STEPS = 256.0
"""Steps that a standard deviation is counted in: sums of whole numbers are exact, in any order and any batch."""
_FURTHEST = 2.0**20
"""Steps beyond which a value counts as that far; keeps all sums under 2^53 up to 2,048 columns."""
_FLATTEST = 0.3
"""Least standard deviation of a column, as a share of the median one: a nearly constant pixel must not decide."""


def features(modality: Modality, payloads: Sequence[Payload]) -> Any:
    """Return a vector a payload, which depends on that payload alone.

    Images and clips: `dense_features`, (payloads, 688) or (payloads, 222) float32. Texts: n-grams of the first 1,000
    characters as rows of length 1, a csr matrix (payloads, BUCKETS).
    """
    if modality != "text":
        return dense_features(modality, payloads) if len(payloads) else np.zeros((0, _WIDTHS[modality]), np.float32)
    rows = ngrams([str(text) for text in payloads], _LONGEST)
    held = np.diff(rows.indptr)
    rows.data = np.repeat(1 / np.sqrt(np.maximum(held, 1)), held).astype(np.float32)
    return rows


def stack(parts: Sequence[Any]) -> Any:
    """Return the features of several lots as one; there must be one lot at least."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    from scipy.sparse import vstack

    return vstack(parts, format="csr")


@dataclass(frozen=True)
class Looked:
    """What training rows lie near some items; all arrays are (items,)."""

    distance: Floats
    """To the nearest training row of the same label: Euclidean in standard deviations, or 1 - cosine for texts.

    Infinite where no training row has the label.
    """
    nearest: Ints
    """Which row that is, counted from 0 in the order they were handed over, made ones after the real; -1 for none."""
    radius: Floats
    """That of each item's label."""
    covered: Bools
    """The distance is within the radius."""

    @property
    def share(self) -> float | None:
        """Held-out coverage: the share of items that are covered; None when there are none."""
        return float(self.covered.mean()) if len(self.covered) else None


@dataclass(frozen=True)
class _Scale:
    """Standardises dense features; texts need none and have no `centre`."""

    centre: Floats | None
    spread: Floats | None

    @classmethod
    def fit(cls, rows: Any) -> _Scale:
        if not isinstance(rows, np.ndarray):
            return cls(None, None)
        if not len(rows):
            return cls(np.zeros(rows.shape[1]), np.ones(rows.shape[1]))
        spread = rows.std(axis=0, dtype=np.float64)
        varying = spread[spread > 0]
        least = _FLATTEST * float(np.median(varying)) if len(varying) else 1.0
        return cls(rows.mean(axis=0, dtype=np.float64), np.maximum(spread, least))

    def points(self, rows: Any) -> Any:
        """Return rows as they are compared: whole steps from the centre, or texts as they are."""
        if self.centre is None or self.spread is None:
            return rows
        return np.clip(np.rint((rows - self.centre) * (_STEPS / self.spread)), -_FURTHEST, _FURTHEST)


@dataclass(frozen=True)
class _Block:
    """Up to `BLOCK` training rows of one label."""

    points: Any
    rows: Ints


@dataclass(frozen=True)
class Reach:
    """The training rows of a dataset, and how far each label reaches around them."""

    radii: dict[Label, float]
    """Label -> radius, of labels that have two rows or more to compare."""
    radius: float
    """The median of what labels have by themselves, which all others get; 0 where no label has two rows to compare."""
    count: int
    """Rows known, made ones included."""
    _scale: _Scale
    _blocks: dict[Label, tuple[_Block, ...]]

    @classmethod
    def fit(cls, rows: Any, labels: Sequence[Label], groups: Sequence[str | None], counted: Sequence[bool]) -> Reach:
        """Measure training rows; `rows` are their `features`, the others are aligned with them.

        A label's radius comes from each counted row's distance to the nearest other counted row of that label, and,
        where rows have two groups or more, of another group, so that a speaker's own clips do not set the measure.
        It is the distance of rank 0.9 (n + 1), so that a row to come is covered as often as the n there are (Lei et
        al. 2018, algorithm 2). Fewer than nine rows cannot say that much; their radius is at least the median of the
        labels that can. A row without a group is a group of its own, and rows without a label are a label of their
        own. Raises UsageError for lengths that differ.
        """
        if len({rows.shape[0], len(labels), len(groups), len(counted)}) > 1:
            raise UsageError("Training features, labels, groups and counts do not speak of the same number of rows.")
        use = np.asarray(counted, bool)
        scale = _Scale.fit(rows[np.flatnonzero(use)])
        points, members = scale.points(rows), _members(labels)
        apart = _apart(points, {label: own[use[own]] for label, own in members.items()}, _group_codes(groups))
        radii, radius = _radii(apart)
        blocks = {label: _cut(points[own], own) for label, own in members.items()}
        return cls(radii, radius, len(labels), scale, blocks)

    def look(self, rows: Any, labels: Sequence[Label]) -> Looked:
        """Return the nearest row of the same label for each item; among equals the earliest.

        A label that no row has is covered nowhere. Raises UsageError for lengths that differ.
        """
        if rows.shape[0] != len(labels):
            raise UsageError(f"There are features of {rows.shape[0]} items and labels of {len(labels)}.")
        distance, nearest = np.full(len(labels), np.inf), np.full(len(labels), -1, np.int64)
        for label, own in _members(labels).items():
            if label in self._blocks:
                distance[own], nearest[own] = _nearest(_cut(self._scale.points(rows[own]), own), self._blocks[label])
        radius = np.array([self.radii.get(label, self.radius) for label in labels], np.float64)
        return Looked(distance, nearest, radius, (nearest >= 0) & (distance <= radius))

    def with_made(self, rows: Any, labels: Sequence[Label]) -> Reach:
        """Return a reach that knows made items too and keeps every radius, so that what they close is measured.

        Raises UsageError for lengths that differ.
        """
        if rows.shape[0] != len(labels):
            raise UsageError(f"There are features of {rows.shape[0]} made items and labels of {len(labels)}.")
        blocks = dict(self._blocks)
        for label, own in _members(labels).items():
            cut = _cut(self._scale.points(rows[own]), own)
            blocks[label] = (*blocks.get(label, ()), *(replace(one, rows=one.rows + self.count) for one in cut))
        return replace(self, count=self.count + len(labels), _blocks=blocks)


def _members(labels: Sequence[Label]) -> dict[Label, Ints]:
    """Return the positions of every label, labels in the order they first occur."""
    found: dict[Label, list[int]] = {}
    for at, label in enumerate(labels):
        found.setdefault(label, []).append(at)
    return {label: np.array(own, np.int64) for label, own in found.items()}


def _group_codes(groups: Sequence[str | None]) -> Ints:
    """Return a number a row that only rows of its group share; all differ when there are not two groups."""
    place = {group: at for at, group in enumerate(sorted({group for group in groups if group is not None}))}
    if len(place) < 2:
        return np.arange(len(groups))
    return np.array([len(place) + at if one is None else place[one] for at, one in enumerate(groups)], np.int64)


def _apart(points: Any, members: dict[Label, Ints], groups: Ints) -> dict[Label, Floats]:
    """Return the distances within every label that has rows of two groups; where none has, groups do not count."""
    found = {}
    for label, own in members.items():
        if len(set(groups[own].tolist())) > 1:
            blocks = _cut(points[own], own)
            found[label] = _nearest(blocks, blocks, groups)[0]
    if found or len(set(groups.tolist())) == len(groups):
        return found
    return _apart(points, members, np.arange(len(groups)))


def _radii(apart: dict[Label, Floats]) -> tuple[dict[Label, float], float]:
    """Return each label's radius, and that of labels that have none of their own."""
    ranks = {label: int(np.ceil(NEAR * (len(distances) + 1))) for label, distances in apart.items()}
    own = {label: float(np.sort(apart[label])[: ranks[label]][-1]) for label in apart}
    sure = [label for label in own if ranks[label] <= len(apart[label])] or list(own)
    radius = float(np.median([own[label] for label in sure])) if sure else 0.0
    return {label: one if label in sure else max(one, radius) for label, one in own.items()}, radius


def _cut(points: Any, rows: Ints) -> tuple[_Block, ...]:
    starts = range(0, len(rows), BLOCK)
    return tuple(_Block(points[low : low + BLOCK], rows[low : low + BLOCK]) for low in starts)


def _nearest(items: Sequence[_Block], blocks: Sequence[_Block], groups: Ints | None = None) -> tuple[Floats, Ints]:
    """Return each item's distance to the nearest row and which that is; `groups` rules out rows of its own group."""
    distances, rows = [np.zeros(0)], [np.zeros(0, np.int64)]
    for part in items:
        best, which = np.full(len(part.rows), np.inf), np.full(len(part.rows), -1, np.int64)
        for block in blocks:
            apart = _distances(part.points, block.points)
            if groups is not None:
                apart[groups[part.rows][:, None] == groups[block.rows]] = np.inf
            at = apart.argmin(axis=1)
            least = apart[np.arange(len(at)), at]
            which = np.where(least < best, block.rows[at], which)
            best = np.minimum(least, best)
        distances.append(best)
        rows.append(which)
    return np.concatenate(distances), np.concatenate(rows)


def _distances(left: Any, right: Any) -> Floats:
    """Return (items, rows) distances. A sparse product sums item by item, so it depends on no neighbour either."""
    product = left @ right.T
    if not isinstance(product, np.ndarray):
        return cast("Floats", np.maximum(np.round(1.0 - product.toarray().astype(np.float64), _DIGITS), 0.0))
    squares = [np.einsum("ij,ij->i", one, one) for one in (left, right)]
    return cast("Floats", np.sqrt(squares[0][:, None] + squares[1] - 2 * product) / _STEPS)
