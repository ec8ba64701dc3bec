"""Silence in a clip."""

from __future__ import annotations

from collections.abc import Sequence

from memory.datasets.media import Wave
from tools.card import measure
from tools.kernels.frames import frame_power

_BELOW_DB = 40.0


@measure("speech", unit="share of frames", edges=(0.1, 0.3, 0.5))
def silence(payloads: Sequence[Wave]) -> list[float | str | None]:
    """Measure the share of 20 ms frames whose level lies more than 40 dB below that of the loudest frame.

    A clip of digital silence gives 1; None for a clip shorter than a frame.
    """
    return [_silence(clip) for clip in payloads]


def _silence(clip: Wave) -> float | None:
    power = frame_power(clip)
    if not len(power):
        return None
    loudest = float(power.max())
    return float((power < loudest * 10 ** (-_BELOW_DB / 10)).mean()) if loudest > 0 else 1.0
