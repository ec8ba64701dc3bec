"""What a teacher sees of a payload: hashed character n-grams, an image's gradients and thumbnail, a clip's cepstra."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, cast
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload, Pixels, Wave
from memory.records import Modality

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Features = NDArray[np.float32]

BUCKETS = 1 << 20
"""Columns of the n-gram matrix."""
NGRAMS = (3, 4, 5)
_WORD = re.compile(r"\x02|\w+|[^\w\s]")
_SIDE = 32
_CELLS = 8
_ANGLES = 9
_MELS = 26
_CEPSTRA = 13
_PARTS = 8
_MOST_WINDOWS = 6000
_LOW_HZ, _HIGH_HZ = 300.0, 3400.0
"""The telephone band: what a teacher hears must not depend on the channel."""


def ngrams(texts: Sequence[str], longest: int = 4000) -> csr_matrix:
    """Return which hashed n-grams each text holds, as (texts, BUCKETS) of 0 and 1.

    N-grams of 3 to 5 characters, words and pairs of words. Case and runs of white space do not count; the text's begin
    is a character of its own. Characters beyond the first `longest` are not read.
    """
    from scipy.sparse import csr_matrix

    columns = [_buckets(f"\x02 {' '.join(text[:longest].lower().split())} ") for text in texts]
    starts = np.cumsum([0, *(len(part) for part in columns)])
    indices = np.concatenate(columns) if columns else np.zeros(0, np.int32)
    return csr_matrix((np.ones(len(indices), np.float32), indices, starts), shape=(len(texts), BUCKETS))


def _buckets(text: str) -> NDArray[np.int32]:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    found = [_hashed(_windows(codes, length), length) for length in NGRAMS if length <= len(codes)]
    words = np.array([crc32(word.encode("utf-8", "surrogatepass")) for word in _WORD.findall(text)], np.uint64)
    found += [_hashed(_windows(words, length), 64 + length) for length in (1, 2) if length <= len(words)]
    return np.unique(np.concatenate(found)).astype(np.int32) if found else np.zeros(0, np.int32)


def _windows(codes: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    rolling = np.zeros(len(codes) - length + 1, np.uint64)
    for at in range(length):
        rolling = rolling * np.uint64(0x100000001B3) + codes[at : len(codes) - length + 1 + at]
    return rolling


def _hashed(values: NDArray[np.uint64], kind: int) -> NDArray[np.uint64]:
    mixed = (values + np.uint64(kind)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed >> np.uint64(44)


def image_features(image: Pixels) -> Features:
    """Return gradients in 8 x 8 cells of 9 angles, a grey thumbnail and a colour thumbnail: (688,) float32.

    Gradient histograms after Dalal and Triggs (2005), divided by the energy of the 3 x 3 cells around; the square
    root keeps one strong edge from outweighing the rest. Gradients are taken after smoothing, as noise is no shape.
    """
    small = _resized(image.astype(np.float32) / 255.0, _SIDE)
    grey = small.mean(axis=2)
    down, right = np.gradient(_smoothed(grey))
    size = np.hypot(down, right)
    angle = (np.arctan2(down, right) % np.pi) * (_ANGLES / np.pi)
    lower = np.floor(angle).astype(int)
    upper_share = angle - lower
    step = _SIDE // _CELLS
    cells = np.zeros((_CELLS, _CELLS, _ANGLES), np.float32)
    for share, place in ((1 - upper_share, lower % _ANGLES), (upper_share, (lower + 1) % _ANGLES)):
        for of in range(_ANGLES):
            part = np.where(place == of, size * share, 0.0)
            cells[:, :, of] += part.reshape(_CELLS, step, _CELLS, step).sum(axis=(1, 3)).astype(np.float32)
    energy = np.pad((cells**2).sum(axis=2), 1)
    around = sum(energy[y : y + _CELLS, x : x + _CELLS] for y in range(3) for x in range(3))
    cells = np.sqrt(cells / np.sqrt(around + 0.1)[:, :, None])
    thumbnail = grey.reshape(_CELLS, step, _CELLS, step).mean(axis=(1, 3))
    colour = np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small
    coarse = colour.reshape(4, _SIDE // 4, 4, _SIDE // 4, 3).mean(axis=(1, 3))
    return np.concatenate([cells.ravel(), thumbnail.ravel(), coarse.ravel()]).astype(np.float32)


def _smoothed(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each pixel averaged with its neighbours, weights 1, 2, 1 in both directions."""
    wide = np.pad(grey, 1, mode="edge")
    rows = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16, np.float32)


