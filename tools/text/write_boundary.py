"""Texts near the border between two classes (PromptMix; Sahu et al. 2023, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.writer import Ask, Writer, one_line, size
from tools.seeds import draws


class WriteBoundary(Params):
    """How near to the border a text is."""

    share: float = Field(0.3, ge=0.05, le=0.45, description="Part of the text that would suit the other class.")
    length: float = Field(1.0, ge=0.5, le=2, description="Words asked for, as a share of the example's.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the language model.")
    usual: ClassVar = {"share": (0.15, 0.4), "length": (0.8, 1.5), "temperature": (0.8, 1.1)}


@augment(
    WriteBoundary,
    family="llm-boundary-mix",
    cites=("sahu2023promptmix",),
    changes=("words",),
    needs=Needs(engine="writer"),
    scratch=True,
    cost=Cost(cpu_seconds=120.0, tokens=450_000),
)
def write_boundary(batch: Texts, params: Sequence[WriteBoundary]) -> list[str | None]:
    """Ask the language model for a text of the parent's class that comes close to another class; can miss its class.

    The other class is drawn, every other label of the training rows alike. The label is the parent's; as many such
    texts miss it, the paper labels each again, which here is the work of the gate label_kept. Refuses as
    write_examples does, and every text where there is no other label.
    """
    if not params:
        return []
    writer: Writer = batch.engine
    numbers = draws([own.seed for own in params], [1] * len(params)).tolist()
    asks = [_ask(writer, *each) for each in zip(batch.items, batch.labels, params, numbers, strict=True)]
    return writer.write("text.write_boundary", asks)


def _ask(writer: Writer, text: str, label: str, own: WriteBoundary, number: int) -> Ask | None:
    others = [one for one in writer.labels if one != label]
    if not others:
        return None
    slots = {
        "label": one_line(label),
        "other": one_line(others[number * len(others) >> 32]),
        "text": text,
        "share": str(round(100 * own.share)),
        "size": size(text, own.length),
    }
    return Ask("write_boundary", slots, 3 * len(text) + 80, own.seed, own.temperature, (text,))
