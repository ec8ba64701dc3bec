"""Gain in decibels, held below full scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import SILENT, groups, peaks, pieces, without_padding

if TYPE_CHECKING:
    import torch

_BELOW_FULL_SCALE = 1 - 2.0**-22
"""Keeps peak * (1 / peak) from rounding to just above 1."""


class ChangeGain(Params):
    """How much louder the clip becomes."""

    gain_db: float = Field(6.0, ge=-40, le=40, description="Gain in dB; a rise stops where the peak meets full scale.")
    usual: ClassVar = {"gain_db": (-6.0, 6.0)}


@augment(ChangeGain, family="level", cites=("peddinti2015aspire",), changes=("level",), cost=Cost(cpu_seconds=0.1))
def change_gain(batch: Waves, params: Sequence[ChangeGain]) -> list[torch.Tensor | None]:
    """Make a clip louder or softer; nothing is clipped: a rise stops where the peak meets full scale.

    Returns float32 (channels, time). Silent clips are refused, and clips whose level would move by less than
    0.01 dB, such as a rise of a clip at full scale.
    """
    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        for items, part in pieces(rows):
            own = positions[items]
            gains = [_gain(params[at].gain_db, peak) for at, peak in zip(own, peaks(part), strict=True)]
            out = part * part.new_tensor(gains)[:, None, None]
            results = without_padding(out, [batch.lengths[at] for at in own])
            for at, result, gain in zip(own, results, gains, strict=True):
                if gain and not 0.9989 < gain < 1.0012:
                    made[at] = result
    return made


def _gain(wanted_db: float, peak: float) -> float:
    """Return the factor that may be applied to a clip with this peak, or 0 for a silent one."""
    return min(10 ** (wanted_db / 20), _BELOW_FULL_SCALE / peak) if peak >= SILENT else 0.0
