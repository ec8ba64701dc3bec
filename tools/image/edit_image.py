"""Edits after a written instruction (Brooks et al. 2023, InstructPix2Pix; Dunlap et al. 2023, ALIA)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Needs, augment
from tools.engines.orders import Sampling, instruction, order, painted

if TYPE_CHECKING:
    import torch

Change = Literal[
    "in the rain",
    "in the snow",
    "in thick fog",
    "at night",
    "at sunset",
    "in bright sunlight",
    "in dim light",
    "from another angle",
    "from further away",
    "from close by",
    "in another place",
    "as an old photo",
]


class EditImage(Sampling):
    """What is changed around the class."""

    change: Change = Field("in dim light", description="What the picture is changed to.")
    usual: ClassVar = {
        "change": (
            "in the rain",
            "in the snow",
            "in thick fog",
            "at night",
            "at sunset",
            "in bright sunlight",
            "in dim light",
        )
    }


@augment(
    EditImage,
    family="instruction-edit",
    cites=("brooks2023instructpix2pix", "dunlap2023alia", "islam2024diffusemix"),
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(engine="edit_pictures", vram_gb=13),
    cost=Cost(cpu_seconds=1_500_000, gpu_seconds=600, setup_seconds=120),
)
def edit_image(batch: Images, params: Sequence[EditImage]) -> list[torch.Tensor | None]:
    """Edit a real image after an instruction: other weather, light, time or view, the class left as it is.

    The model sees the image and the words; the class name stands in them as what is not to be changed. An edit can
    do nothing or too much: the gates decide. `from another angle` and the like are not drawn unless asked for: they
    break classes that hang on a view. Images stretched beyond 4:1, and labels without a name, are refused.
    """
    pixels = batch.pixels
    return painted(
        batch,
        [
            order(own, image, instruction(own.change, label, own.about), image=image)
            for image, label, own in zip(pixels, batch.labels, params, strict=True)
        ],
    )
