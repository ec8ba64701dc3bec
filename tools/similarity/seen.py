"""When two samples count as the same one: one similarity a modality, in [0, 1], with one threshold.

text: Jaccard index of the sets of character 5-grams, case folded and white space collapsed; 0.8.
image: 1 - root mean square difference of 16 x 16 thumbnails in [0, 1]; 0.97.
speech: 1 - root mean square difference of 16 x 16 mel levels, with duration, over 40 dB; 0.98, which is 0.8 dB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from memory.records import Modality
from tools.similarity import fingerprints, minhash, nearest

THRESHOLDS: dict[Modality, float] = {"text": minhash.THRESHOLD, "image": 0.97, "speech": 0.98}
_BATCH: dict[Modality, int] = {"text": 1024, "image": 512, "speech": 512}
_SPEECH_DB = 40.0
Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints, NDArray[np.float64]]


@dataclass(frozen=True)
class Match:
    """The item that a sample nearly repeats."""

    id: str
    similarity: float


class Prints(Protocol):
    """Samples in the form that an index compares."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def take(self, at: Ints) -> Any:
        """Return those at positions `at`."""


class _Index(Protocol):
    def __len__(self) -> int: ...
    def prints(self, payloads: Any) -> Any: ...
    def add(self, prints: Any) -> None: ...
    def search(self, prints: Any, since: int = 0) -> Pairs: ...
    def pairs(self, prints: Any) -> Pairs | None: ...


