"""Brightness, contrast, saturation and hue of single pixels, worked out by hand."""

from __future__ import annotations

import torch

from tools.batches import Images
from tools.image.colour import Colour, colour


def grey(*levels):
    return Images(torch.tensor([[[levels]]], dtype=torch.uint8))


def pixel(red, green, blue):
    return Images(torch.tensor([[[[red]], [[green]], [[blue]]]], dtype=torch.uint8))


def test_brightness_is_a_factor_and_white_is_the_end():
    (made,) = colour(grey(0, 100, 200), [Colour(brightness=1.5)])
    assert made.flatten().tolist() == [0, 150, 255]


def test_contrast_moves_levels_away_from_the_mean():
    (made,) = colour(grey(90, 100, 110), [Colour(contrast=2)])
    assert made.flatten().tolist() == [80, 100, 120]


def test_contrast_comes_after_brightness():
    (made,) = colour(grey(90, 100, 110), [Colour(brightness=0.5, contrast=2)])
    assert made.flatten().tolist() == [40, 50, 60]


def test_no_saturation_leaves_the_grey():
    # 0.299 * 100 + 0.587 * 50 + 0.114 * 200 = 82.05
    (made,) = colour(pixel(100, 50, 200), [Colour(saturation=0)])
    assert made.flatten().tolist() == [82, 82, 82]


def test_double_saturation_doubles_the_distance_from_grey():
    (made,) = colour(pixel(100, 50, 90), [Colour(saturation=2)])
    # Grey is 69.51: 2 * 100 - 69.51 = 130.49 and so on.
    assert made.flatten().tolist() == [130, 30, 110]


def test_a_turn_of_hue_keeps_the_grey_and_half_a_turn_gives_the_opposite():
    (made,) = colour(pixel(100, 50, 90), [Colour(hue=0.5)])
    assert made.flatten().tolist() == [39, 89, 49]


def test_a_mixed_batch_gives_each_its_own():
    pixels = torch.tensor([100, 50, 90], dtype=torch.uint8).view(1, 3, 1, 1).expand(3, 3, 1, 1)
    made = colour(Images(pixels), [Colour(), Colour(brightness=2), Colour(saturation=2)])
    assert made[0] is None
    assert made[1].flatten().tolist() == [200, 100, 180]
    assert made[2].flatten().tolist() == [130, 30, 110]


def test_grey_images_take_no_saturation_or_hue():
    assert colour(grey(0, 100, 200), [Colour(saturation=2, hue=0.3)]) == [None]


def test_black_cannot_be_brightened():
    assert colour(grey(0, 0), [Colour(brightness=2)]) == [None]
