"""What `augplan inspect` says of a dataset, as one JSON document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memory.records import Cell, Gap
from tools.catalogue import select
from tools.coverage import holes
from tools.coverage.bins import UNKNOWN, as_number, axis_name, bins_of
from tools.coverage.onepass import TRAIN, Twins
from tools.coverage.patterns import Patterns, uncovered
from tools.shortcuts.channels import CHANNEL, confounds

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from tools.coverage.coverage import Axis, Coverage

EXAMPLES = 20
CELLS = 200
UNCOVERED_BELOW = 5
CANDIDATES = 10_000
"""Cells of one or two axes that are looked at as requests, at most."""


def profile(dataset: Dataset, coverage: Coverage, gaps: Sequence[Gap] | None = None) -> dict[str, Any]:
    """Return counts, near-duplicates, leaks, gaps and attributes of a dataset as plain JSON values.

    Counts of classes, cells and patterns are of training rows; `counted` leaves near-duplicates out. Lists of
    examples hold at most 20 entries, lists of cells and patterns at most 200; the totals stand beside them.
    """
    classes, own = _classes(coverage), _own_axes(dataset, coverage)
    codes = {name: (axis.values, axis.codes) for name, axis in own.items()}
    found = uncovered(codes, UNCOVERED_BELOW, counted=coverage.counted, most=CELLS) if own else Patterns(0, ())
    return {
        "samples": len(dataset),
        "splits": dataset.splits(),
        "classes": classes,
        "imbalance_ratio": _imbalance(classes),
        "effective_number": _effective(classes),
        "cells": _cells(coverage),
        "uncovered_patterns": _patterns(found),
        "requests": _requests(own, found, coverage),
        "near_duplicates": _near_duplicates(dataset, coverage),
        "leaks": _leaks(dataset, coverage),
        "confounds": confounded(coverage),
        "gaps": None if gaps is None else [gap.model_dump(mode="json") for gap in gaps[:CELLS]],
        "attributes": _attributes(dataset, coverage),
    }


def _classes(coverage: Coverage) -> dict[str, dict[str, int]]:
    axis = coverage.axes.get("label")
    if axis is None:
        return {}
    rows, counted = _tally(axis), _tally(axis, coverage.counted)
    return {name: {"rows": rows[at], "counted": counted[at]} for at, name in enumerate(axis.values)}


def _tally(axis: Axis, only: Any = slice(None)) -> list[int]:
    codes = axis.codes[only]
    counts: list[int] = np.bincount(codes[codes >= 0], minlength=len(axis.values)).tolist()
    return counts


def _imbalance(classes: dict[str, dict[str, int]]) -> float | None:
    """Return the counted items of the largest class over those of the smallest; None where that has none."""
    sizes = [one["counted"] for one in classes.values()]
    least = min(sizes, default=0)
    return max(sizes) / least if least else None


def _effective(classes: dict[str, dict[str, int]]) -> dict[str, float]:
    """Return (1 - b^n) / (1 - b) of every class, b = (N - 1) / N, N all counted items (Cui et al. 2019, eq. 2)."""
    total = sum(one["counted"] for one in classes.values())
    shrink = (total - 1) / total if total else 0.0
    return {name: (1.0 - shrink ** one["counted"]) / (1.0 - shrink) for name, one in classes.items()}


def _cells(coverage: Coverage) -> dict[str, Any]:
    """Count label by group, or what there is of them; the emptiest cells first."""
    axes = [name for name in ("label", "group") if name in coverage.axes]
    spanned = int(np.prod([len(coverage.axes[name].values) for name in axes]))
    if not axes or spanned > 100_000:
        return {"axes": axes, "count": spanned if axes else 0, "empty": None, "smallest": []}
    counts = coverage.count(axes, {})
    smallest = sorted(counts.items(), key=lambda one: one[1])[:CELLS]
    return {
        "axes": axes,
        "count": len(counts),
        "empty": sum(have == 0 for have in counts.values()),
        "smallest": [{"cell": dict(cell.at), "counted": have} for cell, have in smallest],
    }


def _own_axes(dataset: Dataset, coverage: Coverage) -> dict[str, Axis]:
    """Return the axes that the data bring themselves."""
    named = ("label", "group", *dataset.columns.attributes)
    return {name: axis for name, axis in coverage.axes.items() if name in named}


def _patterns(found: Patterns) -> dict[str, Any]:
    """Say what the data's own axes leave uncovered, alone and in pairs."""
    listed = [{"pattern": pattern, "counted": have} for pattern, have in found.first]
    return {"fewer_than": UNCOVERED_BELOW, "count": found.count, "first": listed}


