from __future__ import annotations

import numpy as np
import pytest

from tools.measures.sharpness import sharpness
from tools.seeds import generator


def test_one_bright_pixel_by_hand(flat):
    image = flat(0, height=5, width=5)
    image[2, 2] = 255
    laplacian = [0, 1, 0, 1, -4, 1, 0, 1, 0]
    luma_variance = 1 / 25 - (1 / 25) ** 2
    assert sharpness([image]) == pytest.approx([np.var(laplacian) / luma_variance])


def test_contrast_cancels(flat):
    image = flat(0, height=5, width=5)
    image[1:3, 1:4] = 200
    assert sharpness([image]) == pytest.approx(sharpness([image // 4]), rel=1e-5)


def test_white_noise_gives_20_and_a_ramp_nothing():
    noise = generator(3).integers(0, 256, (200, 200, 1)).astype(np.uint8)
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8)[:, None, None], (1, 50, 1))
    found = sharpness([noise, ramp])
    assert found[0] == pytest.approx(20, rel=0.05)
    assert found[1] == pytest.approx(0, abs=1e-6)


def test_one_colour_or_two_pixels_have_none(flat):
    assert sharpness([flat(7), flat(7, height=2)]) == [None, None]
