"""How far the voices of made clips spread beside real ones: the pitch that they speak at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from memory.datasets.media import Payload, Wave
from tools.coverage.diversity import Fetch
from tools.kernels.pitch import median_hz
from tools.seeds import generator, seed_for

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from tools.coverage.coverage import Coverage

MOST = 300
"""Clips that are heard on either side."""
LEAST = 5
"""Fewest clips with a voice on either side that say anything."""
_AT_ONCE = 64


@dataclass(frozen=True)
class Voices:
    """The median pitch of clips in Hz: its 10th, 50th and 90th percentile over clips."""

    real: tuple[float, float, float]
    made: tuple[float, float, float]


def compare(dataset: Dataset, coverage: Coverage, made: Sequence[str], fetch: Fetch, seed: int) -> Voices | None:
    """Return how high real and made clips speak; `made` holds ids. None where either side has under `LEAST` voices.

    Real clips are the training rows that count. The same clips and seed give the same answer.
    """
    rows = coverage.train[coverage.counted]
    chosen = rows[np.sort(generator(seed_for(seed, "voices", "real")).permutation(len(rows))[:MOST])].tolist()
    parts = (chosen[start : start + _AT_ONCE] for start in range(0, len(chosen), _AT_ONCE))
    real = _pitches(payload for part in parts for payload in dataset.payloads(part))
    drawn = generator(seed_for(seed, "voices", "made")).permutation(len(made))[:MOST]
    spoken = _pitches(payload for _, payload in fetch({made[at] for at in drawn.tolist()}))
    if min(len(real), len(spoken)) < LEAST:
        return None
    return Voices(_spread(real), _spread(spoken))


def _pitches(clips: Iterable[Payload]) -> list[float]:
    import torch

    heard = []
    for clip in clips:
        wave = cast("Wave", clip)
        mono = torch.from_numpy(wave.samples.mean(axis=0, dtype="float64"))
        heard.append(median_hz(mono, wave.rate_hz))
    return [one for one in heard if one is not None]


def _spread(pitches: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = (round(float(one), 1) for one in np.percentile(pitches, [10, 50, 90]))
    return low, middle, high
