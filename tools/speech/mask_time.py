"""Time masks of SpecAugment (Park et al. 2019, section 2), cut into the waveform instead of into features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import audible, groups, too_short
from tools.seeds import generator

if TYPE_CHECKING:
    import torch

_FADE_SECONDS = 0.005


class MaskTime(Params):
    """How much of the clip is silenced."""

    share: float = Field(0.1, gt=0, le=0.5, description="Length of all masks together, as a share of the clip.")
    masks: int = Field(1, ge=1, le=8, description="Masks the share is split into; they may overlap.")
    usual: ClassVar = {"share": (0.05, 0.15), "masks": (1, 2)}


@augment(MaskTime, family="masking", cites=("park2019specaugment",), cost=Cost(cpu_seconds=0.1))
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
        for at, row, heard in zip(positions, masked, audible(masked), strict=True):
            if heard and not too_short(batch.lengths[at], batch.rate_hz):
                made[at] = row[:, : batch.lengths[at]]
    return made


def _mask(clip: torch.Tensor, own: MaskTime, rate_hz: int) -> None:
    length = clip.shape[-1]
    width = max(1, round(own.share * length / own.masks))
    fade = min(round(_FADE_SECONDS * rate_hz), width // 2)
    window = _window(width, fade, str(clip.device))
    rng = generator(own.seed)
    for start in rng.integers(length - width + 1, size=own.masks).tolist():
        clip[:, start : start + width].mul_(window)


@lru_cache(maxsize=64)
def _window(width: int, fade: int, device: str) -> torch.Tensor:
    """Return the gain (width,) of a mask: down along a squared cosine in `fade` samples, 0, and up again."""
    import torch

    gain = np.zeros(width, dtype=np.float32)
    gain[:fade] = np.cos(np.arange(1, fade + 1) * (np.pi / 2 / (fade + 1))) ** 2
    gain[width - fade :] = gain[:fade][::-1]
    return torch.from_numpy(gain).to(device)
