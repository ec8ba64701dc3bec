"""Which diffusers class does which work, and how each is asked.

What a model can do follows from the class that its `model_index.json` names. Only classes stand here that were run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Work = Literal["vary", "edit", "fill", "guide", "imagine"]
"""Change a picture by some strength, after an instruction, where a mask is; draw along edges; make one from words."""


@dataclass(frozen=True)
class Way:
    """How one pipeline class is asked for one work."""

    runs: str
    """The diffusers class that does it; it shares every part with the class that the model names."""
    image: str | None = "image"
    """Argument that takes the picture; None for none."""
    mask: bool = False
    """Whether it takes a mask; a work without one then has all of it painted anew."""
    strength: bool = False
    size: bool = False
    """Whether height and width are said; else they are the picture's."""
    hold: bool = False
    """Whether it is told how closely to keep to the edges."""
    negative: bool = True
    """Whether it takes words to keep away from."""
    together: bool = True
    """False where several pictures in one call would all be seen for each result."""
    as_files: bool = False
    """Whether it takes pictures as image objects only."""
    steps: int = 30
    """Steps where nobody says how many."""
    guidance: float = 7.5
    """Guidance where nobody says which."""


_KLEIN_FILL = Way("Flux2KleinInpaintPipeline", mask=True, strength=True, negative=False, steps=4, guidance=1.0)
_SD, _XL, _KLEIN = "StableDiffusionPipeline", "StableDiffusionXLPipeline", "Flux2KleinPipeline"
_SD_VARY, _XL_VARY = "StableDiffusionImg2ImgPipeline", "StableDiffusionXLImg2ImgPipeline"
_SD_FILL, _XL_FILL = "StableDiffusionInpaintPipeline", "StableDiffusionXLInpaintPipeline"
_SD_EDIT, _SD_GUIDE = "StableDiffusionInstructPix2PixPipeline", "StableDiffusionControlNetPipeline"

WAYS: Mapping[Work, Mapping[str, Way]] = {
    "vary": {
        _SD: Way(_SD_VARY, strength=True),
        _SD_VARY: Way(_SD_VARY, strength=True),
        _XL: Way(_XL_VARY, strength=True),
        _XL_VARY: Way(_XL_VARY, strength=True),
        _KLEIN: _KLEIN_FILL,
    },
    "edit": {
        _SD_EDIT: Way(_SD_EDIT),
        # A list of pictures is a list of references for every prompt: one item a call.
        _KLEIN: Way(_KLEIN, size=True, negative=False, together=False, as_files=True, steps=4, guidance=1.0),
    },
    "fill": {
        _SD: Way(_SD_FILL, mask=True, strength=True, size=True),
        _SD_FILL: Way(_SD_FILL, mask=True, strength=True, size=True),
        _XL: Way(_XL_FILL, mask=True, strength=True, size=True),
        _XL_FILL: Way(_XL_FILL, mask=True, strength=True, size=True),
        _KLEIN: _KLEIN_FILL,
    },
    "guide": {_SD_GUIDE: Way(_SD_GUIDE, size=True, hold=True)},
    "imagine": {
        _SD: Way(_SD, image=None, size=True),
        _XL: Way(_XL, image=None, size=True),
        _KLEIN: Way(_KLEIN, image=None, size=True, negative=False, steps=4, guidance=1.0),
    },
}
CONTROLLED: Mapping[str, str] = {_SD: _SD_GUIDE}
"""What a class becomes with a control network beside it."""


def way_of(work: Work, named: str, control: bool = False) -> Way | None:
    """Return how a model whose index names the class `named` does a work; None where it cannot.

    With `control` a control network stands beside it.
    """
    return WAYS[work].get(CONTROLLED.get(named, named) if control else named)


def able(work: Work) -> str:
    """Return the classes that can do a work, in words."""
    return ", ".join(sorted(WAYS[work]))
