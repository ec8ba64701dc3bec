"""Random erasing (Zhong et al. 2020, algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import blank, made, means
from tools.seeds import words

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
    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    boxes = [_box(own, height, width) for own in params]
    result = blank(pixels).copy_(pixels)
    # NumPy writes a small patch in a fifth of PyTorch's time.
    canvas: Any = result.numpy() if result.device.type == "cpu" else None
    for at, patch in _patches(pixels, params, boxes).items():
        top, bottom, left, right = boxes[at]
        if canvas is not None:
            canvas[at, :, top:bottom, left:right] = patch
        else:
            result[at, :, top:bottom, left:right] = torch.from_numpy(patch).to(result.device)
    return made(pixels, result)


def _box(own: ErasePatch, height: int, width: int) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of the patch."""
    covered = own.area * height * width
    tall = min(height, max(1, round(math.sqrt(covered * own.aspect))))
    wide = min(width, max(1, round(math.sqrt(covered / own.aspect))))
    top, left = round(own.y * (height - tall)), round(own.x * (width - wide))
    return top, top + tall, left, left + wide


def _patches(
    pixels: torch.Tensor, params: Sequence[ErasePatch], boxes: Sequence[tuple[int, int, int, int]]
) -> dict[int, NDArray[np.uint8]]:
    """Return what covers each image, (channels, height, width) or one colour; images covered whole are left out."""
    channels, height, width = (int(side) for side in pixels.shape[1:])
    sizes = {at: (channels, bottom - top, right - left) for at, (top, bottom, left, right) in enumerate(boxes)}
    fits = [at for at, size in sizes.items() if size[1:] != (height, width)]
    blunt = [at for at in fits if params[at].fill == "mean"]
    patches = {}
    if blunt:
        colours = np.rint(means(pixels)).astype(np.uint8)[:, :, None, None]
        patches.update({at: colours[at] for at in blunt})
    noisy = [at for at in fits if params[at].fill == "noise"]
    counts = [-(-math.prod(sizes[at]) // 8) for at in noisy]
    drawn = words([params[at].seed for at in noisy], counts).astype("<u8", copy=False).view(np.uint8)
    start = 0
    for at, count in zip(noisy, counts, strict=True):
        patches[at] = drawn[start : start + math.prod(sizes[at])].reshape(sizes[at])
        start += 8 * count
    return patches
