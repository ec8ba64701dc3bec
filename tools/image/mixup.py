"""Mixup (Zhang et al. 2018, equation 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from memory.errors import ToolError
from tools.batches import Images
from tools.card import Cost, Needs, Params, augment
from tools.kernels.pixels import blank, made, parts, per_item, to_uint8
from tools.seeds import generator

if TYPE_CHECKING:
    import torch


class Mixup(Params):
    """How even the mixture tends to be."""

    alpha: float = Field(1.0, ge=0.1, le=32, description="Both parameters of the Beta distribution of the share.")
    usual: ClassVar = {"alpha": (0.5, 2.0)}


@augment(
    Mixup,
    family="sample-mixing",
    cites=("zhang2018mixup",),
    labels="mixed",
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(partner=True),
    cost=Cost(cpu_seconds=0.2),
)
def mixup(batch: Images, params: Sequence[Mixup]) -> list[tuple[torch.Tensor, float] | None]:
    """Average an image with one of another label: the label becomes the same mixture, and both stay visible.

    The share of the first is drawn from Beta(alpha, alpha). Returns (pixels, share of the first); None where the result
    equals the image or its partner. Raises ToolError when the batch has no partners.
    """
    import torch

    if batch.partners is None:
        raise ToolError("image.mixup", "the batch has no partners; give every image one of another label.")
    first, second = batch.pixels, batch.partners
    shares = [float(generator(own.seed).beta(own.alpha, own.alpha)) for own in params]
    weights = per_item(shares, first) if shares else first
    result = blank(first)
    for part in parts(first):
        other = second[part].to(torch.float32)
        difference = first[part].to(torch.float32).sub_(other)
        result[part] = to_uint8(difference.mul_(weights[part]).add_(other))
    return [
        None if image is None or partner is None else (image, share)
        for image, partner, share in zip(made(first, result), made(second, result), shares, strict=True)
    ]
