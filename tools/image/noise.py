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
from tools.kernels.pixels import blank, made, parts, per_item, to_uint8
from tools.seeds import words

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
    result = blank(pixels)
    quantiles = torch.from_numpy(_normal_quantiles()).to(pixels.device)
    size = int(pixels[:1].numel())
    for part in parts(pixels):
        own = params[part]
        levels = pixels[part].to(torch.float32)
        uniform = torch.from_numpy(_uniform([one.seed for one in own], size)).to(pixels.device)
        drawn = quantiles.index_select(0, uniform.view(-1)).view(levels.shape)
        result[part] = to_uint8(levels.addcmul_(drawn, per_item([one.std for one in own], pixels)))
    return made(pixels, result)


def _uniform(seeds: Sequence[int], size: int) -> NDArray[np.int32]:
    """Return numbers from 0 to 65535, (seeds, size): the 16-bit quarters of 64-bit words, lowest first."""
    drawn = words(seeds, [-(-size // 4)] * len(seeds)).astype("<u8", copy=False)
    return drawn.view("<u2").reshape(len(seeds), -1)[:, :size].astype(np.int32)


@cache
def _normal_quantiles() -> NDArray[np.float32]:
    """Return the standard normal value in the middle of each 65,536th of the distribution."""
    import torch

    middles = (torch.arange(65_536, dtype=torch.float64) + 0.5) / 65_536
    return np.asarray(torch.special.ndtri(middles).numpy().astype(np.float32))
