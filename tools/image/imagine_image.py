"""Images from words alone (He et al. 2023; Azizi et al. 2023), with varied captions (Sariyildiz et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tools.batches import Images
from tools.card import Cost, Needs, augment
from tools.engines.captions import Caption, Wanted, seen, written
from tools.engines.orders import Medium, Sampling, caption, order, painted

if TYPE_CHECKING:
    import torch

Place = Literal["", "indoors", "outdoors", "in a street", "in nature", "on a table", "in front of a plain wall"]
Light = Literal["", "in daylight", "in dim light", "at night", "in bright sunlight", "under a cloudy sky"]


class ImagineImage(Sampling):
    """What a caption says beside the class."""

    medium: Medium = Field("a photo", description="What kind of picture it is.")
    place: Place = Field("", description="Where the class is shown; empty says nothing.")
    light: Light = Field("", description="In which light; empty says nothing.")
    caption: Literal["template", "seen", "written"] = Field(
        "template",
        description="'template' says medium, place and light; 'seen' has policy.model look at the parent and say them; "
        "'written' has it invent a scene with them.",
    )
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

    The parent gives the class name, the shape and the channels. Captions vary medium, place and light, and nothing is
    seen of the parent's pixels; with `caption: seen` a model that sees pictures (policy.model, on this machine or at an
    endpoint that is allowed) tells them of the parent, so that made pictures vary as the real ones do (Lei et al. 2023,
    "Image Captions are Natural Prompts for Text-to-Image Models"); with `caption: written` a language model invents a
    scene for each sample, in the place and light that were drawn (He et al. 2023, section 3.1).
    A generator that does not know the class makes another: `about` says what classes are, and images retrieved or real
    are the better choice where there are any (Geng et al. 2024). Labels without a name are refused, shapes beyond 4:1,
    and samples that no usable caption came for. Raises ToolError where `seen` or `written` is asked for and the job
    names no such model.
    """
    around = seen("image.imagine_image", batch, [own.caption == "seen" for own in params])
    scenes = [_wanted(own, label) for own, label in zip(params, batch.labels, strict=True)]
    invented = written("image.imagine_image", batch, scenes)
    told = [one or other for one, other in zip(around, invented, strict=True)]
    return painted(
        batch,
        [
            order(own, image, _words(own, label, scene))
            for image, label, own, scene in zip(batch.pixels, batch.labels, params, told, strict=True)
        ],
    )


def _wanted(own: ImagineImage, label: str) -> Wanted | None:
    hints = [own.medium, *(words for words in (own.place, own.light) if words)]
    return Wanted(label, own.about, hints, own.seed) if own.caption == "written" else None


def _words(own: ImagineImage, label: str, scene: Caption | None) -> str:
    """Return what a picture is made from; "" where a model was to tell it and did not."""
    if own.caption == "template":
        return caption(own.medium, label, own.about, _details(own))
    return "" if scene is None else caption(scene.medium, label, own.about, f", {scene.scene}")


def _details(own: ImagineImage) -> str:
    return "".join(f", {words}" for words in (own.place, own.light) if words)
