"""Channels that give labels away: one class only over the telephone, one only in noise, one only in small images.

Association of the label with an axis is the bias-corrected Cramér's V (Bergsma 2013, eq. 8): 0 where they are
independent, 1 where one follows from the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory.records import Modality
from tools.seeds import generator, seed_for

CHANNEL: Mapping[Modality, frozenset[str]] = {
    "text": frozenset(),
    "image": frozenset({"contrast", "size"}),
    "speech": frozenset({"bandwidth", "clipping", "level", "silence", "snr"}),
}
"""Measured axes that say how a sample was taken rather than what it shows.

Left out is what a label may rightly follow: how long a word is (`duration`), how much is said (`words`,
`type_token_ratio`), in which writing (`script`), and in images `brightness` and `sharpness`: of all pairs of garments
on a black ground they tell 13 and 6 of 45. `drift` is safe on any axis, as what the label follows by itself cancels.
What is in leans on content a little, too (a hiss is wider than a vowel), hence the margins below: over all classes V
reaches 0.51 in real sets. `bandwidth` may still tell two single words, such as "four" and "eight".
"""
LEAST_WHOLE = 0.5
"""Association of label and axis from which a learner can read the one off the other."""
LEAST_CELL = 0.7
"""The same for one label and one value, each against the rest: where one class of many has a channel of its own,
the whole stays near 0.5. Real sets reach 0.58."""
MOST_DRIFT = 0.15
"""Rise by which made samples tie an axis to the label, where `drift` is told of copies of the parents. Filling up a
class passes it in 0.3 % of cases where the tool shifts values by chance (2 to 10 classes, 5 to 20 parents; at most
4 %), in 99.6 % where all samples come out in a range that no real one has, and in 62 % where in one they share."""
FALSE_ALARMS = 0.01
"""Share of reported axes that may be there by chance (Benjamini & Hochberg 1995)."""
PERMUTATIONS = 1_000

_SURE = 2.326
"""Standard errors that the association must lie above its margin: 99 %, one-sided."""
_BORROWED = 4.0
"""Samples without association that are added before the error is taken; two that agree by chance would have none."""
_MOST_CELLS = 5

Codes = NDArray[np.integer[Any]]
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Confound:
    """An axis that the label can be read off."""

    axis: str
    strength: float
    """V of label and axis, or of the label and value that go together most, whichever is larger."""
    p: float
    """Share of tables with the same margins that are as far from independence."""
    cells: tuple[tuple[int, int], ...]
    """(label code, value code) of the largest positive standardised residuals, largest first: at most five, none
    under half the largest."""


def confounds(label_codes: Codes, axes: Mapping[str, Codes], seed: int) -> list[Confound]:
    """Return the axes that the label can be read off, strongest first; give it axes of the channel (`CHANNEL`).

    Codes are aligned, one entry a sample; -1 is unknown and left out. Reported is an axis whose association is no
    chance (permutation test, Benjamini-Hochberg over all axes) and lies above its margin by more than its error.
    Raises ValueError when the lengths differ.
    """
    tables = {name: _count(label_codes, codes) for name, codes in axes.items()}
    permutations = max(PERMUTATIONS, math.ceil(len(axes) / FALSE_ALARMS))
    p = {name: _chance(table, permutations, generator(seed_for(seed, name))) for name, (table, _, _) in tables.items()}
    least = _least_p(list(p.values()))
    found = []
    for name, (table, labels, values) in tables.items():
        if p[name] <= least and (_surely(table) >= LEAST_WHOLE or _surely(_closest(table)) >= LEAST_CELL):
            cells = tuple((int(labels[row]), int(values[column])) for row, column in _largest(table))
            found.append(Confound(name, max(_v(table), _v(_closest(table))), p[name], cells))
    return sorted(found, key=lambda one: (-one.strength, one.axis))


def drift(before: tuple[Codes, Codes], after: tuple[Codes, Codes]) -> float:
    """Return by how much V of label and axis rises from one set of samples to another, in [-1, 1].

    Each is (label codes, axis codes), -1 for unknown: before and after made samples were added. A class filled up from
    few parents gains by that alone, 0.4 from five parents of two classes. To see what the tools did, let `before` hold
    the made samples too, each with its parent's code on the axis; over `MOST_DRIFT` they tie the axis to the label.
    """
    return association(*after) - association(*before)


def association(label_codes: Codes, codes: Codes) -> float:
    """Return the bias-corrected Cramér's V of two sets of codes, in [0, 1]; 0 where either has one value only."""
    return _v(_count(label_codes, codes)[0])


