"""Whether it is still a text, about as long as its parent."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from pydantic import Field

from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, gate


class TextSanity(Params):
    """How far the length may move."""

    shortest: float = Field(0.5, ge=0, le=1, description="Least characters, as a share of the parent's.")
    longest: float = Field(2.0, ge=1, description="Most characters, as a share of the parent's.")
    slack: int = Field(10, ge=0, description="Characters that a length may move whatever the shares say.")


@gate("text", params=TextSanity)
def text_sanity(batch: Candidates, reference: Reference, params: TextSanity) -> list[Verdict]:  # noqa: ARG001
    """Reject texts that are empty, cut short, blown up, or hold control or replacement characters of their own.

    White space at the ends does not count; a text written anew may have any length. The score is the length as a share
    of the parent's.
    """
    return [
        _verdict(str(text).strip(), str(parent).strip(), params, anew)
        for text, parent, anew in zip(batch.payloads, batch.parents, batch.scratch, strict=True)
    ]


def _verdict(text: str, parent: str, params: TextSanity, anew: bool) -> Verdict:
    share = round(len(text) / max(1, len(parent)), 6)
    moved = len(text) - len(parent)
    strange = sorted(_strange(text) - _strange(parent))
    threshold, why = None, ""
    if not text:
        why = "nothing but white space is left"
    elif strange:
        why = f"holds {', '.join(f'U+{ord(one):04X}' for one in strange[:3])}, which its parent does not"
    elif not anew and share < params.shortest and -moved > params.slack:
        threshold, why = params.shortest, f"cut short: {len(text)} characters of the parent's {len(parent)}"
    elif not anew and share > params.longest and moved > params.slack:
        threshold, why = params.longest, f"blown up: {len(text)} characters from the parent's {len(parent)}"
    return Verdict(gate="text_sanity", accepted=not why, score=share, threshold=threshold, why=why)


def _strange(text: Iterable[str]) -> set[str]:
    """Return replacement characters, halves of surrogate pairs and control characters but tabs and line ends."""
    return {
        one
        for one in set(text)
        if one == "\ufffd" or (unicodedata.category(one) in ("Cc", "Cs") and one not in "\t\n\r")
    }
