"""Where the patch lies, how large it is, and what covers it."""

from __future__ import annotations

import torch

from tools.batches import Images
from tools.image.erase_patch import ErasePatch, erase_patch


def zeros(height, width, channels=1):
    return Images(torch.zeros((1, channels, height, width), dtype=torch.uint8))


def test_the_mean_fills_the_patch():
    pixels = torch.tensor([[[[0, 0, 0, 200], [0, 0, 0, 200]]]], dtype=torch.uint8)
    (made,) = erase_patch(Images(pixels), [ErasePatch(area=0.25, aspect=2, x=1, y=0, fill="mean")])
    assert made.tolist() == [[[0, 0, 0, 50], [0, 0, 0, 50]]]


def test_the_patch_has_the_area_and_aspect_asked_for():
    (made,) = erase_patch(zeros(40, 40), [ErasePatch(area=0.125, aspect=2, x=0, y=1, seed=1)])
    rows, columns = made[0].nonzero().unbind(1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 39, 0, 9)


def test_noise_is_spread_over_all_levels_and_the_rest_stays():
    (made,) = erase_patch(zeros(64, 64, 3), [ErasePatch(area=0.25, seed=2)])
    patch = made[:, 16:48, 16:48]
    assert torch.equal(made.count_nonzero(), patch.count_nonzero())
    assert 120 < patch.double().mean().item() < 135
    assert len(patch.unique()) == 256


def test_a_thin_image_is_covered_across():
    (made,) = erase_patch(zeros(3, 500), [ErasePatch(area=0.1, aspect=1, x=0, fill="noise", seed=3)])
    assert made[0, :, :12].count_nonzero() > 30
    assert made[0, :, 12:].count_nonzero() == 0


def test_a_constant_image_has_no_mean_to_show_and_one_pixel_no_rest():
    assert erase_patch(zeros(9, 9), [ErasePatch(fill="mean")]) == [None]
    assert erase_patch(zeros(1, 1), [ErasePatch(fill="noise", seed=1)]) == [None]
