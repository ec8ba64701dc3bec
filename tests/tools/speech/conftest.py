"""Clips made by hand, and what is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from tools.batches import Waves, padded_length


def waves_of(clips: Sequence[np.ndarray], rate_hz: int = 8000, noise: Sequence[np.ndarray] = ()) -> Waves:
    """Return a batch of clips (time,) or (channels, time) of one padded length."""
    arrays = [np.atleast_2d(clip).astype(np.float32) for clip in clips]
    lengths = [clip.shape[1] for clip in arrays]
    assert len({padded_length(length) for length in lengths}) == 1
    samples = torch.zeros((len(arrays), arrays[0].shape[0], padded_length(lengths[0])))
    for row, clip in zip(samples, arrays, strict=True):
        row[:, : clip.shape[1]] = torch.from_numpy(clip)
    return Waves(samples, lengths, rate_hz, [torch.from_numpy(part.astype(np.float32)) for part in noise])


def tone_of(hertz: float, seconds: float = 1.0, rate_hz: int = 8000, height: float = 0.5) -> np.ndarray:
    """Return a sine (time,)."""
    return height * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)


def height_at(clip: torch.Tensor, hertz: float, rate_hz: int = 8000) -> float:
    """Return the height of the sine of `hertz` in the first channel of `clip`."""
    samples = clip[0].double().numpy()
    window = np.hanning(samples.size)
    turn = np.exp(-2j * np.pi * hertz * np.arange(samples.size) / rate_hz)
    return float(2 * np.abs((samples * window * turn).sum()) / window.sum())


@pytest.fixture
def waves() -> Callable[..., Waves]:
    return waves_of


@pytest.fixture
def tone() -> Callable[..., np.ndarray]:
    return tone_of


@pytest.fixture
def height() -> Callable[..., float]:
    return height_at
