"""Exact accounts: what every cell had, has and lacks. Pure functions over coverage and what was accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.checks import cap_left, why_closed
from agent.planner import Need
from agent.state import Tally
from memory.datasets.made import Candidate, Judged
from memory.records import Cell, Columns, Gap, Job, Target
from tools.candidates import standing
from tools.card import Tool
from tools.coverage.coverage import Coverage


def default_targets(coverage: Coverage) -> list[Target]:
    """Return the target of a job that states none: every class as large as the largest."""
    sizes = coverage.count(("label",), {}).values()
    return [Target(axes=("label",), at_least=max(sizes))] if sizes else []


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


def needs(
    gaps: Sequence[Gap], job: Job, coverage: Coverage, tools: Sequence[Tool], labels: Mapping[str, int]
) -> list[Need]:
    """Return every short cell with what the cap leaves for it and where its parents come from."""
    real = coverage.real_per_label()
    found = []
    for gap in gaps:
        if gap.missing:
            start, movers = _from_elsewhere(gap, coverage, tools)
            label = gap.cell.at.get("label")
            room = None if label is None else cap_left(real.get(label, 0), labels.get(label, 0), job.limits)
            found.append(Need(gap, room, start, movers))
    return found


def _from_elsewhere(gap: Gap, coverage: Coverage, tools: Sequence[Tool]) -> tuple[Cell | None, tuple[str, ...]]:
    """For a cell without an item of its own: a wider cell, and the tools that can move a sample out of it into this."""
    if gap.parents:
        return None, ()
    derived = [axis for axis in gap.cell.at if axis in coverage.derived]
    start = Cell(at={axis: value for axis, value in gap.cell.at.items() if axis not in derived})
    movers = tuple(tool.name for tool in tools if set(derived) & set(tool.changes))
    return (start, movers) if derived and len(coverage.rows_in(start)) else (None, ())


def close(needed: Sequence[Need], cells: Mapping[str, Tally], usable: bool, forbidden: bool) -> dict[str, Any]:
    """Return slot -> reason for every short cell that nothing more will be tried for."""
    reasons = {}
    for need in needed:
        gap = need.gap
        tally = cells.get(slot(gap.target, gap.cell), Tally())
        reachable = bool(gap.parents or need.movers)
        reason = gap.reason or why_closed(tally, need.room, reachable=reachable, forbidden=forbidden, usable=usable)
        if reason:
            reasons[slot(gap.target, gap.cell)] = reason
    return reasons


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
