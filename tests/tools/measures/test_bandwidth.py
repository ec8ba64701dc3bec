from __future__ import annotations

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.measures.bandwidth import bandwidth
from tools.seeds import generator


def test_a_tone_is_as_wide_as_its_frequency(tone):
    assert bandwidth([tone(440), tone(3000)]) == pytest.approx([440, 3000], abs=30)


def test_a_weak_high_tone_counts_from_one_percent(tone):
    def both(power: float) -> Wave:
        return Wave(tone(500).samples + np.sqrt(power) * tone(3000).samples, 8000)

    assert bandwidth([both(0.005), both(0.02)]) == pytest.approx([500, 3000], abs=30)


def test_white_noise_fills_the_band():
    noise = generator(8).standard_normal((1, 16000)).astype(np.float32)
    assert bandwidth([Wave(noise, 16000)])[0] == pytest.approx(0.99 * 8000, rel=0.01)


def test_a_constant_has_none():
    assert bandwidth([Wave(np.ones((1, 800), np.float32), 8000), Wave(np.zeros((1, 0), np.float32), 8000)]) == [
        None,
        None,
    ]
