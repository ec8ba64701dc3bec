"""Code-mixing by a language model (Zeng 2024): a text as speakers of two languages would write it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.writer import Ask, Writer, one_line

Language = Literal["English", "Spanish", "Hindi", "French", "German", "Arabic", "Turkish", "Tagalog", "Chinese"]


class MixLanguages(Params):
    """Which language is mixed in, and how much of it."""

    language: Language = Field("Spanish", description="Language that is mixed into the text's own.")
    share: float = Field(0.3, ge=0.1, le=0.6, description="Part of the words in that language.")
    temperature: float = Field(0.9, ge=0, le=2, description="Sampling temperature of the language model.")
    usual: ClassVar = {"share": (0.2, 0.45), "temperature": (0.7, 1.0)}


@augment(
    MixLanguages,
    family="translation-code-mixing",
    cites=("zeng2024codemixed", "whitehouse2023genx"),
    needs=Needs(engine="writer"),
    cost=Cost(cpu_seconds=120.0, tokens=400_000),
)
def mix_languages(batch: Texts, params: Sequence[MixLanguages]) -> list[str | None]:
    """Ask the language model to mix a second language into a text, as bilingual speakers do; meaning stays.

    For models that will read such texts; elsewhere it brings words that are never met. Say the `language` that is met
    in use: nothing in a dataset tells it, so Spanish is no more than a common case. Texts over 8,000 characters are
    refused, and answers that cannot be used (tools.engines.writer).
    """
    if not params:
        return []
    writer: Writer = batch.engine
    asks = [_ask(*each) for each in zip(batch.items, batch.labels, params, strict=True)]
    return writer.write("text.mix_languages", asks)


def _ask(text: str, label: str, own: MixLanguages) -> Ask:
    slots = {"label": one_line(label), "text": text, "language": own.language, "share": str(round(100 * own.share))}
    return Ask("mix_languages", slots, 2 * len(text) + 80, own.seed, own.temperature, (text,))
