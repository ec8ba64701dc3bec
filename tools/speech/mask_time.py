"""Time masks of SpecAugment (Park et al. 2019, section 2), cut into the waveform instead of into features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.filters import SILENT, groups, peaks, too_short
from tools.seeds import generator

if TYPE_CHECKING:
    import torch

_FADE_SECONDS = 0.005


class MaskTime(Params):
    """How much of the clip is silenced."""

    share: float = Field(0.1, gt=0, le=0.5, description="Length of all masks together, as a share of the clip.")
    masks: int = Field(1, ge=1, le=8, description="Masks the share is split into; they may overlap.")
    usual: ClassVar = {"share": (0.05, 0.15), "masks": (1, 2)}


@augment(MaskTime, family="masking", cites=("park2019specaugment",), cost=Cost(cpu_seconds=0.05))
def mask_time(batch: Waves, params: Sequence[MaskTime]) -> list[torch.Tensor | None]:
    """Silence short spans of a clip at places that the seed picks, with fades of 5 ms inside each span.

    SpecAugment masks log mel features with their mean; here the samples themselves become zero, so the result
    is a clip that can be heard and that any model takes. Returns float32 (channels, time). Clips under 10 ms
    are refused, and clips that are silent before or after.
    """
    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        masked = rows.clone()
        for at, row in zip(positions, masked, strict=True):
            if not too_short(batch.lengths[at], batch.rate_hz):
                _mask(row[:, : batch.lengths[at]], params[at], batch.rate_hz)
        for at, row, peak in zip(positions, masked, peaks(masked), strict=True):
            if peak >= SILENT and not too_short(batch.lengths[at], batch.rate_hz):
                made[at] = row[:, : batch.lengths[at]]
    return made


def _mask(clip: torch.Tensor, own: MaskTime, rate_hz: int) -> None:
    length = clip.shape[-1]
    width = max(1, round(own.share * length / own.masks))
    fade = min(round(_FADE_SECONDS * rate_hz), width // 2)
    fall = _fade(fade, str(clip.device))
    rng = generator(own.seed)
    for _ in range(own.masks):
        start = int(rng.integers(length - width + 1))
        clip[:, start : start + fade] *= fall
        clip[:, start + fade : start + width - fade] = 0
        clip[:, start + width - fade : start + width] *= fall.flip(0)


@lru_cache(maxsize=64)
def _fade(samples: int, device: str) -> torch.Tensor:
    """Return a fade-out (samples,): a quarter of a squared cosine, without its ends."""
    import torch

    return torch.from_numpy(np.cos(np.arange(1, samples + 1) * (np.pi / 2 / (samples + 1))) ** 2).float().to(device)
