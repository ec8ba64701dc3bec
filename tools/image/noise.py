"""Gaussian sensor noise (Hendrycks & Dietterich 2019, noise corruptions)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import made, parts, per_item, to_uint8
from tools.seeds import generator

if TYPE_CHECKING:
    import torch


class Noise(Params):
    """How strong the noise is."""

    std: float = Field(15.0, gt=0, le=100, description="Standard deviation in grey levels, before the cut to 0..255.")
    usual: ClassVar = {"std": (15.0, 35.0)}


@augment(
    Noise,
    family="degradation",
    cites=("hendrycks2019corruptions",),
    changes=("brightness", "contrast", "sharpness"),
    cost=Cost(cpu_seconds=0.3),
)
def noise(batch: Images, params: Sequence[Noise]) -> list[torch.Tensor | None]:
    """Add white Gaussian noise, own to each pixel and channel: keeps every shape, covers fine low-contrast detail.

    Normal values come from 16-bit uniform ones through the inverse distribution function, so none is beyond 4.33
    standard deviations. Images that look the same afterwards are refused. Returns (channels, height, width) uint8 each.
    """
    import torch

    pixels = batch.pixels
    result = torch.empty_like(pixels)
    quantiles = torch.from_numpy(_normal_quantiles()).to(pixels.device)
    size = int(pixels[:1].numel())
    for part in parts(pixels):
        own = params[part]
        levels = np.stack([_uniform(one.seed, size) for one in own])
        drawn = quantiles.index_select(0, torch.from_numpy(levels).to(pixels.device).view(-1))
        drawn = drawn.view(pixels[part].shape).mul_(per_item([one.std for one in own], pixels))
        result[part] = to_uint8(drawn.add_(pixels[part]))
    return made(pixels, result)


def _uniform(seed: int, size: int) -> NDArray[np.int32]:
    """Return `size` numbers from 0 to 65535: the 16-bit quarters of 64-bit words, lowest first."""
    words = generator(seed).integers(0, 2**64, -(-size // 4), dtype=np.uint64)
    return words.astype("<u8", copy=False).view("<u2")[:size].astype(np.int32)


@cache
def _normal_quantiles() -> NDArray[np.float32]:
    """Return the standard normal value in the middle of each 65,536th of the distribution."""
    import torch

    middles = (torch.arange(65_536, dtype=torch.float64) + 0.5) / 65_536
    return np.asarray(torch.special.ndtri(middles).numpy().astype(np.float32))
