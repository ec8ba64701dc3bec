"""Class-conditioned generation by a language model, from a class's name and one example (Møller et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.writer import Ask, Writer, one_line, size


class WriteExamples(Params):
    """How long and how varied new texts are."""

    length: float = Field(1.0, ge=0.5, le=2, description="Words asked for, as a share of the example's.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the language model.")
    usual: ClassVar = {"length": (0.7, 1.5), "temperature": (0.8, 1.1)}


@augment(
    WriteExamples,
    family="llm-class-conditioned-generation",
    cites=("moller2024parrot", "ye2022zerogen", "cegin2024random"),
    changes=("words",),
    needs=Needs(engine="writer"),
    scratch=True,
    cost=Cost(cpu_seconds=120.0, tokens=400_000),
)
def write_examples(batch: Texts, params: Sequence[WriteExamples]) -> list[str | None]:
    """Ask the language model for a new text of the parent's class; the parent is its one example.

    One random example is better than none, and choosing it brings nothing (Cegin et al. 2024). What is written is
    another case, so only the class is the parent's. Texts over 8,000 characters are refused, and answers that cannot be
    used (tools.engines.writer) or are over three times as long as the example.
    """
    if not params:
        return []
    writer: Writer = batch.engine
    asks = [_ask(*each) for each in zip(batch.items, batch.labels, params, strict=True)]
    return writer.write("text.write_examples", asks)


def _ask(text: str, label: str, own: WriteExamples) -> Ask:
    slots = {"label": one_line(label), "text": text, "size": size(text, own.length)}
    return Ask("write_examples", slots, 3 * len(text) + 80, own.seed, own.temperature, (text,))
