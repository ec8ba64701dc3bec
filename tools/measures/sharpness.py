"""Sharpness of an image."""

from __future__ import annotations

from collections.abc import Sequence

from memory.datasets.media import Pixels
from tools.card import measure
from tools.kernels.luma import luma


@measure("image", unit="ratio", edges=(0.02, 0.1, 0.5, 2))
def sharpness(payloads: Sequence[Pixels]) -> list[float | str | None]:
    """Divide the variance of the Laplacian (Pech-Pacheco et al. 2000) by the variance of luma, so contrast cancels.

    The Laplacian has four neighbours and leaves out the border; white noise gives 20, a smooth image nearly 0.
    None for an image of one colour or with a side under three pixels.
    """
    return [_sharpness(image) for image in payloads]


def _sharpness(image: Pixels) -> float | None:
    grey = luma(image)
    spread = float(grey.var(dtype=float))
    if min(grey.shape) < 3 or spread < 1e-12:
        return None
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * grey[1:-1, 1:-1]).var(dtype=float)) / spread
