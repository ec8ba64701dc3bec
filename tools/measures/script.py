"""Writing system of a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tools.card import measure
from tools.kernels.scripts import NAMES, codes


@measure("text")
def script(payloads: Sequence[str]) -> list[float | str | None]:
    """Name the Unicode script (UAX 24) that most letters belong to: Latin, Cyrillic, Han, ...

    Of scripts with equally many letters the first by name is given; None for a text without letters of a known one.
    """
    return [_script(text) for text in payloads]


def _script(text: str) -> str | None:
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else None
    counts = np.bincount(codes(text), minlength=len(NAMES))
    counts[0] = 0
    return NAMES[int(counts.argmax())] if counts.any() else None
