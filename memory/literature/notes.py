"""The surveyed literature: one note a paper, in our words, with what was measured and how well it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from memory.errors import RecordError
from memory.literature import vocabulary
from memory.records import Modality, Record

_FILE = "notes.jsonl"

Evidence = Literal["full-text", "abstract", "citation-only"]
"""How well the paper was read; an abstract stands for the abstract, a results table or a part of the paper."""


class Listing(Record):
    """One line of the survey's list of papers."""

    section: Literal["text", "image", "audio"]
    status: Literal["peer-reviewed", "preprint"]


class Effect(Record):
    """One measured effect of a method, as its source reports it."""

    families: tuple[str, ...] = Field(min_length=1)
    """What it is an effect of: some of the families of the note."""
    metric: str = Field(min_length=1)
    better: Literal["higher", "lower"]
    scale: Literal["percent", "relative", "unclear", "other"]
    """`percent`: values from 0 to 100 with a perfect end; `relative`: `delta` is a per cent of the baseline's value;
    `unclear`: a quality for which no number, or none that can be compared, is given; `other`: a cost or a count."""
    dataset: str = Field(min_length=1)
    baseline: str | None = None
    """What the method is compared with."""
    baseline_value: float | None = None
    value: float | None = None
    delta: float | None = None
    """Value less baseline in the metric's own unit, or in per cent of the baseline where the scale is relative."""
    outcome: Literal["gain", "none", "loss"]
    """What the source concludes; it must agree with `delta`."""
    best_case: bool = False
    """True for a figure given as "up to"."""
    isolated: bool = True
    """True when it compares with and without the augmentation, all else equal."""
    samples: int | None = Field(None, ge=0)
    """Labelled real training items it was measured with."""
    per_class: float | None = Field(None, ge=0)
    """The same a class."""
    imbalance: float | None = Field(None, ge=1)
    """Items of the largest class over those of the smallest."""
    pretrained: bool | None = None
    """Whether the model that was trained had been pretrained; None when not known or not meaningful."""
    source: Literal["paper", "authors", "second-hand"] = "paper"
    """Where it was read: paper or abstract; the authors' repository or tables; somebody's notes on the paper."""
    note: str | None = None

    @model_validator(mode="after")
    def _the_outcome_is_that_of_the_numbers(self) -> Self:
        if self.delta is not None:
            gain = self.delta if self.better == "higher" else -self.delta
            said = {"gain": gain > 0, "none": True, "loss": gain < 0}[self.outcome]
            if not said:
                raise ValueError(f"outcome {self.outcome!r} contradicts a delta of {self.delta}")
        if self.scale == "relative" and (self.value is not None or self.baseline_value is not None):
            raise ValueError("a relative effect has a delta only, in per cent of the baseline")
        return self


class Limitation(Record):
    """Something that limits a method, under its name in the vocabulary."""

    kind: str
    text: str = Field(min_length=10)


class Note(Record):
    """What one paper says, and when it applies."""

    key: str = Field(pattern=r"^[a-z]+[0-9]{4}[a-z0-9]*$")
    title: str = Field(min_length=1)
    authors: tuple[str, ...] = ()
    """`Surname, I.` each, in the paper's order; the last may be `et al.`; () when not known."""
    year: int = Field(ge=1950, le=2100)
    venue: str = Field(min_length=1)
    arxiv: str | None = Field(None, pattern=r"^[0-9]{4}\.[0-9]{4,5}$")
    doi: str | None = Field(None, pattern=r"^10\.[0-9]{4,}/\S+$")
    urls: tuple[str, ...] = ()
    listed: tuple[Listing, ...] = ()
    """Where the survey's list of papers has it; () for work around the survey."""
    modalities: tuple[Modality, ...] = Field(min_length=1)
    """What is augmented; where nothing is, what the paper works on."""
    is_augmentation: bool
    families: tuple[str, ...] = ()
    """Kinds of augmentation, the main one first; () for a paper that augments no training data."""
    tasks: tuple[str, ...] = ()
    task: str = Field(min_length=1)
    feeds: str | None = None
    """What goes in, through what, and what comes out: `labelled sentences -> GPT-2 -> new sentences of a label`."""
    generators: tuple[str, ...] = ()
    approach: str | None = Field(None, min_length=40)
    """How it works; None when nothing but the reference was read."""
    data_regime: str | None = None
    """Sizes and kinds of data the effects were measured on; None when not known."""
    effects: tuple[Effect, ...] = ()
    limitations: tuple[Limitation, ...] = ()
    mitigations: tuple[str, ...] = ()
    applies_when: tuple[str, ...] = ()
    """Situations of a dataset in which it is of use."""
    needs: tuple[str, ...] = Field(min_length=2)
    """What people say, in words of their own, to which this paper is an answer; search compares questions with it."""
    evidence: Evidence
    remark: str | None = None
    """What a reader must know of this record itself: a doubtful listing, a negative result, what was not read."""

    @model_validator(mode="after")
    def _claims_only_what_was_read(self) -> Self:
        if self.is_augmentation != bool(self.families):
            raise ValueError("an augmentation has families, and nothing else has")
        if self.effects and self.evidence == "citation-only":
            raise ValueError("an effect stands in a paper that was not read")
        if self.effects and not self.is_augmentation:
            raise ValueError("an effect of augmentation stands in a paper that augments nothing")
        if self.feeds is not None and "->" not in self.feeds:
            raise ValueError("feeds reads: what goes in -> what comes out")
        return self

    @model_validator(mode="after")
    def _speaks_the_vocabulary(self) -> Self:
        known = vocabulary.load()
        parts = (
            ("families", self.families, known.families),
            ("tasks", self.tasks, known.tasks),
            ("applies_when", self.applies_when, known.situations),
            ("limitations", tuple(one.kind for one in self.limitations), known.limitations),
            ("effects", tuple(name for one in self.effects for name in one.families), self.families),
        )
        for field, names, there in parts:
            strange = [name for name in names if name not in there]
            if strange:
                raise ValueError(f"{field} says {strange[0]!r}, which is not one of: {', '.join(there)}")
        return self

    @property
    def flags(self) -> tuple[str, ...]:
        """What is odd about the record in the survey's list, read off its fields."""
        sections = {"audio": "speech"}
        strange = any(sections.get(one.section, one.section) not in self.modalities for one in self.listed)
        named = (
            ("not augmentation", not self.is_augmentation),
            ("listed twice", len(self.listed) > 1),
            ("listed under another modality", strange),
        )
        return tuple(name for name, holds in named if holds)


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
