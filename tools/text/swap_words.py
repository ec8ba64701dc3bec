"""Easy data augmentation, random swap (Wei & Zou 2019, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Params, augment
from tools.kernels.words import drop_capital, edges, put, raise_capital, split
from tools.seeds import draws


class SwapWords(Params):
    """How much of the word order may change."""

    rate: float = Field(0.1, gt=0, le=0.5, description="Swaps made, as a share of the words; at least one.")
    usual: ClassVar = {"rate": (0.1, 0.3)}


@augment(SwapWords, family="lexical-edit", cites=("wei2019eda",), cost=Cost(cpu_seconds=0.006))
def swap_words(batch: Texts, params: Sequence[SwapWords]) -> list[str | None]:
    """Swap words at random: every word is kept, order is loosened; can break order-sensitive meaning.

    Random swap of EDA (section 2): two words drawn at random change places, n = rate x words times. Marks at the ends
    of words, white space and the capital of the first word stay in place. A text with fewer than two different words
    is refused, so are most texts in scripts without spaces.
    """
    texts = [split(text) for text in batch.items]
    counts = [
        2 * max(1, round(own.rate * len(words))) if len(words) > 1 else 0
        for (_, _, words), own in zip(texts, params, strict=True)
    ]
    drawn: list[int] = draws([own.seed for own in params], counts).tolist()
    made: list[str | None] = []
    start = 0
    for (parts, between, words), count in zip(texts, counts, strict=True):
        made.append(between.join(parts) if _swap(parts, words, drawn[start : start + count]) else None)
        start += count
    return made


def _swap(parts: list[str], places: Sequence[int], drawn: list[int]) -> bool:
    """Swap words of `parts` in place; return False when there are no two different ones."""
    before = parts[:]
    many = len(places)
    pair = None
    for at in range(0, len(drawn), 2):
        first = places[drawn[at] * many >> 32]
        second = places[drawn[at + 1] * many >> 32]
        one, other = parts[first], parts[second]
        if one != other and one.isalnum() and other.isalnum():
            parts[first], parts[second] = other, one
            pair = first, second
        else:
            pair = _swap_with_next_other(parts, places, first, second)
            if pair is None:
                return False
    if pair is None:
        return False
    if parts == before:  # the swaps undid each other; without the last one they do not
        _exchange(parts, *pair)
    if parts[places[0]] != before[places[0]]:
        _settle_capital(parts, before, places)
    return parts != before


def _swap_with_next_other(parts: list[str], places: Sequence[int], first: int, second: int) -> tuple[int, int] | None:
    """Swap with the word at `second` or, where that is the same word, with the next that is another."""
    word = edges(parts[first])[1]
    if edges(parts[second])[1] == word:
        start = places.index(second)
        around = (*places[start:], *places[:start])
        second = next((at for at in around if edges(parts[at])[1] != word), -1)
    if second >= 0:
        _exchange(parts, first, second)
        return first, second
    return None


def _exchange(parts: list[str], first: int, second: int) -> None:
    one, other = edges(parts[first])[1], edges(parts[second])[1]
    parts[first], parts[second] = put(parts[first], other), put(parts[second], one)


def _settle_capital(parts: list[str], before: list[str], places: Sequence[int]) -> None:
    """Write the capital of the sentence's first word where the first word now is."""
    head = places[0]
    word = edges(before[head])[1]
    if not word[0].isupper():
        return
    for at in places[1:]:
        if parts[at] is not before[at] and edges(parts[at])[1] == word:
            parts[at] = put(parts[at], drop_capital(word))
            break
    raise_capital(parts, head, word)
