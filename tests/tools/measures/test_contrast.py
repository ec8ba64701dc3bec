from __future__ import annotations

import pytest

from tools.measures.contrast import contrast


def test_one_colour_has_no_contrast(flat):
    assert contrast([flat(90), flat(10, 200, 30)]) == pytest.approx([0.0, 0.0], abs=1e-6)


def test_half_black_half_white_is_one_half(flat):
    image = flat(0)
    image[:, :3] = 255
    assert contrast([image]) == pytest.approx([0.5])
