"""The voices of made clips beside real ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.coverage.voices import MOST, Voices, compare


def clip(hz: float) -> Wave:
    time = np.arange(3200) / 8000
    tones = sum(np.sin(2 * np.pi * hz * k * time + k) / k for k in range(1, int(3400 / hz)))
    return Wave(np.stack([0.1 * tones] * 2).astype(np.float32), 8000)


class Rows:
    """Training clips of some pitches."""

    def __init__(self, pitches: list[float | None]) -> None:
        self.clips = [Wave(np.zeros((1, 3200), np.float32), 8000) if hz is None else clip(hz) for hz in pitches]
        self.read = 0

    def payloads(self, rows: list[int]) -> list[Wave]:
        self.read += len(rows)
        return [self.clips[row] for row in rows]


def compared(real: Rows, made: list[float], seed: int = 1) -> Voices | None:
    count = len(real.clips)
    cover: Any = SimpleNamespace(train=np.arange(count), counted=np.ones(count, bool))
    ids = [str(at) for at in range(len(made))]

    def fetch(wanted: Any) -> Any:
        return ((one, clip(made[int(one)])) for one in ids if one in wanted)

    return compare(real, cover, ids, fetch, seed)  # type: ignore[arg-type]


def test_the_spread_of_made_voices_stands_beside_that_of_real_ones():
    found = compared(Rows([100.0, 102.0, 104.0, 106.0, 108.0, None]), [80.0, 120.0, 160.0, 200.0, 240.0])
    assert found is not None
    assert found.real == pytest.approx((100.8, 104.0, 107.2), rel=0.02)
    assert found.made == pytest.approx((96.0, 160.0, 224.0), rel=0.03)


def test_few_voices_say_nothing():
    assert compared(Rows([100.0] * 4 + [None] * 9), [120.0] * 9) is None
    assert compared(Rows([100.0] * 9), [120.0] * 4) is None
    assert compared(Rows([100.0] * 9), []) is None


def test_a_large_dataset_is_heard_in_part():
    rows = Rows([110.0] * 20)
    rows.clips *= 40
    assert compared(rows, [120.0] * 6) == compared(rows, [120.0] * 6)
    assert rows.read == 2 * MOST
