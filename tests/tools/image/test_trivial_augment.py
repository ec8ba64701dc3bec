"""Every operation on tiny images, worked out by hand; equalise against a written-out example."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from tools.batches import Images
from tools.image.trivial_augment import TrivialAugment, trivial_augment

OPS = get_args(TrivialAugment.model_fields["op"].annotation)


def run(pixels, op, strength, seed=0):
    batch = Images(torch.tensor([pixels], dtype=torch.uint8))
    (made,) = trivial_augment(batch, [TrivialAugment(op=op, strength=strength, seed=seed)])
    return None if made is None else made.tolist()


def both(pixels, op, strength):
    """Results of many seeds: the two directions."""
    return {str(run(pixels, op, strength, seed)) for seed in range(16)}


def test_brightness_goes_both_ways():
    assert both([[[0, 100, 200]]], "brightness", 15) == {"[[[0, 50, 101]]]", "[[[0, 150, 255]]]"}


def test_contrast_goes_both_ways():
    assert both([[[80, 100, 120]]], "contrast", 30) == {"[[[100, 100, 100]]]", "[[[60, 100, 140]]]"}


def test_colour_moves_to_and_from_grey():
    # Grey 82.05; factors 1.99 and 0.01.
    assert both([[[100]], [[50]], [[200]]], "colour", 30) == {"[[[118]], [[18]], [[255]]]", "[[[82]], [[82]], [[83]]]"}


def test_sharpness_leaves_the_edge_and_blends_with_the_smooth_image():
    # Smooth: (8 * 10 + 5 * 140) / 13 = 60; 60 + 0.01 * 80 = 60.8 and 60 + 1.99 * 80 = 219.2.
    image = [[[10, 10, 10], [10, 140, 10], [10, 10, 10]]]
    made = {text.count("10") * 1000 + int(text.split(", ")[4]) for text in both(image, "sharpness", 30)}
    assert made == {8061, 8219}


def test_posterise_keeps_two_bits_at_full_strength():
    assert run([[[0, 63, 64, 200, 255]]], "posterise", 30) == [[[0, 0, 64, 192, 192]]]


def test_solarise_inverts_the_upper_half_at_half_strength():
    assert run([[[0, 127, 128, 255]]], "solarise", 15) == [[[0, 127, 127, 0]]]


def test_autocontrast_stretches_each_channel():
    assert run([[[50, 60, 70]], [[0, 10, 20]]][:1], "autocontrast", 1) == [[[0, 128, 255]]]
    made = run([[[50, 60, 70]], [[0, 51, 102]], [[9, 9, 9]]], "autocontrast", 1)
    assert made == [[[0, 128, 255]], [[0, 128, 255]], [[9, 9, 9]]]


def test_equalise_agrees_with_pillow():
    from PIL import Image, ImageOps

    ramp = torch.arange(4096).remainder(97).view(1, 64, 64).to(torch.uint8)
    expected = torch.tensor(list(ImageOps.equalize(Image.fromarray(ramp[0].numpy())).tobytes()))
    assert run(ramp.tolist(), "equalise", 3) == expected.view(1, 64, 64).tolist()


def test_a_shift_is_a_seventh_of_the_side():
    assert both([[[1, 2, 3, 4, 5, 6, 7]]], "translate_x", 30) == {
        "[[[1, 1, 2, 3, 4, 5, 6]]]",
        "[[[2, 3, 4, 5, 6, 7, 7]]]",
    }
    column = [[[level] for level in range(1, 8)]]
    assert str([[[level] for level in (2, 3, 4, 5, 6, 7, 7)]]) in both(column, "translate_y", 30)


def test_twenty_of_thirty_is_a_quarter_turn():
    assert both([[[1, 2], [3, 4]]], "rotate", 20) == {"[[[3, 1], [4, 2]]]", "[[[2, 4], [1, 3]]]"}


@pytest.mark.parametrize("op", ["shear_x", "shear_y"])
def test_a_shear_moves_the_edges_and_not_the_centre(op):
    image = torch.arange(25).view(1, 5, 5) * 10
    for text in both(image.tolist(), op, 15):
        made = torch.tensor(eval(text))
        assert made[0, 2, 2] == 120
        middle = made[0, 2] if op == "shear_x" else made[0, :, 2]
        assert torch.equal(middle, image[0, 2] if op == "shear_x" else image[0, :, 2])
        assert not torch.equal(made, image)


@pytest.mark.parametrize("op", [op for op in OPS if op not in ("autocontrast", "equalise")])
def test_no_strength_is_refused(op, make_images):
    batch = make_images(3, 12, 12, items=2)
    assert trivial_augment(batch, [TrivialAugment(op=op, strength=0)] * 2) == [None, None]


@pytest.mark.parametrize("op", OPS)
def test_every_operation_changes_a_colour_image(op, make_images):
    batch = make_images(3, 32, 32, items=2)
    assert None not in trivial_augment(batch, [TrivialAugment(op=op, strength=12)] * 2)
