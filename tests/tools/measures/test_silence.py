from __future__ import annotations

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.measures.silence import silence


@pytest.mark.parametrize(("quiet", "share"), [(0.0, 0.25), (0.009, 0.25), (0.011, 0.0)])
def test_40_dB_below_the_loudest_frame_is_silence(quiet, share):
    loud = np.ones(4800)
    samples = np.concatenate([loud, np.full(1600, quiet)]).astype(np.float32)[None]
    assert silence([Wave(samples, 8000)]) == [share]


def test_digital_silence_is_all_silence():
    assert silence([Wave(np.zeros((2, 800), np.float32), 8000)]) == [1.0]


def test_less_than_a_frame_has_none():
    assert silence([Wave(np.ones((1, 159), np.float32), 8000)]) == [None]
