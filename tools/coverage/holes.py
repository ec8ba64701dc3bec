"""Holes: what a dataset lacks, found three ways, and the few requests that close most of them.

A `pattern` is a value combination with too few training items (`tools.coverage.patterns`). A `far` hole is a held-out
item without a training item close by (`tools.coverage.reach`). An `errors` hole is a slice of a label in which a probe
errs more than on the rest of that label. A request names a cell to make items for and may close several holes at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import fsum
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError
from memory.records import Cell
from tools.coverage.bins import UNKNOWN

if TYPE_CHECKING:
    from tools.coverage.patterns import Patterns
    from tools.coverage.reach import Looked

Kind = Literal["pattern", "far", "errors"]
Place = Mapping[str, str]
"""Axis -> the value an item has there."""

LABEL = "label"
MOST_AXES = 3
"""Axes that a request names at most by itself; few tools land in more ranges at once."""
FALSE_SHARE = 0.1
"""Share of reported slices that may be chance."""


@dataclass(frozen=True)
class Hole:
    """One thing that the dataset lacks."""

    kind: Kind
    items: tuple[int, ...]
    """Dataset rows that show it: the held-out item, or those of the slice that the probe gets wrong."""
    at: dict[str, str]
    """Where it lies: axis -> value, the label among them where it is known."""
    weight: float
    """Items missing, held-out items without a neighbour (one a hole), or errors beyond the label's usual rate."""
    why: str


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
        Hole("pattern", (), dict(at), float(threshold - have), f"{have} of at least {threshold} training items")
        for at, have in found.first
    ]


def far(rows: Sequence[int], looked: Looked, at: Sequence[Place]) -> list[Hole]:
    """Return a hole for each held-out item that has no training item close by.

    `rows` are the items' dataset rows, `at` where they stand, both aligned with `looked`; name the label and the axes
    that a request should hold on to. Raises UsageError for lengths that differ.
    """
    _check_aligned(rows, looked.covered, at)
    return [
        Hole("far", (int(rows[one]),), _known(at[one]), 1.0, _how_far(looked, one, at[one]))
        for one in np.flatnonzero(~looked.covered).tolist()
    ]


def _how_far(looked: Looked, one: int, at: Place) -> str:
    if looked.nearest[one] < 0:
        return f"no training item is labelled {at[LABEL]!r}" if LABEL in at else "no training item has its label"
    return (
        f"the nearest training item of its label is {looked.distance[one]:.3g} away; "
        f"{looked.radius[one]:.3g} is usual among training items"
    )


def errors(
    rows: Sequence[int], wrong: Sequence[bool], at: Sequence[Place], axes: Sequence[str], least: int = 5
) -> list[Hole]:
    """Return the slices, a label and one value of one axis, in which a probe errs more than on the rest of the label.

    One-sided exact test (Fisher 1935) of every slice that has `least` items, as has the rest of its label; of all
    slices tested those are reported that the procedure of Benjamini and Hochberg (1995) keeps at a false discovery
    rate of 0.1. The weight is the errors beyond what the rate of the rest would give. Items without a label, or
    without a known value on an axis, do not count there. Raises UsageError for lengths that differ.
    """
    _check_aligned(rows, wrong, at)
    slices = [one for axis in axes if axis != LABEL for one in _slices(axis, wrong, at, max(1, least))]
    return [one.hole(rows) for one, keep in zip(slices, _significant(slices), strict=True) if keep]


@dataclass(frozen=True)
class _Slice:
    at: dict[str, str]
    wrong: list[int]
    """Positions of the items that the probe gets wrong."""
    size: int
    rest_wrong: int
    rest: int

    def hole(self, rows: Sequence[int]) -> Hole:
        excess = len(self.wrong) - self.size * self.rest_wrong / self.rest
        why = (
            f"the probe gets {len(self.wrong)} of {self.size} wrong, and {self.rest_wrong} of {self.rest} of the rest "
            f"of its label"
        )
        return Hole("errors", tuple(int(rows[one]) for one in self.wrong), self.at, excess, why)


def _slices(axis: str, wrong: Sequence[bool], at: Sequence[Place], least: int) -> Iterator[_Slice]:
    """Yield the slices of one axis that are large enough to test, in order of label and value."""
    members: dict[str, dict[str, list[int]]] = {}
    for one, place in enumerate(at):
        known = _known(place)
        if LABEL in known and axis in known:
            members.setdefault(known[LABEL], {}).setdefault(known[axis], []).append(one)
    for label, parts in sorted(members.items()):
        failed = {value: [one for one in own if wrong[one]] for value, own in parts.items()}
        total, total_failed = (sum(map(len, each.values())) for each in (parts, failed))
        for value, own in sorted(parts.items()):
            if least <= len(own) <= total - least:
                place = {LABEL: label, axis: value}
                rest = total_failed - len(failed[value]), total - len(own)
                yield _Slice(place, failed[value], len(own), *rest)


