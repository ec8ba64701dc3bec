"""Folds that a learner cannot cheat on: what belongs together is never divided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tools.teacher.confident import cut_folds

Ints = NDArray[np.int64]


def cut(
    labels: Sequence[str | None], groups: Sequence[str | None], twins: Mapping[int, int], folds: int, seed: int
) -> Ints:
    """Return each row's fold, 0 to `folds` - 1, every class spread as evenly as the groups allow.

    Rows of one group stay together, and so do a row and the one that it nearly repeats (`twins`: row -> row). A single
    group does not count: its rows may be divided, near-duplicates still not. Where all rows hang together, every row
    is by itself.
    """
    grouped = len({group for group in groups if group is not None}) > 1
    leader = list(range(len(labels)))
    first: dict[str, int] = {}
    for row, group in enumerate(groups):
        if grouped and group is not None:
            _join(leader, row, first.setdefault(group, row))
    for row, other in twins.items():
        _join(leader, row, other)
    components: list[str | None] = [str(_leader_of(leader, row)) for row in range(len(labels))]
    return cut_folds(labels, components, folds, seed)


def _leader_of(leader: list[int], row: int) -> int:
    """Return the row that stands for `row`'s component, and shorten the way to it (Tarjan 1975)."""
    while leader[row] != row:
        leader[row] = leader[leader[row]]
        row = leader[row]
    return row


def _join(leader: list[int], one: int, other: int) -> None:
    first, second = sorted((_leader_of(leader, one), _leader_of(leader, other)))
    leader[second] = first
