"""Bandwidth of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory.datasets.media import Wave
from tools.card import measure

_SHARE = 0.99


@measure("speech", unit="Hz", edges=(2000, 3400, 5500, 7500))
def bandwidth(payloads: Sequence[Wave]) -> list[float | str | None]:
    """Find the frequency below which 99 % of the energy lies, in Hz; the mean is taken off, channels are averaged.

    None for digital silence. The edges are those of telephone speech (3,400 Hz) and of 16 kHz recordings.
    """
    return [_bandwidth(clip) for clip in payloads]


def _bandwidth(clip: Wave) -> float | None:
    samples = clip.samples.mean(0, dtype=np.float64) if clip.samples.size else np.zeros(1)
    points = 1 << max(1, len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(samples - samples.mean(), points)
    energy = np.cumsum(spectrum.real**2 + spectrum.imag**2)
    if energy[-1] <= 1e-20:
        return None
    return float(np.searchsorted(energy, _SHARE * energy[-1]) * clip.rate_hz / points)
