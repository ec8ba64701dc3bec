"""A teacher that says whether a made sample still shows its label, judged by real training rows.

The training rows are cut into five folds, by group where rows have one, and a model is fitted for each fold on the
other four. A made sample is read by the model that never saw its parent's fold. Class `j` contradicts a label when
its probability reaches its own threshold t_j and exceeds the label's (`tools.teacher.confident`). What contradicts the
parent's own label already is no evidence against the child: there the teacher abstains, as it does for images and
clips that are unlike any training row, of which it can say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from memory.records import Modality
from tools.seeds import generator, seed_for
from tools.teacher import confident
from tools.teacher.classifiers import Classifier, ComplementBayes, ProbabilisticLda
from tools.teacher.confident import Numbers, Scores
from tools.teacher.features import dense_features, ngrams

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many items are done, and of how many."""

FOLDS = 5
MOST_ROWS = 50_000
"""Training rows that models are fitted on; from larger data an equal number a class is drawn."""
LEAST_A_CLASS = 5
"""Rows of a class that are kept even when the total exceeds `MOST_ROWS`."""
FALSE_ALARMS = 0.05
"""Share of real rows that may be contradicted."""
NOVEL = 0.05
"""Share of real rows that would count as unlike the others; the teacher contradicts nothing further out."""
_SCORES = 10_000_000
_CHARACTERS = 8_000_000
_CHUNK = 256


@dataclass(frozen=True)
class Opinion:
    """What the teacher says of one made sample."""

    agrees: bool
    """True also where the teacher abstains."""
    margin: float | None
    """Probability of the label less that of the likeliest other class; None where nothing was read."""
    why: str


@dataclass(frozen=True)
class Evidence:
    """How good the teacher is, on real rows read by models that did not see them."""

    rows: int
    """Training rows that the models were fitted on."""
    accuracy: float
    """Share of rows whose likeliest class is their label."""
    contradicted: float
    """Share of rows whose label some class contradicts."""
    raised: float
    """How far all thresholds were moved towards 1 to get there: 0 not at all, 1 all the way."""


