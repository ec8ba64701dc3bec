"""Shift in time with silence filling the gap; speech is never pushed out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import audible, groups, pieces, sliced, strengths

if TYPE_CHECKING:
    import torch

_LOST = 0.02


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
    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        for items, part in pieces(rows):
            own = positions[items]
            shifts = [_samples(params[at].shift_ms, batch.rate_hz, batch.lengths[at]) for at in own]
            before, after = max(0, *shifts), max(0, *(-by for by in shifts))
            wide = part.new_empty((*part.shape[:2], before + part.shape[-1] + after))
            wide[..., :before] = 0
            wide[..., before : before + part.shape[-1]] = part
            wide[..., before + part.shape[-1] :] = 0
            clips, whole, heard = sliced(part), strengths(part).tolist(), audible(part)
            for place, (at, by, row) in enumerate(zip(own, shifts, wide.unbind(), strict=True)):
                length = batch.lengths[at]
                if by and heard[place] and _lost(clips[place], by, length) <= _LOST * whole[place] ** 2:
                    # Seen from `by` samples earlier, the clip starts `by` later; around it is silence.
                    made[at] = row.narrow(1, before - by, length)
    return made


def _samples(shift_ms: float, rate_hz: int, length: int) -> int:
    """Return the shift in samples, or 0 where it would leave nothing of the clip."""
    by = round(shift_ms * rate_hz / 1000)
    return by if abs(by) < length else 0


def _lost(row: Any, by: int, length: int) -> float:
    """Return the energy that a shift pushes out of `row` (channels, padded time)."""
    out = row[:, length - by : length] if by > 0 else row[:, :-by]
    return float((out * out).sum())
