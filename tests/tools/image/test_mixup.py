"""Shares and averages."""

from __future__ import annotations

import pytest
import torch

from memory.errors import ToolError
from tools.batches import Images
from tools.image.mixup import Mixup, mixup


def pair(items):
    first = torch.full((items, 1, 2, 2), 200, dtype=torch.uint8)
    return Images(first, torch.full_like(first, 100))


def test_a_result_is_the_average_with_the_share_returned():
    for pixels, share in mixup(pair(20), [Mixup(alpha=4, seed=seed) for seed in range(20)]):
        assert 0 < share < 1
        assert set(pixels.flatten().tolist()) == {round(100 + 100 * share)}


def test_a_large_alpha_mixes_evenly_and_shares_differ():
    shares = [share for _, share in mixup(pair(50), [Mixup(alpha=32, seed=seed) for seed in range(50)])]
    assert len(set(shares)) == 50
    assert sum(shares) / 50 == pytest.approx(0.5, abs=0.05)


def test_a_partner_that_is_the_same_is_refused():
    pixels = torch.full((1, 1, 2, 2), 200, dtype=torch.uint8)
    assert mixup(Images(pixels, pixels.clone()), [Mixup()]) == [None]


def test_a_batch_without_partners_is_an_error():
    with pytest.raises(ToolError, match="no partners"):
        mixup(Images(torch.zeros((1, 1, 2, 2), dtype=torch.uint8)), [Mixup()])
