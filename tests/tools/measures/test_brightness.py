from __future__ import annotations

import pytest

from tools.measures.brightness import brightness


def test_black_is_0_and_white_is_1(flat):
    assert brightness([flat(0), flat(255), flat(255, 255, 255)]) == pytest.approx([0.0, 1.0, 1.0])


def test_grey_is_its_share_of_white(flat):
    assert brightness([flat(51)]) == pytest.approx([0.2])


def test_green_weighs_more_than_blue(flat):
    assert brightness([flat(0, 255, 0), flat(0, 0, 255)]) == pytest.approx([0.587, 0.114])
