"""Arithmetic on batches of uint8 images: parts that fit the cache, warps, tables, refusals.

A tool works on one part at a time in float32. On a CPU a part is kept small enough for the second-level cache, where
a pass over it costs a quarter of what it costs from memory; elementwise passes give the same bits whatever the part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Fill = Literal["reflection", "border"]
"""What lies beyond the edge: the image mirrored at its edge, or its outermost pixel repeated."""

GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""

_CPU_PART = 1 << 18
_GPU_PART = 1 << 26


def parts(pixels: torch.Tensor) -> Iterator[slice]:
    """Yield slices of `pixels` (items, ...) that cover all items; each holds about 2**18 values (2**26 on a GPU)."""
    count, size = int(pixels.shape[0]), int(pixels[:1].numel())
    room = _CPU_PART if pixels.device.type == "cpu" else _GPU_PART
    step = max(1, room // max(1, size))
    for start in range(0, count, step):
        yield slice(start, min(count, start + step))


def blank(pixels: torch.Tensor) -> torch.Tensor:
    """Return uninitialised uint8 images of the shape of `pixels`, laid out item by item, channel by channel."""
    import torch

    if pixels.device.type == "cpu":
        # NumPy asks for huge pages, PyTorch does not: the first writing of a large result takes half the time.
        return torch.from_numpy(np.empty(tuple(pixels.shape), dtype=np.uint8))
    return torch.empty(pixels.shape, dtype=torch.uint8, device=pixels.device)


def per_item(values: Sequence[float] | NDArray[Any], like: torch.Tensor) -> torch.Tensor:
    """Return numbers, one row an item, as float32 (items, row or 1, 1, 1) on the device of `like`."""
    import torch

    rows = np.asarray(values, dtype=np.float32).reshape(len(values), -1, 1, 1)
    return torch.from_numpy(rows).to(like.device)


def to_uint8(values: torch.Tensor) -> torch.Tensor:
    """Return float grey levels as uint8: rounded half to even, cut to 0..255. Overwrites `values`."""
    import torch

    # Through int16, because the direct conversion from float32 to uint8 is not vectorised on a CPU (2.5x slower).
    return values.round_().clamp_(0, 255).to(torch.int16).to(torch.uint8)


def means(pixels: torch.Tensor) -> NDArray[np.float64]:
    """Return the mean grey level of every channel, (items, channels).

    Exact in any order of summation: a row's sum stays a whole number below 2**24, for rows of up to 65,793 pixels.
    """
    import torch

    area = int(pixels.shape[2]) * int(pixels.shape[3])
    # Rows in float32: summing uint8 as integers takes five times as long on a CPU.
    totals = [pixels[part].to(torch.float32).sum(3).sum(2, dtype=torch.float64).cpu().numpy() for part in parts(pixels)]
    return np.concatenate([np.zeros((0, int(pixels.shape[1]))), *totals]) / area


def grey_means(pixels: torch.Tensor) -> NDArray[np.float64]:
    """Return the mean of every image (items,) after turning it grey."""
    own = means(pixels)
    if own.shape[1] == 1:
        return own[:, 0]
    # Written out: a matrix product may sum in another order for another number of images.
    return own[:, 0] * GREY[0] + own[:, 1] * GREY[1] + own[:, 2] * GREY[2]


def change(
    pixels: torch.Tensor, result: torch.Tensor, items: Sequence[int], how: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return `result` with what `how` makes of the images of `pixels` at the positions `items`.

    `result` is `pixels` itself, which stays as it is, or what an earlier call returned, which may be overwritten.
    """
    import torch

    if not items:
        return result
    if len(items) == len(pixels):
        return how(pixels)
    if result is pixels:
        result = pixels.clone()
    index = torch.tensor(items, device=pixels.device)
    images = how(pixels.index_select(0, index))
    if pixels.device.type == "cpu" and is_large(pixels):
        for at, image in zip(items, images, strict=True):  # index_copy_ goes byte by byte
            result[at].copy_(image)
        return result
    return result.index_copy_(0, index, images)


def is_large(pixels: torch.Tensor) -> bool:
    """Return whether a call for each image costs less than the work on it."""
    return int(pixels[:1].numel()) > 4096


def made(before: torch.Tensor, after: torch.Tensor) -> list[torch.Tensor | None]:
    """Return the images of `after` one by one, None where one equals its own in `before`."""
    import torch

    images = after.unbind(0)
    if before.device.type == "cpu" and is_large(before):
        # Large images: `equal` stops at the first difference.
        return [None if torch.equal(old, new) else new for old, new in zip(before.unbind(0), images, strict=True)]
    unequal: Any = (before != after).flatten(1)
    if before.device.type == "cpu":
        unequal = unequal.numpy()  # whose `any` stops at the first
    changed = unequal.any(1).tolist()
    return [new if differs else None for new, differs in zip(images, changed, strict=True)]


def warp(pixels: torch.Tensor, source: NDArray[np.float64], fill: Fill = "reflection") -> torch.Tensor:
    """Return every image seen through its own affine map, with bilinear interpolation.

    `pixels` is (items, channels, height, width) uint8. `source` (items, 2, 3) takes a place (x, y, 1) of the result to
    the place (x, y) in the image that is shown there; places are in pixels from the centre of the image, y down.
    """
    import torch
    from torch.nn.functional import grid_sample

    across, down = _places(pixels, source)
    result = torch.empty_like(pixels)
    for part in parts(pixels):
        # One complex addition writes both coordinates; writing each into every second float takes five times as long.
        grid = torch.view_as_real(across[part] + down[part])
        seen = grid_sample(
            pixels[part].to(torch.float32), grid, mode="bilinear", padding_mode=fill, align_corners=False
        )
        result[part] = to_uint8(seen)
    return result


def _places(pixels: torch.Tensor, source: NDArray[np.float64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what columns (items, 1, width) and rows (items, height, 1) add to a place x + iy, in half sides."""
    import torch

    height, width = int(pixels.shape[2]), int(pixels.shape[3])
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    half = np.array([width / 2, height / 2])
    column, row, shift = np.moveaxis(source / half[:, None], 2, 0)[..., None]
    across = column[:, 0] * x + 1j * (column[:, 1] * x)
    down = (row[:, 0] * y + shift[:, 0]) + 1j * (row[:, 1] * y + shift[:, 1])
    return (
        torch.from_numpy(across[:, None, :].astype(np.complex64)).to(pixels.device),
        torch.from_numpy(down[:, :, None].astype(np.complex64)).to(pixels.device),
    )


def look_up(pixels: torch.Tensor, tables: torch.Tensor) -> torch.Tensor:
    """Replace grey levels by those of a table: `tables` (items, channels, 256) uint8, one table a channel."""
    import torch

    result = blank(pixels)
    for part in parts(pixels):
        own = pixels[part]
        index = own.to(torch.int32)
        first = torch.arange(own.shape[0] * own.shape[1], dtype=torch.int32, device=own.device) * 256
        index += first.view(own.shape[0], own.shape[1], 1, 1)
        result[part] = tables[part].reshape(-1).index_select(0, index.view(-1)).view(own.shape)
    return result
