"""How high a voice is: the fundamental frequency of voiced speech, by autocorrelation (Boersma 1993)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

LOWEST_HZ, HIGHEST_HZ = 60.0, 450.0
_FRAME_S, _HOP_S = 0.05, 0.02
_QUIET_DB = -25.0
"""Frames that are this much weaker than the loudest one are not looked at."""
_VOICED = 0.5
"""Least normalised autocorrelation of a frame that counts as voiced."""
_OCTAVE = 0.9
"""Share of the highest peak that one at a shorter lag needs to be taken instead: multiples of a period fit as well."""
_LEAST = 3
"""Fewest voiced frames that say anything."""


def median_hz(clip: torch.Tensor, rate_hz: int) -> float | None:
    """Return the median fundamental frequency of a clip (time,) in Hz; None for one with less than 60 ms of voice.

    The autocorrelation of each windowed frame is divided by that of the window (Boersma 1993, equation 9).
    """
    import torch

    size, hop = round(_FRAME_S * rate_hz), round(_HOP_S * rate_hz)
    if len(clip) < size:
        return None
    frames = clip.double().unfold(0, size, hop)
    frames = frames - frames.mean(1, keepdim=True)
    power = frames.square().mean(1)
    frames = frames[power > power.max() * 10 ** (_QUIET_DB / 10)]
    if not len(frames):
        return None
    window = torch.hann_window(size, dtype=torch.float64)
    likeness = _autocorrelation(frames * window) / _autocorrelation(window[None])
    low, high = int(rate_hz / HIGHEST_HZ), min(int(rate_hz / LOWEST_HZ) + 1, size - 2)
    lags = likeness[:, low - 1 : high + 2]
    peaks = torch.where((lags[:, 1:-1] >= lags[:, :-2]) & (lags[:, 1:-1] > lags[:, 2:]), lags[:, 1:-1], 0.0)
    best = peaks.max(1).values
    first = (peaks >= (_OCTAVE * best)[:, None]).int().argmax(1)[best > _VOICED]
    if len(first) < _LEAST:
        return None
    return float((rate_hz / (low + first.double())).median())


def _autocorrelation(frames: torch.Tensor) -> torch.Tensor:
    """Return (frames, lags) autocorrelations, 1 at lag 0, of (frames, time)."""
    import torch

    spectrum = torch.fft.rfft(frames, 2 * frames.shape[1]).abs().square()
    found: torch.Tensor = torch.fft.irfft(spectrum)[:, : frames.shape[1]]
    return found / found[:, :1].clamp(min=1e-12)
