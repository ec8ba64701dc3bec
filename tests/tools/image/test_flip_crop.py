"""Mirroring and windows of tiny images, worked out by hand."""

from __future__ import annotations

import torch

from tools.batches import Images
from tools.image.flip_crop import FlipCrop, flip_crop


def image(rows):
    return Images(torch.tensor([[rows]], dtype=torch.uint8))


def test_mirroring_swaps_left_and_right():
    (made,) = flip_crop(image([[1, 2, 3], [4, 5, 6]]), [FlipCrop(flip="horizontal", scale=1)])
    assert made.tolist() == [[[3, 2, 1], [6, 5, 4]]]


def test_half_a_window_at_the_top_left_is_enlarged_bilinearly():
    # A window of one pixel, seen by two: at -1/4 and 1/4 of a pixel from its centre at 0, the edge repeated.
    (made,) = flip_crop(image([[0, 100], [0, 100]]), [FlipCrop(scale=0.5, x=0, y=0)])
    assert made.tolist() == [[[0, 25], [0, 25]]]


def test_the_window_at_the_right_shows_the_right():
    (made,) = flip_crop(image([[0, 100], [0, 100]]), [FlipCrop(scale=0.5, x=1, y=0)])
    assert made.tolist() == [[[75, 100], [75, 100]]]


def test_a_window_can_be_mirrored():
    (made,) = flip_crop(image([[0, 100], [0, 100]]), [FlipCrop(scale=0.5, x=1, flip="horizontal")])
    assert made.tolist() == [[[100, 75], [100, 75]]]


def test_a_symmetric_image_and_an_unchanged_one_are_refused():
    symmetric = image([[1, 2, 1]])
    assert flip_crop(symmetric, [FlipCrop(flip="horizontal", scale=1)]) == [None]
    assert flip_crop(symmetric, [FlipCrop(scale=1)]) == [None]


def test_every_item_has_its_own_parameters():
    batch = Images(torch.tensor([[[[0, 100]]], [[[0, 100]]], [[[0, 100]]]], dtype=torch.uint8))
    made = flip_crop(batch, [FlipCrop(scale=1), FlipCrop(flip="horizontal", scale=1), FlipCrop(scale=0.5, x=0)])
    assert made[0] is None
    assert made[1].tolist() == [[[100, 0]]]
    assert made[2].tolist() == [[[0, 25]]]
