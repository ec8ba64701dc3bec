"""The held-out measure of one dataset: how well a learner does on real items, with and without made samples.

A made sample stays with its parents: it is never trained on while one of them is held out. Steps, seeds and items are
the same whatever is trained on, so any two predictions are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from tools.probe import scores
from tools.probe.held import HeldOut
from tools.probe.probe import Fit, Probe, steps_for
from tools.probe.scores import Comparison
from tools.seeds import generator, seed_for

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from tools.coverage.coverage import Coverage

Ints = NDArray[np.int64]
Weighting = Literal["none", "classes"]
Shift = Callable[[Sequence[int]], list[Payload]]
"""Rows -> their payloads as they come where the model is used."""

LEVEL = 0.9
RUNS = 2
"""Trainings of everything, each with its own folds and start."""
_CHUNK = 256


@dataclass(frozen=True)
class Samples:
    """Made samples as a learner sees them."""

    features: Any
    labels: Ints
    """(samples,) class numbers."""
    parents: tuple[tuple[int, ...], ...]
    """The dataset rows that each was made from."""

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)


@dataclass(frozen=True)
class Lot:
    """What one step made, as the learner sees it."""

    samples: Samples
    """The accepted ones."""
    made: int
    left_out: str
    """Why no sample of it may be trained on, or ""."""
    note: str
    """What else a person should know of it, or ""."""


@dataclass(frozen=True)
class Training:
    """What a learner is trained on beside the real rows as they are."""

    made: Samples | None = None
    weighting: Weighting = "none"
    """`classes`: every class weighs the same, whatever its rows."""
    copies: Mapping[str, int] | None = None
    """Label -> real rows that stand there once more; none are made."""
    half: bool = False
    """Train on half of every class: what more real rows would bring."""


class Bench:
    """One learner and one division of a dataset."""

    def __init__(
        self, dataset: Dataset, held: HeldOut, probe: Probe, seed: int, *, shift: Shift | None = None, runs: int = RUNS
    ) -> None:
        """Keep what is needed; rows are read when the first question comes. `shift` gives items as they come in use."""
        self.dataset, self.held, self.probe, self.seed, self.shift, self.runs = dataset, held, probe, seed, shift, runs
        self._code = {name: at for at, name in enumerate(held.classes)}
        self._own_items = held.kind != "folds" or shift is not None
        """Whether items have features of their own, and are not the training rows as they are."""

    def read(
        self, payloads: Sequence[Payload], labels: Sequence[str | None], parents: Sequence[Sequence[str]]
    ) -> Samples:
        """Return made samples as the learner sees them; `parents` are ids. What has no label of a class is left out."""
        kept = [at for at, label in enumerate(labels) if label in self._code]
        codes = np.array([self._code[str(labels[at])] for at in kept], np.int64)
        rows = tuple(tuple(self.row_of[one] for one in parents[at]) for at in kept)
        return Samples(self._features_of([payloads[at] for at in kept]), codes, rows)

    def join(self, lots: Iterable[Samples]) -> Samples | None:
        """Return several lots of samples as one, or None where there are none."""
        some = [lot for lot in lots if len(lot)]
        if not some:
            return None
        features = self.probe.stack([lot.features for lot in some])
        return Samples(
            features, np.concatenate([lot.labels for lot in some]), tuple(one for lot in some for one in lot.parents)
        )

    def predict(self, training: Training) -> Ints:
        """Train, and return what is said of every item: (runs, items) class numbers."""
        features, made = self._real, training.made
        offset = len(self.held.rows) + (len(self.held.items) if self._own_items else 0)
        if made is not None:
            features = self.probe.stack([features, made.features])
        fits, places = [], []
        for run, parts in enumerate(self._parts):
            for train, items in parts:
                chosen = train[self._half[train]] if training.half else train
                positions, codes = self._trained_on(chosen, training, offset)
                asked = items + len(self.held.rows) if self._own_items else items
                seed = seed_for(self.seed, "probe", str(run))
                fits.append(Fit(positions, codes, self._weights(codes, training.weighting), asked, seed))
                places.append((run, items))
        found = np.zeros((self.runs, len(self.held.items)), np.int64)
        for (run, items), said in zip(places, self.probe.predict(features, fits), strict=True):
            found[run, items] = said.argmax(axis=1)
        return found

    def compare(self, before: Ints, after: Ints) -> Comparison:
        """Return the paired gain in macro-F1, 90 % interval; class shares are those of the evaluation splits."""
        held = self.held
        return scores.compare(
            held.truth,
            before,
            after,
            classes=len(held.classes),
            weights=scores.item_weights(held.truth, len(held.classes), held.shares),
            units=held.units,
            seed=seed_for(self.seed, "bootstrap"),
            level=LEVEL,
            draw_runs=held.kind != "folds",
        )

    # --- small parts -------------------------------------------------------------------------------

    def _trained_on(self, chosen: Ints, training: Training, offset: int) -> tuple[Ints, Ints]:
        positions, codes = [chosen], [self.held.labels[chosen]]
        for name, count in (training.copies or {}).items():
            mine = chosen[self.held.labels[chosen] == self._code[name]]
            if len(mine):
                positions.append(np.resize(mine, count))
                codes.append(np.full(count, self._code[name], np.int64))
        if training.made is not None:
            there = set(self.held.rows[chosen].tolist())
            fit = np.array([there.issuperset(rows) for rows in training.made.parents], bool)
            positions.append(np.flatnonzero(fit) + offset)
            codes.append(training.made.labels[fit])
        return np.concatenate(positions), np.concatenate(codes)

    def _weights(self, codes: Ints, weighting: Weighting) -> NDArray[np.float64]:
        if weighting == "none":
            return np.ones(len(codes))
        weights = 1.0 / np.bincount(codes, minlength=len(self.held.classes))[codes]
        return np.asarray(weights / weights.mean(), np.float64)

    @cached_property
    def _real(self) -> Any:
        """Features of the training rows, then of the items where those are others."""
        parts = [self._features_at(self.held.rows, self.dataset.payloads)]
        if self._own_items:
            parts.append(self._features_at(self.held.items, self.shift or self.dataset.payloads))
        return self.probe.stack(parts)

    @cached_property
    def _parts(self) -> list[list[tuple[Ints, Ints]]]:
        modality = self.dataset.modality
        return [self.held.parts(modality, seed_for(self.seed, "folds", str(run))) for run in range(self.runs)]

    @cached_property
    def _half(self) -> NDArray[np.bool_]:
        order = generator(seed_for(self.seed, "half")).permutation(len(self.held.rows))
        half = np.zeros(len(self.held.rows), bool)
        for code in range(len(self.held.classes)):
            mine = order[self.held.labels[order] == code]
            half[mine[: max(1, len(mine) // 2)]] = True
        return half

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Id -> row of every training row."""
        ids = self.dataset.column("id")
        return {str(ids[row]): row for row in self.dataset.rows("train").tolist()}

    def _features_at(self, rows: Ints, payloads: Callable[[list[int]], list[Payload]]) -> Any:
        listed = rows.tolist()
        lots = [listed[low : low + _CHUNK] for low in range(0, len(listed), _CHUNK)]
        return self.probe.stack([self.probe.features(payloads(lot)) for lot in lots])

    def _features_of(self, payloads: Sequence[Payload]) -> Any:
        lots = [payloads[low : low + _CHUNK] for low in range(0, max(1, len(payloads)), _CHUNK)]
        return self.probe.stack([self.probe.features(lot) for lot in lots])


def probe_for(dataset: Dataset, coverage: Coverage, held: HeldOut, *, device: str, workers: int, encoder: Any) -> Probe:
    """Return the learner of a dataset: its modality, its colours, and as many steps as its rows need."""
    channels = 1
    if dataset.modality == "image":
        shown = dataset.payloads(coverage.train[:_CHUNK].tolist())
        channels = 3 if any(getattr(one, "shape", (0, 0, 1))[2] > 1 for one in shown) else 1
    steps = steps_for(dataset.modality, len(held.rows))
    classes = len(held.classes)
    return Probe(
        dataset.modality, classes, channels=channels, steps=steps, device=device, workers=workers, encoder=encoder
    )
