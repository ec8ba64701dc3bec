"""Confident learning on out-of-fold probabilities: folds, class thresholds, and which classes contradict a label.

After Northcutt, Jiang and Chuang (2021), section 3.1, with two changes that matter when classes are small or the
models weak: thresholds of small classes lean on the average class, and all thresholds are raised together until few
enough real rows are contradicted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tools.seeds import generator

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]

BORROWED_ROWS = 5
"""Rows of the average class that every class's threshold leans on."""
SHARPER = 2.0
"""See `fit_sharpness`."""


def cut_folds(labels: Sequence[str | None], groups: Sequence[str | None], folds: int, seed: int) -> Numbers:
    """Return each row's fold, 0 to `folds` - 1: rows of a group together, every class spread as evenly as that allows.

    Rows without a group, and all rows when there is only one group, are groups of their own.
    """
    grouped = len({group for group in groups if group is not None}) > 1
    members: dict[tuple[int, str], list[int]] = {}
    for row, group in enumerate(groups):
        key = (1, group) if grouped and group is not None else (0, str(row))
        members.setdefault(key, []).append(row)
    rarity = Counter(labels)
    order = generator(seed).permutation(len(members))
    together = list(members.values())
    queue = [together[at] for at in order]
    queue.sort(key=len, reverse=True)
    found = np.zeros(len(labels), np.int64)
    load, by_label = [0] * folds, [Counter[str | None]() for _ in range(folds)]
    for rows in queue:
        held = Counter(labels[row] for row in rows)
        rarest = min(held, key=lambda label: (rarity[label], str(label)))
        fold = min(range(folds), key=lambda at: (by_label[at][rarest], load[at], at))
        by_label[fold].update(held)
        load[fold] += len(rows)
        found[rows] = fold
    return found


def draw_rows(labels: Sequence[str | None], most: int, least: int, seed: int) -> Numbers:
    """Return labelled rows, ascending; from more than `most` an equal number a class is drawn, at least `least`."""
    known = np.array([row for row, label in enumerate(labels) if label is not None], np.int64)
    if len(known) <= most:
        return known
    sizes = np.array(sorted(Counter(labels[row] for row in known).values()))
    cap = next((cap for cap in range(int(sizes[-1]), least, -1) if np.minimum(sizes, cap).sum() <= most), least)
    taken: Counter[str | None] = Counter()
    kept: list[int] = []
    for row in generator(seed).permutation(known).tolist():
        taken[labels[row]] += 1
        if taken[labels[row]] <= cap:
            kept.append(row)
    return np.sort(np.array(kept, np.int64))


def shares(scores: Scores, sharpness: float) -> Scores:
    """Return (items, classes) probabilities: the softmax of `sharpness` times log-likelihoods."""
    scaled = scores * sharpness
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return cast("Scores", raised / raised.sum(axis=1, keepdims=True))


def fit_sharpness(scores: Scores, labels: Numbers) -> float:
    """Return the factor on log-likelihoods: `SHARPER` times the one whose out-of-fold probabilities fit best.

    Least log-loss over a fixed grid (temperature scaling: Guo, Pleiss, Sun and Weinberger 2017). A row weighs one over
    the root of its class's size, between the data as it is and all classes alike. The fitted factor makes a mean
    threshold reject half of what a class is right about; a sharper one finds more flipped labels, and `raise_for`
    keeps the false alarms where they were.
    """
    weight = 1 / np.sqrt(np.bincount(labels)[labels])
    at = np.arange(len(labels))

    def loss(factor: float) -> float:
        return float(-(weight * np.log(shares(scores, factor)[at, labels] + 1e-9)).sum())

    factors: list[float] = np.geomspace(0.01, 100.0, 81).tolist()
    return SHARPER * min(factors, key=loss)


def class_thresholds(own: Scores, labels: Numbers, classes: int) -> Scores:
    """Return t_j of every class: the mean of the rows' probabilities `own` of their own label, and borrowed rows."""
    rows = np.bincount(labels, minlength=classes)
    total = np.bincount(labels, weights=own, minlength=classes)
    average = float((total[rows > 0] / rows[rows > 0]).mean())
    return (total + BORROWED_ROWS * average) / (rows + BORROWED_ROWS)


def excess(share: Scores, own: Numbers, thresholds: Scores) -> Scores:
    """Return (items, classes) how far a class is beyond its threshold, as a share of the way from there to 1.

    Minus infinity for classes that are not likelier than the item's own; 0 or more is a contradiction.
    """
    at = np.arange(len(own))
    beyond = (share - thresholds) / np.maximum(1 - thresholds, 1e-12)
    beyond[share <= share[at, own][:, None]] = -np.inf
    return beyond


def raise_for(worst: Scores, most: float) -> float:
    """Return how far to move all thresholds towards 1 so that at most the share `most` of rows stays contradicted.

    `worst` is each row's largest `excess` under the thresholds as they are.
    """
    ranked = np.sort(worst)[::-1]
    allowed = int(most * len(ranked))
    if allowed >= len(ranked) or ranked[allowed] < 0:
        return 0.0
    return float(ranked[allowed]) + 1e-9
