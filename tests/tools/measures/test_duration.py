from __future__ import annotations

import numpy as np

from memory.datasets.media import Wave
from tools.measures.duration import duration


def test_samples_over_rate():
    assert duration([Wave(np.zeros((2, 4000), np.float32), 8000), Wave(np.zeros((1, 0), np.float32), 8000)]) == [0.5, 0]
