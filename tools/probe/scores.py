"""How well a learner does, and whether it does better with made samples: macro-F1 and its paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.seeds import generator

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FEW_UNITS = 30
"""Below this many independent units a bootstrap is too sure of itself."""
_DRAWS_AT_ONCE = 128


@dataclass(frozen=True)
class ClassScore:
    """One class, without and with the made samples; F1 in 0..1, the gain's interval as in `Comparison`."""

    before: float
    after: float
    gain: float
    low: float
    high: float
    items: int
    """Held-out items of the class."""


@dataclass(frozen=True)
class Comparison:
    """Macro-F1 in 0..1 without and with the made samples, on the same items."""

    before: float
    after: float
    gain: float
    """After less before."""
    spread: float
    """Standard deviation of the gain over the bootstrap's draws."""
    low: float
    """Lower end of the gain's percentile interval."""
    high: float
    units: int
    """Independent units among the items; 1: all items are of one unit, and the spread is that of its items."""
    per_class: tuple[ClassScore, ...]
    """By class code."""


def macro_f1(truth: Ints, predicted: Ints, classes: int, weights: Floats | None = None) -> float:
    """Return the mean F1 of the classes that occur in `truth`, items counted by `weights`; 0 without items."""
    each = np.ones(len(truth)) if weights is None else weights
    tallies = _tallies(truth, predicted, each, np.zeros(len(truth), np.int64), classes)
    return float(_f1(tallies.sum(axis=0))[0])


def item_weights(truth: Ints, classes: int, shares: Floats | None) -> Floats:
    """Return item weights, mean 1, that give every class its share among `shares`; ones without shares.

    Classes without items have no weight to give; the others keep their proportions.
    """
    counts = np.bincount(truth, minlength=classes).astype(np.float64)
    if shares is None or not np.any(shares * counts):
        return np.ones(len(truth))
    weights = (shares / np.maximum(counts, 1))[truth]
    return np.asarray(weights / weights.mean(), np.float64)


def compare(  # noqa: PLR0913 - one question, asked in one place
    truth: Ints,
    before: Ints,
    after: Ints,
    *,
    classes: int,
    weights: Floats,
    units: Ints,
    seed: int,
    draws: int = 1000,
    level: float = 0.9,
    draw_runs: bool = True,
) -> Comparison:
    """Return the paired gain of `after` over `before`, and how sure it is.

    `truth`, `weights` and `units` are (items,); `before` and `after` are (runs, items) class codes, where run i of
    both has the same folds and seed. Scores are means over runs. Units are drawn again with all their items, and runs
    with all their units: the paired bootstrap (Berg-Kirkpatrick, Burkett & Klein 2012, figure 1; Owen 2007 for two
    factors at once). Of G < 30 units, deviations are widened by sqrt(G / (G - 1)), as a bootstrap divides by G where
    a sample's variance divides by G - 1 (Efron & Tibshirani 1993, chapter 5). Items of a single unit are drawn.
    `draw_runs` is for runs of one training each; where a run is many trainings, a fold each, their chance is averaged
    out already, and drawing runs as well makes intervals half as wide again.
    """
    _, unit = np.unique(units, return_inverse=True)
    several = len(unit) > 0 and int(unit.max()) > 0
    place = unit if several else np.arange(len(truth))
    sides = [np.stack([_tallies(truth, run, weights, place, classes) for run in side]) for side in (before, after)]
    without, with_made = (_f1(side.sum(axis=1)).mean(axis=0) for side in sides)
    gains = with_made - without
    drawn = gains + (_drawn_gains(sides, draws, seed, draw_runs) - gains) * _widening(sides[0].shape[1])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    items = np.bincount(truth, minlength=classes)
    columns = zip(without, with_made, gains, low, high, [len(truth), *items], strict=True)
    whole, *each = (
        ClassScore(float(one), float(other), float(gain), float(least), float(most), int(count))
        for one, other, gain, least, most, count in columns
    )
    return Comparison(
        before=whole.before,
        after=whole.after,
        gain=whole.gain,
        spread=float(drawn[:, 0].std()),
        low=whole.low,
        high=whole.high,
        units=int(unit.max()) + 1 if len(unit) else 0,
        per_class=tuple(each),
    )


def _tallies(truth: Ints, predicted: Ints, weights: Floats, place: Ints, classes: int) -> Floats:
    """Return weighted (units, 3, classes): items rightly said to be of a class, of it, and said to be of it."""
    units = int(place.max()) + 1 if len(place) else 1
    right = np.where(truth == predicted, weights, 0.0)
    out = np.empty((units, 3, classes))
    for at, (codes, counted) in enumerate(((truth, right), (truth, weights), (predicted, weights))):
        sums = np.bincount(place * classes + codes, weights=counted, minlength=units * classes)
        out[:, at] = sums.reshape(units, classes)
    return out


def _f1(tallies: Floats) -> Floats:
    """Return (..., 1 + classes) from tallies (..., 3, classes): macro-F1, then the F1 of every class."""
    right, of, said = tallies[..., 0, :], tallies[..., 1, :], tallies[..., 2, :]
    each = 2 * right / np.maximum(of + said, 1e-12)
    seen = of > 0
    mean = (each * seen).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)
    return np.concatenate([mean[..., None], each], axis=-1)


def _drawn_gains(sides: list[Floats], draws: int, seed: int, draw_runs: bool) -> Floats:
    """Return (draws, 1 + classes) gains over units and runs drawn with replacement."""
    random = generator(seed)
    runs, units, _, classes = sides[0].shape
    out = np.zeros((draws, 1 + classes))
    for low in range(0, draws, _DRAWS_AT_ONCE):
        many = min(_DRAWS_AT_ONCE, draws - low)
        of_units = _counts(random, many, units)
        of_runs = _counts(random, many, runs) / runs if draw_runs else np.full((many, runs), 1 / runs)
        for sign, side in zip((-1, 1), sides, strict=True):
            for run in range(runs):
                tallies = (of_units @ side[run].reshape(units, -1)).reshape(many, 3, classes)
                out[low : low + many] += sign * of_runs[:, run, None] * _f1(tallies)
    return out


def _counts(random: np.random.Generator, draws: int, among: int) -> Floats:
    """Return (draws, among): how often each is drawn when as many are drawn with replacement."""
    drawn = random.integers(among, size=(draws, among)) + among * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * among).reshape(draws, among).astype(np.float64)


def _widening(units: int) -> float:
    return float(np.sqrt(units / (units - 1))) if 1 < units < FEW_UNITS else 1.0