def _significant(slices: Sequence[_Slice]) -> list[bool]:
    from scipy.stats import hypergeom

    if not slices:
        return []
    own, sizes, others, rests = (
        np.array(column) for column in zip(*((len(s.wrong), s.size, s.rest_wrong, s.rest) for s in slices), strict=True)
    )
    chance = np.asarray(hypergeom.sf(own - 1, sizes + rests, own + others, sizes))
    ranked = np.sort(chance)
    fits = ranked <= FALSE_SHARE * np.arange(1, len(ranked) + 1) / len(ranked)
    largest = ranked[np.flatnonzero(fits)[-1]] if fits.any() else -1.0
    return [bool(one) for one in chance <= largest]


def hitting_set(holes: Sequence[Hole], candidates: Sequence[Cell] | None, most: int) -> list[Request]:
    """Return up to `most` requests, each the one that closes most of what the earlier ones left open.

    Greedy cover (Chvatal 1979) with one price for all requests: where weights are equal it needs at most 1 + ln n
    times the fewest requests, and within `most` it closes at least 1 - 1/e of the weight that any requests could
    (Nemhauser, Wolsey & Fisher 1978).

    An item made for a request must land at the hole. So a request closes a hole when it names the hole's label and
    all its axes with the hole's values; of a far hole or a slice on more than three axes three are enough, if no other
    differs. Naming more axes than a hole does no harm to it and lets the request close others too. At equal weight
    the request with fewer axes is taken, then the first by its key.

    Without `candidates` they are all combinations of one to three axes, the label among them where it is known, that
    one hole names or that all holes of one item name together: nothing is asked for that no hole and no item shows.
    Holes that no candidate closes are left out.
    """
    cells = _default_candidates(holes) if candidates is None else dict.fromkeys(candidates)
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


def _default_candidates(holes: Sequence[Hole]) -> dict[Cell, None]:
    places = [hole.at for hole in holes]
    shown: dict[int, dict[str, str]] = {}
    for hole in holes:
        for item in hole.items:
            shown[item] = {**shown.get(item, {}), **hole.at}
    found: dict[frozenset[tuple[str, str]], None] = {}
    for place in {frozenset(place.items()) for place in (*places, *shown.values())}:
        found.update(dict.fromkeys(_parts(dict(place))))
    return {Cell(at=dict(sorted(part))): None for part in found}


def _parts(place: Place) -> Iterator[frozenset[tuple[str, str]]]:
    """Yield the parts of up to three axes, with the label where there is one; nothing in particular is one part."""
    fixed = {(LABEL, place[LABEL])} if LABEL in place else set()
    others = [one for one in place.items() if one[0] != LABEL]
    for size in range(0 if fixed or not others else 1, MOST_AXES - len(fixed) + 1):
        for chosen in combinations(others, size):
            yield frozenset((*fixed, *chosen))


def closed(
    holes: Sequence[Hole],
    accepted_at: Sequence[Place],
    looked: Looked | None,
    *,
    rows: Sequence[int] = (),
    least: int = 1,
) -> list[bool]:
    """Return for each hole whether what was accepted closes it, as measured afterwards.

    A pattern is closed when as many accepted samples as it missed, and `least`, stand at its values. A far hole is
    closed when its item is covered in `looked`: held-out items, `rows` in the dataset, seen by a reach with the
    accepted samples; without it, it stays open. Of a slice this only says that `least` accepted samples stand in it:
    whether the probe errs less there is for the probe to say. Raises UsageError for a far hole whose item is not
    among `rows`.
    """
    covered: dict[int, bool] | None = None
    if looked is not None:
        _check_aligned(rows, looked.covered)
        covered = dict(zip(map(int, rows), looked.covered.tolist(), strict=True))
    return [_covered(hole, covered) if hole.kind == "far" else _filled(hole, accepted_at, least) for hole in holes]


def _covered(hole: Hole, covered: dict[int, bool] | None) -> bool:
    if covered is None:
        return False
    if missing := [item for item in hole.items if item not in covered]:
        raise UsageError(f"Row {missing[0]} of a far hole was not looked at again; look at all held-out items.")
    return all(covered[item] for item in hole.items)


def _filled(hole: Hole, accepted_at: Sequence[Place], least: int) -> bool:
    wanted = max(least, int(np.ceil(hole.weight))) if hole.kind == "pattern" else least
    return sum(hole.at.items() <= place.items() for place in accepted_at) >= wanted


def _known(place: Place) -> dict[str, str]:
    """Return the values that could be measured; the others are no place to make items for."""
    return {axis: value for axis, value in place.items() if value != UNKNOWN}


def _check_aligned(*columns: Sequence[object] | NDArray[np.bool_]) -> None:
    if len(lengths := {len(column) for column in columns}) > 1:
        raise UsageError(f"Rows and what is said of them differ in number: {sorted(lengths)}.")
