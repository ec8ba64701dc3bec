"""Speed of the image tools: images a second against torchvision v2 image by image, and kornia and albumentations.

    python tests/benchmarks/image_tools.py [--size 28] [--items 64] [--rounds 7] [--only affine]

Synthetic images, one torch thread. All peers of a row take turns every round, in rotating order; the figure is the
median. Every operation is applied to every image. The tools are handed parameters drawn beforehand (the last column
says what drawing costs an image); peers draw inside, one draw an image. kornia takes and gives float32; conversion
is not counted. A ratio below 1 is a loss.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from memory.records import Draw
from tools.batches import Images
from tools.catalogue import load
from tools.seeds import draw, generator, seed_for

Run = Callable[[], object]
ROWS: dict[str, tuple[str, dict[str, Draw]]] = {
    "flip": ("flip_crop", {"flip": "horizontal", "scale": 1.0}),
    "resized crop": ("flip_crop", {"flip": "no"}),
    "affine": ("affine", {"fill": "border"}),
    "brightness, contrast": ("colour", {"saturation": 1.0, "hue": 0.0}),
    "all of colour": ("colour", {}),
    "blur": ("blur", {}),
    "noise": ("noise", {}),
    "erase": ("erase_patch", {"fill": "noise"}),
    "trivial augment": ("trivial_augment", {"strength": (0, 30)}),
    "mixup": ("mixup", {}),
    "cutmix": ("cutmix", {}),
}


def synthetic(items: int, channels: int, size: int) -> torch.Tensor:
    """Make smooth images with a little grain, (items, channels, size, size) uint8."""
    rng = generator(1)
    low = torch.from_numpy(rng.random((items, channels, 7, 7), dtype=np.float32))
    smooth = torch.nn.functional.interpolate(low, (size, size), mode="bicubic", align_corners=False) * 220
    grain = torch.from_numpy(rng.normal(0, 6, (items, channels, size, size)).astype(np.float32))
    return (smooth + grain).clamp(0, 255).round().to(torch.uint8)


def torchvision_peers(pixels: torch.Tensor) -> dict[str, Run]:
    """Return torchvision v2 transforms, called image by image."""
    from torchvision.transforms import InterpolationMode, v2

    bilinear, size = InterpolationMode.BILINEAR, int(pixels.shape[-1])
    transforms = {
        "flip": v2.RandomHorizontalFlip(p=1),
        "resized crop": v2.RandomResizedCrop(size, scale=(0.5, 0.85), ratio=(1, 1)),
        "affine": v2.RandomAffine(20, (0.1, 0.1), (0.85, 1.15), 10, interpolation=bilinear),
        "brightness, contrast": v2.ColorJitter(0.4, 0.4),
        "all of colour": v2.ColorJitter(0.4, 0.4, 0.5, 0.05),
        "blur": v2.GaussianBlur(7, (0.8, 1.6)),
        "noise": v2.Compose(
            [v2.ToDtype(torch.float32, scale=True), v2.GaussianNoise(sigma=0.1), v2.ToDtype(torch.uint8, scale=True)]
        ),
        "erase": v2.RandomErasing(p=1, scale=(0.04, 0.2), ratio=(0.4, 2.5), value=0),
        "trivial augment": v2.TrivialAugmentWide(interpolation=bilinear),
    }
    return {name: over(transform, list(pixels)) for name, transform in transforms.items()}


def kornia_peers(pixels: torch.Tensor) -> dict[str, Run]:
    """Return kornia's augmentations on the whole batch, with one draw an image."""
    import kornia.augmentation as kornia

    floats, size = pixels.float() / 255, int(pixels.shape[-1])
    transforms: dict[str, Any] = {
        "flip": kornia.RandomHorizontalFlip(p=1.0),
        "resized crop": kornia.RandomResizedCrop((size, size), scale=(0.5, 0.85), ratio=(1.0, 1.0), p=1.0),
        "affine": kornia.RandomAffine(20, (0.1, 0.1), (0.85, 1.15), 10, p=1.0),
        "brightness, contrast": kornia.ColorJitter(0.4, 0.4, p=1.0),
        "blur": kornia.RandomGaussianBlur((7, 7), (0.8, 1.6), p=1.0),
        "noise": kornia.RandomGaussianNoise(std=0.1, p=1.0),
        "erase": kornia.RandomErasing((0.04, 0.2), (0.4, 2.5), p=1.0),
    }
    if pixels.shape[1] == 3:
        transforms["all of colour"] = kornia.ColorJitter(0.4, 0.4, 0.5, 0.05, p=1.0)
    return {name: whole(transform, floats) for name, transform in transforms.items()}


