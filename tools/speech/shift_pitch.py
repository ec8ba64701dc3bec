"""Pitch shift at constant duration: phase vocoder, then resampling (Salamon & Bello 2017, section II-C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import audible, cut, groups, resample

if TYPE_CHECKING:
    import torch

_GRID = 400
_FLOOR = 1e-18


class ShiftPitch(Params):
    """How far the pitch moves."""

    semitones: float = Field(
        2.0, ge=-12, le=12, description="Shift in semitones; the frequency ratio is rounded to 1/400 (2 cents near 0)."
    )
    usual: ClassVar = {"semitones": (-2.0, 2.0)}


@augment(ShiftPitch, family="pitch", cites=("salamon2017environmental",), cost=Cost(cpu_seconds=7.0))
def shift_pitch(batch: Waves, params: Sequence[ShiftPitch]) -> list[torch.Tensor | None]:
    """Move pitch and formants by semitones and keep the duration; transients soften a little.

    A phase vocoder (Flanagan & Golden 1966; window of 45 to 90 ms, hop a quarter) stretches time, resampling
    takes the duration back. Returns float32 (channels, time). Clips shorter than a window, silent clips and
    shifts that round to no shift are refused. A result beyond full scale is divided by its peak.
    """
    made: list[torch.Tensor | None] = [None] * len(params)
    window = 1 << (int(0.045 * batch.rate_hz) - 1).bit_length()
    for positions, rows in groups(batch):
        ratios = [round(2 ** (params[at].semitones / 12) * _GRID) for at in positions]
        loud = audible(rows)
        for place, at in enumerate(positions):
            length = batch.lengths[at]
            if loud[place] and length >= window and ratios[place] != _GRID:
                clip = rows[place]
                longer = _stretched(clip, ratios[place] / _GRID, -(-length * ratios[place] // _GRID), window)
                made[at] = cut(resample(longer, ratios[place], _GRID)[None, :, :length], [length])[0]
    return made


def _stretched(clip: torch.Tensor, ratio: float, length: int, window: int) -> torch.Tensor:
    """Stretch `clip` (channels, time) by `ratio` and return its first `length` samples.

    Output frame m takes its sizes from between the two input frames around m / ratio, and its phases from the
    frame before it, turned on by as much as the phases turn between those two. Phases are kept as numbers of
    size 1, so turns multiply and no angle is computed. A bin is then given the phase of its neighbourhood, where
    the loudest decides (phase-locked vocoder, Puckette 1995): neighbouring bins of one sine have opposite signs.
    """
    import torch

    hop = window // 4
    shape = torch.hann_window(window, device=clip.device)
    frames = -(-length // hop) + 4
    needed = int((frames - 1) / ratio) + 3
    after = max(0, (needed - 1) * hop + window // 2 - clip.shape[-1])
    source = torch.nn.functional.pad(clip, (window // 2, after))
    spectra = torch.fft.rfft(source.unfold(-1, window, hop)[:, :needed] * shape)
    at = torch.arange(frames, dtype=torch.float64, device=clip.device) / ratio
    first = at.long()
    later = (at - first).to(clip.dtype)[:, None]
    sizes, units = _polar(spectra)
    turns = torch.cat((units[:, :1], (units[:, 1:] * units[:, :-1].conj())[:, first[:-1]]), dim=1).cumprod(dim=1)
    between = torch.lerp(sizes[:, first], sizes[:, first + 1], later)
    frame = turns * between
    near = frame.clone()
    near[..., 1:] -= frame[..., :-1]
    near[..., :-1] -= frame[..., 1:]
    pieces = torch.fft.irfft(_polar(near)[1].mul_(between), window) * shape
    quarters = pieces.unflatten(-1, (4, hop))
    out = clip.new_zeros((clip.shape[0], frames + 3, hop))
    for quarter in range(4):
        out[:, quarter : quarter + frames] += quarters[:, :, quarter]
    # The squared Hann windows of four overlapping frames sum to 3 / 2 everywhere.
    return out.flatten(1)[:, window // 2 : window // 2 + length] / 1.5


def _polar(spectra: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sizes of complex numbers, and the numbers at size 1 (1 where the number is 0)."""
    import torch

    sizes = torch.view_as_real(spectra).square().sum(-1).sqrt_()
    return sizes, torch.where(sizes > _FLOOR, spectra / sizes.clamp(min=_FLOOR), 1.0)
