"""Short stretches of a clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Wave

SECONDS = 0.020


def frame_power(clip: Wave) -> NDArray[np.float64]:
    """Return the mean square of every whole 20 ms frame, one after the other; channels are averaged first.

    Shape (frames,); none for a clip shorter than a frame.
    """
    length = max(1, round(SECONDS * clip.rate_hz))
    samples = clip.samples.mean(0, dtype=np.float64) if clip.samples.size else np.zeros(0)
    whole = samples[: len(samples) // length * length].reshape(-1, length)
    power: NDArray[np.float64] = np.square(whole).mean(1)
    return power
