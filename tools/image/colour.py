"""Brightness, contrast, saturation and hue in one linear map (Krizhevsky et al. 2012; Shorten & Khoshgoftaar 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import GREY, change, grey_means, made, parts, per_item, to_uint8

if TYPE_CHECKING:
    import torch

_TO_YIQ = np.array([GREY, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)])


class Colour(Params):
    """Factors of 1 and a hue of 0 change nothing."""

    brightness: float = Field(1.0, ge=0.1, le=3, description="Factor of every grey level.")
    contrast: float = Field(1.0, ge=0.1, le=3, description="Factor of the distance from the image's mean grey.")
    saturation: float = Field(
        1.0, ge=0, le=3, description="Factor of the distance from grey; no effect on grey images."
    )
    hue: float = Field(0.0, ge=-0.5, le=0.5, description="Turn of the colour circle; no effect on grey images.")
    usual: ClassVar = {
        "brightness": (0.6, 1.4),
        "contrast": (0.6, 1.4),
        "saturation": (0.5, 1.5),
        "hue": (-0.05, 0.05),
    }


@augment(
    Colour,
    family="photometric",
    cites=("krizhevsky2012imagenet", "shorten2019survey"),
    changes=("brightness", "contrast"),
    cost=Cost(cpu_seconds=0.2),
)
def colour(batch: Images, params: Sequence[Colour]) -> list[torch.Tensor | None]:
    """Change brightness, contrast, saturation and hue: keeps every shape, changes light and colour.

    Brightness first, then contrast about the mean grey, then saturation about each pixel's grey, then a rotation of hue
    in the YIQ plane; together one 3x3 matrix and an offset, cut to 0..255 once. Grey images take brightness and
    contrast only. Breaks labels that are a colour. Images that look the same afterwards are refused. Returns (channels,
    height, width) uint8 each.
    """
    pixels = batch.pixels
    result = pixels
    gain = np.array([own.brightness * own.contrast for own in params])
    offset = np.array([(1 - own.contrast) * own.brightness for own in params]) * grey_means(pixels)
    coloured = pixels.shape[1] == 3
    mixing = [at for at, own in enumerate(params) if coloured and (own.saturation != 1 or own.hue != 0)]
    plain = sorted(set(range(len(params))) - set(mixing))
    result = change(pixels, result, plain, partial(_scale, gain=gain[plain], offset=offset[plain]))
    back = np.linalg.inv(_TO_YIQ)
    matrices = np.array([gain[at] * _mixing(params[at], back) for at in mixing])
    result = change(pixels, result, mixing, partial(_mix, matrices=matrices, offset=offset[mixing]))
    return made(pixels, result)


def _mixing(own: Colour, back: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 3x3 matrix of saturation and hue, which keeps every grey; `back` goes from YIQ to RGB."""
    angle = 2 * math.pi * own.hue
    cosine, sine = own.saturation * math.cos(angle), own.saturation * math.sin(angle)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    return np.asarray(back @ turn @ _TO_YIQ, dtype=np.float64)


def _scale(pixels: torch.Tensor, gain: NDArray[np.float64], offset: NDArray[np.float64]) -> torch.Tensor:
    """Return gain * pixels + offset."""
    import torch

    result = torch.empty_like(pixels)
    gains, offsets = per_item(gain, pixels), per_item(offset, pixels)
    for part in parts(pixels):
        result[part] = to_uint8(pixels[part].to(torch.float32).mul_(gains[part]).add_(offsets[part]))
    return result


def _mix(pixels: torch.Tensor, matrices: NDArray[np.float64], offset: NDArray[np.float64]) -> torch.Tensor:
    """Return matrix * pixels + offset, over the three channels."""
    import torch

    result = torch.empty_like(pixels)
    columns = [per_item(matrices[:, :, channel], pixels) for channel in range(3)]
    offsets = per_item(offset, pixels)
    for part in parts(pixels):
        levels = pixels[part].to(torch.float32)
        mixed = levels[:, 0:1] * columns[0][part]
        for channel in (1, 2):
            mixed.addcmul_(levels[:, channel : channel + 1], columns[channel][part])
        result[part] = to_uint8(mixed.add_(offsets[part]))
    return result
