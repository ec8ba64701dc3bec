"""What a person wants changed, whoever read it: the rules of `agent.reading`, or a language model that fits the schema.

words ─▶ Wish ─▶ applied(job, wish, facts) ─▶ job ─▶ told(before, after)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from agent.wish_told import about, told
from agent.wish_tools import allowed, any_left
from memory.job import AnyTarget, AskAbove, Export, Goal, Job, Limits, Reach, Target
from memory.records import Modality, Record

__all__ = ["Facts", "Only", "Wish", "WishedLimits", "WishedTarget", "applied", "told"]

Name = Annotated[str, Field(min_length=1, max_length=200)]
Quote = Annotated[str, Field(min_length=1, max_length=400)]
Act = Literal["none", "run", "plan", "approve", "refuse", "undo", "stop", "show_job"]
Limited = Literal["samples", "seconds", "gpu_seconds", "tokens", "money_usd", "synthetic_per_real"]
MOST_VALUES = 256
MOST_COUNT = 10_000_000
LONGEST_REQUEST = 2000
_MOST_NAMED = 12


class Only(Record):
    """The values that one axis is limited to."""

    axis: Name
    values: tuple[Name, ...] = Field(min_length=1, max_length=MOST_VALUES)


class WishedTarget(Record):
    """Cells, and how many items each should have: one of `at_least`, `factor` and `more`."""

    axes: tuple[Name, ...] = Field(("label",), min_length=1, max_length=3)
    only: tuple[Only, ...] = Field((), max_length=3)
    at_least: int | None = Field(None, ge=1, le=MOST_COUNT)
    factor: float | None = Field(None, gt=1, le=1000)
    """So many times what there is now: 2 is double."""
    more: int | None = Field(None, ge=1, le=MOST_COUNT)
    """So many beside what there is now."""

    @model_validator(mode="after")
    def _one_count(self) -> Self:
        if sum(one is not None for one in (self.at_least, self.factor, self.more)) != 1:
            raise ValueError("say one of at_least, factor and more")
        return self


class WishedLimits(Record):
    """What a run may use at most; None leaves a limit as it is."""

    samples: int | None = Field(None, ge=0, le=10**12)
    seconds: float | None = Field(None, gt=0, le=10**9)
    gpu_seconds: float | None = Field(None, ge=0, le=10**9)
    tokens: int | None = Field(None, ge=0, le=10**12)
    money_usd: float | None = Field(None, ge=0, le=10**9)
    synthetic_per_real: float | None = Field(None, gt=0, le=10**6)
    rounds: int | None = Field(None, ge=1, le=1000)
    lifted: tuple[Limited, ...] = Field((), max_length=6)
    """Limits that no longer hold."""


class Wish(Record):
    """What was said, as an edit of a job; what was not mentioned stays as it is."""

    act: Act = "none"
    targets: tuple[WishedTarget, ...] = Field((), max_length=64)
    """Added; one on the same axes and values replaces the earlier one."""
    drop_targets: bool = False
    """Every earlier target goes, goals included."""
    balance: bool = False
    """As many items in every class as the largest class has."""
    gain: float | None = Field(None, ge=0, le=1)
    """A learner gets better by at least this share of macro-F1: 0 is that it helps, 0.02 two points."""
    held_out_coverage: float | None = Field(None, gt=0, le=1)
    """Share of validation items that have a training neighbour of their label."""
    limits: WishedLimits = WishedLimits()
    deny: tuple[Name, ...] = Field((), max_length=64)
    """Tools, patterns of tools or families that may not be used."""
    allow: tuple[Name, ...] = Field((), max_length=64)
    """Those that may be used again."""
    use_only: tuple[Name, ...] = Field((), max_length=64)
    """Those beside which nothing may be used; empty: no such wish."""
    remote: Literal["allow", "deny"] | None = None
    approval: Literal["auto", "ask"] | None = None
    ask_above_usd: float | None = Field(None, ge=0, le=10**9)
    ask_above_samples: int | None = Field(None, ge=0, le=10**12)
    student: Literal["pretrained", "scratch"] | None = None
    export_path: str | None = Field(None, min_length=1, max_length=400)
    export_format: Literal["same", "csv", "jsonl", "parquet", "imagefolder", "audiofolder"] | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)
    request: str = Field("", max_length=LONGEST_REQUEST)
    """What the data or the use are like, in words; the literature is searched for it."""
    question: str = Field("", max_length=4000)
    """A question to answer instead of an edit."""
    unclear: tuple[Quote, ...] = Field((), max_length=64)
    """Pieces that were not understood, word for word; a question or a reason may follow in brackets."""

    @property
    def edits(self) -> bool:
        """Whether anything is to change in the job."""
        return self.model_copy(update={"act": "none", "question": "", "unclear": ()}) != Wish()


@dataclass(frozen=True)
class Facts:
    """What is known of the dataset and the tools: all that words may refer to."""

    modality: Modality
    label_column: str
    classes: Mapping[str, int]
    """Class -> items that count now."""
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Axis beside the label -> its values, ascending for a measure; () where there are too many to name."""
    tools: Mapping[str, str] = field(default_factory=dict)
    """Tool -> summary."""
    families: Mapping[str, str] = field(default_factory=dict)
    """Tool -> family."""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Axis beside the label -> value -> items now, where that is known."""

    def tools_like(self, name: str) -> tuple[str, ...]:
        """Return the tools that a name or a family stands for, or a pattern of either."""
        return tuple(
            one for one in self.tools if fnmatchcase(one, name) or fnmatchcase(self.families.get(one, ""), name)
        )

    def axis(self, name: str) -> str:
        """Return the name of an axis as jobs have it: the label's column is the label."""
        return "label" if name == self.label_column else name

    def values(self, axis: str) -> tuple[str, ...]:
        """Return the known values of an axis."""
        return tuple(self.classes) if axis == "label" else tuple(self.axes.get(axis, ()))


