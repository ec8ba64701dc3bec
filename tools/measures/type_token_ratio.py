"""Variety of words in a text."""

from __future__ import annotations

from collections.abc import Sequence

from tools.card import measure
from tools.kernels.scripts import tokens


@measure("text", unit="ratio", edges=(0.5, 0.7, 0.9))
def type_token_ratio(payloads: Sequence[str]) -> list[float | str | None]:
    """Divide distinct words (case folded) by all words; 1.0 means that no word comes twice. Falls with length.

    Each character of a script without spaces is a word of its own; None for a text without words.
    """
    return [_ratio(tokens(text.casefold())) for text in payloads]


def _ratio(words: Sequence[str]) -> float | None:
    return len(set(words)) / len(words) if words else None
