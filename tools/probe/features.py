"""What the learner sees of a payload: hashed words, a small picture, or a small spectrogram.

An item's features depend on nothing but the item; idf, lengths and means belong to a fit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Pixels, Wave
from tools.kernels.luma import luma
from tools.kernels.scripts import tokens

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]

BUCKETS = 1 << 20
"""Columns of the word counts."""
SIDE = 32
"""Rows and columns of a picture."""
MELS, FRAMES = 40, 64
"""Rows and columns of a spectrogram."""
_MOST_CHARACTERS = 20_000
_WORD = re.compile(r"\w+|[^\w\s]")
_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.010
_MOST_WINDOWS = 6_000
_LOW_HZ, _HIGH_HZ = 60.0, 8000.0
_FLOOR = 1e-5
"""Mel powers are kept within 50 dB of the loudest."""


class Encoder(Protocol):
    """What gives texts a meaning, as tools/embed/transformer.py does."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one unit vector a text, (texts, dimensions)."""
        ...


@dataclass(frozen=True)
class TextFeatures:
    """Texts as a learner sees them."""

    counts: csr_matrix
    """(texts, BUCKETS) float32: how often each hashed word and pair of words occurs."""
    dense: Floats | None
    """(texts, dimensions) unit vectors, or None without an encoder."""


# --- text -----------------------------------------------------------------------------------------


def text_features(texts: Sequence[str], encoder: Encoder | None = None) -> TextFeatures:
    """Return counts of words and neighbouring pairs, and the encoder's vectors where there is one.

    Case does not count; a mark is a word, and so is a character of a script without spaces. Words are hashed with
    CRC-32 (Weinberger et al. 2009), so columns mean the same in every process. Characters beyond 20,000 are not read.
    """
    from scipy.sparse import csr_matrix

    known: dict[str, int] = {}
    found = [_counted(text[:_MOST_CHARACTERS].lower(), known) for text in texts]
    starts = np.cumsum([0, *(len(columns) for columns, _ in found)])
    columns = np.concatenate([np.zeros(0, np.int32), *(columns for columns, _ in found)])
    counts = np.concatenate([np.zeros(0, np.float32), *(counts for _, counts in found)])
    sparse = csr_matrix((counts, columns, starts), shape=(len(texts), BUCKETS))
    dense = encoder.encode(list(texts)) if encoder is not None and len(texts) else None
    return TextFeatures(sparse, dense)


def _counted(text: str, known: dict[str, int]) -> tuple[NDArray[np.int32], Floats]:
    words = [word for token in tokens(text) for word in _WORD.findall(token)]
    hashed = [_bucket(one, known) for one in words]
    hashed += [_bucket(f"{left} {right}", known) for left, right in pairwise(words)]
    columns, counts = np.unique(np.array(hashed, np.int32), return_counts=True)
    return columns, counts.astype(np.float32)


def _bucket(gram: str, known: dict[str, int]) -> int:
    if gram not in known:
        known[gram] = crc32(gram.encode("utf-8", "surrogatepass")) % BUCKETS
    return known[gram]


# --- images ---------------------------------------------------------------------------------------


def image_features(images: Sequence[Pixels], channels: int) -> Floats:
    """Return pictures (images, channels, 32, 32) in [0, 1]; `channels` is 1 (grey) or 3 (RGB).

    Small images are enlarged by a whole factor and padded with their border, so that their pixels stay sharp; larger
    ones are averaged down, each side by itself.
    """
    out = np.empty((len(images), channels, SIDE, SIDE), np.float32)
    for at, image in enumerate(images):
        out[at] = _picture(_coloured(image, channels))
    return out


def _coloured(image: Pixels, channels: int) -> Floats:
    """Return (channels, height, width) in [0, 1]."""
    if channels == 1:
        return luma(image)[None]
    planes = image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    return np.repeat(planes, 3, axis=0) if len(planes) == 1 else planes


def _picture(planes: Floats) -> Floats:
    height, width = planes.shape[1:]
    if max(height, width) > SIDE:
        return _averaged(planes, SIDE, SIDE)
    factor = SIDE // max(height, width)
    large = planes.repeat(factor, axis=1).repeat(factor, axis=2)
    down, across = SIDE - large.shape[1], SIDE - large.shape[2]
    sides = ((0, 0), (down // 2, down - down // 2), (across // 2, across - across // 2))
    return np.pad(large, sides, mode="edge")


def _averaged(planes: Floats, height: int, width: int) -> Floats:
    import torch

    small = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(np.ascontiguousarray(planes)), (height, width))
    out: Floats = small.numpy()
    return out


# --- speech ---------------------------------------------------------------------------------------


def speech_features(waves: Sequence[Wave]) -> Floats:
    """Return log-mel spectrograms (clips, 1, 40, 64), each of mean 0 and standard deviation 1.

    Windows of 25 ms, 10 ms apart; 40 bands equally spaced in mel from 60 Hz to 8 kHz, or to half the clip's rate.
    Levels are kept within 50 dB of the loudest. Longer clips are averaged down to 64 columns; shorter ones stand in
    the middle between zeros. NaN reads as silence.
    """
    out = np.zeros((len(waves), 1, MELS, FRAMES), np.float32)
    for at, wave in enumerate(waves):
        levels = _levels(wave)
        if levels.shape[1] > FRAMES:
            levels = _averaged(levels[None], MELS, FRAMES)[0]
        first = (FRAMES - levels.shape[1]) // 2
        out[at, 0, :, first : first + levels.shape[1]] = levels
    return out


def _levels(wave: Wave) -> Floats:
    """Return normalised log-mel levels, (mels, frames)."""
    sound = np.nan_to_num(wave.samples.astype(np.float32), posinf=0.0, neginf=0.0)
    sound = sound.mean(axis=0) if sound.size else np.zeros(0, np.float32)
    window, hop = max(8, round(_WINDOW_SECONDS * wave.rate_hz)), max(4, round(_HOP_SECONDS * wave.rate_hz))
    if len(sound) < window:
        sound = np.pad(sound, (0, window - len(sound)))
    hop = max(hop, len(sound) // _MOST_WINDOWS)
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    bins = 1 << (window - 1).bit_length()
    shape = np.hanning(window).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames * shape, bins))).astype(np.float32)
    mels = power @ _mel_bank(wave.rate_hz, bins).T
    levels = np.log(np.maximum(mels, max(float(mels.max()) * _FLOOR, 1e-12))).T
    levels = (levels - levels.mean()) / max(float(levels.std()), 1e-3)
    return np.asarray(levels, np.float32)


@lru_cache(maxsize=64)
def _mel_bank(rate_hz: int, bins: int) -> Floats:
    """Return triangular filters (mels, bins / 2 + 1), each of unit sum where it holds a bin."""
    low, high = (2595 * float(np.log10(1 + hz / 700)) for hz in (_LOW_HZ, min(_HIGH_HZ, rate_hz / 2)))
    centres = 700 * (10 ** (np.linspace(low, high, MELS + 2) / 2595) - 1)
    hz = np.arange(bins // 2 + 1) * rate_hz / bins
    rising = (hz - centres[:-2, None]) / (centres[1:-1] - centres[:-2])[:, None]
    falling = (centres[2:, None] - hz) / (centres[2:] - centres[1:-1])[:, None]
    bank = np.clip(np.minimum(rising, falling), 0, None)
    return np.asarray(bank / np.maximum(bank.sum(axis=1, keepdims=True), 1e-9), np.float32)
