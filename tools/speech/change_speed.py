"""Speed perturbation: the clip is resampled, so tempo and pitch move together (Ko et al. 2015, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import audible, cut, resample, resampled_length

if TYPE_CHECKING:
    import torch

_GRID = 200


class ChangeSpeed(Params):
    """How much faster the clip is played."""

    factor: float = Field(
        1.1, ge=0.5, le=2.0, description="Speed, 1 is unchanged, 1.1 is a tenth faster; rounded to 1/200."
    )
    usual: ClassVar = {"factor": (0.9, 1.1)}


@augment(ChangeSpeed, family="speed", cites=("ko2015speed",), changes=("duration",), cost=Cost(cpu_seconds=0.3))
def change_speed(batch: Waves, params: Sequence[ChangeSpeed]) -> list[torch.Tensor | None]:
    """Play a clip faster or slower: duration becomes length / factor, pitch and formants move with it.

    Returns float32 (channels, round(time / factor)) at the same sample rate. Silent clips, and clips too short
    for their length to change, are refused. A result beyond full scale is divided by its peak.
    """
    made: list[torch.Tensor | None] = []
    loud = audible(batch.samples)
    for at, own in enumerate(params):
        clip = batch.clip(at)
        step = round(own.factor * _GRID)
        length = resampled_length(clip.shape[-1], step, _GRID)
        if length in (0, clip.shape[-1]) or not loud[at]:
            made.append(None)
        else:
            made += cut(resample(clip, step, _GRID)[None], [length])
    return made
