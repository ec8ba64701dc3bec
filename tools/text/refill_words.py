"""Contextual substitution by a masked language model (Kobayashi 2018; Kumar et al. 2020, section 3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.filler import Filler, Word
from tools.kernels.words import edges, put, split
from tools.seeds import distinct, draws

_MOST = 200
"""Likeliest words that a model is asked for, and one more, as the old one may be among them."""


class RefillWords(Params):
    """How many words go, and how likely the ones that come must be."""

    rate: float = Field(0.15, gt=0, le=0.5, description="Words replaced, as a share of the words; at least one.")
    top: int = Field(20, ge=1, le=_MOST, description="Likeliest words at a place that are drawn from.")
    usual: ClassVar = {"rate": (0.1, 0.3), "top": (10, 40)}


@augment(
    RefillWords,
    family="contextual-substitution",
    cites=("kobayashi2018contextual", "kumar2020pretrained", "cegin2024costs"),
    needs=Needs(engine="filler"),
    cost=Cost(cpu_seconds=100.0, gpu_seconds=3.0, setup_seconds=10.0),
)
def refill_words(batch: Texts, params: Sequence[RefillWords]) -> list[str | None]:
    """Replace words by others that a masked language model expects there; fluent, but can turn the meaning round.

    round(rate x words) words, at least one, are drawn and masked together, and each is replaced by one of the `top`
    likeliest whole words for its place, drawn by probability, that is not the old one. The model is not told the label
    (both papers tune one to it), so `fantastic` may become `terrible`: the gate label_kept is there for that. Marks at
    the ends of words and their case pattern stay. Words without a letter are never touched. Refused are texts without
    a word, in scripts without spaces mostly, texts longer than the model reads (510 tokens), and texts that spell one
    of the model's special tokens.
    """
    if not params:
        return []
    filler: Filler = batch.engine
    texts = [_mask(text, own, filler) for text, own in zip(batch.items, params, strict=True)]
    filled = iter(filler.fill([one.text for one in texts if one is not None], _MOST + 1))
    made: list[str | None] = []
    for one, own in zip(texts, params, strict=True):
        words = None if one is None else next(filled)
        made.append(None if one is None or words is None else _refilled(one, words, own.top))
    return made


@dataclass(frozen=True)
class _Masked:
    text: str
    """With masks in place of words."""
    parts: list[str]
    between: str
    places: list[int]
    """Positions of the masked parts, ascending."""
    numbers: list[int]
    """One draw a place, below 2**32."""


def _mask(text: str, own: RefillWords, filler: Filler) -> _Masked | None:
    if any(token in text for token in filler.special):
        return None
    parts, between, at = split(text)
    words = [place for place in at if any(map(str.isalpha, parts[place]))]
    if not words:
        return None
    count = max(1, round(own.rate * len(words)))
    drawn = draws([own.seed], [2 * count]).tolist()
    places = [words[nth] for nth in distinct(drawn[:count], len(words))]
    masked = list(parts)
    for place in places:
        masked[place] = put(parts[place], filler.mask)
    return _Masked(between.join(masked), parts, between, places, drawn[count:])


def _refilled(one: _Masked, words: Sequence[Sequence[Word]], top: int) -> str | None:
    """Return the text with its masks filled, or None where no other word is known for any of them."""
    parts = list(one.parts)
    for place, fitting, number in zip(one.places, words, one.numbers, strict=True):
        old = edges(parts[place])[1]
        others = [word for word in fitting if word.text.lower() != old.lower()][:top]
        if others:
            parts[place] = put(parts[place], _in_case_of(old, _drawn(others, number)))
    return one.between.join(parts) if parts != one.parts else None


def _drawn(words: Sequence[Word], number: int) -> str:
    """Return the word at `number` / 2**32 of the running sum of chances; the likeliest where all are nil."""
    bounds = list(accumulate(word.chance for word in words))
    at = bisect_right(bounds, number / 2**32 * bounds[-1]) if bounds[-1] else 0
    return words[min(at, len(words) - 1)].text


def _in_case_of(old: str, new: str) -> str:
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() else new
