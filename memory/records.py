"""Every noun of the work, as a frozen record; `memory.job` holds what a person asks for.

A `Job` states `Target`s. Measuring a dataset counts its `Cell`s and leaves `Gap`s. Literature gives
`Strategy`s for gaps. A `Plan` is a few `Step`s: tools, drawn values, cells to fill, citations. A gate gives
each made `Sample` a `Verdict`. Everything anybody chose is a `Decision`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

Modality = Literal["text", "image", "speech"]
Labels = Literal["kept", "mixed", "changed"]
Reason = Literal["budget", "rejected", "no_parent", "no_strategy", "no_progress", "not_allowed", "cap"]
"""Why a cell was left short; the list is closed."""
Outcome = Literal["gain", "none", "loss", "mixed", "unknown"]
"""What a paper reports of the augmentation by itself: `mixed` is some of each, `unknown` when nothing was read."""
StopReason = Literal[
    "targets_met",
    "settled",
    "nothing_helps",
    "budget_spent",
    "no_progress",
    "round_limit",
    "plan_done",
    "declined",
    "dry_run",
]
"""`settled`: what helps most was found, and less is gained than was asked; `nothing_helps`: no arm gains anything."""
Drawn = int | float | str
Draw = Drawn | tuple[float, float] | tuple[str, ...]
"""A fixed value, two numbers (a range, drawn uniformly), or several words (a choice)."""


class Record(BaseModel):
    """A value: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sample(Record):
    """One item of a dataset, without its media."""

    id: str
    split: str
    label: str | None
    group: str | None = None
    """Who or what the item comes from (speaker, author, patient); None when unknown."""
    payload: str
    """The text itself, or the path of the media file relative to the dataset's folder."""
    attributes: dict[str, str] = {}


def _word(name: str) -> str:
    """Put a name in quotes where it could be read as more than one."""
    return json.dumps(name, ensure_ascii=False) if set(name) & set(',="\\\n') else name


class Cell(Record):
    """One combination of axis values, written `{label: refund, speaker: anna}`."""

    at: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _plain_form(cls, value: Any) -> Any:
        """Read the plain form `{axis: value}` as well as `{at: {axis: value}}`."""
        if isinstance(value, dict) and not isinstance(value.get("at"), dict):
            return {"at": {str(axis): str(name) for axis, name in value.items()}}
        return value

    @model_serializer
    def _as_plain(self) -> dict[str, Any]:
        return dict(self.at)

    @property
    def key(self) -> str:
        """One line that names the cell and no other, axes in order of their names: `label=refund, speaker=anna`."""
        return ", ".join(f"{_word(axis)}={_word(name)}" for axis, name in sorted(self.at.items()))

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.at.items())))


# --- planning -------------------------------------------------------------------------------------


class Gap(Record):
    """A cell that has fewer items than its target asks for."""

    target: int
    """Position of the target in the job."""
    cell: Cell
    required: int
    before: int
    """Near-duplicate-free items when the run began."""
    have: int
    """The same now: real items and accepted samples."""
    parents: int
    """Training items that a label-keeping tool may start from."""
    reason: Reason | None = None
    """Why nothing more will be tried, or None while it is open."""

    @property
    def missing(self) -> int:
        """Items still wanted."""
        return max(0, self.required - self.have)


class Strategy(Record):
    """A paper of the literature that was found for a dataset, and what it is worth to a plan."""

    key: str
    title: str
    score: float
    """Probability that it answers the question it was found with."""
    families: tuple[str, ...]
    modalities: tuple[Modality, ...]
    outcome: Outcome
    tools: tuple[str, ...]
    """Tools of the catalogue that do what it describes; () means: no tool yet."""


class Call(Record):
    """One tool, with the values or ranges that its parameters are drawn from."""

    tool: str
    draw: dict[str, Draw] = {}


class Fill(Record):
    """So many candidates for one cell."""

    cell: Cell
    count: int = Field(ge=1)
    start: Cell | None = None
    """The cell that parents are taken from; None means the same cell."""
    among: Literal["misread"] | None = None
    """Which of its rows may be parents: those that the plan's `misread` names; None means all."""


class Step(Record):
    """Tools applied one after the other to parents of some cells."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}$")
    """Names a folder of made samples too, so only letters, digits and `_.+-`."""
    calls: tuple[Call, ...] = Field(min_length=1)
    fill: tuple[Fill, ...] = Field(min_length=1)
    cites: tuple[str, ...] = Field(min_length=1)
    why: str = ""

    @property
    def count(self) -> int:
        """Candidates this step makes."""
        return sum(part.count for part in self.fill)


class Plan(Record):
    """The steps of one round. No steps means: nothing more is worth trying."""

    round: int = Field(ge=1)
    planner: str
    steps: tuple[Step, ...] = ()
    why: str = ""
    trials: dict[str, tuple[str, ...]] = {}
    """Arm -> the steps that make samples to try it with; empty for a plan that fills cells."""
    misread: tuple[int, ...] = ()
    """Training rows, by position, that a learner reads wrongly: the parents of fills `among` them."""


class Verdict(Record):
    """What one gate says of one made sample."""

    gate: str
    accepted: bool
    score: float | None = None
    threshold: float | None = None
    why: str = ""


class Decision(Record):
    """What one node chose, and the facts it chose on."""

    node: str
    round: int
    summary: str
    facts: dict[str, Any] = {}
