"""Pictures between the shape that a dataset has and the one that a generator works at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tools.kernels.pixels import GREY, to_uint8

if TYPE_CHECKING:
    import torch

LEAST = 64
"""Pixels of the shorter side of a canvas, at least; some pipelines refuse less."""
MOST_STRETCHED = 4.0
"""Longer side over shorter side beyond which generators were never trained."""


def fits(height: int, width: int) -> bool:
    """Return whether a picture of this shape can be worked on."""
    return min(height, width) > 0 and max(height, width) / min(height, width) <= MOST_STRETCHED


def canvas_size(height: int, width: int, side: int, grain: int) -> tuple[int, int]:
    """Return height and width of about `side` squared pixels in the given shape, both multiples of `grain`."""
    scale = side / math.sqrt(height * width)
    least = -(-LEAST // grain) * grain
    tall, wide = (max(least, round(length * scale / grain) * grain) for length in (height, width))
    return tall, wide


def to_canvas(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return an image (1 or 3, height, width) uint8 as colours (3, *size) float32 in [0, 1]."""
    colours = image.float().div(255).expand(3, -1, -1)
    return _resized(colours, size)


def mask_to_canvas(mask: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return a mask (height, width) of [0, 1] as (1, *size) float32."""
    return _resized(mask.float()[None], size)


def from_canvas(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return a made picture (3, height, width) of [0, 1] as (3, *size) uint8."""
    return to_uint8(_resized(picture.float(), size) * 255)


def in_channels(picture: torch.Tensor, channels: int) -> torch.Tensor:
    """Return a colour picture (3, height, width) uint8 with as many channels as its parent: 1 is grey (BT.601)."""
    if channels == 3:
        return picture
    red, green, blue = picture.float()
    return to_uint8(red * GREY[0] + green * GREY[1] + blue * GREY[2])[None]


def _resized(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    from torch.nn.functional import interpolate

    if tuple(image.shape[-2:]) == size:
        return image
    return interpolate(image[None], size, mode="bicubic", antialias=True)[0].clamp(0, 1)