def albumentations_peers(pixels: torch.Tensor) -> dict[str, Run]:
    """Return albumentations' transforms, called image by image on (height, width, channels)."""
    import albumentations as alb

    size = int(pixels.shape[-1])
    images = [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in pixels]
    transforms = {
        "flip": alb.HorizontalFlip(p=1),
        "resized crop": alb.RandomResizedCrop((size, size), scale=(0.5, 0.85), ratio=(1, 1), p=1),
        "affine": alb.Affine(scale=(0.85, 1.15), translate_percent=(-0.1, 0.1), rotate=(-20, 20), shear=(-10, 10), p=1),
        "brightness, contrast": alb.RandomBrightnessContrast(0.4, 0.4, p=1),
        "blur": alb.GaussianBlur(blur_limit=(7, 7), sigma_limit=(0.8, 1.6), p=1),
        "noise": alb.GaussNoise(std_range=(0.06, 0.14), p=1),
        "erase": alb.Erasing(scale=(0.04, 0.2), ratio=(0.4, 2.5), p=1),
    }
    if pixels.shape[1] == 3:
        transforms["all of colour"] = alb.ColorJitter((0.6, 1.4), (0.6, 1.4), (0.5, 1.5), (-0.05, 0.05), p=1)
    return {name: named(transform, images) for name, transform in transforms.items()}


def over(transform: Any, images: list[torch.Tensor]) -> Run:
    """Return a run of `transform` over images one by one."""
    return lambda: [transform(image) for image in images]


def whole(transform: Any, batch: torch.Tensor) -> Run:
    """Return a run of `transform` over one batch."""
    return lambda: transform(batch)


def named(transform: Any, images: list[np.ndarray[Any, Any]]) -> Run:
    """Return a run of an albumentations transform over images one by one."""
    return lambda: [transform(image=image)["image"] for image in images]


def timed(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Return the median seconds of every run; each round starts with the next one."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for run in runs.values():
        run()
    for turn in range(rounds):
        for at in range(len(names)):
            name = names[(turn + at) % len(names)]
            start = time.perf_counter()
            runs[name]()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def lines(pixels: torch.Tensor, rounds: int, only: str) -> Iterator[str]:
    """Yield one line a row: the tool's images a second, then each peer's with how many times faster the tool is."""
    peers = {"torchvision": torchvision_peers(pixels)}
    for name, make in (("kornia", kornia_peers), ("albumentations", albumentations_peers)):
        if importlib.util.find_spec(name) is not None:
            peers[name] = make(pixels)
    batch, catalogue = Images(pixels, pixels.flip(0)), load()
    for row, (name, wanted) in ROWS.items():
        if only not in row:
            continue
        tool = catalogue[f"image.{name}"]
        start = time.perf_counter()
        in_pixels: dict[str, Draw] = {"sigma": (0.8 / pixels.shape[-1], 1.6 / pixels.shape[-1])}  # as peers state it
        params = [
            draw(tool, in_pixels if row == "blur" else wanted, seed_for(1, row, str(at))) for at in range(len(pixels))
        ]
        drawing = (time.perf_counter() - start) / len(pixels)
        runs = {"augplan": lambda tool=tool, params=params: tool.run(batch, params)}
        runs |= {peer: own[row] for peer, own in peers.items() if row in own}
        seconds = timed(runs, rounds)
        own = seconds.pop("augplan")
        text = f"{row:22s} {len(pixels) / own:10,.0f}/s"
        for peer, other in seconds.items():
            text += f"   {peer} {len(pixels) / other:9,.0f}/s {other / own:6.2f}x{' LOSS' if other < own else ''}"
        yield f"{text}   draw {drawing * 1e6:.0f} us"


def main() -> None:
    """Run the table for colour images of 224 and grey ones of 28 pixels, or for one size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, choices=(28, 224), help="only this side, in pixels")
    parser.add_argument("--items", type=int, help="images a batch; default 64 of 224, 256 of 28")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    asked = parser.parse_args()
    if asked.rounds < 5:
        parser.error("--rounds must be at least 5")
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread of {os.cpu_count()}, median of {asked.rounds} rounds")
    for size, channels, items in ((224, 3, 64), (28, 1, 256)):
        if asked.size in (None, size):
            print(f"\n{size} x {size}, {channels} channels")
            for line in lines(synthetic(asked.items or items, channels, size), asked.rounds, asked.only):
                print(line, flush=True)


if __name__ == "__main__":
    main()
