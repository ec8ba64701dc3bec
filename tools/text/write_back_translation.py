"""Back-translation by a language model: there and back in one answer (Cegin et al. 2024 compare such translations)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.writer import Ask, Writer

Pivot = Literal["German", "French", "Spanish", "Russian", "Turkish", "Finnish", "Chinese", "Japanese"]


class WriteBackTranslation(Params):
    """Through which language, and how freely."""

    pivot: Pivot = Field("German", description="Language that the text is translated into and back from.")
    temperature: float = Field(0.9, ge=0, le=2, description="Sampling temperature of the language model.")
    usual: ClassVar = {
        "pivot": ("German", "French", "Spanish", "Russian", "Turkish", "Finnish", "Chinese", "Japanese"),
        "temperature": (0.7, 1.0),
    }


@augment(
    WriteBackTranslation,
    family="back-translation",
    cites=("xie2020uda", "cegin2024costs"),
    needs=Needs(engine="writer"),
    cost=Cost(cpu_seconds=150.0, tokens=480_000),
)
def write_back_translation(batch: Texts, params: Sequence[WriteBackTranslation]) -> list[str | None]:
    """Ask the language model to translate a text into another language and back; meaning, and so the label, stays.

    Works for any language that the model knows, which translation models on this machine (text.translate_back) do not.
    A far language changes more than a near one. Both translations come in one answer, of which the second is kept.
    Texts over 8,000 characters are refused, and answers that cannot be used (tools.engines.writer).
    """
    if not params:
        return []
    writer: Writer = batch.engine
    asks = [_ask(text, own) for text, own in zip(batch.items, params, strict=True)]
    return writer.write("text.write_back_translation", asks)


def _ask(text: str, own: WriteBackTranslation) -> Ask:
    slots = {"text": text, "language": own.pivot}
    return Ask(
        "write_back_translation", slots, 2 * len(text) + 40, own.seed, own.temperature, (text,), first="translation"
    )
