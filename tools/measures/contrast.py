"""Contrast of an image."""

from __future__ import annotations

from collections.abc import Sequence

from memory.datasets.media import Pixels
from tools.card import measure
from tools.kernels.luma import luma


@measure("image", unit="share of white", edges=(0.1, 0.2, 0.3))
def contrast(payloads: Sequence[Pixels]) -> list[float | str | None]:
    """Measure root mean square contrast: the standard deviation of luma, 0 (flat) to 0.5 (half black, half white)."""
    return [float(luma(image).std(dtype=float)) for image in payloads]
