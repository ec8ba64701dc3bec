"""Warps of tiny images, worked out by hand."""

from __future__ import annotations

import pytest
import torch

from tools.batches import Images
from tools.image.affine import Affine, affine

SQUARE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def run(rows, **values):
    (made,) = affine(Images(torch.tensor([[rows]], dtype=torch.uint8)), [Affine(**values)])
    return None if made is None else made[0].tolist()


def test_ninety_degrees_turn_clockwise():
    assert run(SQUARE, rotate_deg=90) == [[7, 4, 1], [8, 5, 2], [9, 6, 3]]


def test_a_third_of_the_width_moves_right_by_one_pixel_and_repeats_the_edge():
    assert run(SQUARE, translate_x=1 / 3, fill="border") == [[1, 1, 2], [4, 4, 5], [7, 7, 8]]


def test_a_shift_can_show_the_mirror_image_beyond_the_edge():
    assert run([[10, 20, 30, 40]], translate_x=0.5, fill="reflection") == [[20, 10, 10, 20]]


def test_a_third_of_the_height_moves_down_by_one_pixel():
    assert run(SQUARE, translate_y=1 / 3) == [[1, 2, 3], [1, 2, 3], [4, 5, 6]]


def test_enlarging_twice_shows_the_middle():
    # Places -1.5, -0.5, 0.5, 1.5 of the result are -0.75, -0.25, 0.25, 0.75 of the image.
    assert run([[0, 40, 80, 120]], scale=2) == [[30, 50, 70, 90]]


def test_a_shear_of_45_degrees_moves_each_row_by_one_pixel():
    assert run(SQUARE, shear_deg=45) == [[1, 1, 2], [4, 5, 6], [8, 9, 9]]


def test_the_shift_comes_after_the_turn():
    assert run(SQUARE, rotate_deg=90, translate_x=1 / 3) == [[7, 7, 4], [8, 8, 5], [9, 9, 6]]


@pytest.mark.parametrize("rows", [SQUARE, [[5]]])
def test_no_change_is_refused(rows):
    assert run(rows) is None


def test_one_pixel_cannot_be_moved():
    assert run([[5]], rotate_deg=20, translate_x=0.3) is None
