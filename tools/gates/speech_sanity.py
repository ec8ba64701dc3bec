"""Whether there is still something to hear, about as long as its parent."""

from __future__ import annotations

from typing import cast

import numpy as np
from pydantic import Field

from memory.datasets.media import Wave
from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, gate

_CLIPPED = 0.999
"""Distance from zero, of a full scale of 1.0, at which a sample value counts as clipped."""


class SpeechSanity(Params):
    """When a clip counts as silent, clipped or of a wrong length."""

    silence_db: float = Field(-60.0, le=0, description="Least root mean square level, in dB of full scale.")
    drop_db: float = Field(30.0, ge=0, description="How far the level may fall under the parent's, in dB.")
    clipping: float = Field(0.01, ge=0, le=1, description="Share of clipped values allowed beyond the parent's.")
    shortest: float = Field(0.5, ge=0, le=1, description="Least duration, as a share of the parent's.")
    longest: float = Field(2.0, ge=1, description="Longest duration, as a share of the parent's.")
    least_s: float = Field(0.1, ge=0, description="Least duration of a clip that was made anew, in seconds.")


@gate("speech", params=SpeechSanity)
def speech_sanity(batch: Candidates, reference: Reference, params: SpeechSanity) -> list[Verdict]:  # noqa: ARG001
    """Reject clips with values that are no numbers, silent ones, clipped ones, and those much shorter or longer.

    A parent that is silent or clipped itself excuses its child; a clip made anew need not last as long as its parent.
    The score is what `threshold` bounds: the level in dB of full scale for accepted and silent clips, a share for the
    others.
    """
    return [
        _verdict(cast("Wave", clip), cast("Wave", parent), params, anew)
        for clip, parent, anew in zip(batch.payloads, batch.parents, batch.scratch, strict=True)
    ]


def _verdict(clip: Wave, parent: Wave, params: SpeechSanity, anew: bool) -> Verdict:
    bad = int((~np.isfinite(clip.samples)).sum())
    if bad:
        return _rejected(f"{bad} values are NaN or infinite")
    share = clip.seconds / max(parent.seconds, 1e-9)
    if anew and clip.seconds < params.least_s:
        return _rejected(f"lasts {clip.seconds:.2f} s, too short to say anything", clip.seconds, params.least_s)
    if not anew and not params.shortest <= share <= params.longest:
        bound = params.shortest if share < params.shortest else params.longest
        return _rejected(f"lasts {clip.seconds:.2f} s, its parent {parent.seconds:.2f} s", share, bound)
    level, before = _level(clip), _level(parent)
    least = before - params.drop_db if before < params.silence_db else max(params.silence_db, before - params.drop_db)
    if level < least:
        return _rejected(f"silent: {level:.0f} dB of full scale, its parent {before:.0f} dB", level, least)
    clipped, was = _clipped(clip), _clipped(parent)
    if clipped > was + params.clipping:
        why = f"clipped: {clipped:.1%} of the values are at full scale, in the parent {was:.1%}"
        return _rejected(why, clipped, was + params.clipping)
    return Verdict(gate="speech_sanity", accepted=True, score=round(level, 6), threshold=round(least, 6))


def _rejected(why: str, score: float | None = None, threshold: float | None = None) -> Verdict:
    score = None if score is None else round(score, 6)
    threshold = None if threshold is None else round(threshold, 6)
    return Verdict(gate="speech_sanity", accepted=False, score=score, threshold=threshold, why=why)


def _level(clip: Wave) -> float:
    """Return the root mean square in dB of full scale; digital silence is -200."""
    power = float(np.square(clip.samples, dtype=np.float64).mean()) if clip.samples.size else 0.0
    return 10 * float(np.log10(max(power, 1e-20)))


def _clipped(clip: Wave) -> float:
    return float(np.mean(np.abs(clip.samples) >= _CLIPPED)) if clip.samples.size else 0.0
