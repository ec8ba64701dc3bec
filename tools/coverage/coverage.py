"""What the training rows cover: axes, counts per cell, and which rows count.

A row counts when it nearly repeats no earlier training row (`tools.similarity.seen`); counts are of such rows only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from memory.errors import UsageError
from memory.records import Cell, Modality
from tools.catalogue import select
from tools.coverage.bins import UNKNOWN, axis_name, bin_of, bins_of, measure_all
from tools.coverage.onepass import TRAIN, Progress, Reading, read
from tools.coverage.profile import profile

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset

__all__ = ["Axis", "Coverage", "bin_of", "measure_all", "profile", "survey"]

_MOST_CELLS = 1_000_000
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
    """One way to divide the training rows."""

    name: str
    values: list[str]
    """Sorted; the ranges of a measure ascend."""
    codes: NDArray[np.int32]
    """Position in `values` of every training row; -1 where the value is not known, which is no cell."""


@dataclass(frozen=True)
class Coverage:
    """Counts over the training rows of one dataset."""

    modality: Modality
    train: Ints
    """Training rows of the dataset, in order; what is aligned with it is said so."""
    axes: dict[str, Axis]
    """label, group, attributes of the data, derived attributes; an axis without any value is left out."""
    derived: tuple[str, ...]
    """Axes that a measure gives; an attribute of the data by the same name goes first."""
    counted: NDArray[np.bool_]
    """Per training row: it nearly repeats no earlier training row."""
    duplicate_of: dict[int, int]
    """Training row -> the earliest counted training row that it nearly repeats."""
    reading: Reading
    """The pass over all splits: measured values, near-duplicates, leaks."""
    _parts: dict[tuple[str, ...], dict[tuple[str, ...], Ints]] = field(default_factory=dict, repr=False, compare=False)
    """Axes -> values -> rows, for axes that were asked for."""

    def axis(self, name: str) -> Axis:
        """Return an axis; raises UsageError naming those there are."""
        if name not in self.axes:
            raise UsageError(f"The training rows have no axis {name!r}; they have: {', '.join(self.axes)}.")
        return self.axes[name]

    def count(self, axes: Sequence[str], only: Mapping[str, Sequence[str]]) -> dict[Cell, int]:
        """Return the counted rows of every cell: the cross product of the values seen in training, or of `only`.

        A value in `only` that no training row has gives cells with 0. Raises UsageError for an unknown axis, or
        more than 1,000,000 cells.
        """
        chosen = [list(dict.fromkeys(only.get(name) or self.axis(name).values)) for name in axes]
        cells = int(np.prod([len(values) for values in chosen], dtype=object))
        if cells > _MOST_CELLS:
            raise UsageError(f"The axes {list(axes)} span {cells:,} cells; name the values wanted under 'only'.")
        flat = np.zeros(len(self.train), np.int64)
        known = self.counted.copy()
        for name, values in zip(axes, chosen, strict=True):
            place = {value: at for at, value in enumerate(values)}
            moved = np.array([*(place.get(value, -1) for value in self.axis(name).values), -1], np.int64)
            codes = moved[self.axis(name).codes]
            known &= codes >= 0
            flat = flat * len(values) + codes
        counts = np.bincount(flat[known], minlength=cells).tolist()
        places = product(*chosen)
        return {Cell(at=dict(zip(axes, at, strict=True))): have for at, have in zip(places, counts, strict=True)}

    def rows_in(self, cell: Cell) -> Ints:
        """Return the dataset rows of all training items in `cell`, counted ones first, each part in order.

        Raises UsageError for an unknown axis; a value that no row has gives none.
        """
        names = tuple(cell.at)
        if names not in self._parts:
            self._parts[names] = self._divide(names)
        return self._parts[names].get(tuple(cell.at.values()), self.train[:0])

    def _divide(self, names: tuple[str, ...]) -> dict[tuple[str, ...], Ints]:
        """Return the rows of every cell of some axes that has any: one sort, however many cells there are."""
        axes = [self.axis(name) for name in names]
        flat = np.zeros(len(self.train), np.int64)
        known = np.ones(len(self.train), bool)
        for axis in axes:
            known &= axis.codes >= 0
            flat = flat * len(axis.values) + axis.codes
        order = np.lexsort((~self.counted, flat))
        order = order[known[order]]
        starts = np.flatnonzero(np.diff(flat[order], prepend=-1))
        parts = np.split(self.train[order], starts[1:])
        firsts = order[starts].tolist()
        return {
            tuple(axis.values[axis.codes[first]] for axis in axes): rows
            for first, rows in zip(firsts, parts, strict=False)
        }

    def real_per_label(self) -> dict[str, int]:
        """Return the counted training rows of every label."""
        if "label" not in self.axes:
            return {}
        return {cell.at["label"]: have for cell, have in self.count(("label",), {}).items()}

    def bins(self, payloads: Sequence[Payload]) -> list[dict[str, str]]:
        """Return where made samples stand on the derived axes of this dataset: `{words: 5-15, script: Latin}`."""
        measured = measure_all(self.modality, payloads)
        return [{axis: one[axis] for axis in self._measures} for one in measured]

    @cached_property
    def _measures(self) -> tuple[str, ...]:
        """Every derived attribute that no attribute of the data hides, seen in training or not."""
        named = (axis_name(tool) for tool in select("measure", self.modality))
        return tuple(name for name in named if name in self.derived or name not in self.axes)


def check_axes(dataset: Dataset, axes: Iterable[str]) -> None:
    """Refuse an axis that neither the data nor a measure has, before anything is read.

    Raises UsageError naming the axes there are.
    """
    known = [*dataset.axes(), *(axis_name(tool) for tool in select("measure", dataset.modality))]
    for name in axes:
        if name not in known:
            raise UsageError(f"There is no axis {name!r}; there are: {', '.join(known)}.", where="targets.axes")


def survey(dataset: Dataset, progress: Progress | None = None) -> Coverage:
    """Read the dataset once (or what its workspace keeps of that) and return what its training rows cover.

    `progress` is called with (rows done, rows in all). Raises UsageError when there is no training row.
    """
    reading = read(dataset, progress)
    train = np.asarray(dataset.rows(TRAIN), np.int64)
    given = {name: dataset.column(name) for name in ("label", "group", *dataset.axes())}
    axes = {name: axis for name, column in given.items() if (axis := _given(name, column, train)).values}
    derived = [axis for axis in _derived(dataset.modality, reading, train) if axis.values and axis.name not in given]
    duplicate_of = dict(reading.repeats.rows.tolist())
    return Coverage(
        modality=dataset.modality,
        train=train,
        axes={**axes, **{axis.name: axis for axis in derived}},
        derived=tuple(axis.name for axis in derived),
        counted=~np.isin(train, list(duplicate_of)),
        duplicate_of=duplicate_of,
        reading=reading,
    )


def _given(name: str, column: Sequence[str | None], train: Ints) -> Axis:
    mine = [column[row] for row in train.tolist()]
    return _axis(name, mine, sorted({value for value in mine if value is not None}))


def _derived(modality: Modality, reading: Reading, train: Ints) -> list[Axis]:
    made = []
    for tool in select("measure", modality):
        column = reading.measured[axis_name(tool)]
        mine = [bin_of(tool, column[row]) for row in train.tolist()]
        seen = set(mine) - {UNKNOWN}
        ranges = [name for name in bins_of(tool) if name in seen] or sorted(seen)
        made.append(_axis(axis_name(tool), mine, ranges))
    return made


def _axis(name: str, column: Sequence[str | None], values: list[str]) -> Axis:
    place: dict[str | None, int] = {value: at for at, value in enumerate(values)}
    return Axis(name, values, np.array([place.get(value, -1) for value in column], np.int32))
