"""Signal-to-noise ratio of a clip, estimated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory.datasets.media import Wave
from tools.card import measure
from tools.kernels.frames import frame_power

_MOST_DB = 100.0


@measure("speech", unit="dB", edges=(0, 10, 20, 30))
def snr(payloads: Sequence[Wave]) -> list[float | str | None]:
    """Estimate the signal-to-noise ratio from frame energies: the quietest tenth of 20 ms frames is taken as noise.

    SNR = 10 log10((P - N) / N) with P the mean power of all frames and N that of the quietest tenth; at most 100 dB,
    at least -20 dB. It needs pauses in at least a tenth of the clip: without them speech counts as noise and the
    estimate is too low. None for a clip under ten frames, or silent.
    """
    return [_snr(clip) for clip in payloads]


def _snr(clip: Wave) -> float | None:
    power = np.sort(frame_power(clip))
    if len(power) < 10 or power[-1] <= 0:
        return None
    noise = float(power[: len(power) // 10].mean())
    signal = float(power.mean()) - noise
    if noise <= 0:
        return _MOST_DB
    return float(np.clip(10.0 * np.log10(max(signal / noise, 1e-2)), -20.0, _MOST_DB))
