"""What the writers of an export are given, and what they say they wrote."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memory.datasets.dataset import Dataset
from memory.datasets.made import Candidate, Judged
from memory.datasets.paths import inside
from memory.datasets.splits import TRAIN
from memory.datasets.table import pick
from memory.exports.card import Part
from memory.exports.shape import Item, Row, Shape, items


@dataclass(frozen=True)
class Written:
    """What lies in the folder once the rows are written."""

    shape: Shape
    parts: Sequence[Part]
    """Training first."""
    kept: Sequence[str]
    """Tables that were copied and that no part names."""
    synthetic: int


@dataclass(frozen=True)
class Task:
    """One export."""

    dataset: Dataset
    made: Iterable[tuple[Candidate, Judged]]
    folder: Path
    kind: str
    duplicate_of: Mapping[int, int]

    def evaluation(self) -> list[str]:
        """Return the splits other than training."""
        return [split for split in self.dataset.splits() if split != TRAIN]

    def copy(self, name: str, under: str | None = None) -> str:
        """Copy a source file byte for byte and return its path in the export: the same, or `under`."""
        inside(self.dataset.root, "", name, name)
        file = self.folder / (under or name)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.dataset.root / name, file)
        return under or name

    def training(self, shape: Shape) -> Iterator[tuple[Item, Row]]:
        """Yield the real training rows with their provenance."""
        ids = self.dataset.table.column("id")
        for item in items(self.dataset, TRAIN):
            first = self.duplicate_of.get(item.row)
            repeated = "" if first is None else str(pick(ids, [first])[0])
            yield item, shape.provenance_of_real(item.id, repeated)
