"""Media as short vectors of whole numbers, made so that equal content lies close and nothing else does.

image: a 16 x 16 thumbnail, area-averaged, RGB, 0 to 255.
speech: levels in 16 mel bands over 16 equal parts of the clip, and the logarithm of its duration.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload, Pixels, Wave

PARTS = 16
"""Rows and columns of a thumbnail; bands and time slices of a clip."""
FLOOR_DB = -80.0
STEPS_PER_DB = 8
DB_PER_DURATION = 25.0
"""What one natural-log unit of duration weighs against decibels: 5 % longer counts like 1.2 dB throughout."""
_LOW = 6
"""Cosine coefficients a side that make the coarse projection."""
_BAND_HZ = (60.0, 8000.0)
_MOST_FRAMES = 4096
Floats = NDArray[np.float32]


@lru_cache(maxsize=64)
def area_weights(length: int, parts: int = PARTS) -> Floats:
    """Return (parts, length) weights that average `length` points over `parts` equal stretches; rows sum to 1."""
    edges = np.arange(parts + 1) * (length / parts)
    points = np.arange(length)
    overlap = np.minimum(edges[1:, None], points + 1) - np.maximum(edges[:-1, None], points)
    weights: Floats = (np.maximum(overlap, 0.0) * (parts / length)).astype(np.float32)
    return weights


def thumbnail(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the thumbnail of an image (height, width, 1 or 3) as (768,) uint8; grey fills all three channels."""
    height, width, channels = pixels.shape
    rows = area_weights(height) @ pixels.reshape(height, width * channels).astype(np.float32)
    small = area_weights(width) @ rows.reshape(PARTS, width, channels)
    return np.broadcast_to(np.rint(small), (PARTS, PARTS, 3)).astype(np.uint8).ravel()


def thumbnails(images: Sequence[Payload]) -> NDArray[np.uint8]:
    """Return (images, 768) uint8."""
    made = [thumbnail(cast("Pixels", image)) for image in images]
    return np.array(made, np.uint8).reshape(len(made), 3 * PARTS * PARTS)


def speech_print(wave: Wave) -> NDArray[np.int16]:
    """Return the fingerprint of a clip as (257,) int16 in eighths of a decibel; channels are averaged.

    A band above the clip's Nyquist frequency, and silence, lie at the floor of -80 dB. Of clips with more than
    4,096 frames of 10 ms, 4,096 frames evenly spread are read.
    """
    power = _mel_power(wave.samples.mean(0, dtype=np.float32), wave.rate_hz)
    levels = 10.0 * np.log10(np.maximum(area_weights(len(power)) @ power, 10 ** (FLOOR_DB / 10)))
    duration = PARTS * DB_PER_DURATION * np.log(max(wave.seconds, 1e-3))
    made = np.rint(np.append(levels, duration) * STEPS_PER_DB)
    whole: NDArray[np.int16] = np.clip(made, -32768, 32767).astype(np.int16)
    return whole


def speech_prints(clips: Sequence[Payload]) -> NDArray[np.int16]:
    """Return (clips, 257) int16."""
    made = [speech_print(cast("Wave", clip)) for clip in clips]
    return np.array(made, np.int16).reshape(len(made), PARTS * PARTS + 1)


def _mel_power(samples: Floats, rate_hz: int) -> Floats:
    """Return (frames, bands): mean square of the signal in each band of each frame."""
    window = round(0.025 * rate_hz)
    samples = np.pad(samples, (0, max(0, window - len(samples))))
    hop = max(round(0.010 * rate_hz), -(-len(samples) // _MOST_FRAMES))
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    taper = np.hanning(window).astype(np.float32)
    points = 1 << (window - 1).bit_length()
    spectrum = np.fft.rfft(frames * taper, points)
    power = spectrum.real**2 + spectrum.imag**2
    scale = 2.0 / (points * float(np.square(taper).sum()))
    bands: Floats = np.matmul(power.astype(np.float32) * np.float32(scale), _mel_bands(rate_hz, points))
    return bands


@lru_cache(maxsize=16)
def _mel_bands(rate_hz: int, points: int) -> Floats:
    """Return (bins, bands): triangles of height 1, centres equally spaced in mel (O'Shaughnessy 1987)."""
    low, high = (2595.0 * np.log10(1.0 + edge / 700.0) for edge in _BAND_HZ)
    corners = 700.0 * (10.0 ** (np.linspace(low, high, PARTS + 2) / 2595.0) - 1.0)
    hertz = np.fft.rfftfreq(points, 1.0 / rate_hz)[:, None]
    rise = (hertz - corners[:-2]) / (corners[1:-1] - corners[:-2])
    fall = (corners[2:] - hertz) / (corners[2:] - corners[1:-1])
    bands: Floats = np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)
    return bands


def cosine_basis(copies: int, alone: int = 0) -> Floats:
    """Return the orthonormal projection on the lowest two-dimensional cosines of a 16 x 16 grid.

    Each grid point stands `copies` times in a row (the channels of a thumbnail); `alone` more dimensions pass
    as they are. Shape (256 * copies + alone, 36 + alone).
    """
    angle = np.pi * (np.arange(PARTS) + 0.5)[:, None] * np.arange(_LOW) / PARTS
    line = np.cos(angle) * np.where(np.arange(_LOW), np.sqrt(2.0 / PARTS), np.sqrt(1.0 / PARTS))
    grid = np.kron(np.kron(line, line), np.full((copies, 1), copies**-0.5))
    basis: NDArray[Any] = np.zeros((len(grid) + alone, grid.shape[1] + alone), np.float32)
    basis[: len(grid), : grid.shape[1]] = grid
    basis[len(grid) :, grid.shape[1] :] = np.eye(alone)
    return basis
