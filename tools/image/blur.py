"""Gaussian blur (Hendrycks & Dietterich 2019, blur corruptions)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import made, parts, to_uint8

if TYPE_CHECKING:
    import torch


class Blur(Params):
    """How far every pixel is spread."""

    sigma: float = Field(
        0.04, gt=0, le=0.5, description="Standard deviation of the Gaussian, as a share of sqrt(height x width)."
    )
    usual: ClassVar = {"sigma": (0.03, 0.055)}


@augment(
    Blur, family="degradation", cites=("hendrycks2019corruptions",), changes=("sharpness",), cost=Cost(cpu_seconds=0.5)
)
def blur(batch: Images, params: Sequence[Blur]) -> list[torch.Tensor | None]:
    """Blur with a Gaussian: keeps the large shapes, removes fine detail; can break labels that hang on texture.

    The kernel ends at three sigma, and before the far edge of the image; its sum is 1. The image is mirrored about its
    outermost pixels. Images that look the same afterwards are refused. Returns (channels, height, width) uint8 each.
    """
    import torch

    pixels = batch.pixels
    result = torch.empty_like(pixels)
    scale = math.sqrt(pixels.shape[2] * pixels.shape[3])
    for part in parts(pixels):
        levels = pixels[part].to(torch.float32)
        sigmas = [own.sigma * scale for own in params[part]]
        result[part] = to_uint8(_across(_down(levels, sigmas), sigmas))
    return made(pixels, result)


def _weights(sigmas: Sequence[float], side: int, device: torch.device) -> torch.Tensor:
    """Return half a kernel an item, centre first: (items, 1 + largest radius), zeros beyond an item's own radius."""
    import torch

    spread = np.array(sigmas)[:, None]
    reach = np.minimum(np.ceil(3 * spread), side - 1)
    distance = np.arange(1 + int(reach.max()))
    half = np.exp(-0.5 * (distance / spread) ** 2) * (distance <= reach)
    # A running sum adds in one order whatever the number of zeros at the end, which depends on the batch.
    half /= half[:, :1] + 2 * np.cumsum(half[:, 1:], axis=1)[:, -1:].sum(axis=1, keepdims=True)
    return torch.from_numpy(half.astype(np.float32)).to(device)


def _down(levels: torch.Tensor, sigmas: Sequence[float]) -> torch.Tensor:
    """Blur along columns."""
    from torch.nn.functional import pad

    count, channels, height, width = levels.shape
    weights = _weights(sigmas, height, levels.device)
    reach = weights.shape[1] - 1
    if reach == 0:
        return levels
    planes = pad(levels, (0, 0, reach, reach), mode="reflect").flatten(2)
    return _sum_of_shifts(planes, weights, width).view(count, channels, height, width)


def _across(levels: torch.Tensor, sigmas: Sequence[float]) -> torch.Tensor:
    """Blur along rows, all rows of an image laid end to end: short rows of a small image would waste a loop each."""
    from torch.nn.functional import pad

    count, channels, height, width = levels.shape
    weights = _weights(sigmas, width, levels.device)
    reach = weights.shape[1] - 1
    if reach == 0:
        return levels
    line = pad(levels, (reach, reach, 0, 0), mode="reflect").reshape(count, 1, -1)
    blurred = _sum_of_shifts(line, weights, 1).view(count, -1)
    # Places that mix two rows lie in the padding, which these windows leave out.
    return blurred.unfold(1, width, width + 2 * reach).reshape(count, channels, height, width)


def _sum_of_shifts(lines: torch.Tensor, weights: torch.Tensor, stride: int) -> torch.Tensor:
    """Return the weighted sum of `lines` (items, rows, length) shifted by multiples of `stride` to both sides.

    Elementwise, so an item's bits do not depend on the batch: the zeros beyond its own radius add exactly nothing.
    """
    import torch

    reach = weights.shape[1] - 1
    length = lines.shape[2] - 2 * reach * stride
    total = lines[:, :, reach * stride : reach * stride + length] * weights[:, :1, None]
    pair = torch.empty_like(total)
    for distance in range(1, reach + 1):
        before, after = (reach - distance) * stride, (reach + distance) * stride
        torch.add(lines[:, :, before : before + length], lines[:, :, after : after + length], out=pair)
        total.addcmul_(pair, weights[:, distance : distance + 1, None])
    return total