class _Vectors:
    """A vector index that reads payloads and speaks of similarities."""

    def __init__(
        self,
        vectors: Callable[[Sequence[Payload]], NDArray[Any]],
        index: nearest.VectorIndex,
        similar: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> None:
        self._of, self._index, self._similar = vectors, index, similar

    def __len__(self) -> int:
        return len(self._index)

    def prints(self, payloads: Sequence[Payload]) -> nearest.VectorPrints:
        return self._index.prints(self._of(payloads))

    def add(self, prints: nearest.VectorPrints) -> None:
        self._index.add(prints)

    def search(self, prints: nearest.VectorPrints, since: int = 0) -> Pairs:
        query, position, square = self._index.search(prints, since)
        return query, position, self._similar(square)

    def pairs(self, prints: nearest.VectorPrints) -> Pairs | None:
        found = self._index.pairs(prints)
        return None if found is None else (found[0], found[1], self._similar(found[2]))


_IMAGE_UNIT = 255.0 * (3 * fingerprints.PARTS**2) ** 0.5
_SPEECH_UNIT = _SPEECH_DB * fingerprints.STEPS_PER_DB * fingerprints.PARTS


def _image_similarity(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    similar: NDArray[np.float64] = np.maximum(0.0, 1.0 - np.sqrt(squares) / _IMAGE_UNIT)
    return similar


def _speech_similarity(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    similar: NDArray[np.float64] = np.maximum(0.0, 1.0 - np.sqrt(squares) / _SPEECH_UNIT)
    return similar


def _index(modality: Modality) -> _Index:
    if modality == "text":
        return minhash.TextIndex()
    if modality == "image":
        radius = (1.0 - THRESHOLDS["image"]) * _IMAGE_UNIT
        images = nearest.VectorIndex(fingerprints.cosine_basis(3), radius, 128.0, np.uint8)
        return _Vectors(fingerprints.thumbnails, images, _image_similarity)
    radius = (1.0 - THRESHOLDS["speech"]) * _SPEECH_UNIT
    centre = fingerprints.FLOOR_DB * fingerprints.STEPS_PER_DB / 2
    clips = nearest.VectorIndex(fingerprints.cosine_basis(1, alone=1), radius, centre, np.int16)
    return _Vectors(fingerprints.speech_prints, clips, _speech_similarity)


def similarity(modality: Modality, left: Sequence[Payload], right: Sequence[Payload]) -> list[float]:
    """Return the similarity of `left[i]` and `right[i]`, each in [0, 1]; exact, whatever the threshold."""
    count = len(left)
    here = np.arange(count)
    if modality == "text":
        texts = [minhash.normal(str(text)) for text in (*left, *right)]
        return [float(value) for value in minhash.jaccard(texts, here, here + count)]
    vectors = fingerprints.thumbnails if modality == "image" else fingerprints.speech_prints
    squares = nearest.squares(vectors(left), here, vectors(right), here)
    similar = _image_similarity if modality == "image" else _speech_similarity
    return [float(value) for value in similar(squares)]


class Seen:
    """Everything a run has counted, asked whether a sample nearly repeats some of it.

    Answers depend on the order of the items alone, not on how calls divide them. A text pair at the threshold is
    overlooked with probability 3e-5, a closer one less often; for images and speech the search is exact.
    """

    def __init__(self, modality: Modality) -> None:
        self.modality = modality
        self._index = _index(modality)
        self._ids: list[str] = []

    def __len__(self) -> int:
        """Return the number of items held."""
        return len(self._ids)

    def prints(self, payloads: Sequence[Payload]) -> Prints:
        """Return payloads in the form that is compared: small enough to keep, and taken by every method here."""
        return cast("Prints", self._index.prints(payloads))

    def add(self, ids: Sequence[str], payloads: Sequence[Payload] | Prints) -> None:
        """Hold these items, whether they repeat others or not."""
        for part, prints in self._batches(payloads):
            self._add([ids[at] for at in part], prints)

    def nearest(self, payloads: Sequence[Payload] | Prints) -> list[Match | None]:
        """Return for each sample the most similar item at or above the threshold (the first of equals), or None."""
        found: list[Match | None] = []
        for _, prints in self._batches(payloads):
            query, position, similar = self._index.search(prints)
            best = np.lexsort((position, -similar, query))
            found.extend(self._first((query[best], position[best], similar[best]), len(prints)))
        return found

    def admit(self, ids: Sequence[str], payloads: Sequence[Payload] | Prints) -> list[Match | None]:
        """Add each sample that repeats nothing held and no sample admitted before it; return None for it.

        A sample that does repeat is not added; its `Match` is the earliest held item within the threshold.
        """
        found: list[Match | None] = []
        for part, prints in self._batches(payloads):
            answers: list[Match | None] = [None] * len(prints)
            self._settle([ids[at] for at in part], prints, np.arange(len(prints)), answers, 0)
            found.extend(answers)
        return found

    def _settle(self, ids: list[str], prints: Any, at: Ints, answers: list[Match | None], since: int) -> None:
        """Admit the samples at positions `at`, in order; a crowded batch is halved until few pairs are left.

        They are compared with what is held at position `since` or later, and with each other.
        """
        part = prints.take(at)
        for place, match in zip(at.tolist(), self._first(self._index.search(part, since), len(part)), strict=True):
            answers[place] = match
        new = np.array([answers[place] is None for place in at.tolist()], bool)
        at, part = at[new], part.take(np.flatnonzero(new))
        pairs = self._index.pairs(part)
        if pairs is None:
            held = len(self)
            self._settle(ids, prints, at[: len(at) // 2], answers, held)
            self._settle(ids, prints, at[len(at) // 2 :], answers, held)
            return
        for later, earlier, similar in zip(*(column.tolist() for column in pairs), strict=True):
            if answers[at[later]] is None and answers[at[earlier]] is None:
                answers[at[later]] = Match(ids[at[earlier]], similar)
        kept = [place for place, one in enumerate(at.tolist()) if answers[one] is None]
        self._add([ids[at[place]] for place in kept], part.take(np.array(kept, np.int64)))

    def _add(self, ids: list[str], prints: Any) -> None:
        self._index.add(prints)
        self._ids.extend(ids)

    def _first(self, pairs: Pairs, count: int) -> list[Match | None]:
        """Return the first match of each query; `pairs` is ordered by query."""
        answers: list[Match | None] = [None] * count
        queries, first = np.unique(pairs[0], return_index=True)
        for query, at in zip(queries.tolist(), first.tolist(), strict=True):
            answers[query] = Match(self._ids[int(pairs[1][at])], float(pairs[2][at]))
        return answers

    def _batches(self, payloads: Sequence[Payload] | Prints) -> Iterable[tuple[range, Any]]:
        for low in range(0, len(payloads), _BATCH[self.modality]):
            part = range(low, min(len(payloads), low + _BATCH[self.modality]))
            if isinstance(payloads, Sequence):
                yield part, self._index.prints(payloads[part.start : part.stop])
            else:
                yield part, payloads.take(np.arange(part.start, part.stop))


def duplicates(modality: Modality, batches: Iterable[Sequence[Payload]]) -> Ints:
    """Return for each row, in order, -1 or the row of the earliest counted item that it nearly repeats.

    A row is counted when it repeats no row counted before it.
    """
    seen, found, start = Seen(modality), [np.zeros(0, np.int64)], 0
    for batch in batches:
        matches = seen.admit([str(start + at) for at in range(len(batch))], batch)
        found.append(np.array([-1 if match is None else int(match.id) for match in matches], np.int64))
        start += len(batch)
    return np.concatenate(found)
