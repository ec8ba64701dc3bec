"""Gain in decibels, held below full scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.filters import SILENT, groups, peaks

if TYPE_CHECKING:
    import torch

_BELOW_FULL_SCALE = 1 - 2.0**-22
"""Keeps peak * (1 / peak) from rounding to just above 1."""


class ChangeGain(Params):
    """How much louder the clip becomes."""

    gain_db: float = Field(6.0, ge=-40, le=40, description="Gain in dB; a rise stops where the peak meets full scale.")
    usual: ClassVar = {"gain_db": (-6.0, 6.0)}


@augment(
    ChangeGain, family="level", cites=("salamon2017environmental",), changes=("level",), cost=Cost(cpu_seconds=0.04)
)
def change_gain(batch: Waves, params: Sequence[ChangeGain]) -> list[torch.Tensor | None]:
    """Make a clip louder or softer; nothing is clipped: a rise stops where the peak meets full scale.

    Returns float32 (channels, time). Silent clips are refused, and clips whose level would move by less than
    0.01 dB, such as a rise of a clip at full scale.
    """
    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        for at, row, peak in zip(positions, rows, peaks(rows), strict=True):
            if peak < SILENT:
                continue
            gain = min(10 ** (params[at].gain_db / 20), _BELOW_FULL_SCALE / peak)
            if not 0.9989 < gain < 1.0012:
                made[at] = row[:, : batch.lengths[at]] * gain
    return made
