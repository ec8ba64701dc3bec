"""The engine `class_diffusion`, trained for a few steps on pictures of two classes: bright above, bright below."""

from __future__ import annotations

from functools import cache

import numpy as np

from tools.engines.class_diffusion import ClassDiffusion, learn
from tools.engines.denoiser import Recipe

RECIPE = Recipe(widths=(8, 16), iterations=40, every=20, batch=16)


def pictures(items: int = 24, side: int = 8, channels: int = 3) -> tuple[list[np.ndarray], list[str]]:
    """Return images and their labels."""
    rng = np.random.default_rng(5)
    slope = np.linspace(-80, 80, side)[:, None, None]
    labels = [("zero", "one")[at % 2] for at in range(items)]
    images = [
        np.clip(128 + (slope if label == "one" else -slope) + rng.normal(0, 12, (side, side, channels)), 0, 255)
        for label in labels
    ]
    return [image.astype(np.uint8) for image in images], labels


@cache
def build() -> ClassDiffusion:
    """Return the engine."""
    return learn(*pictures(), seed=3, recipe=RECIPE)
