"""Boxes and exact shares."""

from __future__ import annotations

import pytest
import torch

from memory.errors import ToolError
from tools.batches import Images
from tools.image.cutmix import Cutmix, cutmix


def pair(items, height, width):
    first = torch.full((items, 1, height, width), 200, dtype=torch.uint8)
    return Images(first, torch.full_like(first, 100))


def test_the_share_is_the_area_that_is_left():
    made = [one for one in cutmix(pair(40, 16, 20), [Cutmix(seed=seed) for seed in range(40)]) if one is not None]
    assert len(made) > 30
    for pixels, share in made:
        assert (pixels == 200).sum().item() / 320 == pytest.approx(share, abs=1e-12)
        assert set(pixels.flatten().tolist()) == {100, 200}


def test_the_partner_lies_in_one_box():
    for one in cutmix(pair(20, 15, 15), [Cutmix(seed=seed) for seed in range(20)]):
        if one is not None:
            rows, columns = (one[0][0] == 100).nonzero().unbind(1)
            box = one[0][0, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert bool((box == 100).all())


def test_one_pixel_cannot_be_mixed():
    assert cutmix(pair(8, 1, 1), [Cutmix(seed=seed) for seed in range(8)]) == [None] * 8


def test_a_batch_without_partners_is_an_error():
    with pytest.raises(ToolError, match="no partners"):
        cutmix(Images(torch.zeros((1, 1, 2, 2), dtype=torch.uint8)), [Cutmix()])