def _resized(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    down, across = _area(image.shape[0], side), _area(image.shape[1], side)
    return np.stack([down @ image[:, :, channel] @ across.T for channel in range(image.shape[2])], axis=2)


@lru_cache(maxsize=64)
def _area(size: int, side: int) -> NDArray[np.float32]:
    """Return the (side, size) matrix that averages `size` pixels into `side` by the area they share."""
    edges = np.linspace(0, size, side + 1)
    pixels = np.arange(size)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(shared, 0, None) * (side / size), np.float32)


def speech_features(wave: Wave) -> Features:
    """Return what the cepstra do over eight parts of the clip, their spread and the logarithm of the duration.

    (222,) float32: 13 mel cepstra (Davis and Mermelstein 1980; 25 ms windows, 10 ms apart, 300 to 3,400 Hz) and their
    slopes, averaged over eight equal parts from the first to the last window within 20 dB of the loudest. The clip's
    loudness does not count. NaN reads as silence; windows of clips beyond a minute stand further apart.
    """
    cepstra = _cepstra(wave)
    slopes = np.gradient(cepstra, axis=0) if len(cepstra) > 1 else np.zeros_like(cepstra)
    both = np.concatenate([cepstra, slopes], axis=1)
    edges = np.linspace(0, len(both), _PARTS + 1)
    parts = [both[int(a) : max(int(np.ceil(b)), int(a) + 1)].mean(axis=0) for a, b in pairwise(edges)]
    return np.concatenate([*parts, cepstra.std(axis=0), [np.log(len(both) / 100)]]).astype(np.float32)


def _cepstra(wave: Wave) -> NDArray[np.float64]:
    sound = np.nan_to_num(wave.samples.astype(np.float64), posinf=0.0, neginf=0.0).mean(axis=0)
    window, hop = max(8, round(0.025 * wave.rate_hz)), max(4, round(0.010 * wave.rate_hz))
    if len(sound) < window:
        sound = np.pad(sound, (0, window - len(sound)))
    hop = max(hop, len(sound) // _MOST_WINDOWS)
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    bins = 1 << (window - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * np.hanning(window), bins)) ** 2
    mels = power @ _mel_bank(wave.rate_hz, bins).T
    loudness = mels.sum(axis=1)
    loud = np.flatnonzero(loudness >= loudness.max() * 0.01)
    mels = mels[loud[0] : loud[-1] + 1]
    cepstra = np.log(mels + max(mels.max() * 1e-5, 1e-12)) @ _cosines().T
    cepstra[:, 0] -= cepstra[:, 0].mean()
    return cast("NDArray[np.float64]", cepstra)


@lru_cache(maxsize=64)
def _mel_bank(rate_hz: int, bins: int) -> NDArray[np.float64]:
    """Return triangular filters (26, bins / 2 + 1), equally spaced in mel between 300 and 3,400 Hz."""
    low, high = (2595 * float(np.log10(1 + hz / 700)) for hz in (_LOW_HZ, _HIGH_HZ))
    centres = 700 * (10 ** (np.linspace(low, high, _MELS + 2) / 2595) - 1)
    hz = np.arange(bins // 2 + 1) * rate_hz / bins
    rising = (hz - centres[:-2, None]) / (centres[1:-1] - centres[:-2])[:, None]
    falling = (centres[2:, None] - hz) / (centres[2:] - centres[1:-1])[:, None]
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float64)


@cache
def _cosines() -> NDArray[np.float64]:
    angles = np.pi / _MELS * (np.arange(_MELS) + 0.5)
    return np.asarray(np.cos(np.arange(_CEPSTRA)[:, None] * angles) * np.sqrt(2 / _MELS), np.float64)


def dense_features(modality: Modality, payloads: Sequence[Payload]) -> Features:
    """Return `image_features` or `speech_features` of each payload, stacked."""
    if modality == "image":
        return np.stack([image_features(cast("Pixels", payload)) for payload in payloads])
    return np.stack([speech_features(cast("Wave", payload)) for payload in payloads])
