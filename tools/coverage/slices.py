"""Slices, a label and one range of one axis, that training items serve worse than the rest of the label.

Either a probe errs there more than elsewhere, or items come there where a model is used and training items seldom do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np

from tools.coverage.holes import LABEL, Hole, Place, check_aligned, known

FALSE_SHARE = 0.1
"""Share of reported slices that may be chance."""
OFTEN, SELDOM = 0.1, 0.5
"""A range is reported that a tenth of the items in use are in, and at most half of that share of training items."""
LEAST_SEEN = 5
"""Items of a label in use; fewer say nothing of shares."""


def errors(
    rows: Sequence[int], wrong: Sequence[bool], at: Sequence[Place], axes: Sequence[str], least: int = 5
) -> list[Hole]:
    """Return the slices, a label and one value of one axis, in which a probe errs more than on the rest of the label.

    One-sided exact test (Fisher 1935) of every slice that has `least` items, as has the rest of its label; of all
    slices tested those are reported that the procedure of Benjamini and Hochberg (1995) keeps at a false discovery
    rate of 0.1. The weight is the errors beyond what the rate of the rest would give. Items without a label, or
    without a known value on an axis, do not count there. Raises UsageError for lengths that differ.
    """
    check_aligned(rows, wrong, at)
    slices = [one for axis in axes if axis != LABEL for one in _slices(axis, wrong, at, max(1, least))]
    return [one.hole(rows) for one, keep in zip(slices, _significant(slices), strict=True) if keep]


def still_wrong(
    holes: Sequence[Hole], at: Sequence[Place], before: Sequence[float], after: Sequence[float]
) -> list[dict[str, Any]]:
    """Return how often a probe errs in each slice of `holes` before and after: {cell, items, before, after}.

    `before` and `after` are 0 to 1 an item, aligned with the places `at`; None where no item stands in the slice. A
    slice was picked for its errors, so some of a fall is chance. Raises UsageError for lengths that differ.
    """
    check_aligned(at, before, after)
    lines = []
    for hole in holes:
        if hole.kind == "errors":
            inside = [one for one, place in enumerate(at) if hole.at.items() <= place.items()]
            was, now = (_mean([side[one] for one in inside]) for side in (before, after))
            lines.append({"cell": hole.at, "items": len(inside), "before": was, "after": now})
    return lines


def _mean(shares: Sequence[float]) -> float | None:
    return round(fsum(shares) / len(shares), 4) if shares else None


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
        there = known(place)
        if LABEL in there and axis in there:
            members.setdefault(there[LABEL], {}).setdefault(there[axis], []).append(one)
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


@dataclass(frozen=True)
class InUse:
    """Where training items stand, and some of them once they are changed as items are where a model is used."""

    axes: tuple[str, ...]
    here: Sequence[Place]
    there: Sequence[Place]


def moved(seen: InUse) -> Iterator[tuple[str, str, float, float]]:
    """Yield (axis, range, share in use, share here) of every range that is common in use and seldom in training.

    Items without a known value count in both shares. Ranges come in order of axis, then name.
    """
    for axis in sorted(seen.axes):
        here, there = (Counter(at[axis] for at in map(known, side) if axis in at) for side in (seen.here, seen.there))
        for value, count in sorted(there.items()):
            in_use, share = count / len(seen.there), here[value] / max(1, len(seen.here))
            if in_use >= OFTEN and share <= SELDOM * in_use:
                yield axis, value, in_use, share


def seldom(seen: InUse, items: Mapping[str, int]) -> list[Hole]:
    """Return a hole for each label and range that is `moved` within the label.

    `items` is label -> held-out items; a hole weighs the share in use less that in training, times these. It wants as
    many samples as make the range no longer seldom. Labels of fewer than 5 items in use are left out.
    """
    found = []
    for label, part in _by_label(seen):
        for axis, value, in_use, share in moved(part) if len(part.there) >= LEAST_SEEN else ():
            enough = SELDOM * in_use  # of what is there and made: share * here + wants > enough * (here + wants)
            wants = int(len(part.here) * (enough - share) / (1 - enough)) + 1
            why = f"{100 * in_use:.0f} % of the items in use stand there, and {100 * share:.0f} % of the training items"
            weight = (in_use - share) * items.get(label, 0)
            found.append(Hole("use", (), {LABEL: label, axis: value}, weight, why, wants))
    return [hole for hole in found if hole.weight > 0]


def _by_label(seen: InUse) -> Iterator[tuple[str, InUse]]:
    parts: dict[str, tuple[list[Place], list[Place]]] = {}
    for side, places in enumerate((seen.here, seen.there)):
        for place in places:
            if LABEL in place:
                parts.setdefault(place[LABEL], ([], []))[side].append(place)
    for label, (here, there) in sorted(parts.items()):
        yield label, InUse(seen.axes, here, there)
