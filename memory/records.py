"""Every noun, as a frozen record.

A `Job` states `Target`s. Measuring a dataset counts its `Cell`s and leaves `Gap`s. Literature gives
`Strategy`s for gaps. A `Plan` is a few `Step`s: tools, drawn values, cells to fill, citations. A gate gives
each made `Sample` a `Verdict`. Everything anybody chose is a `Decision`.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

Modality = Literal["text", "image", "speech"]
Labels = Literal["kept", "mixed", "changed"]
Reason = Literal["budget", "rejected", "no_parent", "no_strategy", "no_progress", "not_allowed", "cap"]
"""Why a cell was left short; the list is closed."""
Outcome = Literal["gain", "none", "loss", "mixed", "unknown"]
"""What a paper reports of the augmentation by itself: `mixed` is some of each, `unknown` when nothing was read."""
StopReason = Literal["targets_met", "budget_spent", "no_progress", "round_limit", "plan_done", "declined", "dry_run"]
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


# --- the job --------------------------------------------------------------------------------------


class Columns(Record):
    """Which column plays which role; None means found by convention."""

    payload: str | None = None
    label: str | None = None
    id: str | None = None
    split: str | None = None
    group: str | None = None
    attributes: tuple[str, ...] = ()


class Splits(Record):
    """Shares cut from the training rows where the data brings no such split; by group where there is one."""

    validation: float = Field(0.0, ge=0, lt=1)
    test: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _leave_some_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together take every row; leave a share to train on")
        return self


class Source(Record):
    """Where the dataset is and how to read it."""

    path: str
    """A file, a folder, or a hub id `owner/name`."""
    modality: Modality | None = None
    columns: Columns = Columns()
    splits: Splits = Splits()


class Target(Record):
    """At least so many near-duplicate-free training items in every cell of these axes."""

    axes: tuple[str, ...] = Field(("label",), min_length=1, max_length=3)
    at_least: int = Field(ge=1)
    only: dict[str, tuple[str, ...]] = {}
    """Values an axis is limited to; an axis not named here takes every value seen in training."""

    @model_validator(mode="after")
    def _axes_are_in_order(self) -> Self:
        if len(set(self.axes)) != len(self.axes):
            raise ValueError(f"an axis stands twice in {list(self.axes)}")
        for axis, names in self.only.items():
            if axis not in self.axes:
                raise ValueError(f"only names {axis!r}, which is not one of the axes {list(self.axes)}")
            if not names:
                raise ValueError(f"only gives no value for {axis!r}; leave it out to take all")
        return self


class Limits(Record):
    """What a run may use at most; None means no limit."""

    samples: int | None = Field(10_000, ge=0)
    """Samples made, accepted or not."""
    seconds: float | None = Field(3600.0, gt=0)
    """Making stops when it is spent, over all sittings; what was made by then is judged all the same."""
    gpu_seconds: float | None = Field(None, ge=0)
    """Time spent making samples on a GPU."""
    tokens: int | None = Field(None, ge=0)
    """Tokens of a language model; no tool of this catalogue uses any."""
    money_usd: float | None = Field(None, ge=0)
    """Money paid to an endpoint; no tool of this catalogue costs any."""
    synthetic_per_real: float | None = Field(None, gt=0)
    """Accepted samples per near-duplicate-free real training item of the same label."""
    rounds: int = Field(24, ge=1, le=1000)


class ToolPolicy(Record):
    """Which tools may run, as shell patterns; `deny` beats `allow`."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()


class Policy(Record):
    """Who plans, who agrees, and what is allowed."""

    planner: Literal["rules"] = "rules"
    encoder: str = "all-MiniLM-L6-v2"
    """What compares meanings in a search: a name of the weights table, folder or hub id; `openai:MODEL`; `lexical`."""
    approval: Literal["auto", "ask"] = "auto"
    remote: Literal["deny", "allow"] = "deny"
    licences: Literal["permissive", "any"] = "permissive"
    tools: ToolPolicy = ToolPolicy()


class Assets(Record):
    """Material that tools use beside the dataset."""

    noise: str | None = None
    """A folder of recordings to mix in as noise; None means coloured noise is drawn."""


class Export(Record):
    """Where the augmented dataset goes, and how it is written."""

    path: str | None = None
    """A folder that does not exist yet; None means `export` inside the run folder."""
    format: Literal["same", "csv", "jsonl", "parquet", "imagefolder", "audiofolder"] = "same"


class Job(Record):
    """One piece of work: the dataset, what is wanted of it, and what may be spent."""

    dataset: Source
    request: str = Field("", max_length=2000)
    """What is wanted, in words; the literature is searched for it too."""
    student: Literal["pretrained", "scratch"] | None = None
    """What will be trained on the data: a pretrained model that is fine-tuned, or one from scratch; None: not known."""
    targets: tuple[Target, ...] = ()
    """Empty means: as many items in every class as the largest class has."""
    limits: Limits = Limits()
    policy: Policy = Policy()
    assets: Assets = Assets()
    export: Export = Export()
    seed: int = Field(0, ge=0, lt=2**63)


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
    """One tool of a step, with the values or ranges that its parameters are drawn from."""

    tool: str
    draw: dict[str, Draw] = {}


class Fill(Record):
    """So many candidates for one cell."""

    cell: Cell
    count: int = Field(ge=1)
    start: Cell | None = None
    """The cell that parents are taken from; None means the same cell."""


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
