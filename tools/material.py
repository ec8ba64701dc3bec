"""What tools may use beside the sample: word counts, recordings of noise, a partner to mix with. Made once a run."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from memory.datasets.dataset import Dataset
from memory.datasets.media import Wave
from memory.errors import UsageError
from tools.batches import Corpus
from tools.coverage.coverage import Coverage
from tools.engines.engine import Engine, Place, build
from tools.seeds import generator

if TYPE_CHECKING:
    import torch

_TRIES = 64
_ROWS = 4096


class Material:
    """Material of one run. Shards are made on several threads, so each part is made under a lock."""

    def __init__(
        self, dataset: Dataset, coverage: Coverage, noise: Sequence[Wave], device: str, place: Place | None = None
    ) -> None:
        """Keep what material is made from; `place` is what engines are, needed only by tools that run on one."""
        self.dataset, self.train, self.noise, self.device = dataset, coverage.train, noise, device
        self.labels, self.place = dataset.column("label"), place
        self._engines: dict[str, Engine] = {}
        self._broken: dict[str, str] = {}
        self._lock = Lock()
        self._corpus: Corpus | None = None
        self._noises: dict[int, list[torch.Tensor]] = {}

    def corpus(self) -> Corpus:
        """Return the word counts of the training texts."""
        with self._lock:
            if self._corpus is None:
                self._corpus = count_words(self.dataset)
            return self._corpus

    def noise_at(self, rate_hz: int) -> list[torch.Tensor]:
        """Return the recordings at a rate, (time,) float32 each, their channels averaged, on the device."""
        with self._lock:
            if rate_hz not in self._noises:
                self._noises[rate_hz] = self._resampled(rate_hz)
            return self._noises[rate_hz]

    def engine(self, name: str) -> Engine:
        """Return what a tool runs on, loaded or trained when it is first asked for.

        Raises UsageError where it cannot be had, each time alike.
        """
        assert self.place is not None, "a maker of tools with engines is given what they are made from"
        with self._lock:
            if name in self._broken:
                raise UsageError(self._broken[name])
            if name not in self._engines:
                try:
                    self._engines[name] = build(name, self.place)
                except UsageError as problem:
                    self._broken[name] = str(problem)
                    raise
            return self._engines[name]

    def _resampled(self, rate_hz: int) -> list[torch.Tensor]:
        import torch

        from tools.kernels.filters import resample

        clips = ((torch.from_numpy(clip.samples.mean(axis=0)), clip.rate_hz) for clip in self.noise)
        return [
            (clip if rate == rate_hz else resample(clip[None], rate, rate_hz)[0]).to(self.device)
            for clip, rate in clips
        ]

    def row_of_another_label(self, row: int, seed: int) -> int | None:
        """Draw a training row of any other label, every such row alike; None when there is none, or `row` has none."""
        own, labels = self.labels[row], self.labels
        tried = self.train[generator(seed).integers(len(self.train), size=_TRIES)].tolist()
        others = [at for at in tried if labels[at] not in {own, None}]
        if not others:  # one label has nearly every row
            others = [at for at in self.train.tolist() if labels[at] not in {own, None}]
        return int(others[0]) if others and own is not None else None


def count_words(dataset: Dataset) -> Corpus:
    """Count the lower-cased words of the training texts."""
    documents: dict[str, int] = {}
    terms: dict[str, int] = {}
    rows = dataset.rows("train")
    for start in range(0, len(rows), _ROWS):
        for text in dataset.payloads(rows[start : start + _ROWS].tolist()):
            words = str(text).lower().split()
            for word in words:
                terms[word] = terms.get(word, 0) + 1
            for word in set(words):
                documents[word] = documents.get(word, 0) + 1
    return Corpus(len(rows), documents, terms)
