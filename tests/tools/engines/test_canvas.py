"""Between the shape of a dataset and the one that a generator works at."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tools.engines.canvas import LEAST, canvas_size, fits, from_canvas, in_channels, mask_to_canvas, to_canvas

sides = st.integers(8, 3000)


@given(sides, sides, st.sampled_from([256, 512, 1024]), st.sampled_from([16, 32]))
def test_a_canvas_has_the_picture_s_shape_and_about_the_wanted_area(height, width, side, grain):
    if not fits(height, width):
        return
    tall, wide = canvas_size(height, width, side, grain)
    assert tall % grain == wide % grain == 0
    assert min(tall, wide) >= LEAST
    assert 0.7 < tall * wide / side**2 < 1.4
    assert 0.75 < (tall / wide) / (height / width) < 1.34


def test_stretched_pictures_do_not_fit():
    assert fits(100, 400)
    assert not fits(100, 401)
    assert not fits(0, 10)


def test_a_picture_comes_back_as_it_was_but_for_resampling():
    down, across = torch.meshgrid(torch.arange(40), torch.arange(30), indexing="ij")
    image = torch.stack([down * 6, across * 8, (down + across) * 3]).to(torch.uint8)
    canvas = to_canvas(image, (160, 128))
    assert canvas.shape == (3, 160, 128)
    assert 0 <= float(canvas.min()) <= float(canvas.max()) <= 1
    back = from_canvas(canvas, (40, 30))
    assert back.dtype == torch.uint8
    assert int((back.int() - image.int()).abs()[:, 2:-2, 2:-2].max()) <= 2


def test_grey_becomes_colour_and_grey_again():
    grey = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    colours = from_canvas(to_canvas(grey, (16, 16)), (16, 16))
    assert torch.equal(colours, grey.expand(3, -1, -1))
    assert torch.equal(in_channels(colours, 1), grey)
    assert in_channels(colours, 3) is colours


def test_a_mask_stays_between_none_and_all():
    mask = torch.zeros(10, 10)
    mask[3:6] = 1
    large = mask_to_canvas(mask, (64, 64))
    assert large.shape == (1, 64, 64)
    assert 0 <= float(large.min()) <= float(large.max()) <= 1
