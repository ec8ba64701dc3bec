"""Level of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory.datasets.media import Wave
from tools.card import measure


@measure("speech", unit="dBFS", edges=(-40, -30, -20, -10))
def level(payloads: Sequence[Wave]) -> list[float | str | None]:
    """Measure the root mean square level re full scale (1.0), all channels together; None for digital silence."""
    return [_level(clip) for clip in payloads]


def _level(clip: Wave) -> float | None:
    power = float(np.square(clip.samples, dtype=np.float64).mean()) if clip.samples.size else 0.0
    return 10.0 * float(np.log10(power)) if power > 0 else None
