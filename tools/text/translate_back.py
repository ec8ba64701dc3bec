"""Back-translation by translation models on this machine (Sennrich et al. 2016; UDA, Xie et al. 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.translator import Translator, Trip
from tools.seeds import draws

_OUTSIDE = 0x0250
"""First character beyond Latin letters as European languages use them."""


class TranslateBack(Params):
    """Through which language, and how freely."""

    pivot: Literal["any", "de", "es", "fr", "ru"] = Field(
        "any", description="Language on the way; `any` draws one of those whose models are here."
    )
    temperature: float = Field(0.8, gt=0, le=2, description="Of the way there, where tokens are drawn.")
    usual: ClassVar = {"temperature": (0.6, 0.9)}


@augment(
    TranslateBack,
    family="back-translation",
    cites=("sennrich2016backtranslation", "xie2020uda", "cegin2024costs"),
    needs=Needs(packages=("sentencepiece",), engine="translator"),
    cost=Cost(cpu_seconds=500.0, gpu_seconds=15.0, setup_seconds=20.0),
)
def translate_back(batch: Texts, params: Sequence[TranslateBack]) -> list[str | None]:
    """Translate an English text into another language and back; meaning, and so the label, mostly stays.

    The way there draws tokens at the temperature, which varies the wording (UDA samples at 0.6 to 0.9); the way back
    takes the best of four beams. For English only: the models do not notice another language, so texts with letters
    that are not Latin are refused and the rest is the user's to know. Texts are translated whole; those over 256 tokens
    are refused, and so is a translation that does not end or that is the text again.
    """
    if not params:
        return []
    translator: Translator = batch.engine
    numbers = draws([own.seed for own in params], [1] * len(params)).tolist()
    trips = [
        _trip(text, own, number, translator.pivots)
        for text, own, number in zip(batch.items, params, numbers, strict=True)
    ]
    made = iter(translator.there_and_back([trip for trip in trips if trip is not None]))
    found = [None if trip is None else next(made) for trip in trips]
    return [
        None if text is None or text.split() == item.split() else text
        for text, item in zip(found, batch.items, strict=True)
    ]


def _trip(text: str, own: TranslateBack, number: int, pivots: Sequence[str]) -> Trip | None:
    """Return where a text goes, or None where it cannot go there."""
    pivot = pivots[number * len(pivots) >> 32] if own.pivot == "any" else own.pivot
    if pivot not in pivots or not text.strip() or any(one.isalpha() and ord(one) >= _OUTSIDE for one in text):
        return None
    return Trip(text, pivot, own.seed, own.temperature)