def applied(job: Job, wish: Wish, facts: Facts) -> tuple[Job, list[str]]:
    """Return the job with a wish carried out, and no problems; or the job as it was, and what is wrong, in words.

    Applying the same wish again changes nothing more. `act`, `question` and `unclear` are not looked at.
    """
    problems = [*_target_problems(wish, facts), *_tool_problems(wish, facts)]
    if problems:
        return job, list(dict.fromkeys(problems))
    try:
        edited = Job.model_validate(dict(job) | _edits(job, wish, facts))
    except ValidationError as problem:
        return job, [f"This does not fit: {one['msg']}." for one in problem.errors()[:3]]
    if facts.tools and edited.policy.tools != job.policy.tools and not any_left(edited.policy.tools, facts):
        return job, ["Then no tool would be left that may be used; allow at least one."]
    return edited, []


def _edits(job: Job, wish: Wish, facts: Facts) -> dict[str, Any]:
    limits = wish.limits.model_dump(exclude_none=True, exclude={"lifted"}) | dict.fromkeys(wish.limits.lifted)
    export = {"path": wish.export_path, "format": wish.export_format}
    policy = {"remote": wish.remote, "approval": _approval(job, wish), "tools": allowed(job.policy.tools, wish, facts)}
    single = {"student": wish.student, "seed": wish.seed, "request": _request(job.request, wish.request)}
    return {
        "targets": _targets(job, wish, facts),
        "limits": Limits.model_validate(dict(job.limits) | limits),
        "policy": type(job.policy).model_validate(dict(job.policy) | _said(policy)),
        "export": Export.model_validate(dict(job.export) | _said(export)),
    } | _said(single)


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _request(before: str, more: str) -> str | None:
    if not more or more in before:
        return None
    return f"{before}\n{more}".strip()[-LONGEST_REQUEST:]


def _approval(job: Job, wish: Wish) -> Literal["auto", "ask"] | AskAbove | None:
    above = _said({"money_usd": wish.ask_above_usd, "samples": wish.ask_above_samples})
    if not above:
        return wish.approval
    before = job.policy.approval
    kept = before.model_dump(exclude_none=True) if isinstance(before, AskAbove) and wish.approval is None else {}
    return AskAbove.model_validate(kept | above)


# --- targets --------------------------------------------------------------------------------------


