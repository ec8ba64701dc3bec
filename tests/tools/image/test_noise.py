"""The noise has the deviation asked for and is the item's own."""

from __future__ import annotations

import pytest
import torch

from tools.batches import Images
from tools.image.noise import Noise, noise

GREY = Images(torch.full((3, 3, 100, 101), 128, dtype=torch.uint8))


def test_mean_and_deviation_are_as_asked():
    made = noise(GREY, [Noise(std=5, seed=1), Noise(std=20, seed=2), Noise(std=30, seed=3)])
    for image, std in zip(made, (5, 20, 30), strict=True):
        levels = image.double() - 128
        assert levels.mean().item() == pytest.approx(0, abs=4 * std / 30300**0.5)
        assert levels.std().item() == pytest.approx(std, rel=0.02)


def test_the_shape_is_normal():
    (made,) = noise(Images(GREY.pixels[:1]), [Noise(std=20, seed=4)])
    beyond = (made.double() - 128).abs() > 40.5
    assert beyond.double().mean().item() == pytest.approx(0.0428, abs=0.005)


def test_channels_and_seeds_differ():
    first, second, third = noise(GREY, [Noise(seed=1), Noise(seed=1), Noise(seed=2)])
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert not torch.equal(first[0], first[1])


def test_levels_stay_within_bounds():
    (made,) = noise(Images(torch.full((1, 1, 50, 50), 255, dtype=torch.uint8)), [Noise(std=50, seed=5)])
    assert 0.4 < (made == 255).double().mean().item() < 0.6


def test_noise_too_weak_to_change_a_level_is_refused():
    assert noise(Images(GREY.pixels[:1]), [Noise(std=0.01)]) == [None]
