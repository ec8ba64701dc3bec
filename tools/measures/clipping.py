"""Clipping of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory.datasets.media import Wave
from tools.card import measure

_FULL_SCALE = 0.999


@measure("speech", unit="share of samples", edges=(0.0001, 0.001, 0.01))
def clipping(payloads: Sequence[Wave]) -> list[float | str | None]:
    """Measure the share of samples at full scale: an absolute value of 0.999 or more. None for an empty clip."""
    return [_clipping(clip) for clip in payloads]


def _clipping(clip: Wave) -> float | None:
    return float((np.abs(clip.samples) >= _FULL_SCALE).mean()) if clip.samples.size else None
