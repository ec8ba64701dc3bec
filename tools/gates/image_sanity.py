"""Whether there is still a picture, in its parent's shape."""

from __future__ import annotations

from typing import cast

import numpy as np
from pydantic import Field

from memory.datasets.media import Pixels
from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, gate


class ImageSanity(Params):
    """When an image counts as blank or blown out."""

    flat: float = Field(2.0, ge=0, description="Least standard deviation of the pixels, in levels of 0 to 255.")
    contrast: float = Field(0.05, ge=0, le=1, description="Least standard deviation, as a share of the parent's.")
    extreme: float = Field(0.9, ge=0, le=1, description="Largest share of values at 0 or 255.")
    beyond: float = Field(0.1, ge=0, le=1, description="How far the parent's own such share may be exceeded instead.")


@gate("image", params=ImageSanity)
def image_sanity(batch: Candidates, reference: Reference, params: ImageSanity) -> list[Verdict]:  # noqa: ARG001
    """Reject images that are blank or saturated where their parent is not, or of another shape.

    A parent that is flat or mostly black itself (a digit on black) excuses its child. The score is the standard
    deviation in levels of 0 to 255, or for a saturated image the share of values at 0 or 255.
    """
    return [
        _verdict(cast("Pixels", image), cast("Pixels", parent), params)
        for image, parent in zip(batch.payloads, batch.parents, strict=True)
    ]


def _verdict(image: Pixels, parent: Pixels, params: ImageSanity) -> Verdict:
    if image.shape != parent.shape:
        why = f"has the shape {image.shape}, its parent {parent.shape}"
        return Verdict(gate="image_sanity", accepted=False, why=why)
    spread, before = round(float(image.std()), 6), float(parent.std())
    least = max(params.flat, params.contrast * before)
    if before >= params.flat and spread < least:
        why = f"blank: the pixels spread by {spread:.1f} levels, the parent's by {before:.1f}"
        return Verdict(gate="image_sanity", accepted=False, score=spread, threshold=round(least, 6), why=why)
    share, was = _extreme(image), _extreme(parent)
    most = max(params.extreme, was + params.beyond)
    if share > most:
        why = f"saturated: {share:.0%} of the values are 0 or 255, in the parent {was:.0%}"
        return Verdict(gate="image_sanity", accepted=False, score=round(share, 6), threshold=round(most, 6), why=why)
    return Verdict(gate="image_sanity", accepted=True, score=spread, threshold=round(least, 6))


def _extreme(image: Pixels) -> float:
    return float(np.mean((image == 0) | (image == 255)))
