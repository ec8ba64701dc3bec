from __future__ import annotations

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.measures.level import level


def test_a_full_scale_sine_is_3_dB_below_full_scale(tone):
    assert level([tone(), tone(peak=0.1)]) == pytest.approx([-3.01, -23.01], abs=0.01)


def test_a_constant_of_one_half():
    assert level([Wave(np.full((2, 100), 0.5, np.float32), 8000)]) == pytest.approx([-6.0206])


def test_silence_has_no_level():
    assert level([Wave(np.zeros((1, 100), np.float32), 8000), Wave(np.zeros((1, 0), np.float32), 8000)]) == [None, None]
