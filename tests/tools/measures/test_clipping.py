from __future__ import annotations

import numpy as np

from memory.datasets.media import Wave
from tools.measures.clipping import clipping


def test_full_scale_samples_are_counted():
    assert clipping([Wave(np.array([[1.0, -1.0, 0.5, 0.9]], np.float32), 8000)]) == [0.5]


def test_16_bit_full_scale_counts_and_just_below_does_not():
    assert clipping([Wave(np.array([[32767 / 32768, 0.998]], np.float32), 8000)]) == [0.5]


def test_an_empty_clip_has_none():
    assert clipping([Wave(np.zeros((1, 0), np.float32), 8000)]) == [None]
