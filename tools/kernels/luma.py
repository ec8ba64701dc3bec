"""Grey values of an image as people see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Pixels

_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


def luma(image: Pixels) -> NDArray[np.float32]:
    """Return the luma (ITU-R BT.601) of an image (height, width, 1 or 3) as (height, width) float32 in [0, 1]."""
    if image.shape[2] == 1:
        return image[:, :, 0].astype(np.float32) / np.float32(255)
    grey: NDArray[np.float32] = (image.astype(np.float32) @ _WEIGHTS) / np.float32(255)
    return grey
