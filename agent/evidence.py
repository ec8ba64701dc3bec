"""Which papers speak for which tools here: ranked by modality, data regime and how well they were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memory.digests import digest
from memory.literature.notes import Effect, Note
from memory.records import Modality, Strategy
from tools.card import Tool

_READ = {"full-text": 1.0, "abstract": 0.9, "citation-only": 0.75}
LOW_RESOURCE = ("low-resource", "few-shot", "low-budget", "imbalanced", "class-imbalance", "long-tail")


def retrieve(notes: Mapping[str, Note], modality: Modality, tools: Sequence[Tool]) -> list[Strategy]:
    """Return the papers that `tools` cite, best first; a paper that is not about augmentation is never one of them."""
    found = []
    for key, note in notes.items():
        bound = tuple(tool.name for tool in tools if key in tool.cites)
        if bound and note.is_augmentation:
            found.append(
                Strategy(
                    key=key,
                    title=note.title,
                    score=_score(note, modality),
                    families=tuple(note.families),
                    modalities=tuple(note.modalities),
                    tools=bound,
                )
            )
    return sorted(found, key=lambda strategy: (-strategy.score, strategy.key))


def _score(note: Note, modality: Modality) -> float:
    """Return a weight in (0, 1]: evidence read x (half for being there, the rest for gains and for the regime)."""
    gains = [_gain(effect) for effect in note.effects if effect.delta is not None]
    positive = sum(gain > 0 for gain in gains) / len(gains) if gains else 0.5
    regime = any(word in LOW_RESOURCE for word in note.applies_when)
    here = 1.0 if modality in note.modalities else 0.6
    return round(_READ[note.evidence] * here * (0.5 + 0.3 * positive + 0.2 * regime), 4)


def _gain(effect: Effect) -> float:
    """Return an effect with its sign turned so that more is better: an error rate falls when things improve."""
    delta = effect.delta or 0.0
    return -delta if any(word in effect.metric.lower() for word in ("error", "wer", "loss", "perplexity")) else delta


def notes_digest(notes: Mapping[str, Note]) -> str:
    """Return what names the literature that a run had at hand."""
    return digest([note.model_dump(mode="json") for note in notes.values()])
