"""Which rows a step starts from: parents of each cell in a seeded order, and classes that are alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memory.records import Cell, Step
from tools.coverage.coverage import Coverage
from tools.seeds import generator, seed_for

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset

MOST_READ = 2_000
"""Texts that are read to tell which classes are alike, an equal number a class ..."""
LEAST_A_CLASS = 5
"""... and no fewer than so many of each, where there are as many."""


@dataclass(frozen=True)
class Task:
    """One candidate to make: which parent, for which cell, the how-manieth try with this parent."""

    position: int
    row: int
    attempt: int
    cell: Cell


def tasks(step: Step, coverage: Coverage, run_seed: int, misread: Collection[int] = ()) -> list[Task]:
    """Return what a step makes, in order: parents of each cell in a seeded order, each used again only after all.

    `misread` are the rows that fills `among` the misread ones take their parents from. A fill without any parent
    makes nothing.
    """
    planned: list[Task] = []
    for fill in step.fill:
        rows = coverage.rows_in(fill.start or fill.cell)
        if fill.among == "misread":
            rows = rows[np.isin(rows, list(misread))]
        if len(rows) == 0:
            continue
        order = generator(seed_for(run_seed, step.id, fill.cell.key)).permutation(len(rows))
        for turn in range(fill.count):
            row = int(rows[order[turn % len(rows)]])
            planned.append(Task(len(planned), row, turn // len(rows), fill.cell))
    return planned


def label_axis(cell: Cell, column: str | None) -> str | None:
    """Return the axis of a cell that is the label, called by its role or by its `column`; None where it has none."""
    return next((name for name in ("label", column) if name is not None and name in cell.at), None)


def likest(dataset: Dataset, coverage: Coverage) -> dict[str, tuple[str, ...]]:
    """Return label -> the other labels, the most alike first; nothing for what is no text.

    Alike are classes whose texts hold the same words and character n-grams: the cosine between their mean vectors,
    where what most texts hold weighs little (inverse document frequency). At most `MOST_READ` texts are read.
    """
    names = coverage.axes["label"].values if "label" in coverage.axes else []
    if dataset.modality != "text" or len(names) < 2:
        return {}
    from scipy.sparse import csr_matrix, diags

    from tools.teacher.features import ngrams

    most = max(LEAST_A_CLASS, MOST_READ // len(names))
    parts = [coverage.rows_in(Cell(at={"label": name}))[:most].tolist() for name in names]
    found = ngrams([str(text) for text in dataset.payloads([row for part in parts for row in part])])
    held = np.asarray(found.sum(axis=0)).ravel()
    weighed = found @ diags(np.log((1 + found.shape[0]) / (1 + held)))
    member = np.repeat(np.arange(len(names)), [len(part) for part in parts])
    whose = csr_matrix((np.ones(len(member)), (member, np.arange(len(member)))), shape=(len(names), len(member)))
    sums = csr_matrix(whose @ weighed)
    length = np.sqrt(np.asarray(sums.multiply(sums).sum(axis=1)).ravel())
    cosine = (sums @ sums.T).toarray() / np.maximum(np.outer(length, length), 1e-12)
    return {
        name: tuple(
            names[other]
            for other in sorted(range(len(names)), key=lambda other: (-round(float(cosine[at, other]), 6), other))
            if other != at
        )
        for at, name in enumerate(names)
    }
