"""The arithmetic that image tools share."""

from __future__ import annotations

import numpy as np
import torch

from tools.kernels.pixels import blank, change, grey_means, look_up, made, means, parts, to_uint8, warp

IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_parts_cover_every_item_once():
    large, small = torch.zeros((5, 3, 300, 300)), torch.zeros((400, 1, 28, 28))
    assert [(part.start, part.stop) for part in parts(large)] == [(at, at + 1) for at in range(5)]
    assert [(part.start, part.stop) for part in parts(small)] == [(0, 334), (334, 400)]
    assert list(parts(small[:0])) == []


def test_levels_are_rounded_half_to_even_and_cut():
    assert to_uint8(torch.tensor([-3.0, 0.5, 1.5, 2.4, 254.6, 400.0])).tolist() == [0, 0, 2, 2, 255, 255]


def test_means_are_exact():
    pixels = torch.tensor([[[[0, 1]], [[10, 20]], [[255, 255]]]], dtype=torch.uint8)
    assert means(pixels).tolist() == [[0.5, 15.0, 255.0]]
    assert grey_means(pixels)[0] == 0.5 * 0.299 + 15 * 0.587 + 255 * 0.114
    assert means(pixels[:0]).shape == (0, 3)
    assert means(torch.full((1, 1, 3000, 3000), 255, dtype=torch.uint8)).tolist() == [[255.0]]


def test_the_identity_returns_the_image_bit_for_bit():
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 300, 411), dtype=np.uint8))
    assert torch.equal(warp(pixels, np.array([IDENTITY] * 2)), pixels)


def test_every_image_has_its_own_map():
    pixels = torch.tensor([[[[1, 2, 3]]], [[[1, 2, 3]]]], dtype=torch.uint8)
    shifted = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    assert warp(pixels, np.array([IDENTITY, shifted]), "border").flatten().tolist() == [1, 2, 3, 2, 3, 3]


def test_a_place_between_two_pixels_shows_their_average():
    half = np.array([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]])
    assert warp(torch.tensor([[[[10, 30, 50]]]], dtype=torch.uint8), half).flatten().tolist() == [20, 40, 50]


def test_a_channel_is_looked_up_in_its_own_table():
    tables = torch.stack([torch.arange(256), 255 - torch.arange(256)]).to(torch.uint8)[None]
    pixels = torch.tensor([[[[1, 200]], [[1, 200]]]], dtype=torch.uint8)
    assert look_up(pixels, tables).flatten().tolist() == [1, 200, 254, 55]


def test_only_the_items_named_change_and_the_input_stays():
    for side in (2, 80):
        pixels = torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).repeat(1, 1, side, side)
        result = change(pixels, pixels, [0, 2], lambda images: images + 10)
        assert result[:, 0, 0, 0].tolist() == [10, 1, 12]
        assert pixels[:, 0, 0, 0].tolist() == [0, 1, 2]
        assert change(pixels, pixels, [], lambda images: images + 10) is pixels


def test_images_that_stay_are_refused_whatever_their_size():
    for side in (2, 80):
        before = torch.zeros((2, 1, side, side), dtype=torch.uint8)
        after = before.clone()
        after[1, 0, -1, -1] = 1
        assert [image is None for image in made(before, after)] == [True, False]


def test_a_blank_result_has_the_shape_and_lies_in_order():
    strided = torch.zeros((2, 5, 7, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    result = blank(strided)
    assert (result.shape, result.dtype) == ((2, 3, 5, 7), torch.uint8)
    assert result.is_contiguous()
