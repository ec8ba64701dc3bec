"""Random erasing (Zhong et al. 2020, algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import made, means
from tools.seeds import generator

if TYPE_CHECKING:
    import torch


class ErasePatch(Params):
    """The rectangle that is covered."""

    area: float = Field(0.1, gt=0, le=0.5, description="Share of the image's area that is covered.")
    aspect: float = Field(1.0, ge=0.2, le=5, description="Height of the patch over its width, in pixels.")
    x: float = Field(0.5, ge=0, le=1, description="Place of the patch: 0 is left, 1 is right.")
    y: float = Field(0.5, ge=0, le=1, description="Place of the patch: 0 is top, 1 is bottom.")
    fill: Literal["noise", "mean"] = Field("noise", description="Uniform noise, or the image's own mean.")
    usual: ClassVar = {
        "area": (0.04, 0.2),
        "aspect": (0.4, 2.5),
        "x": (0.0, 1.0),
        "y": (0.0, 1.0),
        "fill": ("noise", "mean"),
    }


@augment(
    ErasePatch,
    family="occlusion",
    cites=("zhong2020randomerasing", "devries2017cutout"),
    changes=("brightness", "contrast", "sharpness"),
    cost=Cost(cpu_seconds=0.05),
)
def erase_patch(batch: Images, params: Sequence[ErasePatch]) -> list[torch.Tensor | None]:
    """Cover a rectangle with noise or the mean colour: keeps the rest, asks for the object to be known by parts.

    Breaks labels that hang on one small detail. A patch that would not fit is cut to the image's side; an image that
    would be covered whole is refused, as is one that looks the same. Returns (channels, height, width) uint8 each.
    """
    import torch

    pixels = batch.pixels
    result = pixels.clone()
    blunt = any(own.fill == "mean" for own in params)
    average = means(pixels) if blunt else np.zeros(pixels.shape[:2])
    colours = torch.from_numpy(np.rint(average).astype(np.uint8)[:, :, None, None]).to(pixels.device)
    for image, own, mean in zip(result.unbind(0), params, colours.unbind(0), strict=True):
        _cover(image, own, mean)
    return made(pixels, result)


def _cover(image: torch.Tensor, own: ErasePatch, mean: torch.Tensor) -> None:
    """Cover the patch in `image` (channels, height, width), unless it would cover everything."""
    import torch

    channels, height, width = image.shape
    covered = own.area * height * width
    tall = min(height, max(1, round(math.sqrt(covered * own.aspect))))
    wide = min(width, max(1, round(math.sqrt(covered / own.aspect))))
    if tall == height and wide == width:
        return
    top, left = round(own.y * (height - tall)), round(own.x * (width - wide))
    patch = image[:, top : top + tall, left : left + wide]
    if own.fill == "mean":
        patch.copy_(mean.expand(channels, tall, wide))
    else:
        drawn = generator(own.seed).integers(0, 256, (channels, tall, wide), dtype=np.uint8)
        patch.copy_(torch.from_numpy(drawn))
