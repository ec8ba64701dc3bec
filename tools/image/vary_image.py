"""Diffusion variations of a real image (Meng et al. 2022, SDEdit; Trabucco et al. 2024, DA-Fusion)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Needs, augment
from tools.engines.orders import Sampling, caption, order, painted

if TYPE_CHECKING:
    import torch


class VaryImage(Sampling):
    """How far a picture is taken from its parent."""

    strength: float = Field(0.5, ge=0.05, le=1, description="Share of the denoising that is done anew; 1 forgets all.")
    medium: Literal["a photo", "a close-up photo", "a drawing", "a scan", "a picture"] = Field(
        "a photo", description="What kind of picture it is."
    )
    usual: ClassVar = {"strength": (0.25, 0.75)}


@augment(
    VaryImage,
    family="image-to-image",
    cites=("trabucco2024dafusion", "dunlap2023alia"),
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(engine="vary_pictures", vram_gb=13),
    cost=Cost(cpu_seconds=1_000_000, gpu_seconds=400, setup_seconds=120),
)
def vary_image(batch: Images, params: Sequence[VaryImage]) -> list[torch.Tensor | None]:
    """Noise an image part of the way and denoise it as a picture of its class: variations of a real item.

    The noised image is where the reverse process starts, at `strength`; the class name is the prompt. Unlike DA-Fusion
    no token is learned for the class. Strength counts in whole steps, at least one. A large one may lose what tells
    fine classes apart. Images stretched beyond 4:1, and labels without a name, are refused.
    """
    pixels = batch.pixels
    return painted(
        batch,
        [
            order(own, image, caption(own.medium, label, own.about), image=image, strength=own.strength)
            for image, label, own in zip(pixels, batch.labels, params, strict=True)
        ],
    )
