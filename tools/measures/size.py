"""Size of an image."""

from __future__ import annotations

from collections.abc import Sequence

from memory.datasets.media import Pixels
from tools.card import measure


@measure("image", unit="px", edges=(32, 64, 128, 256, 512))
def size(payloads: Sequence[Pixels]) -> list[float | str | None]:
    """Measure the shorter side in pixels."""
    return [float(min(image.shape[:2])) for image in payloads]
