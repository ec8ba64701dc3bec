"""Paraphrases by a language model (AugGPT; Dai et al. 2023, section 3), with hints (Cegin et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Needs, Params, augment
from tools.engines.writer import Ask, Writer, one_line
from tools.seeds import seed_for

Style = Literal["plain", "casual", "formal", "brief", "detailed"]
_STYLES: dict[Style, str] = {
    "plain": "in the same tone",
    "casual": "as people type when they are in a hurry",
    "formal": "in a formal tone",
    "brief": "in fewer words",
    "detailed": "in more words, without new facts",
}
_EARLIER = 2
"""Plain paraphrases of a text, the most unusual of which is its hint."""


class Paraphrase(Params):
    """How freely a text is said again."""

    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the language model.")
    style: Style = Field("plain", description="Tone or length that is asked for.")
    hint: Literal["unusual", "none"] = Field(
        "unusual", description="Whether the most unusual of two earlier paraphrases of the text is shown."
    )
    usual: ClassVar = {
        "temperature": (0.7, 1.1),
        "style": ("plain", "casual", "formal", "brief", "detailed"),
    }


@augment(
    Paraphrase,
    family="llm-paraphrase",
    cites=("dai2023auggpt", "cegin2024diversity"),
    needs=Needs(engine="writer"),
    cost=Cost(cpu_seconds=150.0, tokens=600_000),
)
def paraphrase(batch: Texts, params: Sequence[Paraphrase]) -> list[str | None]:
    """Ask the language model to say a text in other words, in a drawn style; meaning, and so the label, stays.

    With a hint, two plain paraphrases of the text are asked for first, once for all tries with this text; the one that
    shares the smallest part of its words with the text is shown as an example of freedom (hints; taboo words and
    chained paraphrases brought nothing there, so they are not offered). Texts over 8,000 characters are refused, and
    answers that cannot be used (tools.engines.writer).
    """
    if not params:
        return []
    writer: Writer = batch.engine
    hints = _hints(writer, batch, params)
    return writer.write(
        "text.paraphrase",
        [
            _ask(text, label, own.style, own.temperature, own.seed, hints.get(text) if own.hint == "unusual" else None)
            for text, label, own in zip(batch.items, batch.labels, params, strict=True)
        ],
    )


def _ask(text: str, label: str, style: Style, temperature: float, seed: int, earlier: str | None) -> Ask:
    slots = {"label": one_line(label), "text": text, "style": _STYLES[style]}
    unlike: tuple[str, ...] = (text,)
    if earlier is not None:
        slots["earlier"], unlike = earlier, (text, earlier)
    name = "paraphrase" if earlier is None else "paraphrase_hinted"
    return Ask(name, slots, 2 * len(text) + 40, seed, temperature, unlike)


def _hints(writer: Writer, batch: Texts, params: Sequence[Paraphrase]) -> dict[str, str]:
    """Return text -> the most unusual of its earlier paraphrases, for those that want a hint and got any."""
    wanted = {
        text: label for text, label, own in zip(batch.items, batch.labels, params, strict=True) if own.hint == "unusual"
    }
    # The seeds are made from the text alone: another try with it finds the same paraphrases on record.
    asks = [
        (text, _ask(text, label, "plain", 1.0, seed_for(at, text), None))
        for text, label in wanted.items()
        for at in range(_EARLIER)
    ]
    answers = writer.write_shared("text.paraphrase hints", [ask for _, ask in asks])
    found: dict[str, list[str]] = {}
    for (text, _), made in zip(asks, answers, strict=True):
        if made is not None:
            found.setdefault(text, []).append(made)
    return {text: min(some, key=lambda one: (_shared(text, one), one)) for text, some in found.items()}


def _shared(text: str, other: str) -> float:
    """Return the Jaccard similarity of the words of two texts, lower-cased."""
    one, two = set(text.lower().split()), set(other.lower().split())
    return len(one & two) / max(1, len(one | two))
