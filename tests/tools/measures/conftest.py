"""Clips and images whose measures are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from memory.datasets.media import Pixels, Wave


@pytest.fixture
def tone() -> Callable[..., Wave]:
    def make(hertz: float = 440.0, peak: float = 1.0, seconds: float = 1.0, rate_hz: int = 8000) -> Wave:
        time = np.arange(round(seconds * rate_hz)) / rate_hz
        return Wave((peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32)[None], rate_hz)

    return make


@pytest.fixture
def flat() -> Callable[..., Pixels]:
    def make(*colour: int, height: int = 4, width: int = 6) -> Pixels:
        return np.broadcast_to(np.array(colour, np.uint8), (height, width, len(colour))).copy()

    return make
