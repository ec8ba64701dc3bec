"""The surveyed literature: one note a paper, in our words, with what was measured and how well it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from memory.errors import RecordError
from memory.records import Modality, Record

_FILE = "notes.jsonl"

Evidence = Literal["full-text", "abstract", "citation-only"]
"""How well the paper was read; an abstract stands for the abstract, a results table or a part of the paper."""


class Effect(Record):
    """One measured effect of a method, as its source reports it."""

    metric: str = Field(min_length=1)
    dataset: str = Field(min_length=1)
    baseline: str | None = None
    """What the method is compared with."""
    baseline_value: float | None = None
    value: float | None = None
    delta: float | None = None
    """Value less baseline, in the metric's own unit; negative is better for an error rate."""
    note: str | None = None


class Note(Record):
    """What one paper says, and when it applies."""

    key: str = Field(pattern=r"^[a-z]+[0-9]{4}[a-z0-9]*$")
    title: str = Field(min_length=1)
    authors: tuple[str, ...] = Field(min_length=1)
    """`Surname, I.` each, in the paper's order; the last may be `et al.`"""
    year: int = Field(ge=1950, le=2100)
    venue: str = Field(min_length=1)
    arxiv: str | None = Field(None, pattern=r"^[0-9]{4}\.[0-9]{4,5}$")
    doi: str | None = Field(None, pattern=r"^10\.[0-9]{4,}/\S+$")
    modalities: tuple[Modality, ...] = Field(min_length=1)
    families: tuple[str, ...] = ()
    """Kinds of augmentation, the broad one first; () for a paper about measuring or judging."""
    is_augmentation: bool
    task: str = Field(min_length=1)
    approach: str = Field(min_length=40)
    data_regime: str | None = None
    """Sizes and kinds of data the effects were measured on; None when not known."""
    effects: tuple[Effect, ...] = ()
    limitations: tuple[str, ...] = ()
    mitigations: tuple[str, ...] = ()
    applies_when: tuple[str, ...] = ()
    """States of a dataset: low-resource, few-shot, class-imbalance, noisy-audio and the like."""
    evidence: Evidence
    urls: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _claims_only_what_was_read(self) -> Self:
        if self.is_augmentation != bool(self.families):
            raise ValueError("an augmentation has families, and nothing else has")
        if self.effects and self.evidence == "citation-only":
            raise ValueError("an effect stands in a paper that was not read")
        return self


@cache
def load() -> Mapping[str, Note]:
    """Return every note by key, in the order of the file; the mapping is read-only.

    Raises RecordError naming the line that cannot be read or repeats a key.
    """
    text = (resources.files("memory.literature") / _FILE).read_text(encoding="utf-8")
    return MappingProxyType(parse(text))


def parse(text: str) -> dict[str, Note]:
    """Return the notes that `text` holds, one JSON object a line.

    Raises RecordError naming the line that cannot be read or repeats a key.
    """
    notes: dict[str, Note] = {}
    for place, note in _notes(text):
        if note.key in notes:
            raise RecordError(f"Key {note.key!r} stands twice; keys name one paper.", where=place)
        notes[note.key] = note
    return notes


def _notes(text: str) -> Iterator[tuple[str, Note]]:
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{_FILE}:{number}"
        try:
            yield place, Note.model_validate_json(line)
        except ValidationError as problem:
            first = problem.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "the line"
            raise RecordError(f"This note cannot be read: {field}: {first['msg']}.", where=place) from problem


def families() -> frozenset[str]:
    """Return every family of augmentation that a note names."""
    return frozenset(family for note in load().values() for family in note.families)
