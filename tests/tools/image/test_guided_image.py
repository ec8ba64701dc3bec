"""Edges, and pictures along them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tools.batches import Images
from tools.image.guided_image import GuidedImage, edges, guided_image
from tools.seeds import generator


def square() -> np.ndarray:
    """Return a bright square, rows and columns 20 to 44 of 64, on dark."""
    grey = np.full((64, 64), 40, np.float32)
    grey[20:45, 20:45] = 200
    return grey


def test_the_edges_of_a_square_are_its_outline_one_pixel_wide():
    found = edges(square(), 0.1, 0.3)
    assert found[26:39, 30].sum() == 0
    assert found[32, :32].sum() == found[32, 32:].sum() == found[:32, 32].sum() == 1
    assert np.flatnonzero(found[32]) == pytest.approx([20, 45], abs=1)
    assert 80 <= found.sum() <= 104


def test_a_weak_edge_counts_only_where_it_meets_a_strong_one():
    grey = square()
    grey[5:12, 50:60] += 30
    assert edges(grey, 0.1, 0.1)[4:13, 49:61].any()
    assert not edges(grey, 0.1, 0.6)[4:13, 49:61].any()
    assert edges(grey, 0.1, 0.6).any()


def test_edges_do_not_depend_on_contrast_and_an_even_image_has_none():
    weaker = square() * 0.5 + 20
    assert np.array_equal(edges(weaker, 0.1, 0.3), edges(square(), 0.1, 0.3))
    assert not edges(np.full((32, 32), 77, np.float32), 0.1, 0.3).any()


def test_noise_far_below_the_edges_is_left_out():
    grey = square() + generator(1).normal(0, 3, (64, 64)).astype(np.float32)
    found = edges(grey, 0.1, 0.3)
    assert not found[24:41, 24:41].any()
    assert not found[:16].any()
    assert found.sum() > 60


def test_a_picture_follows_its_edges_and_their_weight(make_images, engine_for):
    image = torch.from_numpy(square()).to(torch.uint8).expand(3, -1, -1)[None]
    batch = Images(image, labels=["box"], engine=engine_for("guide_pictures"))
    made = guided_image(batch, [GuidedImage(seed=1)])[0]
    moved = guided_image(replace(batch, pixels=image.roll(10, 3)), [GuidedImage(seed=1)])[0]
    looser = guided_image(batch, [GuidedImage(seed=1, hold=0.2)])[0]
    colours = guided_image(replace(batch, pixels=240 - image), [GuidedImage(seed=1)])[0]
    assert not torch.equal(made, moved)
    assert not torch.equal(made, looser)
    assert torch.equal(made, colours), "only edges are seen"


def test_an_image_without_edges_is_refused(engine_for):
    flat = torch.full((1, 1, 32, 32), 90, dtype=torch.uint8)
    assert guided_image(Images(flat, labels=["box"], engine=engine_for("guide_pictures")), [GuidedImage()]) == [None]
