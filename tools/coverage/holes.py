"""Holes: what a dataset lacks, found four ways, and the few requests that close most of them.

A `pattern` is a value combination with too few training items (`tools.coverage.patterns`). A `far` hole is a held-out
item without a training item close by (`tools.coverage.reach`). An `errors` hole is a slice of a label in which a probe
errs more than on the rest of that label, and a `use` hole one that items stand in where a model is used and training
items seldom do (both `tools.coverage.slices`). A request names a cell to make items for and may close several holes at
once, of any kind: weights are comparable, one held-out item is 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import fsum
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError
from memory.records import Cell
from tools.coverage.bins import UNKNOWN

if TYPE_CHECKING:
    from tools.coverage.patterns import Patterns
    from tools.coverage.reach import Looked

Kind = Literal["far", "pattern", "errors", "use"]
Place = Mapping[str, str]
"""Axis -> the value an item has there."""

LABEL = "label"
MOST_AXES = 3
"""Axes that a request names at most by itself; few tools land in more ranges at once."""


@dataclass(frozen=True)
class Hole:
    """One thing that the dataset lacks."""

    kind: Kind
    items: tuple[int, ...]
    """Dataset rows that show it: the held-out item, those at the pattern, or those of the slice."""
    at: dict[str, str]
    """Where it lies: axis -> value, the label among them where it is known."""
    weight: float
    """Held-out items that it speaks of (a far item: 1), errors beyond the usual rate, or items missing (`rare`)."""
    why: str
    wants: int = 1
    """Accepted samples at its place that close it; a far hole is closed by a neighbour instead."""


@dataclass(frozen=True)
class Request:
    """A cell to make items for."""

    cell: Cell
    closes: tuple[int, ...]
    """Positions of the holes that it closes and no earlier request does."""
    weight: float
    """Their weights together."""


def rare(found: Patterns, threshold: int) -> list[Hole]:
    """Return a hole for each listed pattern that fewer than `threshold` items match; its weight is what is missing."""
    return [
        Hole("pattern", (), dict(at), float(threshold - have), why, threshold - have)
        for at, have in found.first
        for why in (f"{have} of at least {threshold} training items",)
    ]


def shown(found: Patterns, threshold: int, rows: Sequence[int], at: Sequence[Place], training: int) -> list[Hole]:
    """Return the holes of `rare` that items show, weighed to stand beside far items.

    A pattern weighs the held-out items, `rows` that stand at the places `at`, which match it; where none does, as many
    as its share of the `training` counted rows lets one expect among them. What neither shows may not exist and is
    left out. Raises UsageError for lengths that differ.
    """
    check_aligned(rows, at)
    members: dict[tuple[str, str], set[int]] = {}
    for row, place in zip(rows, at, strict=True):
        for one in place.items():
            members.setdefault(one, set()).add(int(row))
    holes = []
    for hole, (_, have) in zip(rare(found, threshold), found.first, strict=True):
        if not hole.at:
            continue
        items = set.intersection(*(members.get(one, set()) for one in hole.at.items()))
        weight = float(len(items)) or len(rows) * have / max(1, training)
        if weight:
            holes.append(replace(hole, items=tuple(sorted(items)), weight=weight))
    return holes


def far(rows: Sequence[int], looked: Looked, at: Sequence[Place]) -> list[Hole]:
    """Return a hole for each held-out item that has no training item close by.

    `rows` are the items' dataset rows, `at` where they stand, both aligned with `looked`; name the label and the axes
    that a request should hold on to. Raises UsageError for lengths that differ.
    """
    check_aligned(rows, looked.covered, at)
    return [
        Hole("far", (int(rows[one]),), known(at[one]), 1.0, _how_far(looked, one, at[one]))
        for one in np.flatnonzero(~looked.covered).tolist()
    ]


def _how_far(looked: Looked, one: int, at: Place) -> str:
    if looked.nearest[one] < 0:
        return f"no training item is labelled {at[LABEL]!r}" if LABEL in at else "no training item has its label"
    return (
        f"the nearest training item of its label is {looked.distance[one]:.3g} away; "
        f"{looked.radius[one]:.3g} is usual among training items"
    )


def hitting_set(holes: Sequence[Hole], candidates: Sequence[Cell] | None, most: int) -> list[Request]:
    """Return up to `most` requests, each the one that closes most of what the earlier ones left open.

    Greedy cover (Chvatal 1979) with one price for all requests: where weights are equal it needs at most 1 + ln n
    times the fewest requests, and within `most` it closes at least 1 - 1/e of the weight that any requests could
    (Nemhauser, Wolsey & Fisher 1978).

    An item made for a request must land at the hole. So a request closes a hole when it names the hole's label and
    all its axes with the hole's values; of a far hole or a slice on more than three axes three are enough, if no other
    differs. Naming more axes than a hole does no harm to it and lets the request close others too. At equal weight
    the request with fewer axes is taken, then the first by its key.

    Without `candidates` they are all that are `possible`. Holes that no candidate closes are left out.
    """
    cells = dict.fromkeys(possible(holes) if candidates is None else candidates)
    index = _Index(holes)
    closes = [(cell, found) for cell in cells if len(found := index.closed_by(cell.at))]
    weights = [hole.weight for hole in holes]
    queue = [(-_sum(weights, found), len(cell.at), cell.key, at) for at, (cell, found) in enumerate(closes)]
    heapify(queue)
    still_open, chosen = set(range(len(holes))), list[Request]()
    while queue and len(chosen) < most:
        gain, size, key, at = heappop(queue)
        fresh = [one for one in closes[at][1] if one in still_open]
        now = -_sum(weights, fresh)
        if now >= 0:
            continue
        if now > gain:  # gains only shrink, so an old one is an upper bound (Minoux 1978)
            heappush(queue, (now, size, key, at))
            continue
        chosen.append(Request(closes[at][0], tuple(fresh), -now))
        still_open.difference_update(fresh)
    return chosen


def _sum(weights: Sequence[float], positions: Sequence[int]) -> float:
    return fsum(weights[one] for one in positions)


class _Index:
    """Finds the holes that a request closes."""

    def __init__(self, holes: Sequence[Hole]) -> None:
        self._names: dict[str, NDArray[np.bool_]] = {}
        self._agrees: dict[tuple[str, str], NDArray[np.bool_]] = {}
        self._none = np.zeros(len(holes), bool)
        self._needed = np.array([_needed(hole) for hole in holes], np.int64)
        for one, hole in enumerate(holes):
            for axis, value in hole.at.items():
                self._names.setdefault(axis, self._none.copy())[one] = True
                self._agrees.setdefault((axis, value), self._none.copy())[one] = True

    def closed_by(self, request: Place) -> list[int]:
        shared = np.zeros(len(self._none), np.int64)
        fits = ~self._none if LABEL in request else ~self._names.get(LABEL, self._none)
        for axis, value in request.items():
            agrees = self._agrees.get((axis, value), self._none)
            shared += agrees
            fits &= agrees | ~self._names.get(axis, self._none)
        return np.flatnonzero(fits & (shared >= self._needed)).tolist()


def _needed(hole: Hole) -> int:
    """Return how many of a hole's axes a request must name: all of a pattern's, as only full matches are counted."""
    return len(hole.at) if hole.kind == "pattern" else min(len(hole.at), MOST_AXES)


def possible(holes: Sequence[Hole]) -> list[Cell]:
    """Return the cells that may be asked for: combinations of one to three axes, with the label where it is known.

    Each is one that a hole names, or all holes of one item together: nothing that no hole and no item shows.
    """
    places = [hole.at for hole in holes]
    shown: dict[int, dict[str, str]] = {}
    for hole in holes:
        for item in hole.items:
            shown[item] = {**shown.get(item, {}), **hole.at}
    found: dict[frozenset[tuple[str, str]], None] = {}
    for place in {frozenset(place.items()) for place in (*places, *shown.values())}:
        found.update(dict.fromkeys(_parts(dict(place))))
    return [Cell(at=dict(sorted(part))) for part in found]


def _parts(place: Place) -> Iterator[frozenset[tuple[str, str]]]:
    """Yield the parts of up to three axes, with the label where there is one; nothing in particular is one part."""
    fixed = {(LABEL, place[LABEL])} if LABEL in place else set()
    others = [one for one in place.items() if one[0] != LABEL]
    for size in range(0 if fixed or not others else 1, MOST_AXES - len(fixed) + 1):
        for chosen in combinations(others, size):
            yield frozenset((*fixed, *chosen))


def closed(
    holes: Sequence[Hole], accepted_at: Sequence[Place], looked: Looked | None, *, rows: Sequence[int] = ()
) -> list[bool]:
    """Return for each hole whether what was accepted closes it, as measured afterwards.

    A far hole is closed when its item is covered in `looked`: held-out items, `rows` in the dataset, seen by a reach
    with the accepted samples; without it, it stays open. Any other is closed when as many accepted samples as it wants
    stand at its values; whether a probe errs less in a slice is for the probe to say. Raises UsageError for a far hole
    whose item is not among `rows`.
    """
    covered: dict[int, bool] | None = None
    if looked is not None:
        check_aligned(rows, looked.covered)
        covered = dict(zip(map(int, rows), looked.covered.tolist(), strict=True))
    return [_covered(hole, covered) if hole.kind == "far" else _filled(hole, accepted_at) for hole in holes]


def _covered(hole: Hole, covered: dict[int, bool] | None) -> bool:
    if covered is None:
        return False
    if missing := [item for item in hole.items if item not in covered]:
        raise UsageError(f"Row {missing[0]} of a far hole was not looked at again; look at all held-out items.")
    return all(covered[item] for item in hole.items)


def _filled(hole: Hole, accepted_at: Sequence[Place]) -> bool:
    return sum(hole.at.items() <= place.items() for place in accepted_at) >= hole.wants


def by_kind(holes: Sequence[Hole], done: Sequence[bool]) -> dict[Kind, list[int]]:
    """Return kind -> [holes closed, holes], every kind named. Raises UsageError for lengths that differ."""
    check_aligned(holes, done)
    counts: dict[Kind, list[int]] = {kind: [0, 0] for kind in get_args(Kind)}
    for hole, is_closed in zip(holes, done, strict=True):
        counts[hole.kind][0] += bool(is_closed)
        counts[hole.kind][1] += 1
    return counts


def known(place: Place) -> dict[str, str]:
    """Return the values that could be measured; the others are no place to make items for."""
    return {axis: value for axis, value in place.items() if value != UNKNOWN}


def check_aligned(*columns: Sequence[object] | NDArray[np.bool_]) -> None:
    """Raise UsageError for columns of different lengths."""
    if len(lengths := {len(column) for column in columns}) > 1:
        raise UsageError(f"Rows and what is said of them differ in number: {sorted(lengths)}.")
