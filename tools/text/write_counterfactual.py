"""Counterfactuals by a language model: a small edit that turns the label (Wu et al. 2021; Zhou et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.writer import Ask, Writer, one_line, size


class WriteCounterfactual(Params):
    """How small the edit is asked to be."""

    share: float = Field(0.3, ge=0.05, le=1, description="Words that may change, as a share of the text's.")
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling temperature of the language model.")
    usual: ClassVar = {"share": (0.2, 0.5), "temperature": (0.6, 1.0)}


@augment(
    WriteCounterfactual,
    family="counterfactual",
    cites=("zhou2022flipda", "wu2021polyjuice"),
    labels="changed",
    needs=Needs(engine="writer"),
    cost=Cost(cpu_seconds=120.0, tokens=450_000),
)
def write_counterfactual(batch: Texts, params: Sequence[WriteCounterfactual]) -> list[str | None]:
    """Ask the language model for a minimal edit that moves a text of another class into the wanted one; can miss it.

    Pairs that differ in little but their label teach what decides it and not what goes along with it. An edit may or
    may not turn the label (Polyjuice; Wu et al. 2021), so what is kept is chosen by a classifier trained on the real
    rows (FlipDA; Zhou et al. 2022), which here is the gate label_kept: it judges by the wanted label, and an edit that
    still reads as its parent's class is rejected. How small the edit is, is asked for and not checked; one so small
    that the text nearly repeats its parent is rejected by the gate near_duplicate, since coverage counts no
    near-duplicates. Refuses a text that has the wanted label already, one over 8,000 characters, an answer that is the
    text unchanged, and answers that cannot be used (tools.engines.writer).
    """
    if not params:
        return []
    writer: Writer = batch.engine
    asks = [_ask(*each) for each in zip(batch.items, batch.labels, batch.wanted, params, strict=True)]
    return writer.write("text.write_counterfactual", asks)


def _ask(text: str, label: str, wanted: str, own: WriteCounterfactual) -> Ask | None:
    if label == wanted:
        return None
    slots = {"label": one_line(label), "other": one_line(wanted), "text": text, "size": size(text, own.share)}
    return Ask("write_counterfactual", slots, 2 * len(text) + 80, own.seed, own.temperature, (text,))
