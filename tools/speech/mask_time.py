"""Time masks of SpecAugment (Park et al. 2019, section 2), cut into the waveform instead of into features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import audible, groups, pieces, sliced, too_short, without_padding
from tools.seeds import draws

if TYPE_CHECKING:
    import torch

_FADE_SECONDS = 0.005


class MaskTime(Params):
    """How much of the clip is silenced."""

    share: float = Field(0.1, gt=0, le=0.5, description="Length of all masks together, as a share of the clip.")
    masks: int = Field(1, ge=1, le=8, description="Masks the share is split into; they may overlap.")
    usual: ClassVar = {"share": (0.05, 0.15), "masks": (1, 2)}


@augment(MaskTime, family="spectrogram-masking", cites=("park2019specaugment",), cost=Cost(cpu_seconds=0.1))
def mask_time(batch: Waves, params: Sequence[MaskTime]) -> list[torch.Tensor | None]:
    """Silence short spans of a clip at places that the seed picks, with fades of 5 ms inside each span.

    SpecAugment masks log mel features with their mean; here the samples themselves become zero, so the result
    is a clip that can be heard and that any model takes. Returns float32 (channels, time). Clips under 10 ms
    are refused, and clips that are silent before or after.
    """
    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        drawn = iter(draws([params[at].seed for at in positions], [params[at].masks for at in positions]).tolist())
        for items, part in pieces(rows):
            out = part.clone()
            own, lengths = positions[items], [batch.lengths[at] for at in positions[items]]
            for at, row in zip(own, sliced(out), strict=True):
                _mask(row, batch.lengths[at], batch.rate_hz, params[at], [next(drawn) for _ in range(params[at].masks)])
            for at, result, heard in zip(own, without_padding(out, lengths), audible(out), strict=True):
                if heard and not too_short(batch.lengths[at], batch.rate_hz):
                    made[at] = result
    return made


def _mask(row: Any, length: int, rate_hz: int, own: MaskTime, drawn: Sequence[int]) -> None:
    """Mask spans of the first `length` samples of `row` (channels, padded time) in place; each starts where drawn."""
    width = max(1, round(own.share * length / own.masks))
    fade = min(round(_FADE_SECONDS * rate_hz), width // 2)
    down, up = _fades(fade, "" if isinstance(row, np.ndarray) else str(row.device))
    for number in drawn:
        start = number * (length - width + 1) >> 32
        end = start + width
        row[:, start : start + fade] *= down
        row[:, start + fade : end - fade] = 0
        row[:, end - fade : end] *= up


@lru_cache(maxsize=64)
def _fades(samples: int, device: str) -> tuple[Any, Any]:
    """Return the gains (samples,) at the start and at the end of a mask: a squared cosine down, and up again.

    They are NumPy arrays, or tensors where a `device` is named.
    """
    gain = (np.cos(np.arange(1, samples + 1) * (np.pi / 2 / (samples + 1))) ** 2).astype(np.float32)
    both = gain, gain[::-1].copy()
    if not device:
        return both
    import torch

    return torch.from_numpy(both[0]).to(device), torch.from_numpy(both[1]).to(device)
