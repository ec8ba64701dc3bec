"""Names of splits, and cutting evaluation rows from the training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_NAMES = {
    TRAIN: ("train", "training", "trn"),
    VALIDATION: ("validation", "valid", "val", "dev", "development"),
    TEST: ("test", "testing", "tst", "eval", "evaluation"),
}
_USUAL = {alias: name for name, aliases in _NAMES.items() for alias in aliases}


def known_split(name: str) -> str | None:
    """Return `train`, `validation` or `test` for the usual ways to write it, or None."""
    return _USUAL.get(name.strip().lower())


def split_in_name(file_name: str) -> str | None:
    """Return the split that a file or folder is named after, or None: `my-train.csv`, `train-00000-of-00001`, `dev`."""
    words = "".join(sign if sign.isalnum() else " " for sign in file_name.lower()).split()
    named = [_USUAL[word] for word in words if word in _USUAL]
    return named[0] if named else None


def cut(
    labels: Sequence[str | None], groups: Sequence[str | None] | None, shares: Mapping[str, float], seed: int
) -> NDArray[np.int8]:
    """Return for every row 0 (stays in training) or 1, 2, ... (the position in `shares` of the split it goes to).

    Rows of one group stay together; a row without a group stands alone. Units (groups or rows) of one label are spread
    evenly over an ordering from 0 to 1, shuffled by `seed` (systematic sampling), and every split is a stretch of it,
    so labels keep their proportions as far as groups allow. A split misses its share by at most one group, as long as
    the shares leave half of the rows to training. Every split and training get at least one unit, and a label that
    only one unit has stays in training.

    Raises UsageError when there are fewer units than splits.
    """
    units = _units(groups, len(labels))
    wanted = list(shares.values())
    found = int(units.max()) + 1 if len(units) else 0
    if found <= len(wanted):
        what = "rows" if groups is None else "groups (with rows that have none counted one by one)"
        raise UsageError(
            f"The training rows come from {found} {what}, too few to cut {' and '.join(shares)} from; "
            "leave a split out, or name another column in columns.group.",
            where="dataset.splits",
        )
    order = _order(units, labels, found, np.random.Generator(np.random.PCG64(seed)))
    taken = np.zeros(found, np.int8)
    sizes = np.bincount(units, minlength=found)[order]
    ends = np.cumsum(sizes)
    start = 0
    for position, share in enumerate(wanted):
        before = int(ends[start - 1]) if start else 0
        last = found - (len(wanted) - position)
        stop = min(max(_nearest(ends, before + share * len(labels)), start + 1), last)
        taken[order[start:stop]] = position + 1
        start = stop
    return taken[units]


def _units(groups: Sequence[str | None] | None, rows: int) -> NDArray[np.int64]:
    """Return the number of each row's unit, counted in order of first appearance."""
    if groups is None:
        return np.arange(rows)
    numbers: dict[str, int] = {}
    units = np.empty(rows, np.int64)
    alone = 0
    for row, group in enumerate(groups):
        if group is None:
            units[row] = len(numbers) + alone
            alone += 1
        else:
            known = numbers.get(group)
            if known is None:
                known = numbers[group] = len(numbers) + alone
                # `alone` numbers are never given again: both counters only grow.
            units[row] = known
    return units


def _nearest(ends: NDArray[np.int64], wanted: float) -> int:
    """Return how many units come closest to `wanted` rows."""
    after = int(np.searchsorted(ends, wanted))
    if after == len(ends):
        return after
    before = int(ends[after - 1]) if after else 0
    return after if wanted - before <= int(ends[after]) - wanted else after + 1


def _order(
    units: NDArray[np.int64], labels: Sequence[str | None], found: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    shuffled = rng.permutation(found)
    of_label: dict[str | None, list[int]] = {}
    main = _main_labels(units, labels, found)
    for unit in shuffled.tolist():
        of_label.setdefault(main[unit], []).append(unit)
    place = np.empty(found, np.float64)
    for members in of_label.values():
        offset = rng.random()
        spread = (np.arange(len(members)) + offset) / len(members)
        # The only unit of a label goes to the end of the ordering, which is training.
        place[members] = 2.0 if len(members) == 1 and len(of_label) > 1 else spread
    # Ties fall in shuffled order, as the sort is stable.
    return np.asarray(shuffled[np.argsort(place[shuffled], kind="stable")], np.int64)


def _main_labels(units: NDArray[np.int64], labels: Sequence[str | None], found: int) -> list[str | None]:
    if found == len(labels):
        return list(labels)
    counts: list[Counter[str | None]] = [Counter() for _ in range(found)]
    for unit, label in zip(units.tolist(), labels, strict=True):
        counts[unit][label] += 1
    return [min(count, key=lambda label, count=count: (-count[label], str(label))) for count in counts]  # type: ignore[misc]
