"""Mirroring and windows of tiny images, worked out by hand."""

from __future__ import annotations

import pytest
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


@pytest.mark.parametrize("flip", ["no", "horizontal"])
def test_the_window_of_a_large_image_is_whole_pixels(flip):
    # 30 x 50 of 60 x 100 pixels, from row 15 and column 50 on: a ramp down and across, doubled.
    ramp = torch.arange(60).view(60, 1) + torch.arange(100)
    (made,) = flip_crop(image(ramp.tolist()), [FlipCrop(scale=0.5, x=1, y=0.5, flip=flip)])
    shown = made[0] if flip == "no" else made[0].flip(1)
    assert shown[0, 0] == 15 + 50
    assert shown[-1, -1] == 44 + 99
    assert (shown[1:-1:2, 0] - ramp[15:44, 50]).abs().max() <= 1
    assert shown.shape == (60, 100)


def test_large_images_do_not_depend_on_the_batch_or_on_how_they_lie_in_memory(make_images):
    pixels = make_images(3, 61, 97, items=4).pixels
    params = [FlipCrop(scale=0.5 + at / 9, x=at / 3, y=0.4, flip=("no", "horizontal")[at % 2]) for at in range(4)]
    together = flip_crop(Images(pixels), params)
    strided = flip_crop(Images(pixels.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)), params)
    for at, own in enumerate(params):
        (alone,) = flip_crop(Images(pixels[at : at + 1]), [own])
        assert torch.equal(together[at], alone)
        assert torch.equal(strided[at], alone)
