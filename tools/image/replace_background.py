"""In-painting around the subject, or of the subject where it stands (Chen et al. 2023, GenAug; Rahat et al. 2025)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Needs, augment
from tools.engines.orders import Order, Sampling, caption, order, painted
from tools.kernels.pixels import made, to_uint8

if TYPE_CHECKING:
    import torch

Mask = NDArray[np.float32]
Scene = Literal[
    "in front of a plain wall",
    "on grass",
    "in a forest",
    "in a street",
    "on sand",
    "on a wooden table",
    "in snow",
    "in a room",
    "under a cloudy sky",
]
_LEAST, _MOST = 0.03, 0.85
"""Share of the image that a subject covers."""
_APART = 0.7
"""Least share of the variance of distances that the split into two explains (Otsu's eta)."""
_AT_EDGE = 0.25
"""Largest share of the frame that a subject may cover."""
_ALIKE, _MANY = 40.0, 4
"""Levels within which two parts of the frame have one colour, and how many must have it to be backdrop."""


class ReplaceBackground(Sampling):
    """What is painted anew."""

    part: Literal["background", "subject"] = Field("background", description="What is painted anew; the rest is kept.")
    scene: Scene = Field("in front of a plain wall", description="What is around the subject afterwards.")
    usual: ClassVar = {"scene": ("in front of a plain wall", "on grass", "in a forest", "in a street", "in a room")}


@augment(
    ReplaceBackground,
    family="inpainting-background",
    cites=("chen2023genaug", "rahat2025aga"),
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(engine="fill_pictures", vram_gb=13),
    cost=Cost(cpu_seconds=1_500_000, gpu_seconds=600, setup_seconds=120),
)
def replace_background(batch: Images, params: Sequence[ReplaceBackground]) -> list[torch.Tensor | None]:
    """Paint new surroundings around the subject, or a new subject in its place; what is kept stays pixel by pixel.

    The subject is what differs in colour from the frame of the image, found without a model: it works where the
    backdrop is plain or even. Refused are images where subject and backdrop do not part clearly, shapes beyond 4:1,
    and labels without a name. With `part` subject the class is painted into the old surroundings.
    """
    masks = [_mask(image, own) for image, own in zip(batch.pixels, params, strict=True)]
    orders = [
        None if mask is None else _order(image, label, mask, own)
        for image, label, mask, own in zip(batch.pixels, batch.labels, masks, params, strict=True)
    ]
    results = painted(batch, orders)
    return _kept(batch.pixels, results, masks) if results else []


def _order(image: torch.Tensor, label: str, mask: torch.Tensor, own: ReplaceBackground) -> Order | None:
    around = f" {own.scene}" if own.part == "background" else ""
    return order(own, image, caption("a photo", label, own.about, around), image=image, mask=mask)


def _kept(
    pixels: torch.Tensor, results: Sequence[torch.Tensor | None], masks: Sequence[torch.Tensor | None]
) -> list[torch.Tensor | None]:
    """Lay what was painted under the mask and the parent beside it: decoding alone moves every pixel a little."""
    import torch

    laid = [
        image if new is None or mask is None else to_uint8(image + mask * (new.float() - image))
        for image, new, mask in zip(pixels, results, masks, strict=True)
    ]
    return made(pixels, torch.stack(laid))


def _mask(image: torch.Tensor, own: ReplaceBackground) -> torch.Tensor | None:
    """Return where to paint, (height, width) of [0, 1]; None where the subject cannot be told from its backdrop."""
    import torch

    found = subject(image.float().permute(1, 2, 0).cpu().numpy())
    if found is None:
        return None
    inside = torch.from_numpy(found).to(image.device)
    return inside if own.part == "subject" else 1 - inside


def subject(pixels: Mask) -> Mask | None:
    """Return where the subject of an image (height, width, channels) of [0, 255] is: (height, width), 0 or 1.

    Distances of every pixel to the nearest colour of the frame are split in two (Otsu 1979); holes are filled and
    specks dropped. None where the parts are not clear: too small, too large, cut by the frame, or not
    apart.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(pixels, (1, 1, 0))
    ground = _ground(smooth)
    if not ground:
        return None
    far: Mask = np.min([np.sqrt(np.square(smooth - colour).sum(axis=2)) for colour in ground], axis=0)
    cut, apart = _split(far)
    if apart < _APART:
        return None
    filled = ndimage.binary_fill_holes(far > cut)
    named, count = ndimage.label(filled)
    if not count:
        return None
    sizes = np.bincount(named.ravel())
    sizes[0] = 0
    kept = np.isin(named, np.flatnonzero(sizes >= 0.1 * sizes.max()))
    frame = np.concatenate([kept[0], kept[-1], kept[:, 0], kept[:, -1]])
    if not _LEAST <= kept.mean() <= _MOST or frame.mean() > _AT_EDGE:
        return None
    return kept.astype(np.float32)


def _ground(pixels: Mask) -> list[NDArray[np.float32]]:
    """Return the colours of the backdrop: means of the frame's twelve parts, less those that few others resemble."""
    height, width = pixels.shape[:2]
    deep = max(1, round(0.03 * min(height, width)))
    sides = [pixels[:deep], pixels[-deep:], pixels[:, :deep].swapaxes(0, 1), pixels[:, -deep:].swapaxes(0, 1)]
    thirds = [part for side in sides for part in np.array_split(side, 3, axis=1) if part.size]
    colours = [part.reshape(-1, pixels.shape[2]).mean(axis=0) for part in thirds]
    alike = [sum(float(np.linalg.norm(one - other)) < _ALIKE for other in colours) for one in colours]
    return [colour for colour, count in zip(colours, alike, strict=True) if count >= _MANY]


def _split(far: Mask) -> tuple[float, float]:
    """Return the cut that parts distances best, and the share of their variance that it explains (Otsu 1979, eta)."""
    counts, edges = np.histogram(far, bins=128)
    middles = (edges[:-1] + edges[1:]) / 2
    share = counts / counts.sum()
    below, total = np.cumsum(share)[:-1], float((share * middles).sum())
    part = np.cumsum(share * middles)[:-1]
    spread = float((share * np.square(middles - total)).sum())
    between = np.square(total * below - part) / np.maximum(below * (1 - below), 1e-12)
    best = int(between.argmax())
    return float(edges[best + 1]), float(between[best] / spread) if spread > 1.0 else 0.0
