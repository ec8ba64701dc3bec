"""Brightness of an image."""

from __future__ import annotations

from collections.abc import Sequence

from memory.datasets.media import Pixels
from tools.card import measure
from tools.kernels.luma import luma


@measure("image", unit="share of white", edges=(0.25, 0.5, 0.75))
def brightness(payloads: Sequence[Pixels]) -> list[float | str | None]:
    """Average the luma of all pixels: 0 is black, 1 is white."""
    return [float(luma(image).mean(dtype=float)) for image in payloads]
