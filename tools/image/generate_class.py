"""Images of a class from a diffusion model trained on the data themselves (cf. Azizi et al. 2023; Kim et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Needs, Params, augment

if TYPE_CHECKING:
    import torch


class GenerateClass(Params):
    """How an image is drawn."""

    guidance: float = Field(
        1.0,
        ge=0,
        le=5,
        description="Weight of the class: 0 draws what the data are like, more is surer and less varied.",
    )
    usual: ClassVar = {"guidance": (0.0, 2.0)}


@augment(
    GenerateClass,
    family="text-to-image",
    cites=("azizi2023synthetic", "kim2024datadream", "sariyildiz2023fake"),
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(engine="class_diffusion"),
    cost=Cost(cpu_seconds=40, gpu_seconds=2, setup_seconds=200),
    scratch=True,
    learns=True,
)
def generate_class(batch: Images, params: Sequence[GenerateClass]) -> list[torch.Tensor | None]:
    """Draw a new image of a class from a small diffusion model that is trained on the training rows once a run.

    The parent gives the class, the shape and the channels; nothing is seen of its pixels. Needs no weights and no GPU.
    For images of at most 32 px; up to 64 px they are made smaller and enlarged, without fine detail, and beyond that
    refused. What it makes of a class with few rows is close to them: the near-duplicate gate drops copies.
    """
    if not params:
        return []
    channels, height, width = batch.pixels.shape[1:]
    made = batch.engine.make(
        batch.labels, [own.seed for own in params], [own.guidance for own in params], (channels, height, width)
    )
    return [None if picture is None else picture.to(batch.pixels.device) for picture in made]
