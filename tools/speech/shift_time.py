"""Shift in time with silence filling the gap; speech is never pushed out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import audible, groups, strengths

if TYPE_CHECKING:
    import torch

_KEPT = 0.98


class ShiftTime(Params):
    """How far the clip moves."""

    shift_ms: float = Field(
        50.0, ge=-2000, le=2000, description="Shift in milliseconds; above 0 the clip starts later."
    )
    usual: ClassVar = {"shift_ms": (-100.0, 100.0)}


@augment(ShiftTime, family="time-shift", cites=("piczak2015environmental",), cost=Cost(cpu_seconds=0.1))
def shift_time(batch: Waves, params: Sequence[ShiftTime]) -> list[torch.Tensor | None]:
    """Move a clip earlier or later within its length; what is moved in is silence.

    Returns float32 (channels, time). Refused: silent clips, shifts of less than one sample, and shifts that
    would push out more than 2 % of the clip's energy.
    """
    import torch

    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        shifted = torch.zeros_like(rows)
        for at, row, out in zip(positions, rows, shifted, strict=True):
            by, length = round(params[at].shift_ms * batch.rate_hz / 1000), batch.lengths[at]
            if by != 0 and abs(by) < length:
                out[:, max(0, by) : length + min(0, by)] = row[:, max(0, -by) : length - max(0, by)]
        before = strengths(rows)
        after = strengths(shifted)
        kept = (after >= _KEPT**0.5 * before).tolist()
        for at, out, heard, enough in zip(positions, shifted, audible(shifted), kept, strict=True):
            if enough and heard:
                made[at] = out[:, : batch.lengths[at]]
    return made
