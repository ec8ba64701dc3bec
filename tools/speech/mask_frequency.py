"""Frequency masks of SpecAugment (Park et al. 2019, section 2), as band-stop filters on the waveform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import (
    cut,
    groups,
    outside,
    spectra_of,
    strengths,
    too_short,
    transform_length,
    waves_of,
)
from tools.seeds import generator

if TYPE_CHECKING:
    import torch

_EDGE_HZ = 40.0
_LEFT = 0.05


class MaskFrequency(Params):
    """How wide the missing band is."""

    share: float = Field(
        0.1, gt=0, le=0.5, description="Width of the band as a share of the mel scale from 0 Hz to half the rate."
    )
    usual: ClassVar = {"share": (0.05, 0.2)}


@augment(MaskFrequency, family="spectrogram-masking", cites=("park2019specaugment",), cost=Cost(cpu_seconds=0.6))
def mask_frequency(batch: Waves, params: Sequence[MaskFrequency]) -> list[torch.Tensor | None]:
    """Take one band out of a clip, of equal width on the mel scale wherever the seed places it.

    SpecAugment overwrites mel features; here the samples are filtered (zero phase, raised-cosine edges of 40 Hz
    outside the band), so the result is a clip that can be heard and that any model takes. Returns float32
    (channels, time). Refused: clips under 10 ms, silent clips, and clips that would keep less than 5 % of their
    energy. A result beyond full scale is divided by its peak.
    """
    import torch

    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        size = transform_length(rows.shape[-1] + batch.rate_hz // 20)
        bands = rows.new_tensor([_band(params[at], batch.rate_hz / 2) for at in positions])
        spectra = spectra_of(rows, size)
        spectra *= outside(torch.fft.rfftfreq(size, 1 / batch.rate_hz, device=rows.device), bands, _EDGE_HZ)[:, None]
        left = waves_of(spectra, size)[..., : rows.shape[-1]]
        energies = strengths(left) / strengths(rows)
        enough = (energies >= _LEFT**0.5).tolist()
        for at, result, keep in zip(positions, cut(left, [batch.lengths[at] for at in positions]), enough, strict=True):
            made[at] = result if keep and not too_short(batch.lengths[at], batch.rate_hz) else None
    return made


def _band(own: MaskFrequency, nyquist_hz: float) -> tuple[float, float]:
    """Return the edges of the band in Hz; mel = 2595 log10(1 + f / 700)."""
    from math import log10

    highest = 2595 * log10(1 + nyquist_hz / 700)
    low = float(generator(own.seed).random()) * (1 - own.share)
    first, last = (700 * (10 ** (part * highest / 2595) - 1) for part in (low, low + own.share))
    return first, last