class Teacher:
    """Fold models and thresholds of one dataset's training rows."""

    def __init__(self, dataset: Dataset, seed: int, progress: Progress | None = None) -> None:
        """Fit on the rows of split `train`; the same rows and seed give the same teacher.

        `progress` is called while rows are read and models fitted.
        """
        self.modality: Modality = dataset.modality
        rows = dataset.rows("train")
        columns = {name: dataset.column(name) for name in ("id", "label", "group")}
        ids, labels, groups = ([columns[name][row] for row in rows] for name in ("id", "label", "group"))
        folds = confident.cut_folds(labels, groups, FOLDS, seed_for(seed, "teacher", "folds"))
        self.classes = sorted({label for label in labels if label is not None})
        self.evidence: Evidence | None = None
        self._number = {name: at for at, name in enumerate(self.classes)}
        self._parents = {str(one): (label, fold) for one, label, fold in zip(ids, labels, folds.tolist(), strict=True)}
        self._doubts: dict[str, frozenset[int]] = {}
        self._models: list[Classifier] = []
        self._seen: list[frozenset[int]] = []
        self._sharpness, self._familiar = 1.0, np.inf
        self._thresholds: Scores = np.ones(len(self.classes))
        chosen = confident.draw_rows(labels, MOST_ROWS, LEAST_A_CLASS, seed_for(seed, "teacher", "rows"))
        self._longest = int(np.clip(_CHARACTERS // max(1, len(chosen)), 200, 4000))
        if len(self.classes) > 1:
            features = self._features_of(dataset, rows[chosen], progress)
            numbers = np.array([self._number[str(labels[at])] for at in chosen], np.int64)
            self._fit(features, numbers, folds[chosen], progress)
            self._calibrate(features, numbers, folds[chosen], seed_for(seed, "teacher", "calibration"))

    def opinions(
        self,
        payloads: Sequence[Payload],
        labels: Sequence[str | None],
        parent_ids: Sequence[str],
        parents: Sequence[Payload],
        learnt: Sequence[bool] = (),
    ) -> list[Opinion]:
        """Read made samples that claim `labels`; `parents` are the payloads of the training rows `parent_ids`.

        `learnt` samples were made after the training rows: being unlike all of them speaks against them.
        Raises KeyError for a parent that is not a training row.
        """
        self._doubt(dict(zip(parent_ids, parents, strict=True)))
        silent = [self._why_silent(label, one) for label, one in zip(labels, parent_ids, strict=True)]
        found = [Opinion(True, None, why) for why in silent]
        for fold in range(FOLDS):
            at = [i for i, one in enumerate(parent_ids) if self._parents[one][1] == fold and not silent[i]]
            if not at:
                continue
            share, novel = self._read([payloads[i] for i in at], fold)
            for place, i in enumerate(at):
                same = labels[i] == self._parents[parent_ids[i]][0]  # doubts are about the parent's own label
                doubts = self._doubts[parent_ids[i]] if same else frozenset[int]()
                one = self._opinion(share[place], self._number[str(labels[i])], doubts)
                found[i] = _after_novelty(one, bool(novel[place]), bool(learnt) and learnt[i])
        return found

    def _opinion(self, share: Scores, own: int, doubts: frozenset[int]) -> Opinion:
        against = self._against(share, own)
        margin = round(float(share[own] - np.delete(share, own).max()), 6)
        if not against:
            return Opinion(True, margin, "")
        fresh = against - doubts
        worst = max(fresh or against, key=lambda at: (float(share[at]), -at))
        reading = (
            f"reads as {self.classes[worst]!r} ({share[worst]:.2f}; {self._thresholds[worst]:.2f} is enough), "
            f"not as {self.classes[own]!r} ({share[own]:.2f})"
        )
        return Opinion(not fresh, margin, reading if fresh else f"abstains: {reading}, and so does its parent")

    def _against(self, share: Scores, own: int) -> frozenset[int]:
        beyond = confident.excess(share[None], np.array([own]), self._thresholds)
        return frozenset(np.flatnonzero(beyond[0] >= 0).tolist())

    def _why_silent(self, label: str | None, parent: str) -> str:
        if label is None:
            return "abstains: there is no label to check"
        if not self._models:
            return "abstains: the training rows have fewer than two classes"
        if label not in self._number:
            return f"abstains: no training row is labelled {label!r}"
        if self._number[label] not in self._seen[self._parents[parent][1]]:
            return f"abstains: rows labelled {label!r} stand only in the fold of the parent"
        return ""

    def _doubt(self, parents: dict[str, Payload]) -> None:
        """Remember which classes contradict each parent's own label."""
        for one in parents.keys() - self._doubts.keys():
            label, fold = self._parents[one]
            if self._why_silent(label, one):
                self._doubts[one] = frozenset()
            else:
                share, _ = self._read([parents[one]], fold)
                self._doubts[one] = self._against(share[0], self._number[str(label)])

    def _read(self, payloads: Sequence[Payload], fold: int) -> tuple[Scores, NDArray[np.bool_]]:
        """Return (items, classes) probabilities and (items,) whether an item is unlike all training rows."""
        features, model = self._features(payloads), self._models[fold]
        return confident.shares(model.scores(features), self._sharpness), model.novelty(features) > self._familiar

    def _features(self, payloads: Sequence[Payload]) -> Any:
        if self.modality == "text":
            return ngrams([str(text) for text in payloads], self._longest)
        return dense_features(self.modality, payloads)

    def _features_of(self, dataset: Dataset, rows: Numbers, progress: Progress | None) -> Any:
        parts = []
        for start in range(0, len(rows), _CHUNK):
            parts.append(self._features(dataset.payloads(rows[start : start + _CHUNK].tolist())))
            if progress is not None:
                progress("teacher: reading training rows", min(start + _CHUNK, len(rows)), len(rows))
        if self.modality == "text":
            from scipy.sparse import vstack

            return vstack(parts, format="csr")
        return np.concatenate(parts)

    def _fit(self, features: Any, labels: Numbers, folds: Numbers, progress: Progress | None) -> None:
        fit = ComplementBayes.fit if self.modality == "text" else ProbabilisticLda.fit
        for fold in range(FOLDS):
            rest = np.flatnonzero(folds != fold) if (folds != fold).any() else np.arange(len(folds))
            self._models.append(fit(features[rest], labels[rest], len(self.classes)))
            self._seen.append(frozenset(labels[rest].tolist()))
            if progress is not None:
                progress("teacher: fitting models", fold + 1, FOLDS)

    def _calibrate(self, features: Any, labels: Numbers, folds: Numbers, seed: int) -> None:
        """Set sharpness, thresholds and evidence from rows read by the model that did not see them.

        From large data rows are drawn, as many as keep (rows, classes) scores small.
        """
        pairs = zip(labels.tolist(), folds.tolist(), strict=True)
        known = np.array([at for at, (label, fold) in enumerate(pairs) if label in self._seen[fold]], np.int64)
        most = int(np.clip(_SCORES // len(self.classes), 1_000, 20_000))
        known = np.sort(generator(seed).permutation(known)[:most])
        if not len(known):  # every class stands in one fold alone: nothing was read by a model that knows it
            self._thresholds = np.full(len(self.classes), 2.0)
            return
        scores, novelty = np.empty((len(known), len(self.classes))), np.empty(len(known))
        for fold, model in enumerate(self._models):
            at = np.flatnonzero(folds[known] == fold)
            for start in range(0, len(at), _CHUNK):
                part = at[start : start + _CHUNK]
                scores[part] = model.scores(features[known[part]])
                novelty[part] = model.novelty(features[known[part]])
        self._familiar = float(np.quantile(novelty, 1 - NOVEL))
        own = labels[known]
        self._sharpness = confident.fit_sharpness(scores, own)
        share = confident.shares(scores, self._sharpness)
        self._thresholds = confident.class_thresholds(share[np.arange(len(own)), own], own, len(self.classes))
        worst = confident.excess(share, own, self._thresholds).max(axis=1)
        raised = confident.raise_for(worst, FALSE_ALARMS)
        self._thresholds += raised * (1 - self._thresholds)
        accuracy, contradicted = float((share.argmax(axis=1) == own).mean()), float((worst >= raised).mean())
        self.evidence = Evidence(len(labels), accuracy, contradicted, raised)


def _after_novelty(opinion: Opinion, novel: bool, learnt: bool) -> Opinion:
    """Return an opinion in the light of whether the sample is unlike all training rows."""
    if novel and learnt:
        return Opinion(False, opinion.margin, "is unlike any training row, and was made after them")
    if novel and not opinion.agrees:
        return Opinion(True, opinion.margin, f"abstains: {opinion.why}, but it is unlike any training row")
    return opinion
