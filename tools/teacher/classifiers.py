"""The two generative classifiers behind a teacher: complement naive Bayes for texts, probabilistic LDA for the rest.

Both are fitted in closed form, do well with a handful of rows a class, and score an item by itself: its scores do not
depend on what it is scored together with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]


class Classifier(Protocol):
    """A fitted model."""

    def scores(self, features: Any) -> Scores:
        """Return (items, classes) log-likelihoods up to a constant an item; minus infinity for classes not seen."""
        ...

    def novelty(self, features: Any) -> Scores:
        """Return (items,) how far each is from what the model was fitted on; only the order has a meaning."""
        ...


@dataclass(frozen=True)
class ComplementBayes:
    """Complement naive Bayes (Rennie, Shih, Teevan and Karger 2003, section 3), a mean over an item's n-grams."""

    weights: csr_matrix
    """(buckets, classes): how much an n-gram speaks for a class."""
    priors: Scores
    """(classes,): what every n-gram adds; minus infinity for classes not seen."""

    @classmethod
    def fit(cls, features: csr_matrix, labels: Numbers, classes: int) -> ComplementBayes:
        """Fit on (rows, buckets) of 0 and 1 and the rows' class numbers; one is added to every count."""
        from scipy.sparse import csr_matrix

        rows = np.arange(len(labels))
        member = csr_matrix((np.ones(len(rows), np.float32), (labels, rows)), shape=(classes, len(rows)))
        counts = (member @ features).tocsr()
        every = np.asarray(features.sum(axis=0), np.float64).ravel()
        known = int((every > 0).sum()) + 1
        counts.data = (-np.log1p(-counts.data / (every[counts.indices] + 1))).astype(np.float32)
        own = np.asarray(member @ np.asarray(features.sum(axis=1)), np.float64).ravel()
        priors = np.log(every.sum() - own + known)
        priors[np.bincount(labels, minlength=classes) == 0] = -np.inf
        return cls(counts.T.tocsr(), priors)

    def scores(self, features: csr_matrix) -> Scores:
        """Return (items, classes) mean log-evidence an n-gram."""
        held = np.maximum(np.asarray(features.sum(axis=1), np.float64), 1.0)
        evidence = np.asarray((features @ self.weights).todense(), np.float64)
        return evidence / held + self.priors

    def novelty(self, features: csr_matrix) -> Scores:
        """Return zeros: n-grams that the model does not know say nothing, so a strange text is no danger."""
        return np.zeros(features.shape[0])


@dataclass(frozen=True)
class Cloud:
    """Where training rows lie: a mean, principal directions, the variance along each and outside all of them."""

    mean: Scores
    directions: Scores
    variances: Scores
    outside: float

    @classmethod
    def fit(cls, mean: Scores, directions: Scores, centred: Scores) -> Cloud:
        """Fit on (rows, features) less their mean; small variances are lifted by a twentieth of the average one."""
        variances = ((centred @ directions) ** 2).mean(axis=0)
        outside = float((centred**2).sum(axis=1).mean() - variances.sum())
        lift = 0.05 * float(variances.mean()) if len(variances) else 0.0
        return cls(mean, directions, variances + lift, max(outside, 1e-6))

    def distance(self, row: NDArray[np.float32]) -> float:
        """Return a squared Mahalanobis distance; all that lies outside the directions counts like ten of them."""
        point = row.astype(np.float64) - self.mean
        along = point @ self.directions
        rest = max(float(point @ point - along @ along), 0.0)
        return float((along**2 / self.variances).sum()) + 10 * rest / self.outside


