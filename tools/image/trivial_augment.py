"""TrivialAugment with the wide space (Müller & Hutter 2021, section 3 and table 2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Params, augment
from tools.kernels.pixels import GREY, blank, change, grey_means, look_up, made, parts, per_item, to_uint8, warp
from tools.seeds import draws

if TYPE_CHECKING:
    import torch

_Op = Literal[
    "autocontrast",
    "brightness",
    "colour",
    "contrast",
    "equalise",
    "posterise",
    "rotate",
    "sharpness",
    "shear_x",
    "shear_y",
    "solarise",
    "translate_x",
    "translate_y",
]
_SIGNED = (
    "brightness",
    "colour",
    "contrast",
    "rotate",
    "sharpness",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
_WARPS = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


class TrivialAugment(Params):
    """One operation and its strength; the direction is drawn from the seed."""

    op: _Op = Field("rotate", description="The operation.")
    strength: int = Field(8, ge=0, le=30, description="Place on the wide space's scale, 30 is the strongest.")
    usual: ClassVar = {"op": get_args(_Op), "strength": (4, 12)}


@augment(
    TrivialAugment,
    family="policy",
    cites=("muller2021trivialaugment", "cubuk2020randaugment"),
    changes=("brightness", "contrast", "sharpness"),
    cost=Cost(cpu_seconds=0.3),
)
def trivial_augment(batch: Images, params: Sequence[TrivialAugment]) -> list[torch.Tensor | None]:
    """Apply one operation of the wide space at one strength: keeps most labels at low strength, varies widely.

    At strength 30: rotation 135 degrees, shear 0.99, shift a seventh of the side (the paper's 32 of 224 pixels),
    factors 1 +- 0.99, two bits a channel, every level inverted. Identity is left out; warps interpolate bilinearly and
    mirror the image at its edges. Strong rotations and near-black or grey results break labels. Images that look the
    same afterwards are refused. Returns (channels, height, width) uint8 each.
    """
    pixels = batch.pixels
    result = pixels
    signs = _signs(params)
    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    items = [at for at, own in enumerate(params) if own.op in _WARPS]
    source = np.array([_source(params[at], signs[at], height, width) for at in items])
    result = change(pixels, result, items, partial(warp, source=source))
    for op in (*_TABLES, *_BLUNT):
        items = [at for at, own in enumerate(params) if own.op == op]
        shares = np.array([signs[at] * params[at].strength / 30 for at in items])
        how = partial(_table, tables=_TABLES[op]) if op in _TABLES else partial(_blend, toward=_BLUNT[op])
        result = change(pixels, result, items, partial(how, shares=shares))
    return made(pixels, result)


def _signs(params: Sequence[TrivialAugment]) -> list[int]:
    """Return 1 or -1 for every item, drawn; always 1 where an operation has one direction."""
    drawn = draws([own.seed for own in params], [1] * len(params))
    return [1 if own.op not in _SIGNED or number >> 31 else -1 for own, number in zip(params, drawn, strict=True)]


def _source(own: TrivialAugment, sign: int, height: int, width: int) -> NDArray[np.float64]:
    """Return the map from a place of the result to one of the image, (2, 3), in pixels from the centre."""
    share = sign * own.strength / 30
    angle = math.radians(135 * share)
    cosine, sine = math.cos(angle), math.sin(angle)
    maps = {
        "rotate": [[cosine, sine, 0.0], [-sine, cosine, 0.0]],
        "shear_x": [[1.0, 0.99 * share, 0.0], [0.0, 1.0, 0.0]],
        "shear_y": [[1.0, 0.0, 0.0], [0.99 * share, 1.0, 0.0]],
        "translate_x": [[1.0, 0.0, share * width / 7], [0.0, 1.0, 0.0]],
        "translate_y": [[1.0, 0.0, 0.0], [0.0, 1.0, share * height / 7]],
    }
    return np.array(maps[own.op])


# --- one table a channel --------------------------------------------------------------------------

_Tables = Callable[["torch.Tensor", NDArray[np.float64]], NDArray[np.float64]]
_LEVELS = np.arange(256.0)


def _table(pixels: torch.Tensor, shares: NDArray[np.float64], tables: _Tables) -> torch.Tensor:
    """Look every grey level up in its channel's table; `tables` gives (items, channels or 1, 256) grey levels."""
    import torch

    levels = np.clip(np.rint(tables(pixels, shares)), 0, 255).astype(np.uint8)
    wide = np.array(np.broadcast_to(levels, (len(shares), int(pixels.shape[1]), 256)))
    return look_up(pixels, torch.from_numpy(wide).to(pixels.device))


def _brightness(_: torch.Tensor, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return (1 + 0.99 * shares)[:, None, None] * _LEVELS


def _contrast(pixels: torch.Tensor, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blend with the mean grey."""
    factors = (1 + 0.99 * shares)[:, None, None]
    return factors * _LEVELS + (1 - factors) * grey_means(pixels)[:, None, None]


def _posterise(_: torch.Tensor, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep the 8 - 6 * share highest bits."""
    dropped = np.rint(6 * shares).astype(np.int64)[:, None, None]
    return np.asarray((np.arange(256) >> dropped << dropped).astype(np.float64))


def _solarise(_: torch.Tensor, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert the levels from 256 * (1 - share) on."""
    return np.where((256 * (1 - shares))[:, None, None] <= _LEVELS, 255 - _LEVELS, _LEVELS)


def _autocontrast(pixels: torch.Tensor, _: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretch every channel to 0..255; a channel of one level stays."""
    low = pixels.amin((2, 3)).cpu().numpy().astype(np.float64)[:, :, None]
    high = pixels.amax((2, 3)).cpu().numpy().astype(np.float64)[:, :, None]
    return np.where(high > low, (_LEVELS - low) * 255 / np.maximum(high - low, 1), _LEVELS)


def _equalise(pixels: torch.Tensor, _: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread the levels of every channel evenly, as Pillow's ImageOps.equalize does."""
    import torch

    rows = int(pixels.shape[0] * pixels.shape[1])
    first = torch.arange(rows, dtype=torch.int32, device=pixels.device)[:, None] * 256
    flat = pixels.reshape(rows, -1).to(torch.int32).add_(first).view(-1)
    counts = torch.bincount(flat, minlength=rows * 256).view(pixels.shape[0], pixels.shape[1], 256).cpu().numpy()
    highest = 255 - np.argmax(counts[:, :, ::-1] > 0, axis=2)
    last = np.take_along_axis(counts, highest[:, :, None], axis=2)
    step = (counts.sum(axis=2, keepdims=True) - last) // 255
    below = np.cumsum(counts, axis=2) - counts
    spread = (below + step // 2) // np.maximum(step, 1)
    return np.where(step > 0, spread, np.arange(256)).astype(np.float64)


_TABLES: dict[str, _Tables] = {
    "autocontrast": _autocontrast,
    "brightness": _brightness,
    "contrast": _contrast,
    "equalise": _equalise,
    "posterise": _posterise,
    "solarise": _solarise,
}


# --- blends with a blunter image ------------------------------------------------------------------


def _blend(
    pixels: torch.Tensor, shares: NDArray[np.float64], toward: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return factor * image + (1 - factor) * blunt image, factor 1 +- 0.99."""
    import torch

    factors = per_item(1 + 0.99 * shares, pixels)
    result = blank(pixels)
    for part in parts(pixels):
        levels = pixels[part].to(torch.float32)
        blunt = toward(levels)
        result[part] = to_uint8(levels.sub_(blunt).mul_(factors[part]).add_(blunt))
    return result


def _grey(levels: torch.Tensor) -> torch.Tensor:
    """Return the grey image (items, 1, height, width)."""
    if levels.shape[1] == 1:
        return levels.clone()
    return levels[:, 0:1] * GREY[0] + levels[:, 1:2] * GREY[1] + levels[:, 2:3] * GREY[2]


def _smooth(levels: torch.Tensor) -> torch.Tensor:
    """Return the image under Pillow's SMOOTH kernel, (1 1 1, 1 5 1, 1 1 1) / 13; outermost pixels stay."""
    blunt = levels.clone()
    if min(levels.shape[2:]) > 2:
        rows = levels[:, :, :-2] + levels[:, :, 1:-1] + levels[:, :, 2:]
        box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
        blunt[:, :, 1:-1, 1:-1] = box.add_(levels[:, :, 1:-1, 1:-1], alpha=4).div_(13)
    return blunt


_BLUNT: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"colour": _grey, "sharpness": _smooth}
