"""Duration of a clip."""

from __future__ import annotations

from collections.abc import Sequence

from memory.datasets.media import Wave
from tools.card import measure


@measure("speech", unit="s", edges=(0.5, 1, 2, 5, 10))
def duration(payloads: Sequence[Wave]) -> list[float | str | None]:
    """Measure the duration in seconds."""
    return [clip.seconds for clip in payloads]