def _requests(own: dict[str, Axis], found: Patterns, coverage: Coverage) -> list[dict[str, Any]]:
    """Return the fewest cells whose filling closes the uncovered patterns of the data's own axes, most patterns first.

    One item can close several patterns at once, so cells of two axes are candidates where there are not too many.
    """
    cells: list[Cell] = []
    for size in (1, 2):
        for axes in combinations(own, size):
            if np.prod([len(own[name].values) for name in axes]) <= CANDIDATES:
                cells += coverage.count(axes, {})
    asked = holes.hitting_set([hole for hole in holes.rare(found, UNCOVERED_BELOW) if hole.at], cells, EXAMPLES)
    return [{"cell": dict(one.cell.at), "closes": len(one.closes), "items": one.weight} for one in asked]


def _near_duplicates(dataset: Dataset, coverage: Coverage) -> dict[str, Any]:
    repeats = coverage.reading.repeats
    return {
        "count": len(repeats.rows),
        "share": len(repeats.rows) / len(coverage.train),
        "examples": _examples(dataset, repeats),
        "in_evaluation": len(coverage.reading.evaluation_repeats.rows),
    }


def _examples(dataset: Dataset, twins: Twins) -> list[list[Any]]:
    ids = dataset.column("id")
    pairs = zip(twins.rows[:EXAMPLES].tolist(), twins.similarity[:EXAMPLES].tolist(), strict=True)
    return [[ids[row], ids[other], similarity] for (row, other), similarity in pairs]


def _leaks(dataset: Dataset, coverage: Coverage) -> dict[str, Any]:
    """Name evaluation rows that nearly repeat a training row, and groups that stand in several splits."""
    leaks = coverage.reading.leaks
    where: dict[str, set[str]] = {}
    for group, split in zip(dataset.column("group"), dataset.column("split"), strict=True):
        if group is not None:
            where.setdefault(group, set()).add(str(split))
    shared = {group: sorted(splits) for group, splits in sorted(where.items()) if len(splits) > 1 and TRAIN in splits}
    return {
        "count": len(leaks.rows),
        "between_splits": _examples(dataset, leaks),
        "group_count": len(shared),
        "groups": [{"group": group, "splits": splits} for group, splits in islice(shared.items(), EXAMPLES)],
    }


def confounded(coverage: Coverage) -> list[dict[str, Any]]:
    """Return the measured axes of the channel that the label can be read off in training, the strongest first."""
    label = coverage.axes.get("label")
    if label is None:
        return []
    axes = {name: coverage.axes[name] for name in coverage.derived if name in CHANNEL[coverage.modality]}
    found = confounds(label.codes, {name: axis.codes for name, axis in axes.items()}, seed=0)
    return [
        {
            "axis": one.axis,
            "strength": round(one.strength, 3),
            "cells": [[label.values[row], axes[one.axis].values[column]] for row, column in one.cells],
        }
        for one in found
    ]


def _attributes(dataset: Dataset, coverage: Coverage) -> dict[str, dict[str, Any]]:
    tools = {axis_name(tool): tool for tool in select("measure", coverage.modality)}
    found: dict[str, dict[str, Any]] = {}
    for name, axis in coverage.axes.items():
        if name not in (*dataset.columns.attributes, *coverage.derived):
            continue
        tally = dict(zip(axis.values, _tally(axis), strict=True))
        if name in coverage.derived and bins_of(tools[name]):
            column = coverage.reading.measured[name]
            numbers = np.array([as_number(column[row]) for row in coverage.train.tolist()])
            found[name] = {"unit": tools[name].unit, **_spread(numbers)}
        else:
            tally = dict(Counter(tally).most_common(CELLS))
            found[name] = {"unit": "", "min": None, "median": None, "max": None}
        missing = int((axis.codes < 0).sum())
        found[name]["bins"] = {**tally, **({UNKNOWN: missing} if missing else {})}
    return found


def _spread(numbers: NDArray[np.float64]) -> dict[str, float]:
    known = numbers[~np.isnan(numbers)]
    return {"min": float(known.min()), "median": float(np.median(known)), "max": float(known.max())}
