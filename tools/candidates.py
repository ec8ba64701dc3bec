"""What a gate is handed: a batch of made samples with their parents, and what they are compared with."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from memory.datasets.made import Candidate
from memory.datasets.media import Payload
from memory.errors import UsageError
from memory.job import Columns
from memory.records import Cell, Modality
from tools.engines.engine import Engine, Place, build

if TYPE_CHECKING:
    from tools.similarity.seen import Seen
    from tools.teacher.teacher import Teacher


@dataclass(frozen=True)
class Candidates:
    """Made samples in the order they were made; every field has one entry a sample."""

    ids: Sequence[str]
    payloads: Sequence[Payload]
    parents: Sequence[Payload]
    """The first parent of each, decoded."""
    parent_ids: Sequence[str]
    labels: Sequence[str | None]
    """What the sample claims to be; for a mixed one the label of the largest share."""
    cells: Sequence[Cell | None]
    """The cell that each was made for."""
    attributes: Sequence[dict[str, str]]
    """Axis -> value: label, group, what is inherited from the parent, what was measured on the sample."""
    mixed: Sequence[bool]
    """True for samples made from two labels."""
    scratch: Sequence[bool]
    """True for samples made anew from their label, which owe their parent no likeness."""
    families: Sequence[tuple[str, ...]]
    """Families of the tools that made each."""
    said: Sequence[str | None]
    """What each clip is to say, where that is known."""
    learnt: Sequence[bool]
    """True for samples of a tool that was fitted on the training rows, which must look like them."""

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.ids)

    def take(self, at: Sequence[int]) -> Candidates:
        """Return the samples at these positions, in that order."""
        return replace(self, **{part.name: [getattr(self, part.name)[i] for i in at] for part in fields(self)})


@dataclass(frozen=True)
class Reference:
    """What made samples are compared with, over a whole run."""

    modality: Modality
    seen: Seen
    """Every training row, and every sample accepted so far."""
    held_out: Seen
    """Every row of the evaluation splits."""
    training: Container[str]
    """Ids of the training rows."""
    teacher: Teacher
    place: Place | None = None
    """What engines are made from, for gates that ask a model."""
    engines: dict[str, Engine] = field(default_factory=dict, repr=False, compare=False)
    """What has been made of it, by name."""

    def engine(self, name: str) -> Engine:
        """Return what a gate asks, loaded when it is first asked for.

        Raises UsageError where it cannot be had: a check that was asked for is not left out.
        """
        if name not in self.engines:
            if self.place is None:
                raise UsageError(f"Gates of this judge cannot ask the {name}: it was given no place to make it from.")
            self.engines[name] = build(name, self.place)
        return self.engines[name]


def standing(made: Candidate, label: str | None, columns: Columns) -> dict[str, str]:
    """Return where a made sample stands on the axes that it has from its parent.

    Label and group may be called by their role or by the name of their column.
    """
    given: dict[str, str | None] = dict(made.attributes)
    for role, value in (("label", label), ("group", made.group)):
        given |= {name: value for name in (role, getattr(columns, role)) if name is not None}
    return {axis: value for axis, value in given.items() if value is not None}
