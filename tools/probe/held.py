"""What is trained on and what is held out: a validation split that says something new, or folds of the training rows.

The test split is held out only where it is asked for by name: once, at the end of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tools.probe import folds
from tools.seeds import generator, seed_for
from tools.teacher.confident import draw_rows

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from tools.coverage.coverage import Coverage

Ints = NDArray[np.int64]
Kind = Literal["folds", "validation", "test"]

MOST_ROWS = 4_000
"""Training rows that a learner sees, and items that it is asked about; from more, some are drawn."""
LEAST_HELD = 40
"""A validation split of fewer items is no better than folds."""
LEAST_GROUPS = 4
"""With two speakers a fold trains on one and asks about the other; what that shows is one speaker, not speakers."""
_LEAST_A_CLASS = 8
_FOLDS = {"text": 5, "image": 3, "speech": 3}
_MOST_GROUP_FOLDS = 5


@dataclass(frozen=True)
class HeldOut:
    """Rows of one dataset, those to train on and those to ask about. A class is its position in `classes`."""

    kind: Kind
    classes: tuple[str, ...]
    rows: Ints
    """Training rows, ascending."""
    labels: Ints
    """Class of each training row."""
    items: Ints
    """Rows that are asked about; the training rows themselves where folds are held out."""
    truth: Ints
    """Class of each item."""
    units: Ints
    """Which independent unit each item belongs to: its group, or it and what it nearly repeats."""
    shares: NDArray[np.float64] | None
    """Class shares of the evaluation splits, which items of folds are weighted to; None: items stand for themselves."""
    informative: bool
    """False where the rows come from fewer than `LEAST_GROUPS` groups: they say next to nothing of other groups."""
    left_out: int
    """Items left out because they nearly repeat a training row; they would reward learning by heart."""
    _groups: tuple[str | None, ...] = field(repr=False, default=())
    _twins: dict[int, int] = field(repr=False, default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether there is something to learn and something to ask about."""
        return len(self.classes) > 1 and len(set(self.truth.tolist())) > 1 and len(self.rows) >= 2 * len(self.classes)

    @property
    def many_groups(self) -> int:
        """Groups among the training rows."""
        return len(set(self._groups) - {None})

    def sizes(self) -> dict[str, int]:
        """Return label -> training rows."""
        return dict(zip(self.classes, np.bincount(self.labels, minlength=len(self.classes)).tolist(), strict=True))

    def parts(self, modality: str, seed: int) -> list[tuple[Ints, Ints]]:
        """Return (positions in `rows` to train on, positions in `items` to ask about), one pair a fold."""
        if self.kind != "folds":
            return [(np.arange(len(self.rows)), np.arange(len(self.items)))]
        labels = [self.classes[code] for code in self.labels.tolist()]
        count = min(self.many_groups, _MOST_GROUP_FOLDS) if self.many_groups > 1 else _FOLDS[modality]
        place = {row: at for at, row in enumerate(self.rows.tolist())}
        twins = {place[row]: place[other] for row, other in self._twins.items() if row in place and other in place}
        fold = folds.cut(labels, list(self._groups), twins, count, seed)
        pairs = [(np.flatnonzero(fold != at), np.flatnonzero(fold == at)) for at in range(count)]
        return [(train, items) for train, items in pairs if len(train) and len(items)]


def hold_out(dataset: Dataset, coverage: Coverage, seed: int, what: Literal["auto", "test"]) -> HeldOut:
    """Divide a dataset. `auto` never touches the test split; `test` takes it, or the validation split without one."""
    labels, groups = dataset.column("label"), dataset.column("group")
    rows = np.array([row for row in coverage.train.tolist() if labels[row] is not None], np.int64)
    rows = rows[draw_rows([labels[row] for row in rows], MOST_ROWS, _LEAST_A_CLASS, seed_for(seed, "probe", "rows"))]
    classes = tuple(sorted({str(labels[row]) for row in rows}))
    code = {name: at for at, name in enumerate(classes)}

    def known(split: str) -> list[int]:
        return [row for row in dataset.rows(split).tolist() if labels[row] in code]

    def codes(of: Ints) -> Ints:
        return np.array([code[str(labels[row])] for row in of.tolist()], np.int64)

    own = {groups[row] for row in rows.tolist()} - {None}
    leaked = {int(row) for row, _ in coverage.reading.leaks.rows.tolist()}
    kind, candidates = _candidates(known, what, {row for row in known("validation") if groups[row] in own})
    kept = [row for row in candidates if row not in leaked]
    whole = {str(labels[row]) for row in kept} == set(classes)
    if what == "auto" and not (whole and len(kept) >= max(LEAST_HELD, 4 * len(classes))):
        kind, kept, candidates = "folds", rows.tolist(), rows.tolist()
    items = _at_most(np.array(kept, np.int64), seed)
    shares = None
    if kind == "folds":
        evaluation = codes(np.array([*known("validation"), *known("test")], np.int64))
        counts = np.bincount(evaluation, minlength=len(classes)).astype(np.float64)
        shares = counts / counts.sum() if len(counts) and (counts > 0).all() else None
    return HeldOut(
        kind=kind,
        classes=classes,
        rows=rows,
        labels=codes(rows),
        items=items,
        truth=codes(items),
        units=_units([groups[row] for row in items.tolist()], items, coverage),
        shares=shares,
        informative=kind != "folds" or not own or len(own) >= LEAST_GROUPS,
        left_out=len(candidates) - len(kept),
        _groups=tuple(groups[row] for row in rows.tolist()),
        _twins=coverage.duplicate_of,
    )


def _candidates(
    known: Callable[[str], list[int]], what: Literal["auto", "test"], of_own_groups: set[int]
) -> tuple[Kind, list[int]]:
    """Return the split that may be held out, and its rows."""
    if what == "test":
        test = known("test")
        return ("test", test) if test else ("validation", known("validation"))
    return "validation", [row for row in known("validation") if row not in of_own_groups]


def _at_most(rows: Ints, seed: int) -> Ints:
    if len(rows) <= MOST_ROWS:
        return rows
    return np.sort(generator(seed_for(seed, "probe", "held")).permutation(rows)[:MOST_ROWS])


def _units(groups: list[str | None], items: Ints, coverage: Coverage) -> Ints:
    grouped = len(set(groups) - {None}) > 1
    place: dict[tuple[bool, str], int] = {}
    found = []
    for group, row in zip(groups, items.tolist(), strict=True):
        name = (True, group) if grouped and group is not None else (False, str(coverage.duplicate_of.get(row, row)))
        found.append(place.setdefault(name, len(place)))
    return np.array(found, np.int64)
