"""Mirroring and a resized crop (Krizhevsky et al. 2012, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import blank, change, is_large, made, parts, to_uint8, warp

if TYPE_CHECKING:
    import torch


class FlipCrop(Params):
    """Which window of the image is shown, and whether it is mirrored."""

    flip: Literal["no", "horizontal"] = Field("no", description="Mirror left and right, or not.")
    scale: float = Field(0.85, ge=0.1, le=1, description="Sides of the window, as a share of the image's sides.")
    x: float = Field(0.5, ge=0, le=1, description="Place of the window: 0 is left, 1 is right.")
    y: float = Field(0.5, ge=0, le=1, description="Place of the window: 0 is top, 1 is bottom.")
    usual: ClassVar = {"flip": ("no", "horizontal"), "scale": (0.7, 0.92), "x": (0.0, 1.0), "y": (0.0, 1.0)}


@augment(
    FlipCrop,
    family="geometric",
    cites=("krizhevsky2012imagenet", "shorten2019survey"),
    changes=("brightness", "contrast", "sharpness"),
    cost=Cost(cpu_seconds=0.4),
)
def flip_crop(batch: Images, params: Sequence[FlipCrop]) -> list[torch.Tensor | None]:
    """Cut a window, enlarge it to the image's size, mirror it: keeps the object, moves it and its scale.

    The window keeps the image's shape and is enlarged bilinearly. In an image of up to 4,096 values it lies at any
    fraction of a pixel, in a larger one it is rounded to whole pixels. Mirroring breaks labels where left and right
    differ in meaning (digits, letters): fix `flip` to "no" there. Images that look the same afterwards are refused.
    Returns (channels, height, width) uint8 each.
    """
    pixels = batch.pixels
    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    whole = [at for at, own in enumerate(params) if own.scale == 1 and own.flip == "horizontal"]
    result = change(pixels, pixels, whole, _mirror)
    cut = [at for at, own in enumerate(params) if own.scale < 1]
    if is_large(pixels):
        return made(pixels, change(pixels, result, cut, lambda images: _enlarge(images, [params[at] for at in cut])))
    windows = [_window(params[at], height, width) for at in cut]
    return made(pixels, change(pixels, result, cut, lambda images: warp(images, np.array(windows), "border")))


def _mirror(pixels: torch.Tensor) -> torch.Tensor:
    """Swap left and right."""
    result = blank(pixels)
    for part in parts(pixels):
        result[part] = pixels[part].flip(3)
    return result


def _enlarge(pixels: torch.Tensor, params: Sequence[FlipCrop]) -> torch.Tensor:
    """Show windows of whole pixels at full size; for large images this takes half the time of a warp."""
    import torch
    from torch.nn.functional import interpolate

    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    result = blank(pixels)
    on_cpu = pixels.device.type == "cpu"
    for image, shown, own in zip(pixels.unbind(0), result.unbind(0), params, strict=True):
        rows, columns = _span(height, own.scale, own.y), _span(width, own.scale, own.x)
        window = image[None, :, rows, columns].contiguous()
        if on_cpu:
            seen = interpolate(window, (height, width), mode="bilinear")[0]
        else:
            seen = to_uint8(interpolate(window.to(torch.float32), (height, width), mode="bilinear")[0])
        shown.copy_(seen.flip(2) if own.flip == "horizontal" else seen)
    return result


def _span(side: int, scale: float, at: float) -> slice:
    """Return the pixels of a window along one side."""
    length = max(1, round(side * scale))
    start = round((side - length) * at)
    return slice(start, start + length)


def _window(own: FlipCrop, height: int, width: int) -> list[list[float]]:
    """Return the map from the result to the image, (2, 3), in pixels from the centre."""
    free = 1 - own.scale
    mirror = -1.0 if own.flip == "horizontal" else 1.0
    return [
        [mirror * own.scale, 0.0, (own.x - 0.5) * free * width],
        [0.0, own.scale, (own.y - 0.5) * free * height],
    ]
