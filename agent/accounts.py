"""Exact accounts: what every cell had, has and lacks. Pure functions over coverage and what was accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent.checks import cap_left, why_closed
from agent.planner import Need, kind_of
from agent.tally import Tally
from memory.datasets.made import Candidate, Judged
from memory.job import Columns, Goal, Job, Reach, Target
from memory.records import Cell, Gap, Verdict
from tools.candidates import standing
from tools.card import Tool
from tools.coverage.coverage import Coverage
from tools.parents import label_axis


def default_targets(coverage: Coverage) -> list[Target]:
    """Return the target of a job that states none: every class as large as the largest."""
    sizes = coverage.count(("label",), {}).values()
    return [Target(axes=("label",), at_least=max(sizes))] if sizes else []


def targets_of(job: Job, coverage: Coverage) -> list[Target]:
    """Return the targets that count cells; a job without any target gets the default, one with a goal alone none."""
    return list(job.cells) if job.targets else default_targets(coverage)


def slot(target: int, cell: Cell) -> str:
    """Return the name of one cell of one target, as the accounts in state use it."""
    return f"{target}|{cell.key}"


def first_gaps(targets: Sequence[Target], coverage: Coverage) -> list[Gap]:
    """Return every cell that is short before anything is made."""
    return [
        Gap(target=at, cell=cell, required=target.at_least, before=have, have=have, parents=len(coverage.rows_in(cell)))
        for at, target in enumerate(targets)
        for cell, have in coverage.count(target.axes, target.only).items()
        if have < target.at_least
    ]


def recounted(gaps: Iterable[Gap], filled: Mapping[str, int]) -> list[Gap]:
    """Return every gap with what it has now."""
    return [gap.model_copy(update={"have": gap.before + filled.get(slot(gap.target, gap.cell), 0)}) for gap in gaps]


def landed(made: Candidate, judged: Judged, targets: Sequence[Target], columns: Columns) -> list[str]:
    """Return the accounts that an accepted sample counts for; a sample of mixed labels counts for none."""
    if made.soft_label:
        return []
    values = {**standing(made, made.label, columns), **judged.attributes}
    slots = []
    for at, target in enumerate(targets):
        if all(axis in values for axis in target.axes):
            cell = Cell(at={axis: values[axis] for axis in target.axes})
            if all(cell.at[axis] in names for axis, names in target.only.items()):
                slots.append(slot(at, cell))
    return slots


def count_one(counts: dict[str, int], names: Iterable[str]) -> None:
    """Add one to every account named."""
    for name in names:
        counts[name] = counts.get(name, 0) + 1


def needs(
    gaps: Sequence[Gap],
    job: Job,
    coverage: Coverage,
    columns: Columns,
    tools: Sequence[Tool],
    labels: Mapping[str, int],
) -> list[Need]:
    """Return every short cell with what the cap leaves for it and where its parents come from."""
    real = coverage.real_per_label()
    found = []
    for gap in gaps:
        if gap.missing:
            start, movers = _from_elsewhere(gap, coverage, tools)
            axis = label_axis(gap.cell, columns.label)
            label = None if axis is None else gap.cell.at[axis]
            room = None if label is None else cap_left(real.get(label, 0), labels.get(label, 0), job.limits)
            others = {} if axis is None else _other_labels(gap, axis, coverage, real, tools)
            inherited = any(name != axis and name not in coverage.derived for name in gap.cell.at)
            found.append(Need(gap, room, start, movers, others, inherited))
    return found


def _other_labels(
    gap: Gap, axis: str, coverage: Coverage, real: Mapping[str, int], tools: Sequence[Tool]
) -> dict[str, Cell]:
    """Return label -> the cell of that label beside a gap's, where tools that change labels start: the largest first.

    None where no such tool is there, or where no real item shows what the wanted label is: nothing made could be
    checked against it.
    """
    own = gap.cell.at[axis]
    if not real.get(own) or not any(tool.labels == "changed" for tool in tools):
        return {}
    beside = {
        name: Cell(at={**gap.cell.at, axis: name})
        for name in sorted(real, key=lambda name: (-real[name], name))
        if name != own
    }
    return {name: cell for name, cell in beside.items() if len(coverage.rows_in(cell))}


def _from_elsewhere(gap: Gap, coverage: Coverage, tools: Sequence[Tool]) -> tuple[Cell | None, tuple[str, ...]]:
    """For a cell without an item of its own: a wider cell, and the tools that can move a sample out of it into this."""
    if gap.parents:
        return None, ()
    derived = [axis for axis in gap.cell.at if axis in coverage.derived]
    start = Cell(at={axis: value for axis, value in gap.cell.at.items() if axis not in derived})
    movers = tuple(tool.name for tool in tools if tool.labels == "kept" and set(derived) & set(tool.changes))
    return (start, movers) if derived and len(coverage.rows_in(start)) else (None, ())


def first_in_turn(gaps: Sequence[Gap], targets: Sequence[Target], cells: Mapping[str, Tally]) -> list[Gap]:
    """Return the gaps that a round works on: those of the narrowest target, as its samples count for wider ones too.

    A target whose every open cell had nothing accepted last time does not hold up the next one. Targets of one cell
    and as many axes, as the requests that close holes are, take their turn together.
    """
    turns: dict[tuple[int, int], list[Gap]] = {}
    for gap in gaps:
        target = targets[gap.target]
        one_cell = all(len(target.only.get(axis, ())) == 1 for axis in target.axes)
        turns.setdefault((-len(target.axes), len(targets) if one_cell else gap.target), []).append(gap)
    chosen: list[Gap] = []
    for _, mine in sorted(turns.items()):
        chosen += mine
        if any(not cells.get(slot(gap.target, gap.cell), Tally()).dry_rounds for gap in mine):
            break
    return chosen


def close(needed: Sequence[Need], cells: Mapping[str, Tally], usable: bool, forbidden: bool) -> dict[str, Any]:
    """Return slot -> reason for every short cell that nothing more will be tried for."""
    reasons = {}
    for need in needed:
        gap = need.gap
        tally = cells.get(slot(gap.target, gap.cell), Tally())
        reachable = bool(gap.parents or need.movers or need.others)
        reason = gap.reason or why_closed(tally, need.room, reachable=reachable, forbidden=forbidden, usable=usable)
        if reason:
            reasons[slot(gap.target, gap.cell)] = reason
    return reasons


class Books:
    """What one judging brings, booked candidate by candidate, and how much room it leaves."""

    def __init__(
        self,
        gaps: Sequence[Gap],
        targets: Sequence[Target],
        labels: Mapping[str, int],
        coverage: Coverage,
        columns: Columns,
        job: Job,
    ) -> None:
        self.targets, self.columns, self.limits = targets, columns, job.limits
        self.real, self.labels_before = coverage.real_per_label(), labels
        self.gaps: dict[str, list[Gap]] = {}
        for gap in gaps:
            self.gaps.setdefault(gap.cell.key, []).append(gap)
        self.filled: dict[str, int] = {}
        self.labels: dict[str, int] = {}
        self.waiting: dict[str, dict[str, str]] = {}
        """Sample -> where it would stand, for those that were asked about and not booked yet."""
        self.arms: dict[str, dict[str, Any]] = {}
        self.cells: dict[str, dict[str, Any]] = {}
        self.kinds: dict[str, dict[str, dict[str, Any]]] = {}
        """Recipe -> kind of gap -> how its candidates fared."""

    def why_full(self, made: Candidate, waiting: Sequence[Candidate]) -> Verdict | None:
        """Return why one more sample could be too many if all `waiting` were accepted, or None.

        A sample of mixed labels fills no cell and is never too many.
        """
        if made.soft_label:
            return None
        cell, plain = Cell(at=made.cell).key, [other for other in waiting if not other.soft_label]
        gaps = self.gaps.get(cell, ())
        missing = max((gap.missing - self.filled.get(slot(gap.target, gap.cell), 0) for gap in gaps), default=None)
        if missing is not None and missing <= sum(self._is_inside(other, made.cell) for other in plain):
            return Verdict(gate="surplus", accepted=False, why=f"{cell} was full already")
        label = made.label
        if label is None:
            return None
        already = self.labels_before.get(label, 0) + self.labels.get(label, 0)
        left = cap_left(self.real.get(label, 0), already, self.limits)
        if left is not None and left <= sum(other.label == label for other in plain):
            return Verdict(gate="cap", accepted=False, why=f"label {label} has all that synthetic_per_real allows")
        return None

    def _is_inside(self, made: Candidate, cell: Mapping[str, str]) -> bool:
        """Return whether a waiting sample may land in a cell: it was made for it, or for a part of it."""
        if made.id not in self.waiting:
            self.waiting[made.id] = {**standing(made, made.label, self.columns), **made.cell}
        values = self.waiting[made.id]
        return all(values.get(axis) == value for axis, value in cell.items())

    def book(self, recipe: str, made: Candidate, judged: Judged) -> None:
        """Enter one judged candidate."""
        self.waiting.pop(made.id, None)
        gaps = self.gaps.get(Cell(at=made.cell).key, ())
        _enter(self.arms, recipe, judged)
        _enter(self.kinds.setdefault(recipe, {}), kind_of(made.cell), judged)
        for gap in gaps:
            _enter(self.cells, slot(gap.target, gap.cell), judged)
        if judged.accepted:
            count_one(self.filled, landed(made, judged, self.targets, self.columns))
            count_one(self.labels, [] if made.label is None else [made.label])

    def outcome(self) -> dict[str, Any]:
        """Return what `learn` takes in."""
        rejected: dict[str, int] = {}
        for tally in self.arms.values():
            for gate, count in tally["rejected"].items():
                rejected[gate] = rejected.get(gate, 0) + count
        return {
            "made": sum(tally["made"] for tally in self.arms.values()),
            "accepted": sum(tally["accepted"] for tally in self.arms.values()),
            "rejected": rejected,
            "filled": self.filled,
            "labels": self.labels,
            "arms": self.arms,
            "kinds": self.kinds,
            "cells": self.cells,
        }


def _enter(book: dict[str, dict[str, Any]], name: str, judged: Judged) -> None:
    tally = book.setdefault(name, {"made": 0, "accepted": 0, "rejected": {}})
    tally["made"] += 1
    tally["accepted"] += judged.accepted
    if judged.rejected_by:
        tally["rejected"][judged.rejected_by] = tally["rejected"].get(judged.rejected_by, 0) + 1


def table(
    targets: Sequence[Target], coverage: Coverage, filled: Mapping[str, int], gaps: Sequence[Gap]
) -> list[dict[str, Any]]:
    """Return one line per cell of every target: required, before, after, met, reason."""
    reasons = {slot(gap.target, gap.cell): gap.reason for gap in gaps}
    lines = []
    for at, target in enumerate(targets):
        for cell, before in coverage.count(target.axes, target.only).items():
            after = before + filled.get(slot(at, cell), 0)
            met = after >= target.at_least
            lines.append(
                {
                    "target": at,
                    "cell": cell.model_dump(),
                    "required": target.at_least,
                    "before": before,
                    "after": after,
                    "met": met,
                    "reason": None if met else reasons.get(slot(at, cell)),
                }
            )
    return lines


def goal_line(target: int, goal: Goal, held_out: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the line of the goal: macro-F1 before and after on the split that nothing was chosen on.

    It is met when the lower bound of the paired interval reaches the gain that was asked for; doing nothing gains 0.
    """
    met = held_out is not None and held_out["low"] >= goal.gain
    return {
        "target": target,
        "cell": {"measure": goal.measure},
        "required": goal.gain,
        "before": None if held_out is None else held_out["before"],
        "after": None if held_out is None else held_out["after"],
        "met": met,
        "reason": None if met else "no_progress",
    }


def reach_line(target: int, goal: Reach, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of held-out coverage: the share of validation items with a training neighbour."""
    met = found["after"] >= goal.at_least
    facts = {"required": goal.at_least, "before": found["before"], "after": found["after"], "met": met}
    return {"target": target, "cell": {"measure": goal.measure}, **facts, "reason": None if met else "no_progress"}
