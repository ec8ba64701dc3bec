"""Value combinations that are too rare: maximal uncovered patterns (Asudeh, Jin & Jagadish 2019).

A pattern fixes the values of some axes and leaves the others open. It is uncovered when fewer than a threshold
of items match it, and maximal when every pattern with one value fewer is covered (definitions 4 to 7 there).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError

_BLOCK = 1 << 20
"""Patterns looked at together."""
Ints = NDArray[np.int64]
Column = tuple[Sequence[str], NDArray[np.int32]]
"""Values of an axis, and the position of every item's value in them; -1 matches no value."""


@dataclass(frozen=True)
class Patterns:
    """Maximal uncovered patterns, fewest values first."""

    count: int
    """How many there are."""
    first: tuple[tuple[dict[str, str], int], ...]
    """Some of them, in order, with the items that match each."""


def uncovered(
    axes: Mapping[str, Column],
    threshold: int,
    *,
    counted: NDArray[np.bool_] | None = None,
    most: int = 200,
    size: int = 2,
) -> Patterns:
    """Return the maximal patterns of up to `size` axes that fewer than `threshold` items match.

    `counted` (items,) leaves items out. At most `most` patterns are listed; all are counted. Pairs are counted from
    the covered ones alone, so two axes of 10,000 values cost little more than the items. Raises UsageError for a
    threshold under 1, no axis, axes of unequal length, or axes that together span more than 2^62 combinations.
    """
    columns, sizes = _checked(axes, threshold, counted)
    if len(columns[0]) < threshold:
        return Patterns(1, (({}, len(columns[0])),) if most else ())
    covered: dict[tuple[int, ...], Ints] = {}
    first: list[tuple[dict[str, str], int]] = []
    total = 0
    for level in range(1, min(size, len(sizes)) + 1):
        for chosen in combinations(range(len(sizes)), level):
            counts = _counts(columns, sizes, chosen)
            covered[chosen] = counts[0][counts[1] >= threshold]
            total += _candidates(chosen, sizes, covered) - len(covered[chosen])
            for key, have in islice(_rare(_blocks(chosen, sizes, covered), counts, threshold), most - len(first)):
                first.append((_named(key, chosen, axes), have))
    return Patterns(total, tuple(first))


def _checked(
    axes: Mapping[str, Column], threshold: int, counted: NDArray[np.bool_] | None
) -> tuple[list[NDArray[np.int32]], list[int]]:
    if threshold < 1 or not axes:
        raise UsageError("Uncovered patterns need a threshold of 1 or more, and an axis.")
    columns = [codes if counted is None else codes[counted] for _, codes in axes.values()]
    sizes = [len(values) for values, _ in axes.values()]
    if len({len(column) for column in columns}) > 1:
        raise UsageError(f"The axes {list(axes)} do not speak of the same number of items.")
    if np.prod(sizes, dtype=object) > 2**62:
        raise UsageError(f"The axes {list(axes)} span more combinations than can be numbered; name fewer.")
    return columns, sizes


def _counts(columns: Sequence[NDArray[np.int32]], sizes: Sequence[int], chosen: tuple[int, ...]) -> tuple[Ints, Ints]:
    """Return the patterns over `chosen` that any item matches, as ascending mixed-radix numbers, and their counts."""
    keys = np.zeros(len(columns[0]), np.int64)
    known = np.ones(len(keys), bool)
    for at in chosen:
        keys = keys * sizes[at] + columns[at]
        known &= columns[at] >= 0
    found, counts = np.unique(keys[known], return_counts=True)
    return found, counts


def _candidates(chosen: tuple[int, ...], sizes: Sequence[int], covered: Mapping[tuple[int, ...], Ints]) -> int:
    """Return how many patterns over `chosen` have covered parents only."""
    if len(chosen) <= 2:
        return sizes[chosen[0]] if len(chosen) == 1 else len(covered[chosen[:1]]) * len(covered[chosen[1:]])
    return sum(len(block) for block in _blocks(chosen, sizes, covered))


def _blocks(chosen: tuple[int, ...], sizes: Sequence[int], covered: Mapping[tuple[int, ...], Ints]) -> Iterator[Ints]:
    """Yield the patterns over `chosen` whose parents are all covered, ascending, a block at a time."""
    if len(chosen) == 1:
        yield np.arange(sizes[chosen[0]])
        return
    heads, lasts = covered[chosen[:-1]], covered[chosen[-1:]]
    step = max(1, _BLOCK // max(1, len(lasts)))
    for low in range(0, len(heads), step):
        keys = (heads[low : low + step, None] * sizes[chosen[-1]] + lasts).ravel()
        for drop in range(len(chosen) - 1) if len(chosen) > 2 else ():
            weight = int(np.prod([sizes[at] for at in chosen[drop + 1 :]], dtype=object))
            parents = keys // (weight * sizes[chosen[drop]]) * weight + keys % weight
            keys = keys[np.isin(parents, covered[chosen[:drop] + chosen[drop + 1 :]])]
        yield keys


def _rare(blocks: Iterator[Ints], counts: tuple[Ints, Ints], threshold: int) -> Iterator[tuple[int, int]]:
    """Yield each pattern under the threshold with its count."""
    found, sizes = counts
    for keys in blocks:
        at = np.searchsorted(found, keys)
        seen = np.append(found, -1)[at] == keys
        have = np.where(seen, np.append(sizes, 0)[at], 0)
        rare = have < threshold
        yield from zip(keys[rare].tolist(), have[rare].tolist(), strict=True)


def _named(key: int, chosen: tuple[int, ...], axes: Mapping[str, Column]) -> dict[str, str]:
    names, named = list(axes), {}
    for at in reversed(chosen):
        values = axes[names[at]][0]
        key, code = divmod(key, len(values))
        named[names[at]] = values[code]
    return dict(reversed(named.items()))
