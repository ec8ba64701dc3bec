"""Additive noise at a stated signal-to-noise ratio, from recordings (Snyder et al. 2015) or drawn in a colour."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import SILENT, below_full_scale, groups, strengths
from tools.seeds import generator

if TYPE_CHECKING:
    import torch

Colour = Literal["white", "pink", "brown"]
_SLOPE = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power falls as 1 / frequency ** slope."""
_LOWEST_HZ = 20.0
_POOL = 1 << 20


class AddNoise(Params):
    """How loud the noise is, and which noise it is."""

    snr_db: float = Field(
        10.0, ge=-20, le=60, description="Energy of the clip over energy of the noise, in dB, over the whole clip."
    )
    colour: Colour = Field("pink", description="Noise that is drawn where no recordings were given.")
    usual: ClassVar = {"snr_db": (5.0, 20.0), "colour": ("white", "pink", "brown")}


@augment(
    AddNoise, family="noise", cites=("snyder2015musan", "ko2017reverb"), changes=("snr",), cost=Cost(cpu_seconds=0.3)
)
def add_noise(batch: Waves, params: Sequence[AddNoise]) -> list[torch.Tensor | None]:
    """Mix noise into a clip at a stated SNR: a recording where some were given, else coloured noise.

    The seed picks the recording and where it starts; a recording shorter than the clip is looped. Coloured
    noise is cut in the same way out of one loop of 2**20 drawn samples a colour (65 s at 16 kHz). Every channel
    gets the same noise. Returns float32 (channels, time); a mix beyond full scale is divided by its peak, which
    keeps the SNR. Silent clips are refused, and clips for which the part of the recording is silent.
    """
    import torch

    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        lengths = [batch.lengths[at] for at in positions]
        noise = torch.empty_like(rows[:, :1])
        for row, at in zip(noise, positions, strict=True):
            row[0, batch.lengths[at] :] = 0
            _lay(batch, params[at], row[0, : batch.lengths[at]])
        sizes = torch.stack([strengths(part) for part in (rows, noise)]).tolist()
        # The noise plays in every channel, so its energy counts once a channel.
        channels = rows.shape[1] ** 0.5
        scales = [
            own / (added * channels * 10 ** (params[at].snr_db / 20)) if added >= SILENT else 0.0
            for at, own, added in zip(positions, *sizes, strict=True)
        ]
        mixed = torch.addcmul(rows, noise, rows.new_tensor(scales)[:, None, None])
        for at, result, own, scale in zip(positions, below_full_scale(mixed, lengths), sizes[0], scales, strict=True):
            made[at] = result if own >= SILENT and scale > 0 else None
    return made


def _lay(batch: Waves, own: AddNoise, out: torch.Tensor) -> None:
    """Fill `out` (time,) from the recording and the start that the seed picks, going round as often as needed."""
    rng = generator(own.seed)
    if batch.noise:
        source = batch.noise[int(rng.integers(len(batch.noise)))]
    else:
        source = _pool(own.colour, batch.rate_hz, str(batch.samples.device))
    size, length = source.shape[-1], out.shape[-1]
    if size == 0:
        out.zero_()
        return
    # A recording that is long enough is cut where it does not wrap: its two ends do not fit together.
    start = int(rng.integers(size - length + 1 if size > length else size))
    done = 0
    while done < length:
        part = source[start : start + length - done]
        out[done : done + part.shape[-1]] = part
        done, start = done + part.shape[-1], 0


@lru_cache(maxsize=12)
def _pool(colour: Colour, rate_hz: int, device: str) -> torch.Tensor:
    """Return one loop of noise, 2**20 samples of unit power on `device`: nothing is lower than 20 Hz but white."""
    import torch

    bins = _POOL // 2 + 1
    spectrum = generator(2024).standard_normal((bins, 2)).view(np.complex128)[:, 0]
    hertz = np.arange(bins) * (rate_hz / _POOL)
    shape = np.maximum(hertz, _LOWEST_HZ) ** (-_SLOPE[colour] / 2)
    if colour != "white":
        shape[hertz < _LOWEST_HZ] = 0
    noise = np.fft.irfft(spectrum * shape, _POOL)
    return torch.from_numpy((noise / noise.std()).astype(np.float32)).to(device)
