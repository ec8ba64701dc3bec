"""How varied made samples are beside real ones of their class: the Vendi score, at equal numbers.

The score is the effective number of different items among n: 1 where all are alike, n where none is like another
(Friedman & Dieng 2023, equation 1). Likeness is the cosine of what the teacher sees of items. Of images and clips every
feature is first taken less its mean over real items, in units of its deviation: what all items share tells none apart.

Variety is not worth: noise is varied too, and whether a sample shows its label is for gates to say. Of clips this is
the spread of voices, and of ways to say a thing, only as far as cepstra in the telephone band show it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from memory.records import Modality
from tools.seeds import generator, seed_for
from tools.teacher.features import dense_features, ngrams

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from tools.coverage.coverage import Coverage

MOST = 200
"""Items of a class that are compared on either side."""
LEAST = 5
"""Fewest items on either side that say anything."""
CLASSES = 100
"""Classes that are compared: those with the most made samples."""
_ITEMS = 600
"""Items on either side in all, so that a report takes no longer than half a second."""
_DRAWS = 5
_POOL = 2
"""Items that draws are made from, for each that is compared."""
_CHUNK = 64
Floats = NDArray[np.float64]
_CONSTANT = 1e-6
T = TypeVar("T")
Fetch = Callable[[Container[str]], Iterable[tuple[str, Payload]]]
"""Ids -> the samples with these ids, in any order."""


@dataclass(frozen=True)
class Spread:
    """How varied one class is."""

    n: int
    """Items compared on either side."""
    real: float
    """Effective number of different items among n real ones."""
    made: float
    """The same among n made ones."""


@dataclass(frozen=True)
class _Items:
    """Items as the teacher sees them."""

    places: Mapping[Hashable, int]
    features: Any
    """(items, features), dense or sparse."""

    def of(self, names: Sequence[Hashable]) -> Any:
        """Return the features of some."""
        return self.features[[self.places[name] for name in names]]


def compare(
    dataset: Dataset, coverage: Coverage, made: Mapping[str, Sequence[str]], fetch: Fetch, seed: int
) -> dict[str, Spread]:
    """Return label -> spread for classes with `LEAST` items on either side; `made` gives the ids of each label.

    Real items are the training rows that count. Where one side has more items than the other, the mean over draws of
    equal size is taken. The same items and seed give the same scores.
    """
    real = _real_rows(dataset, coverage)
    sizes = {label: min(len(ids), len(real.get(label, ()))) for label, ids in made.items()}
    labels = sorted((one for one, size in sizes.items() if size >= LEAST), key=lambda one: (-len(made[one]), one))
    labels = sorted(labels[:CLASSES])
    most = int(np.clip(_ITEMS // max(1, len(labels)), LEAST, MOST))
    pool = {label: min(most, _POOL * sizes[label]) for label in labels}
    rows = {label: _drawn(real[label], pool[label], seed_for(seed, "diversity", "real", label)) for label in labels}
    ids = {label: _drawn(made[label], pool[label], seed_for(seed, "diversity", "made", label)) for label in labels}
    wanted = {one for part in ids.values() for one in part}
    here, there = _read(dataset.modality, _fetched(dataset, rows)), _read(dataset.modality, fetch(wanted))
    if dataset.modality != "text" and labels:
        here, there = _standardised(here, there)
    found = {}
    for label in labels:
        n = min(len(rows[label]), len(ids[label]))
        own = seed_for(seed, "diversity", "draws", label)
        pair = (_score(here.of(rows[label]), n, own), _score(there.of(ids[label]), n, own))
        found[label] = Spread(n, *(round(one, 3) for one in pair))
    return found


def vendi(likeness: Floats) -> float:
    """Return the Vendi score of n items from their likeness (n, n): symmetric, positive semidefinite, 1 with oneself.

    exp(-sum l ln l) over the eigenvalues l of likeness / n (Friedman & Dieng 2023, equation 1). Raises ValueError for
    no items.
    """
    if not len(likeness):
        raise ValueError("no items have no variety")
    shares = np.linalg.eigvalsh(likeness / len(likeness))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def cosines(features: Any) -> Floats:
    """Return the likeness (n, n) of n items by the cosine of their features, dense or sparse (n, features).

    An item without any feature is like itself alone.
    """
    products = features @ features.T
    products = np.asarray(products.toarray() if hasattr(products, "toarray") else products, np.float64)
    lengths = np.sqrt(np.diag(products))
    found: Floats = products / np.maximum(np.outer(lengths, lengths), 1e-12)
    np.fill_diagonal(found, 1.0)
    return found


def _score(features: Any, n: int, seed: int) -> float:
    """Return the Vendi score of n of the items, the mean over draws where there are more."""
    likeness = cosines(features)
    if len(likeness) == n:
        return vendi(likeness)
    rng = generator(seed)
    drawn = (np.sort(rng.permutation(len(likeness))[:n]) for _ in range(_DRAWS))
    return float(np.mean([vendi(likeness[np.ix_(at, at)]) for at in drawn]))


def _real_rows(dataset: Dataset, coverage: Coverage) -> dict[str, list[int]]:
    column = dataset.column("label")
    found: dict[str, list[int]] = {}
    for row in coverage.train[coverage.counted].tolist():
        if column[row] is not None:
            found.setdefault(str(column[row]), []).append(row)
    return found


def _drawn(items: Sequence[T], most: int, seed: int) -> list[T]:
    return [items[at] for at in sorted(generator(seed).permutation(len(items))[:most].tolist())]


def _fetched(dataset: Dataset, rows: Mapping[str, Sequence[int]]) -> Iterator[tuple[int, Payload]]:
    wanted = [row for part in rows.values() for row in part]
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        yield from zip(part, dataset.payloads(part), strict=True)


def _read(modality: Modality, items: Iterable[tuple[Hashable, Payload]]) -> _Items:
    """Read items; few are held decoded at a time."""
    places: dict[Hashable, int] = {}
    parts = []
    left = iter(items)
    while chunk := list(islice(left, _CHUNK)):
        places |= {name: len(places) + at for at, (name, _) in enumerate(chunk)}
        payloads = [payload for _, payload in chunk]
        texts = modality == "text"
        parts.append(ngrams([str(one) for one in payloads]) if texts else dense_features(modality, payloads))
    if not parts:
        return _Items(places, np.zeros((0, 0)))
    if modality == "text":
        from scipy.sparse import vstack

        return _Items(places, vstack(parts, format="csr"))
    return _Items(places, np.concatenate(parts).astype(np.float64))


def _standardised(real: _Items, made: _Items) -> tuple[_Items, _Items]:
    """Return both with every feature less its mean over real items, over its deviation there; 0 where it has none."""
    mean, deviation = real.features.mean(axis=0), real.features.std(axis=0)
    scale = np.where(deviation > _CONSTANT, 1 / np.maximum(deviation, _CONSTANT), 0.0)
    moved = ((one.features - mean) * scale for one in (real, made))
    here, there = (_Items(one.places, features) for one, features in zip((real, made), moved, strict=True))
    return here, there
