"""Attributed prompts for class-conditioned generation (AttrPrompt; Yu et al. 2023, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.writer import Ask, Writer, one_line, size
from tools.seeds import distinct, draws

Tone = Literal["plain", "casual", "formal", "friendly", "annoyed", "hesitant", "matter-of-fact"]


class WriteByAttributes(Params):
    """The attribute values of one text."""

    length: float = Field(1.0, ge=0.5, le=2, description="Words asked for, as a share of the example's.")
    tone: Tone = Field("plain", description="Tone asked for.")
    topics: int = Field(3, ge=0, le=8, description="Typical words of the class that set the subtopic.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the language model.")
    usual: ClassVar = {
        "length": (0.6, 1.7),
        "tone": ("plain", "casual", "formal", "friendly", "annoyed", "hesitant", "matter-of-fact"),
        "topics": (1, 4),
        "temperature": (0.8, 1.1),
    }


@augment(
    WriteByAttributes,
    family="llm-attribute-prompting",
    cites=("yu2023attrprompt",),
    changes=("words",),
    needs=Needs(engine="writer"),
    scratch=True,
    cost=Cost(cpu_seconds=120.0, tokens=450_000),
)
def write_by_attributes(batch: Texts, params: Sequence[WriteByAttributes]) -> list[str | None]:
    """Ask the language model for a new text of the parent's class with drawn attributes: length, tone, subtopic.

    One combination of values is drawn for every text, which varies them more than the class's name alone does. The
    subtopic is said by words that are typical of the class in the training texts; the paper asks a language model for
    values instead. The parent is shown as one example. Refuses as write_examples does; a class without typical words
    gets no subtopic.
    """
    if not params:
        return []
    writer: Writer = batch.engine
    asks = [_ask(writer, *each) for each in zip(batch.items, batch.labels, params, strict=True)]
    return writer.write("text.write_by_attributes", asks)


def _ask(writer: Writer, text: str, label: str, own: WriteByAttributes) -> Ask:
    known = writer.topics(label)
    drawn = draws([own.seed], [min(own.topics, len(known))]).tolist()
    slots = {
        "label": one_line(label),
        "text": text,
        "size": size(text, own.length),
        "tone": own.tone,
        "words": ", ".join(known[at] for at in distinct(drawn, len(known))) or "(none)",
    }
    return Ask("write_by_attributes", slots, 3 * len(text) + 80, own.seed, own.temperature, (text,))
