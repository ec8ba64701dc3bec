"""What changed between two jobs, said line by line to the person who asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from memory.job import AnyTarget, AskAbove, Goal, Job, Limits, Policy, Reach, Target, ToolPolicy

if TYPE_CHECKING:

    class Counted(Protocol):
        """What knows how many items every class has now."""

        @property
        def classes(self) -> Mapping[str, int]:
            """Class -> items that count now."""
            ...


_MOST_NAMED = 8


def about(target: AnyTarget) -> object:
    """Return what a target is about, for comparison: its axes and values in any order, or its measure."""
    if not isinstance(target, Target):
        return target.measure
    return frozenset(target.axes), frozenset((axis, frozenset(values)) for axis, values in target.only.items())


def told(before: Job, after: Job, facts: Counted | None = None) -> list[str]:
    """Return what changed, one line each, in words; none where nothing did. With `facts` counts of now are given."""
    return [
        *_targets(before, after, facts.classes if facts else {}),
        *_limits(before.limits, after.limits),
        *_tools(before.policy.tools, after.policy.tools),
        *_policy(before.policy, after.policy),
        *_rest(before, after),
    ]


def _targets(before: Job, after: Job, have: Mapping[str, int]) -> Iterator[str]:
    replaced = {about(one) for one in after.targets}
    for old in before.targets:
        if about(old) not in replaced:
            yield f"no longer asked for: {_target(old, {})}"
    for new in after.targets:
        if new not in before.targets:
            yield _target(new, have)
    if before.targets and not after.targets:
        yield "every class: as many items as the largest has"


def _target(target: AnyTarget, have: Mapping[str, int]) -> str:
    if isinstance(target, Goal):
        by = f"rises by at least {100 * target.gain:g} points" if target.gain else "rises"
        return f"it has to help: macro-F1 of a learner {by} on items that it was not trained on"
    if isinstance(target, Reach):
        return f"at least {100 * target.at_least:g} % of validation items have a training neighbour of their class"
    where = ", ".join(_axis(axis, target.only.get(axis, ())) for axis in target.axes)
    cells = sum(len(target.only[axis]) for axis in target.axes if axis in target.only)
    single = len(target.only) == len(target.axes) == cells
    each = "" if single or not target.only else " each"
    return f"{where}: at least {target.at_least:,} items{each}{_now(target, have)}"


def _axis(axis: str, values: Sequence[str]) -> str:
    if not values:
        return "every class" if axis == "label" else f"every {axis}"
    shown = ", ".join(values[:_MOST_NAMED]) + (f" and {len(values) - _MOST_NAMED} more" if values[_MOST_NAMED:] else "")
    return shown if axis == "label" else f"{axis} {shown}"


def _now(target: Target, have: Mapping[str, int]) -> str:
    names = target.only.get("label", ())
    counts = [f"{have[name]:,}" for name in names if name in have]
    shown = target.axes == ("label",) and counts and len(counts) == len(names) <= _MOST_NAMED
    return f" ({', '.join(counts)} now)" if shown else ""


def _limits(before: Limits, after: Limits) -> Iterator[str]:
    for name in Limits.model_fields:
        value = getattr(after, name)
        if value != getattr(before, name):
            yield f"no limit on {_COUNTED[name].format('').strip()}" if value is None else _at_most(name, value)


_COUNTED = {
    "samples": "{} samples",
    "seconds": "{} time of making",
    "gpu_seconds": "{} time on a GPU",
    "tokens": "{} tokens",
    "money_usd": "{} dollars",
    "synthetic_per_real": "{} synthetic items for each real one",
    "rounds": "{} rounds",
}


def _at_most(name: str, value: float) -> str:
    if name in {"seconds", "gpu_seconds"}:
        return f"at most {duration(value)} {'of making' if name == 'seconds' else 'on a GPU'}"
    amount = f"{value:,.2f}" if name == "money_usd" else f"{value:,g}" if value % 1 else f"{int(value):,}"
    return f"at most {_COUNTED[name].format(amount)}"


def duration(seconds: float) -> str:
    """Return a time in the largest unit that it is a whole number of: `10 minutes`."""
    sizes = {"hour": 3600, "minute": 60, "second": 1}
    unit, size = next(((unit, size) for unit, size in sizes.items() if seconds % size == 0), ("second", 1))
    return f"{seconds / size:g} {unit}{'' if seconds == size else 's'}"


def _tools(before: ToolPolicy, after: ToolPolicy) -> Iterator[str]:
    if before.allow != after.allow:
        every = "*" in after.allow
        yield "any tool may be used" if every else f"only {_names(after.allow)} may be used"
    denied = [name for name in after.deny if name not in before.deny]
    freed = [name for name in before.deny if name not in after.deny]
    if denied:
        yield f"{_names(denied)} may not be used"
    if freed:
        yield f"{_names(freed)} may be used again" if not denied else f"no longer forbidden: {_names(freed)}"


def _names(patterns: Sequence[str]) -> str:
    """Return tools as they are spoken of: `keyboard noise` for `text.keyboard_noise`; a pattern as it stands."""
    return ", ".join(
        one if set(one) & set("*?[") else one.rsplit(".", 1)[-1].replace("_", " ").replace("-", " ") for one in patterns
    )


def _policy(before: Policy, after: Policy) -> Iterator[str]:
    if before.remote != after.remote:
        yield "data may leave this machine" if after.remote == "allow" else "nothing leaves this machine"
    if before.approval != after.approval:
        yield _approval(after.approval)


def _approval(approval: str | AskAbove) -> str:
    if isinstance(approval, str):
        return "you are asked before every new recipe" if approval == "ask" else "you are not asked before a round"
    limits = {"samples": approval.samples, "tokens": approval.tokens, "money_usd": approval.money_usd}
    parts = [_at_most(name, value).removeprefix("at most ") for name, value in limits.items() if value is not None]
    parts += [duration(approval.seconds)] if approval.seconds is not None else []
    return f"you are asked before a round that takes more than {' or '.join(parts)}"


def _rest(before: Job, after: Job) -> Iterator[str]:
    if before.student != after.student:
        students = {"pretrained": "a pretrained model that is fine-tuned", "scratch": "a model trained from scratch"}
        yield f"made for {students.get(after.student or '', 'any model')}"
    if before.export.path != after.export.path:
        yield f"written to {after.export.path or 'the folder of the run'}"
    if before.export.format != after.export.format:
        yield f"written as {'it came' if after.export.format == 'same' else after.export.format}"
    if before.seed != after.seed:
        yield f"seed {after.seed}"
    if before.request != after.request:
        yield f"the literature is searched for: {after.request.splitlines()[-1] if after.request else 'gaps alone'}"