def _targets(job: Job, wish: Wish, facts: Facts) -> tuple[AnyTarget, ...]:
    kept: list[AnyTarget] = [] if wish.drop_targets else list(job.targets)
    for target in (new for wished in wish.targets for new in _counted(wished, facts)):
        kept = _put(kept, target)
    if wish.gain is not None:
        kept = _put(kept, Goal(measure="probe_macro_f1", gain=wish.gain))
    if wish.held_out_coverage is not None:
        kept = _put(kept, Reach(measure="held_out_coverage", at_least=wish.held_out_coverage))
    if wish.balance and kept:  # a job without targets balances its classes anyway
        kept = _put(kept, Target(at_least=max(facts.classes.values())))
    return tuple(kept)


def _put(targets: Sequence[AnyTarget], new: AnyTarget) -> list[AnyTarget]:
    """Put a target where one about the same stands, else at the end."""
    same = [at for at, one in enumerate(targets) if about(one) == about(new)]
    return [*targets[: same[0]], new, *targets[same[0] + 1 :]] if same else [*targets, new]


def _counted(wished: WishedTarget, facts: Facts) -> Iterator[Target]:
    """Yield the targets that a wished one comes to: one, or one a cell where it hangs on what there is now."""
    axes = tuple(facts.axis(axis) for axis in wished.axes)
    only = {facts.axis(one.axis): one.values for one in wished.only}
    if wished.at_least is not None:
        yield Target(axes=axes, at_least=wished.at_least, only=only)
        return
    counts = _counts(axes[0], facts)
    for value in only.get(axes[0]) or counts:
        have = counts[value]
        wanted = have + wished.more if wished.more else math.ceil(round(have * (wished.factor or 1), 6))
        yield Target(axes=axes, at_least=max(1, wanted), only={axes[0]: (value,)})


def _counts(axis: str, facts: Facts) -> Mapping[str, int]:
    return facts.classes if axis == "label" else facts.counts.get(axis, {})


def _target_problems(wish: Wish, facts: Facts) -> Iterator[str]:
    if wish.balance and not facts.classes:
        yield "There are no classes to balance: no training item has a label."
    for target in wish.targets:
        axes = [facts.axis(axis) for axis in target.axes]
        limited = {facts.axis(one.axis): one.values for one in target.only}
        if len(set(axes)) < len(axes):
            yield f"An axis stands twice in {', '.join(target.axes)}."
        for axis in dict.fromkeys([*axes, *limited]):
            if axis != "label" and axis not in facts.axes:
                yield f"There is no axis {axis!r}; {_known('the axes are', ['label', *facts.axes], axis)}"
            elif axis not in axes:
                yield f"{axis!r} is limited to some values, and is none of the axes {', '.join(axes)}."
        for axis, values in limited.items():
            yield from _unknown(axis, values, facts)
        yield from _uncounted(target, axes, facts)


def _unknown(axis: str, values: Iterable[str], facts: Facts) -> Iterator[str]:
    known = facts.values(axis)
    kind, them = ("class", "the classes are") if axis == "label" else (f"value of {axis}", "the values are")
    for value in values:
        if value not in known and (known or axis == "label"):
            yield f"There is no {kind} {value!r}; {_known(them, known, value)}"


def _uncounted(target: WishedTarget, axes: Sequence[str], facts: Facts) -> Iterator[str]:
    if target.at_least is not None:
        return
    known = _counts(axes[0], facts) if len(axes) == 1 else {}
    values = [value for one in target.only for value in one.values]
    if not known or (axes != ["label"] and any(value not in known for value in values)):
        what = ", ".join(values) or ", ".join(axes)
        yield f"How many items of {what} there are is not known here; say how many there should be in all."


def _tool_problems(wish: Wish, facts: Facts) -> Iterator[str]:
    for name in (*wish.deny, *wish.allow, *wish.use_only):
        if not facts.tools_like(name):
            yield f"No tool for this data is called {name!r}; {_known('there are', facts.tools, name)}"


def _known(what: str, names: Iterable[str], wrong: str) -> str:
    """Say which names there are, and which of them may have been meant."""
    names = list(names)
    shown = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else "")
    close = get_close_matches(wrong, names, 1, 0.6)
    return f"{what}: {shown or 'none'}{f'; did you mean {close[0]!r}?' if close else '.'}"
