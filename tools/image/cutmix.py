"""CutMix (Yun et al. 2019, section 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from memory.errors import ToolError
from tools.batches import Images
from tools.card import Cost, Needs, Params, augment
from tools.kernels.pixels import made
from tools.seeds import generator

if TYPE_CHECKING:
    import torch


class Cutmix(Params):
    """How large the pasted box tends to be."""

    alpha: float = Field(1.0, ge=0.1, le=32, description="Both parameters of the Beta distribution of the share.")
    usual: ClassVar = {"alpha": (1.0, 2.0)}


@augment(
    Cutmix,
    family="sample-mixing",
    cites=("yun2019cutmix",),
    labels="mixed",
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(partner=True),
    cost=Cost(cpu_seconds=0.05),
)
def cutmix(batch: Images, params: Sequence[Cutmix]) -> list[tuple[torch.Tensor, float] | None]:
    """Paste a box of an image of another label at the same place: the label is mixed by area.

    The box has the image's shape; its area is drawn from Beta(alpha, alpha), its centre evenly over the image, and what
    lies outside is cut off. Returns (pixels, exact share of the area that is still the first's). None where nothing or
    everything would be pasted, or the result equals the image or its partner. Raises ToolError when the batch has no
    partners.
    """
    if batch.partners is None:
        raise ToolError("image.cutmix", "the batch has no partners; give every image one of another label.")
    height, width = int(batch.pixels.shape[2]), int(batch.pixels.shape[3])
    result = batch.pixels.clone()
    shares = []
    for image, partner, own in zip(result.unbind(0), batch.partners.unbind(0), params, strict=True):
        top, bottom, left, right = _box(own, height, width)
        image[:, top:bottom, left:right].copy_(partner[:, top:bottom, left:right])
        shares.append(1 - (bottom - top) * (right - left) / (height * width))
    return [
        None if image is None or partner is None else (image, share)
        for image, partner, share in zip(made(batch.pixels, result), made(batch.partners, result), shares, strict=True)
    ]


def _box(own: Cutmix, height: int, width: int) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right (Yun et al. 2019, equation 2, and clipping as in their code)."""
    rng = generator(own.seed)
    side = math.sqrt(1 - float(rng.beta(own.alpha, own.alpha)))
    tall, wide = round(height * side), round(width * side)
    top, left = int(rng.integers(height)) - tall // 2, int(rng.integers(width)) - wide // 2
    return max(0, top), min(height, top + tall), max(0, left), min(width, left + wide)