@dataclass(frozen=True)
class ProbabilisticLda:
    """Probabilistic linear discriminant analysis (Ioffe 2006, section 3).

    Class means are drawn from a distribution too, so a class of few rows gets a wide guess, not a wrong one.
    """

    mean: Scores
    """(features,): the mean of the class means."""
    turn: Scores
    """(features, kept): to where rows of a class have unit variance and class means are uncorrelated."""
    weights: NDArray[np.float32]
    """(classes, 2 x kept + 1): on squares, on values, constant."""
    unseen: NDArray[np.bool_]
    cloud: Cloud
    """All rows, whatever their class."""

    DIMENSIONS = 128
    SHRINKAGE = 0.05

    @classmethod
    def fit(cls, features: NDArray[np.float32], labels: Numbers, classes: int) -> ProbabilisticLda:
        """Fit on (rows, features) float32 and the rows' class numbers."""
        mean = features.mean(axis=0, dtype=np.float64)
        centred = features.astype(np.float64) - mean
        first = _principal(centred, cls.DIMENSIONS)
        points = centred @ first
        rows = np.bincount(labels, minlength=classes).astype(np.float64)
        seen = rows > 0
        means = np.zeros((classes, points.shape[1]))
        np.add.at(means, labels, points)
        means /= np.maximum(rows, 1)[:, None]
        centre = means[seen].mean(axis=0)
        whiten = _whitening(points, points - means[labels], len(points) - int(seen.sum()), cls.SHRINKAGE)
        spread, turn = _between(means[seen] @ whiten, rows[seen])
        turn = whiten @ turn
        share = rows[:, None] * spread / (rows[:, None] * spread + 1)
        guess, precision = share * ((means - centre) @ turn), 1 / (1 + spread - share * spread)
        constant = -0.5 * (guess**2 * precision - np.log(precision)).sum(axis=1)
        weights = np.concatenate([-0.5 * precision, guess * precision, constant[:, None]], axis=1)
        return cls(
            mean + first @ centre, first @ turn, weights.astype(np.float32), ~seen, Cloud.fit(mean, first, centred)
        )

    def scores(self, features: NDArray[np.float32]) -> Scores:
        """Return (items, classes) log-likelihoods, one item at a time so that neighbours cannot change a rounding."""
        found = np.empty((len(features), len(self.weights)))
        for at, row in enumerate(features):
            point = (row.astype(np.float64) - self.mean) @ self.turn
            found[at] = self.weights @ np.concatenate([point**2, point, [1.0]]).astype(np.float32)
        found[:, self.unseen] = -np.inf
        return found

    def novelty(self, features: NDArray[np.float32]) -> Scores:
        """Return (items,) squared distances from the training rows (see `Cloud`)."""
        return np.array([self.cloud.distance(row) for row in features], np.float64)


def _principal(centred: Scores, most: int) -> Scores:
    """Return (features, kept) principal directions of nonzero variance, at most `most`."""
    values, vectors = np.linalg.eigh(centred.T @ centred / max(1, len(centred)))
    kept = np.flatnonzero(values > max(values[-1], 1e-12) * 1e-9)[-most:]
    return cast("Scores", vectors[:, kept])


def _whitening(points: Scores, residuals: Scores, freedom: int, shrinkage: float) -> Scores:
    """Return the map to unit variance within classes; the covariance is shrunk towards a multiple of the identity."""
    size = max(1, points.shape[1])
    within = residuals.T @ residuals / max(1, freedom)
    level = max(float(np.trace(within)), 1e-3 * float((points**2).sum()) / max(1, len(points)), 1e-12) / size
    values, vectors = np.linalg.eigh((1 - shrinkage) * within + shrinkage * level * np.eye(points.shape[1]))
    return cast("Scores", vectors / np.sqrt(values))


def _between(means: Scores, rows: Scores) -> tuple[Scores, Scores]:
    """Return the variances of the class means less what few rows explain, and their directions; only positive ones."""
    centred = means - means.mean(axis=0)
    noise = float(np.mean(1 / rows))
    values, vectors = np.linalg.eigh(centred.T @ centred / len(means) - noise * np.eye(means.shape[1]))
    kept = values > 1e-3
    return values[kept], vectors[:, kept]
