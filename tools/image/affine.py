"""Rotation, translation, scaling and shear in one warp (Shorten & Khoshgoftaar 2019, geometric transformations)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, get_args

import numpy as np
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import Fill, change, made, warp

if TYPE_CHECKING:
    import torch


class Affine(Params):
    """How the image is moved; all of it happens about the image's centre."""

    rotate_deg: float = Field(0.0, ge=-180, le=180, description="Clockwise rotation in degrees.")
    translate_x: float = Field(0.0, ge=-0.5, le=0.5, description="Shift to the right, as a share of the width.")
    translate_y: float = Field(0.0, ge=-0.5, le=0.5, description="Shift down, as a share of the height.")
    scale: float = Field(1.0, ge=0.5, le=2, description="Enlargement; below 1 the image shrinks.")
    shear_deg: float = Field(0.0, ge=-45, le=45, description="Horizontal shear in degrees; below the centre goes left.")
    fill: Fill = Field("border", description="What is shown beyond the edge: a mirror image, or the edge repeated.")
    usual: ClassVar = {
        "rotate_deg": (-20.0, 20.0),
        "translate_x": (-0.1, 0.1),
        "translate_y": (-0.1, 0.1),
        "scale": (0.85, 1.15),
        "shear_deg": (-10.0, 10.0),
        "fill": ("border", "reflection"),
    }


@augment(
    Affine,
    family="geometric",
    cites=("shorten2019survey",),
    changes=("brightness", "contrast", "sharpness"),
    cost=Cost(cpu_seconds=0.5),
)
def affine(batch: Images, params: Sequence[Affine]) -> list[torch.Tensor | None]:
    """Rotate, shift, scale and shear: keeps what is shown, changes where and how it lies.

    One map and one bilinear interpolation, order scale, shear, rotation, shift. Large rotations break labels where the
    upright matters. Images that look the same afterwards are refused. Returns (channels, height, width) uint8 each.
    """
    pixels = batch.pixels
    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    result = pixels
    for fill in get_args(Fill):
        items = [at for at, own in enumerate(params) if own.fill == fill]
        source = np.array([_source(params[at], height, width) for at in items])
        result = change(pixels, result, items, partial(warp, source=source, fill=fill))
    return made(pixels, result)


def _source(own: Affine, height: int, width: int) -> list[list[float]]:
    """Return the map from a place of the result to one of the image, (2, 3), in pixels from the centre.

    The inverse of rotation x shear x scale, written out: small matrix products cost more than the warp of a thumbnail.
    """
    angle, slant = math.radians(own.rotate_deg), math.tan(math.radians(own.shear_deg))
    cosine, sine = math.cos(angle) / own.scale, math.sin(angle) / own.scale
    right, down = own.translate_x * width, own.translate_y * height
    a, b = cosine - slant * sine, sine + slant * cosine
    return [[a, b, -a * right - b * down], [-sine, cosine, sine * right - cosine * down]]
