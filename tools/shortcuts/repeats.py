"""A tool that repeats itself: the same result from other parents, or from one parent time and again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MOST_EXACT = 0.5
"""Share of exact repeats that a tool may surely have. Edits of very short texts, twenty of each, reach 0.52 and are
not sure of more than 0.41; a tool that draws nothing (a fixed filter) passes it once parents are used again."""
MOST_NEAR = 0.8
"""Share of near-duplicates that a tool may surely have. A slight blur of small images reaches 0.7, 0.63 surely, and is
of use for the rest."""
LEAST_MADE = 10
"""Samples before a tool is said to repeat itself: one equal pair is all of two, and no evidence."""

_NEAR = "near_duplicate"
_SURE = 2.326
"""Standard errors from the share to its bound: 99 %, one-sided."""


@dataclass(frozen=True)
class Repetition:
    """How much of what one tool made was there already."""

    share_exact: float
    """Share whose content equals that of another sample of the tool; both count."""
    share_near: float
    """Share that the gate `near_duplicate` rejected: much like a real row, the parent, or a sample accepted before."""
    of: int
    """Samples made; what the tool refused is none."""


def repetition(contents: Sequence[str | None], rejected_by: Sequence[str | None]) -> Repetition:
    """Return how much one tool repeats itself over its samples, each of its own parent or attempt.

    `contents` are digests of what was made (or the texts), None where the tool refused; `rejected_by` names the gate
    that rejected each, None for accepted ones. Raises ValueError when the lengths differ.
    """
    made = [(content, gate) for content, gate in zip(contents, rejected_by, strict=True) if content is not None]
    if not made:
        return Repetition(0.0, 0.0, 0)
    times = Counter(content for content, _ in made)
    exact = sum(count for count in times.values() if count > 1)
    near = sum(gate == _NEAR for _, gate in made)
    return Repetition(exact / len(made), near / len(made), len(made))


def is_repetitive(found: Repetition) -> bool:
    """Tell whether more than half are surely exact repeats, or more than four fifths near-duplicates."""
    if found.of < LEAST_MADE:
        return False
    return _at_least(found.share_exact, found.of) > MOST_EXACT or _at_least(found.share_near, found.of) > MOST_NEAR


def _at_least(share: float, of: int) -> float:
    """Return the lower end of the score interval of a share (Wilson 1927)."""
    square = _SURE**2 / of
    centre = share + square / 2
    return (centre - math.sqrt(square * (share * (1 - share) + square / 4))) / (1 + square)
