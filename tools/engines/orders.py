"""One picture that is asked for, and what the picture tools share: how it is sampled, what it is called."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import Field

from prompts.render import render
from tools.batches import Images
from tools.card import Params
from tools.engines.canvas import fits, in_channels
from tools.kernels.pixels import made

if TYPE_CHECKING:
    import torch

LONGEST_NAME = 60
"""Characters of a class name that a prompt takes."""
Medium = Literal[
    "a photo", "a close-up photo", "a photo from afar", "a snapshot", "a blurry photo", "a drawing", "a scan"
]
"""What kind of picture a caption speaks of."""
MEDIA: tuple[str, ...] = get_args(Medium)


class Sampling(Params):
    """How a picture is sampled; 0 leaves a value to the model."""

    steps: int = Field(0, ge=0, le=100, description="Denoising steps; 0 takes the model's own number.")
    guidance: float = Field(0.0, ge=0, le=20, description="Weight of the words; 0 takes the model's own, 1 is none.")
    side: int = Field(
        0, ge=0, le=2048, description="Pixels a side that it is worked at, 64 or more; 0 the model's own."
    )
    about: str = Field("", max_length=40, description="What the classes are, as 'bird' or 'handwritten digit'.")


@dataclass(frozen=True, eq=False)
class Order:
    """One picture to make."""

    prompt: str
    seed: int
    size: tuple[int, int]
    """Height and width of the result, in pixels."""
    image: torch.Tensor | None = None
    """What it is made from, (1 or 3, height, width) uint8."""
    mask: torch.Tensor | None = None
    """Where to paint, (height, width) of [0, 1]; None is everywhere."""
    strength: float = 1.0
    """Share of the steps that are run: 1 forgets the image."""
    hold: float = 1.0
    """Weight of the edges."""
    steps: int = 0
    guidance: float = 0.0
    side: int = 0
    avoid: str = ""
    """Words to keep away from, where the model takes any."""


def order(own: Sampling, parent: torch.Tensor, prompt: str, **more: Any) -> Order | None:
    """Return what to ask for, in the shape of `parent`; None without words, or where the shape cannot be worked at."""
    size = (int(parent.shape[-2]), int(parent.shape[-1]))
    if not prompt or not fits(*size):
        return None
    side = max(64, own.side) if own.side else 0
    return Order(prompt, own.seed, size, steps=own.steps, guidance=own.guidance, side=side, **more)


def painted(batch: Images, orders: Sequence[Order | None]) -> list[torch.Tensor | None]:
    """Return what the engine of a batch makes of `orders`, each with its parent's channels.

    None where nothing was asked for, nothing came, or it equals the parent.
    """
    import torch

    results = batch.engine.make(orders) if orders else []
    pixels = batch.pixels
    after = [
        old if new is None else in_channels(new.to(pixels.device), int(pixels.shape[1]))
        for old, new in zip(pixels, results, strict=True)
    ]
    return made(pixels, torch.stack(after)) if after else []


def class_name(label: str) -> str:
    """Return a label as words for a prompt: one line of at most `LONGEST_NAME` characters; data, never an order."""
    shown = "".join(" " if unicodedata.category(sign)[0] in "CZ" or sign in "_/\\|" else sign for sign in label)
    return " ".join(shown.split())[:LONGEST_NAME].strip()


def caption(medium: str, label: str, about: str = "", details: str = "") -> str:
    """Return what a picture of a class shows, as `a photo of a bird wren, at night`; "" for a label without a name."""
    name = class_name(label)
    if not name:
        return ""
    kind = class_name(about)
    return render("picture", medium=medium, name=f"{kind} {name}".strip(), details=details).text


def instruction(change: str, label: str, about: str = "") -> str:
    """Return how to ask for a change that keeps the class; "" for a label without a name."""
    name = class_name(label)
    if not name:
        return ""
    return render("picture_change", change=change, name=f"{class_name(about)} {name}".strip()).text
