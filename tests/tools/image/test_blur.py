"""Blur of a single bright pixel and of mirrored edges."""

from __future__ import annotations

import math

import pytest
import torch

from tools.batches import Images
from tools.image.blur import Blur, blur


def test_a_bright_pixel_becomes_the_kernel():
    pixels = torch.zeros((1, 1, 1, 9), dtype=torch.uint8)
    pixels[..., 4] = 250
    (made,) = blur(Images(pixels), [Blur(sigma=1 / 3)])
    weights = [math.exp(-0.5 * at * at) for at in range(-3, 4)]
    expected = [round(250 * weight / sum(weights)) for weight in weights]
    assert made.flatten().tolist() == [0, *expected, 0]


def test_both_directions_are_blurred_alike():
    pixels = torch.zeros((1, 3, 9, 9), dtype=torch.uint8)
    pixels[..., 4, 4] = 255
    (made,) = blur(Images(pixels), [Blur(sigma=0.8 / 9)])
    assert torch.equal(made, made.transpose(1, 2))
    assert torch.equal(made, made.flip(1))
    assert made[0, 4, 4] < 255
    assert made[0, 3, 3] > 0


def test_two_pixels_mirror_each_other():
    # The kernel ends after one pixel on each side: weights w, 1 - 2w, w; both neighbours are the other pixel.
    (made,) = blur(Images(torch.tensor([[[[0, 200]]]], dtype=torch.uint8)), [Blur(sigma=0.5)])
    side = math.exp(-1) / (1 + 2 * math.exp(-1))
    assert made.flatten().tolist() == [round(400 * side), round(200 * (1 - 2 * side))]


@pytest.mark.parametrize("sigma", [0.5, 3.0])
def test_the_mean_of_a_wide_image_stays(sigma):
    pixels = torch.zeros((1, 1, 40, 40), dtype=torch.uint8)
    pixels[..., 15:25, 15:25] = 200
    (made,) = blur(Images(pixels), [Blur(sigma=sigma / 40)])
    assert made.double().mean().item() == pytest.approx(pixels.double().mean().item(), abs=0.1)


def test_a_single_pixel_is_refused():
    assert blur(Images(torch.tensor([[[[9]]]], dtype=torch.uint8)), [Blur(sigma=0.5)]) == [None]
