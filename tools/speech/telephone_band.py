"""The narrow band of a telephone line: 300 to 3,400 Hz, 8 kHz, 8-bit companding (Vu et al. 2019, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import (
    audible,
    cut,
    groups,
    outside,
    spectra_of,
    too_short,
    transform_length,
    waves_of,
)

if TYPE_CHECKING:
    import torch

_LOW_HZ, _HIGH_HZ, _LINE_HZ = 300.0, 3400.0, 8000
_EDGE_HZ = 120.0
_MU = 255


class TelephoneBand(Params):
    """What the line does beside filtering."""

    companding: Literal["mu-law", "off"] = Field("mu-law", description="8-bit mu-law companding (G.711), or none.")
    usual: ClassVar = {"companding": ("mu-law",)}


@augment(TelephoneBand, family="channel", cites=("vu2019codec",), changes=("bandwidth",), cost=Cost(cpu_seconds=1.0))
def telephone_band(batch: Waves, params: Sequence[TelephoneBand]) -> list[torch.Tensor | None]:
    """Send a clip through a telephone line: only 300 to 3,400 Hz pass, sampled at 8 kHz with 8-bit mu-law.

    Zero-phase filter, raised-cosine edges of 120 Hz. Companding is done at 8 kHz (at most 3 % above), or at the
    clip's own rate where that is lower; below 6.8 kHz only the lower edge of the band is left. Returns float32
    (channels, time) at the clip's rate. Refused: clips under 10 ms, silent clips, and clips with nothing in the
    band. A result beyond full scale is divided by its peak.
    """
    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        loud = audible(rows)
        for companding in ("mu-law", "off"):
            places = [
                place
                for place, at in enumerate(positions)
                if params[at].companding == companding
                and loud[place]
                and not too_short(batch.lengths[at], batch.rate_hz)
            ]
            if places:
                chosen = rows if len(places) == len(positions) else rows[places]
                heard = _sent(chosen, batch.rate_hz, companding == "mu-law")
                results = cut(heard, [batch.lengths[positions[place]] for place in places])
                for place, result in zip(places, results, strict=True):
                    made[positions[place]] = result
    return made


def _sent(rows: torch.Tensor, rate_hz: int, companding: bool) -> torch.Tensor:
    """Return `rows` (items, channels, time) as they arrive."""
    import torch

    size = transform_length(rows.shape[-1] + rate_hz // 50)
    band = rows.new_tensor([[_LOW_HZ, _HIGH_HZ]])
    spectra = spectra_of(rows, size)
    spectra *= 1 - outside(torch.fft.rfftfreq(size, 1 / rate_hz, device=rows.device), band, _EDGE_HZ)
    if companding:
        spectra = _companded(spectra, size, rate_hz)
    return waves_of(spectra, size)[..., : rows.shape[-1]]


def _companded(spectra: torch.Tensor, size: int, rate_hz: int) -> torch.Tensor:
    """Go down to the rate of the line, through 8-bit mu-law, and back up; spectra in, spectra out."""
    import torch

    line = min(size, transform_length(-(-size * _LINE_HZ // rate_hz)))
    low = spectra[..., : line // 2 + 1] * (line / size)
    samples = waves_of(low, line)
    samples /= samples.abs().amax((1, 2), keepdim=True).clamp_(min=1)
    back = spectra_of(mu_law(samples), line) * (size / line)
    return torch.nn.functional.pad(back, (0, size // 2 + 1 - back.shape[-1]))


def mu_law(samples: torch.Tensor) -> torch.Tensor:
    """Return `samples` (-1 to 1) after 8-bit mu-law: F(x) = sign(x) ln(1 + 255 |x|) / ln 256, in 1/127 steps."""
    steps = samples.abs().mul_(_MU).log1p_().mul_(127 / log(1 + _MU)).round_()
    return steps.mul_(log(1 + _MU) / 127).expm1_().div_(_MU).copysign_(samples)
