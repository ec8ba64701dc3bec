"""An easier data augmentation, AEDA (Karimi, Rossi & Prati 2021, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Params, augment
from tools.kernels.words import split
from tools.seeds import distinct, draws

MARKS = (".", ";", "?", ":", "!", ",")
"""The six marks of AEDA."""


class InsertPunctuation(Params):
    """How many marks come in."""

    rate: float = Field(0.25, gt=0, le=0.34, description="Marks inserted, as a share of the words; at least one.")
    usual: ClassVar = {"rate": (0.2, 0.34)}


@augment(InsertPunctuation, family="lexical-edit", cites=("karimi2021aeda",), cost=Cost(cpu_seconds=0.006))
def insert_punctuation(batch: Texts, params: Sequence[InsertPunctuation]) -> list[str | None]:
    """Insert punctuation marks between words: every word and their order are kept; punctuation loses its meaning.

    AEDA (section 2): between one and a third of the number of words of `. ; ? : ! ,`, each drawn with equal chance
    and put before a word of its own. Here the number is round(rate x words). White space is kept, and one
    space follows each mark. A text with fewer than two words is refused, so are most texts in scripts without spaces.
    """
    texts = [split(text) for text in batch.items]
    counts = [
        2 * max(1, min(round(own.rate * len(words)), len(words) // 3)) if len(words) > 1 else 0
        for (_, _, words), own in zip(texts, params, strict=True)
    ]
    drawn: list[int] = draws([own.seed for own in params], counts).tolist()
    made: list[str | None] = []
    start = 0
    for (parts, between, words), count in zip(texts, counts, strict=True):
        middle, end = start + count // 2, start + count
        for slot, number in zip(distinct(drawn[start:middle], len(words)), drawn[middle:end], strict=True):
            at = words[slot]
            parts[at] = f"{MARKS[number * 6 >> 32]} {parts[at]}"
        made.append(between.join(parts) if count else None)
        start = end
    return made
