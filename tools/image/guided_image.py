"""New pictures along the edges of a real one (Zhang et al. 2023, ControlNet); edges after Canny 1986."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Needs, augment
from tools.engines.canvas import fits, in_channels, to_canvas
from tools.engines.orders import Order, Sampling, caption, order, painted

if TYPE_CHECKING:
    import torch

Light = Literal["", "in daylight", "in dim light", "at night", "in bright sunlight"]
_LEAST, _MOST = 0.002, 0.4
"""Share of the pixels that may be edges."""


class GuidedImage(Sampling):
    """What edges are, and how closely they are kept to."""

    low: float = Field(
        0.08, ge=0.01, le=0.9, description="Weakest edge, as a share of the strongest; joined to others."
    )
    high: float = Field(
        0.2, ge=0.02, le=0.95, description="Weakest edge that stands alone, as a share of the strongest."
    )
    hold: float = Field(1.0, ge=0.2, le=2, description="How closely edges are kept to, in tenths; 1 as it was trained.")
    medium: Literal["a photo", "a close-up photo", "a drawing", "a picture"] = Field(
        "a photo", description="What kind of picture it is."
    )
    light: Light = Field("", description="In which light; empty says nothing.")
    usual: ClassVar = {
        "hold": (0.6, 1.0),
        "light": ("", "in daylight", "in dim light", "at night", "in bright sunlight"),
    }


@augment(
    GuidedImage,
    family="structure-controlled",
    cites=("zhang2023controlnet", "yeo2024controlled"),
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(engine="guide_pictures", vram_gb=4),
    licence="CreativeML-OpenRAIL-M",
    cost=Cost(cpu_seconds=700_000, gpu_seconds=900, setup_seconds=60),
)
def guided_image(batch: Images, params: Sequence[GuidedImage]) -> list[torch.Tensor | None]:
    """Make a new picture of the class along the edges of a real one: shape and layout stay, colours and texture change.

    Edges are found here, at the size that the model works at: Gaussian, Sobel, thinning across the gradient, two
    thresholds (Canny 1986). Breaks classes that are told by colour or texture. Refused are images with hardly any
    edges or too many, shapes beyond 4:1, and labels without a name.
    """
    return painted(
        batch,
        [
            _order(batch, image, label, own)
            for image, label, own in zip(batch.pixels, batch.labels, params, strict=True)
        ],
    )


def _order(batch: Images, image: torch.Tensor, label: str, own: GuidedImage) -> Order | None:
    import torch

    size = (int(image.shape[1]), int(image.shape[2]))
    if not fits(*size):
        return None
    seen = to_canvas(image, batch.engine.canvas(size, own.side)) * 255
    grey = in_channels(seen, 1)[0].float().cpu().numpy()
    lines = edges(grey, own.low, own.high)
    if not _LEAST <= lines.mean() <= _MOST:
        return None
    drawn = torch.from_numpy(lines.astype(np.uint8) * 255).to(image.device)[None]
    details = f", {own.light}" if own.light else ""
    return order(own, image, caption(own.medium, label, own.about, details), image=drawn, hold=own.hold)


def edges(grey: NDArray[np.float32], low: float, high: float, sigma: float = 1.4) -> NDArray[np.bool_]:
    """Return where the edges of a grey image (height, width) of [0, 255] are (Canny 1986).

    `low` and `high` are shares of the strongest gradient; an image that changes by less than a level a pixel has none.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(grey.astype(np.float32), sigma)
    across, down = ndimage.sobel(smooth, axis=1) / 8, ndimage.sobel(smooth, axis=0) / 8
    steep = np.hypot(across, down)
    top = float(steep.max())
    if top < 1:
        return np.zeros(grey.shape, dtype=np.bool_)
    thin = np.where(_highest(steep, across, down), steep, 0)
    named, _ = ndimage.label(thin >= low * top, structure=np.ones((3, 3)))
    strong = np.unique(named[thin >= max(low, high) * top])
    found: NDArray[np.bool_] = np.isin(named, strong[strong > 0])
    return found


def _highest(steep: NDArray[np.float32], across: NDArray[np.float32], down: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a gradient is not below its two neighbours along its own direction, of four."""
    turn = np.round(np.arctan2(down, across) / (np.pi / 4)).astype(int) % 4
    padded = np.pad(steep, 1)
    height, width = steep.shape
    close = 1e-4 * float(steep.max())  # an edge between two pixels is equally steep in both but for rounding
    result = np.zeros(steep.shape, dtype=np.bool_)
    for at, (y, x) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = padded[1 + y : 1 + y + height, 1 + x : 1 + x + width]
        behind = padded[1 - y : 1 - y + height, 1 - x : 1 - x + width]
        result |= (turn == at) & (steep >= ahead - close) & (steep > behind + close)
    return result
