"""Pictures made by a diffusers pipeline: one item's noise comes from its own seed, whatever stands beside it.

On a CPU items are made one by one: a batch gains nothing there, and a result is the same bytes in any company. On a GPU
items that run the same steps go together, and differ from being alone by rounding only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from memory.errors import ToolError
from tools.engines.canvas import canvas_size, from_canvas, mask_to_canvas, to_canvas
from tools.engines.orders import Order
from tools.engines.ways import Way, Work

if TYPE_CHECKING:
    import torch

TOGETHER = 16
"""Items of one call on a GPU."""
_TILED = 1024 * 1024


@dataclass(frozen=True)
class Usual:
    """What an order that leaves a value open gets."""

    steps: int
    guidance: float
    side: int


@dataclass(frozen=True)
class Kind:
    """What items of one call have in common."""

    run: int
    """Steps that are run."""
    steps: int
    """Steps of the whole schedule."""
    guidance: float
    hold: float
    size: tuple[int, int]
    """Height and width of the canvas."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What all that run on the same weights share."""

    pipe: Any
    """The pipeline as its index names it."""
    digest: str
    control: Any = None
    """A control network beside it."""
    lock: Lock = field(default_factory=Lock)


class Pictures:
    """A pipeline set to one work. Threads may ask at the same time; one is served at a time."""

    def __init__(  # noqa: PLR0913  what is run, how, and the two things that change no result
        self,
        pipe: Any,
        work: Work,
        way: Way,
        usual: Usual,
        digest: str,
        *,
        parts: Parts,
        together: int | None = None,
    ) -> None:
        """Keep a loaded pipeline of the class `way.runs`, which is made of `parts`.

        `together` is how many items one call takes: None is 1 on a CPU and `TOGETHER` on a GPU.
        """
        self.pipe, self.work, self.way, self.usual, self.digest = pipe, work, way, usual, digest
        self.parts = parts
        most = together or (1 if pipe.device.type == "cpu" else TOGETHER)
        self._together = most if way.together else 1
        self._grain = max(16, 2 * int(pipe.vae_scale_factor))

    def canvas(self, size: tuple[int, int], side: int) -> tuple[int, int]:
        """Return the height and width that a picture of `size` is worked at; `side` 0 is the model's own."""
        return canvas_size(*size, side or self.usual.side, self._grain)

    def make(self, orders: Sequence[Order | None]) -> list[torch.Tensor | None]:
        """Return a picture (3, *order.size) uint8 for each order; None for no order and for what came out unusable.

        Unusable is what the model's own safety checker blanks, and what is not finite. Raises ToolError when the GPU's
        memory does not hold the items of one call.
        """
        out: list[torch.Tensor | None] = [None] * len(orders)
        for kind, places in self._alike(orders):
            part = [one for at in places if (one := orders[at]) is not None]
            with self.parts.lock:
                found = self._call(kind, part)
            for at, picture in zip(places, found, strict=True):
                out[at] = picture
        return out

    # --- what goes together ------------------------------------------------------------------------

    def _alike(self, orders: Sequence[Order | None]) -> Iterator[tuple[Kind, list[int]]]:
        groups: dict[Kind, list[int]] = {}
        for at, one in enumerate(orders):
            if one is not None:
                groups.setdefault(self._kind(one), []).append(at)
        for kind, places in groups.items():
            for start in range(0, len(places), self._together):
                yield kind, places[start : start + self._together]

    def _kind(self, one: Order) -> Kind:
        steps = one.steps or self.usual.steps
        run = min(steps, max(1, round(one.strength * steps))) if self.way.strength else steps
        guidance = one.guidance or self.usual.guidance
        return Kind(run, steps, round(guidance, 2), round(one.hold, 1), self.canvas(one.size, one.side))

    # --- one call ----------------------------------------------------------------------------------

    def _call(self, kind: Kind, orders: list[Order]) -> list[torch.Tensor | None]:
        import torch

        asked = self._arguments(kind, orders)
        self._spare_memory(kind, len(orders))
        try:
            with torch.inference_mode(), _own_chance(orders[0].seed, self.pipe.device):
                answer = self.pipe(**asked)
        except torch.OutOfMemoryError as problem:
            torch.cuda.empty_cache()
            tall, wide = kind.size
            raise ToolError(
                f"{self.work} pictures",
                f"the GPU's memory does not hold {len(orders)} pictures of {tall} x {wide} at once; take a smaller "
                "side.",
            ) from problem
        blanked = getattr(answer, "nsfw_content_detected", None) or [False] * len(orders)
        return [
            from_canvas(picture, one.size) if not bad and bool(torch.isfinite(picture).all()) else None
            for picture, one, bad in zip(answer.images, orders, blanked, strict=True)
        ]

    def _arguments(self, kind: Kind, orders: list[Order]) -> dict[str, Any]:
        import torch

        way = self.way
        asked: dict[str, Any] = {
            "prompt": [one.prompt for one in orders],
            "num_inference_steps": kind.steps,
            "guidance_scale": kind.guidance,
            # On the CPU whatever the device is, so that a GPU starts from the same noise.
            "generator": [torch.Generator().manual_seed(one.seed) for one in orders],
            "output_type": "pt",
        }
        if way.image is not None:
            asked[way.image] = self._images(kind, orders)
        if way.mask:
            asked["mask_image"] = torch.stack([_mask(one, kind.size) for one in orders]).to(self.pipe.device)
        if way.strength:
            asked["strength"] = strength_for(kind.run, kind.steps)
        if way.hold:
            asked["controlnet_conditioning_scale"] = kind.hold
        if way.size:
            asked |= {"height": kind.size[0], "width": kind.size[1]}
        if way.negative:
            asked["negative_prompt"] = [one.avoid for one in orders]
        return asked

    def _images(self, kind: Kind, orders: list[Order]) -> Any:
        import torch

        images = torch.stack([to_canvas(one.image, kind.size) for one in orders if one.image is not None])
        if self.way.as_files:
            return self.pipe.image_processor.numpy_to_pil(images.permute(0, 2, 3, 1).cpu().numpy())
        return images.to(self.pipe.device)

    def _spare_memory(self, kind: Kind, items: int) -> None:
        """Let the image decoder go picture by picture, and large pictures tile by tile."""
        (self.pipe.vae.enable_slicing if items > 1 else self.pipe.vae.disable_slicing)()
        large = math.prod(kind.size) > _TILED
        (self.pipe.vae.enable_tiling if large else self.pipe.vae.disable_tiling)()


def strength_for(run: int, steps: int) -> float:
    """Return the least strength with which `run` of `steps` steps are run: pipelines round the product down."""
    strength = run / steps
    while int(steps * strength) < run:
        strength = math.nextafter(strength, 2)
    return min(1.0, strength)


def _mask(one: Order, size: tuple[int, int]) -> torch.Tensor:
    import torch

    return torch.ones((1, *size)) if one.mask is None else mask_to_canvas(one.mask, size)


@contextmanager
def _own_chance(seed: int, device: torch.device) -> Iterator[None]:
    """Set the global generators aside and seed them: some schedulers draw from them."""
    import torch

    gpus = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        for gpu in gpus:
            torch.cuda.default_generators[gpu].manual_seed(seed)
        yield
