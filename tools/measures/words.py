"""Length of a text in words."""

from __future__ import annotations

from collections.abc import Sequence

from tools.card import measure
from tools.kernels.scripts import count_unspaced, tokens


@measure("text", unit="words", edges=(5, 15, 50))
def words(payloads: Sequence[str]) -> list[float | str | None]:
    """Count words: what white space separates.

    In scripts without spaces between words (Han, kana, Thai, ...) two characters count as one word, rounded up;
    that is near the mean word length of Chinese and Japanese running text.
    """
    return [_words(text) for text in payloads]


def _words(text: str) -> float:
    if text.isascii():
        return float(len(text.split()))
    found = tokens(text)
    single = count_unspaced(text)
    return float(len(found) - single + -(-single // 2))
