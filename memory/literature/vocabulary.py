"""The words of the field: strategy families, situations of a dataset, tasks, limitations, modalities.

Notes carry the names; meanings and people's words for them serve search. One file holds them: `vocabulary.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from memory.errors import RecordError
from memory.records import Modality, Record

_FILE = "vocabulary.yaml"


class Word(Record):
    """One name of the vocabulary."""

    meaning: str = Field(min_length=5)
    terms: tuple[str, ...] = Field(min_length=3)
    """What people say for it; also what papers say that say it otherwise."""


class Family(Word):
    """A kind of augmentation."""

    modalities: tuple[Modality, ...] = Field(min_length=1)
    parent: str | None = None
    """The wider family that this one is part of."""
    no_tool_yet: bool = False
    """True as long as no tool of the catalogue does it."""


class Weakness(Word):
    """A kind of limitation, and what augplan does about it."""

    answers: tuple[str, ...] = ()
    """`gate NAME: what it does`, and the like for measure, limit, policy, record (`Job.student`) and rule (a place in
    the code)."""
    hole: str | None = None
    """What stays open."""

    @model_validator(mode="after")
    def _is_answered_or_open(self) -> Self:
        if not self.answers and self.hole is None:
            raise ValueError("a limitation without an answer is a hole; say what is open")
        return self


class Vocabulary(Record):
    """Every name that notes, queries and tools may use."""

    modalities: dict[str, Word]
    families: dict[str, Family]
    situations: dict[str, Word]
    tasks: dict[str, Word]
    limitations: dict[str, Weakness]

    @model_validator(mode="after")
    def _parents_are_families(self) -> Self:
        for name, family in self.families.items():
            if family.parent is not None and family.parent not in self.families:
                raise ValueError(f"family {name!r} has the parent {family.parent!r}, which is no family")
        return self

    def words(self) -> Iterator[tuple[str, Word]]:
        """Yield every word as (`kind:name`, word), in the order of the file; the same name may stand in two kinds."""
        for kind in ("modalities", "families", "situations", "tasks", "limitations"):
            for name, word in getattr(self, kind).items():
                yield f"{kind}:{name}", word

    def lineage(self, family: str) -> tuple[str, ...]:
        """Return a family and the wider ones it is part of, narrowest first."""
        chain = [family]
        while (parent := self.families[chain[-1]].parent) is not None:
            chain.append(parent)
        return tuple(chain)


@cache
def load() -> Vocabulary:
    """Return the vocabulary. Raises RecordError naming the entry that cannot be read."""
    return parse(yaml.safe_load((resources.files("memory.literature") / _FILE).read_text(encoding="utf-8")))


def parse(value: Mapping[str, Any]) -> Vocabulary:
    """Return the vocabulary that `value` spells out. Raises RecordError naming the entry that cannot be read."""
    try:
        return Vocabulary.model_validate(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise RecordError(f"This entry cannot be read: {place}: {first['msg']}.", where=_FILE) from problem