def _count(label_codes: Codes, codes: Codes) -> tuple[Table, Codes, Codes]:
    """Return the (labels, values) counts of known samples, and the codes of its rows and columns."""
    if len(label_codes) != len(codes):
        raise ValueError(f"There are {len(label_codes)} labels and {len(codes)} values; give one of each a sample.")
    known = (label_codes >= 0) & (codes >= 0)
    labels, rows = np.unique(label_codes[known], return_inverse=True)
    values, columns = np.unique(codes[known], return_inverse=True)
    shape = len(labels), len(values)
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64), labels, values


def _expected(table: Table) -> Table:
    expected: Table = np.outer(table.sum(1), table.sum(0)) / table.sum()
    return expected


def _phi2(table: Table) -> float:
    """Return the mean square contingency: chi-squared over the number of samples."""
    expected = _expected(table)
    return float(((table - expected) ** 2 / expected).sum() / table.sum())


def _v(table: Table, phi2: float | None = None) -> float:
    """Return the bias-corrected V of the counts, or of a `phi2` that goes with them."""
    n, (rows, columns) = float(table.sum()), table.shape
    if min(rows, columns) < 2:
        return 0.0
    over = (_phi2(table) if phi2 is None else phi2) - (rows - 1) * (columns - 1) / (n - 1)
    most = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(max(0.0, over) / most)) if most > 0 else 0.0


def _surely(table: Table) -> float:
    """Return what V exceeds by all odds: the lower end of a confidence interval, by the delta method on phi squared."""
    if min(table.shape) < 2:
        return 0.0
    n = table.sum()
    share = (table + _expected(table) * _BORROWED / n) / (n + _BORROWED)
    rows, columns = share.sum(1, keepdims=True), share.sum(0, keepdims=True)
    ratio = share / (rows * columns)
    square = share * ratio
    slope = 2 * ratio - square.sum(1, keepdims=True) / rows - square.sum(0, keepdims=True) / columns
    variance = (share * slope**2).sum() - (share * slope).sum() ** 2
    low = square.sum() - 1 - _SURE * math.sqrt(max(0.0, variance) / (n + _BORROWED))
    return _v(table, float(low))


def _phis(table: Table) -> Table:
    """Return phi of every label and value against the rest; times the root of n, the adjusted standardised residual."""
    n, rows, columns = table.sum(), table.sum(1, keepdims=True), table.sum(0, keepdims=True)
    phis: Table = (table * n - rows * columns) / np.sqrt(rows * (n - rows) * columns * (n - columns))
    return phis


def _closest(table: Table) -> Table:
    """Return the 2 x 2 table of the label and the value that go together most, each against the rest."""
    if min(table.shape) < 2:
        return table
    row, column = np.unravel_index(_phis(table).argmax(), table.shape)
    both, label, value = table[row, column], table[row].sum(), table[:, column].sum()
    return np.array([[both, label - both], [value - both, table.sum() - label - value + both]])


def _largest(table: Table) -> list[tuple[int, int]]:
    phis = _phis(table)
    order = np.argsort(-phis, axis=None, kind="stable")[:_MOST_CELLS]
    places = np.stack(np.unravel_index(order, table.shape), axis=1).tolist()
    return [(row, column) for row, column in places if phis[row, column] >= phis.max() / 2]


def _chance(table: Table, permutations: int, rng: np.random.Generator) -> float:
    """Return the p-value of chi-squared under permuted labels.

    Permuting labels gives random tables with the same margins, which are drawn directly, cell by cell from
    hypergeometric distributions (Patefield 1981): the work depends on the table, not on the number of samples.
    """
    if min(table.shape) < 2:
        return 1.0
    expected = _expected(table)
    left = np.tile(table.sum(0).astype(np.int64), (permutations, 1))
    far = np.zeros(permutations)
    for row, size in enumerate(table.sum(1).astype(np.int64)):
        wanted, others = np.full(permutations, size), left.sum(1)
        for column in range(table.shape[1]):
            others -= left[:, column]
            drawn = rng.hypergeometric(left[:, column], others, wanted)
            far += (drawn - expected[row, column]) ** 2 / expected[row, column]
            left[:, column] -= drawn
            wanted -= drawn
    as_far = np.count_nonzero(far >= _phi2(table) * table.sum() - 1e-9)
    return (1 + as_far) / (1 + permutations)


def _least_p(p: list[float]) -> float:
    """Return the largest p-value that Benjamini-Hochberg lets pass; -1 where none does."""
    passed = [one for rank, one in enumerate(sorted(p), 1) if one <= FALSE_ALARMS * rank / len(p)]
    return passed[-1] if passed else -1.0
