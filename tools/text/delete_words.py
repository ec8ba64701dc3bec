"""Easy data augmentation, random deletion (Wei & Zou 2019, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Params, augment
from tools.kernels.words import edges, raise_capital, split, words_at
from tools.seeds import draws


class DeleteWords(Params):
    """How many words go."""

    rate: float = Field(0.15, gt=0, le=0.5, description="Probability of each word to be deleted; at least one is.")
    usual: ClassVar = {"rate": (0.18, 0.35)}


@augment(DeleteWords, family="lexical-edit", cites=("wei2019eda",), changes=("words",), cost=Cost(cpu_seconds=0.006))
def delete_words(batch: Texts, params: Sequence[DeleteWords]) -> list[str | None]:
    """Delete words at random, never all of them: shorter and less fluent; can drop a negation or the key word.

    Random deletion of EDA (section 2): each word goes with probability `rate`. Where none would go, one drawn at
    random does; where all would, one stays. A mark after a deleted word goes to the word before it, and a mark before
    it to the word after it. The capital of the first word stays in place; spaces around a deleted word go with it.
    A text with fewer than two words is refused, so are most texts in scripts without spaces.
    """
    texts = [split(text) for text in batch.items]
    counts = [len(words) + 1 if len(words) > 1 else 0 for _, _, words in texts]
    drawn = draws([own.seed for own in params], counts)
    # Only the positions that go are worth a Python number; the last draw of a text decides where chance would not.
    going = np.flatnonzero(drawn < np.repeat([own.rate * 2**32 for own in params], counts))
    ends = np.cumsum(counts, dtype=np.int64)
    cuts = np.searchsorted(going, ends).tolist()
    last = drawn[ends - 1].tolist() if len(drawn) else [0] * len(texts)
    slots: list[int] = going.tolist()
    made: list[str | None] = []
    start = cut = 0
    for (parts, between, words), count, next_cut, spared in zip(texts, counts, cuts, last, strict=True):
        gone = [words[slot - start] for slot in slots[cut:next_cut] if slot - start < count - 1]
        made.append(_delete(parts, between, words, gone, spared) if count else None)
        start += count
        cut = next_cut
    return made


def _delete(parts: list[str], between: str, places: Sequence[int], gone: list[int], spared: int) -> str:
    if not gone:
        gone = [places[spared * len(places) >> 32]]
    elif len(gone) == len(places):
        del gone[spared * len(places) >> 32]
    head = places[0]
    first = edges(parts[head])[1] if head == gone[0] else ""
    if between and all(map(str.isalnum, map(parts.__getitem__, gone))):
        for at in reversed(gone):
            del parts[at]
    else:
        parts = _delete_with_marks(parts, between, places, gone)
    if first[:1].isupper():
        raise_capital(parts, words_at(parts)[0], first)
    made = between.join(parts)
    return made if between else made.strip()


def _delete_with_marks(parts: list[str], between: str, places: Sequence[int], gone: list[int]) -> list[str]:
    taken = set(gone)
    for at in gone:
        if not parts[at].isalnum():
            _hand_on_marks(parts, at, places, taken)
        if not between:
            taken.add(at - 1 if at > 1 else at + 1)  # odd positions are white space
    return [part for at, part in enumerate(parts) if at not in taken]


def _hand_on_marks(parts: list[str], at: int, places: Sequence[int], gone: set[int]) -> None:
    """Give the marks of the deleted word at `at` to its nearest kept neighbours; a pair such as quotes goes with it."""
    before, _, after = edges(parts[at])
    if bool(before) == bool(after):
        return
    if after:
        left = next((place for place in reversed(places) if place < at and place not in gone), None)
        if left is not None and parts[left][-1].isalnum():
            parts[left] += after
    else:
        right = next((place for place in places if place > at and place not in gone), None)
        if right is not None and parts[right][0].isalnum():
            parts[right] = before + parts[right]
