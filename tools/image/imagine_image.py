"""Images from words alone (He et al. 2023; Azizi et al. 2023), with varied captions (Sariyildiz et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Needs, augment
from tools.engines.orders import Sampling, caption, order, painted

if TYPE_CHECKING:
    import torch

Medium = Literal[
    "a photo", "a close-up photo", "a photo from afar", "a snapshot", "a blurry photo", "a drawing", "a scan"
]
Place = Literal["", "indoors", "outdoors", "in a street", "in nature", "on a table", "in front of a plain wall"]
Light = Literal["", "in daylight", "in dim light", "at night", "in bright sunlight", "under a cloudy sky"]


class ImagineImage(Sampling):
    """What a caption says beside the class."""

    medium: Medium = Field("a photo", description="What kind of picture it is.")
    place: Place = Field("", description="Where the class is shown; empty says nothing.")
    light: Light = Field("", description="In which light; empty says nothing.")
    usual: ClassVar = {
        "medium": ("a photo", "a close-up photo", "a photo from afar", "a snapshot"),
        "place": ("", "", "indoors", "outdoors", "in a street", "in nature", "in front of a plain wall"),
        "light": ("", "", "in daylight", "in dim light", "at night", "in bright sunlight"),
    }


@augment(
    ImagineImage,
    family="text-to-image",
    cites=("he2023ready", "sariyildiz2023fake", "azizi2023synthetic", "geng2024unmet"),
    changes=("brightness", "contrast", "sharpness"),
    needs=Needs(engine="imagine_pictures", vram_gb=13),
    scratch=True,
    cost=Cost(cpu_seconds=1_000_000, gpu_seconds=400, setup_seconds=120),
)
def imagine_image(batch: Images, params: Sequence[ImagineImage]) -> list[torch.Tensor | None]:
    """Make an image of a class from a caption alone: new scenes, but only what the generator believes of the class.

    The parent gives the class name, the shape and the channels; nothing is seen of its pixels. Captions vary medium,
    place and light. A generator that does not know the class makes another: `about` says what classes are, and
    images retrieved or real are the better choice where there are any (Geng et al. 2024). Labels without a name
    are refused, and shapes beyond 4:1.
    """
    pixels = batch.pixels
    return painted(
        batch,
        [
            order(own, image, caption(own.medium, label, own.about, _details(own)))
            for image, label, own in zip(pixels, batch.labels, params, strict=True)
        ],
    )


def _details(own: ImagineImage) -> str:
    return "".join(f", {words}" for words in (own.place, own.light) if words)
