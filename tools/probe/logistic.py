"""Multinomial logistic regression on TF-IDF rows: weighted, L2-penalised, fitted with L-BFGS.

Written on SciPy's minimiser, as fits run side by side in threads: scikit-learn says that a fit could go on by a
warning, and a warning cannot be held back in one thread alone. The optimum is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from tools.probe.features import TextFeatures

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STRENGTH = 10.0
"""C, the inverse of the penalty, as scikit-learn counts it."""
_MOST_ITERATIONS = 200
_TOLERANCE = 1e-4
"""On the largest entry of the gradient of the mean loss."""
_MEMORY = 5
"""Steps that L-BFGS remembers; more cost what they save."""


@dataclass(frozen=True)
class Rows:
    """Texts, scaled by what a fit knows: TF-IDF of unit length, and beside it unit vectors of their meaning."""

    words: csr_matrix
    dense: Floats
    """(rows, dimensions); no columns without an encoder."""

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.words.shape[1]) + int(self.dense.shape[1])

    def times(self, weights: Floats) -> Floats:
        """Return (rows, classes) from (columns + 1, classes); the last row is the intercept."""
        split = self.words.shape[1]
        return np.asarray(self.words @ weights[:split] + self.dense @ weights[split:-1] + weights[-1])


@dataclass(frozen=True)
class Scale:
    """What a fit learned of the columns: those that occur in its training rows, and how rare each is."""

    columns: Ints
    """Ascending; words that no training row holds are not seen."""
    idf: Floats

    @classmethod
    def of(cls, counts: csr_matrix) -> Scale:
        """Return idf = ln((1 + rows) / (1 + rows with the word)) + 1 from counts (rows, buckets)."""
        columns, rows = np.unique(counts.indices, return_counts=True)
        return cls(columns.astype(np.int64), np.log((1 + counts.shape[0]) / (1 + rows)) + 1)

    def apply(self, features: TextFeatures, at: Ints) -> Rows:
        """Return the rows `at` of `features`, scaled; a row without a known word is all zeros."""
        from scipy.sparse import csr_matrix, diags_array

        words = csr_matrix(features.counts[at][:, self.columns] @ diags_array(self.idf))
        length = np.sqrt(np.asarray(words.multiply(words).sum(axis=1)).ravel())
        dense = np.zeros((len(at), 0)) if features.dense is None else features.dense[at].astype(np.float64)
        return Rows(csr_matrix(diags_array(1 / np.maximum(length, 1e-12)) @ words), dense)


@dataclass(frozen=True)
class Regression:
    """A fitted model."""

    scale: Scale
    weights: Floats
    """(columns + 1, classes)."""

    @classmethod
    def fit(cls, features: TextFeatures, train: Ints, labels: Ints, weights: Floats, classes: int) -> Regression:
        """Fit on the rows `train`; every one of `classes` codes should occur in `labels`."""
        from scipy.optimize import minimize

        scale = Scale.of(features.counts[train])
        rows = scale.apply(features, train)
        options = {"maxiter": _MOST_ITERATIONS, "gtol": _TOLERANCE, "ftol": 1e-14, "maxcor": _MEMORY}
        start = np.zeros((rows.width + 1) * classes)
        found = minimize(_loss(rows, labels, weights, classes), start, jac=True, method="L-BFGS-B", options=options)
        return cls(scale, found.x.reshape(-1, classes))

    def log_probabilities(self, features: TextFeatures, at: Ints) -> Floats:
        """Return (rows, classes) of the rows `at`."""
        from scipy.sparse import csr_matrix, hstack

        rows = self.scale.apply(features, at)
        # As one sparse matrix: its product goes row by row, so that neighbours cannot change a rounding.
        whole = Rows(csr_matrix(hstack([rows.words, csr_matrix(rows.dense)])), np.zeros((len(at), 0)))
        return _log_softmax(whole.times(self.weights))


def _loss(rows: Rows, labels: Ints, weights: Floats, classes: int) -> Callable[[Floats], tuple[float, Floats]]:
    """Return what gives mean weighted cross-entropy plus penalty, and its gradient, at flat parameters."""
    from scipy.sparse import csr_matrix

    turned, split, total = csr_matrix(rows.words.T), rows.words.shape[1], float(weights.sum())
    own = np.eye(classes)[labels]
    share = (weights / total)[:, None]
    penalty = 1 / (STRENGTH * total)

    def loss(flat: Floats) -> tuple[float, Floats]:
        parameters = flat.reshape(-1, classes)
        said = _log_softmax(rows.times(parameters))
        error = (np.exp(said) - own) * share
        slope = penalty * parameters
        slope[:split] += turned @ error
        slope[split:-1] += rows.dense.T @ error
        slope[-1] = error.sum(axis=0)  # the intercept is not penalised
        value = -float((said * own * share).sum()) + penalty / 2 * float((parameters[:-1] ** 2).sum())
        return value, slope.ravel()

    return loss


def _log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return cast("Floats", shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
