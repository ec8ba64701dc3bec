"""Additive noise at a stated signal-to-noise ratio, from recordings (Snyder et al. 2015) or drawn in a colour."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Needs, Params, augment
from tools.kernels.filters import SILENT, below_full_scale, groups, pieces, sliced, strengths
from tools.seeds import draws, generator

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
    AddNoise,
    family="noise",
    cites=("snyder2015musan", "ko2017reverb"),
    changes=("snr",),
    needs=Needs(noise=True),
    cost=Cost(cpu_seconds=0.3),
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
    device = str(batch.samples.device)
    recordings: Sequence[Any] = [clip.numpy() for clip in batch.noise] if batch.samples.is_cpu else batch.noise
    for positions, rows in groups(batch):
        drawn = draws([params[at].seed for at in positions], [2] * len(positions)).reshape(-1, 2).tolist()
        for items, part in pieces(rows):
            own = positions[items]
            noise = torch.empty_like(part[:, :1])
            for at, row, numbers in zip(own, sliced(noise), drawn[items], strict=True):
                source = (
                    recordings[numbers[0] * len(recordings) >> 32]
                    if recordings
                    else _pool(params[at].colour, batch.rate_hz, device)
                )
                _lay(source, numbers[1], row[0], batch.lengths[at])
            sizes, added = strengths(part).tolist(), strengths(noise).tolist()
            both = zip(own, sizes, added, strict=True)
            scales = [_scale(mine, other, part.shape[1], params[at].snr_db) for at, mine, other in both]
            out = torch.addcmul(part, noise, part.new_tensor(scales)[:, None, None])
            results = below_full_scale(out, [batch.lengths[at] for at in own])
            for at, result, size, scale in zip(own, results, sizes, scales, strict=True):
                made[at] = result if size >= SILENT and scale > 0 else None
    return made


def _scale(own: float, added: float, channels: int, snr_db: float) -> float:
    """Return the factor for noise of strength `added` beside a clip of strength `own`; 0 for silent noise."""
    # The noise plays in every channel, so its energy counts once a channel.
    return own / (added * channels**0.5 * 10 ** (snr_db / 20)) if added >= SILENT else 0.0


def _lay(source: Any, drawn: int, out: Any, length: int) -> None:
    """Fill `out` (padded time,) up to `length` from `source` (time,), from the start that is drawn, going round.

    What stands beyond becomes zero, and everything does where the source is empty.
    """
    size = source.shape[-1]
    out[length if size else 0 :] = 0
    # A recording that is long enough is cut where it does not wrap: its two ends do not fit together.
    start = drawn * (size - length + 1 if size > length else size) >> 32
    done = 0 if size else length
    while done < length:
        part = source[start : start + length - done]
        out[done : done + part.shape[-1]] = part
        done, start = done + part.shape[-1], 0


@lru_cache(maxsize=12)
def _pool(colour: Colour, rate_hz: int, device: str) -> Any:
    """Return one loop of noise, 2**20 samples of unit power on `device`: nothing is lower than 20 Hz but white."""
    import torch

    bins = _POOL // 2 + 1
    spectrum = generator(2024).standard_normal((bins, 2)).view(np.complex128)[:, 0]
    hertz = np.arange(bins) * (rate_hz / _POOL)
    shape = np.maximum(hertz, _LOWEST_HZ) ** (-_SLOPE[colour] / 2)
    if colour != "white":
        shape[hertz < _LOWEST_HZ] = 0
    noise = np.fft.irfft(spectrum * shape, _POOL)
    return sliced(torch.from_numpy((noise / noise.std()).astype(np.float32)).to(device))
